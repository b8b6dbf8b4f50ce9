//! `bellwether console`: a terminal on a machine's console, and what it said.

mod keys;
mod sitting;

use clap::builder::NonEmptyStringValueParser;
use clap::{Args, Subcommand};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::client::{Client, segment};
use super::listing::{text, time};
use super::output;
use super::paths::Paths;
use super::{Failure, Printer, span};

/// `console`.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Console {
    /// What to do instead of sitting down at one.
    #[command(subcommand)]
    pub command: Option<ConsoleCommand>,
    /// Which console to sit down at
    #[command(flatten)]
    pub attach: Attach,
}

/// `console NODE`.
#[derive(Debug, Args)]
pub struct Attach {
    /// The node
    #[arg(value_parser = NonEmptyStringValueParser::new())]
    pub node: Option<String>,
    /// Look on only
    #[arg(long, short, conflicts_with_all = ["join", "force"])]
    pub watch: bool,
    /// Write beside whoever does
    #[arg(long, short, conflicts_with = "force")]
    pub join: bool,
    /// Take it from whoever writes
    #[arg(long, short)]
    pub force: bool,
}

/// What to do with consoles.
#[derive(Debug, Subcommand)]
pub enum ConsoleCommand {
    /// Sit down at the console of a node whose name is one of these words
    Attach(Attach),
    /// Show what a machine said, line by line with the time
    Log(Log),
    /// Find lines in what machines said
    Grep(Grep),
    /// Show how each console stands
    List,
}

/// `console log`.
#[derive(Debug, Args)]
pub struct Log {
    /// The node
    #[arg(value_parser = NonEmptyStringValueParser::new())]
    pub node: String,
    /// From then on: 10m, 2h, 3d ago, or 2026-11-26T06:00:00Z
    #[arg(long, value_name = "TIME", value_parser = since)]
    pub since: Option<Timestamp>,
    /// Octets as they came, without times: for a terminal that is to look as it did
    #[arg(long)]
    pub raw: bool,
}

/// `console grep`.
#[derive(Debug, Args)]
pub struct Grep {
    /// Regular expression
    pub pattern: String,
    /// Nodes: nid[001-009,12], @compute, *, a,b, @x!nid003
    #[arg(default_value = "*", value_parser = NonEmptyStringValueParser::new())]
    pub nodes: String,
    /// From then on: 10m, 2h, 3d ago, or 2026-11-26T06:00:00Z
    #[arg(long, value_name = "TIME", value_parser = since)]
    pub since: Option<Timestamp>,
    /// Capital letters or not
    #[arg(long, short)]
    pub ignore_case: bool,
}

/// A time, or how long ago.
fn since(text: &str) -> Result<Timestamp, String> {
    if let Ok(at) = text.parse() {
        return Ok(at);
    }
    let ago = span::seconds(text).map_err(|wrong| format!("{wrong}, or 2026-11-26T06:00:00Z"))?;
    let at = Timestamp::now().checked_sub(SignedDuration::from_secs(ago));
    at.map_err(|_| format!("{text} is before all time"))
}

/// Runs what was asked for.
pub async fn run(printer: &Printer, paths: &Paths, console: &Console) -> Result<(), Failure> {
    match &console.command {
        None => attach(paths, &console.attach).await,
        Some(ConsoleCommand::Attach(wanted)) => attach(paths, wanted).await,
        Some(ConsoleCommand::Log(wanted)) => log(paths, wanted).await,
        Some(ConsoleCommand::Grep(wanted)) => grep(printer, paths, wanted).await,
        Some(ConsoleCommand::List) => list(printer, paths).await,
    }
}

async fn attach(paths: &Paths, wanted: &Attach) -> Result<(), Failure> {
    let node = wanted.node.as_deref().ok_or_else(|| {
        Failure::usage("name the node whose console you want: bellwether console nid001; console list shows all")
    })?;
    let mode = match (wanted.watch, wanted.join, wanted.force) {
        (true, ..) => "monitor",
        (_, true, _) => "join",
        (.., true) => "force",
        _ => "connect",
    };
    sitting::sit_down(paths, node, mode).await
}

async fn log(paths: &Paths, wanted: &Log) -> Result<(), Failure> {
    let mut path = format!("/v1/consoles/{}/log?raw={}", segment(&wanted.node), wanted.raw);
    if let Some(since) = wanted.since {
        path.push_str(&format!("&since={since}"));
    }
    let mut said = false;
    let show = |octets: &[u8]| {
        said |= !octets.is_empty();
        output::bytes(octets)
    };
    Client::new(paths).pieces(&path, show).await?;
    match said {
        true => Ok(()),
        false => Err(Failure::new(format!("the console of {} said nothing", wanted.node))),
    }
}

async fn grep(printer: &Printer, paths: &Paths, wanted: &Grep) -> Result<(), Failure> {
    let body = json!({
        "pattern": wanted.pattern, "nodes": wanted.nodes, "since": wanted.since, "ignore_case": wanted.ignore_case,
    });
    let mut found = 0usize;
    Client::new(paths)
        .post_lines("/v1/consoles/grep", body.to_string(), |line| {
            found += 1;
            match printer.json() {
                true => output::text(&format!("{line}\n")),
                false => output::text(&format!(
                    "{}  {}  {}\n",
                    text(&line["node"]),
                    text(&line["at"]),
                    text(&line["line"])
                )),
            }
        })
        .await?;
    match found {
        0 => Err(Failure::new("no line matches")),
        _ => Ok(()),
    }
}

async fn list(printer: &Printer, paths: &Paths) -> Result<(), Failure> {
    let answer = Client::new(paths).get("/v1/consoles").await?;
    let consoles = answer["consoles"].as_array().cloned().unwrap_or_default();
    printer.value(&answer, || {
        if consoles.is_empty() {
            return "no node has a console: declare a `bmc`, or `console_via`\n".into();
        }
        printer.table(
            ["NODE", "LINE", "SINCE", "LAST SAID", "OCTETS", "WRITES", "LOOK ON"],
            consoles.iter().map(row),
        )
    })
}

fn row(console: &Value) -> [String; 7] {
    let names = |key: &str| {
        let names = console[key].as_array().into_iter().flatten().map(text);
        names.collect::<Vec<_>>().join(", ")
    };
    let when = |key: &str| time(&console[key]);
    let writers = names("writers");
    let watchers = console["watchers"].as_array().map_or(0, Vec::len);
    let writing = console["writers"].as_array().map_or(0, Vec::len);
    let line = match console["why"].as_str() {
        Some(why) => format!("closed: {why}"),
        None => text(&console["state"]),
    };
    [
        text(&console["node"]),
        line,
        when("since"),
        when("last"),
        text(&console["octets"]),
        writers,
        (watchers.saturating_sub(writing)).to_string(),
    ]
}
