//! `bellwether power`: switches machines by their BMCs, and says of each what came of it.

use std::collections::BTreeMap;

use clap::{Args, ValueEnum};
use serde_json::{Value, json};

use super::client::Client;
use super::listing::text;
use super::paths::Paths;
use super::{Failure, Printer, output, span};

/// Up to so many nodes have a line of their own.
const LINES: usize = 24;

/// What is done to the power.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Action {
    /// Switch on
    On,
    /// Switch off at once, whatever runs
    Off,
    /// Ask the operating system to shut down
    Soft,
    /// Off and on again; on, if it is off
    Cycle,
    /// Press the reset button; on, if it is off
    Reset,
    /// Look
    Status,
}

/// `power`.
#[derive(Debug, Args)]
pub struct Power {
    /// What to do
    #[arg(value_enum)]
    pub action: Action,
    /// Nodes: nid[001-009,12], @compute, *, a,b, @x!nid003
    #[arg(value_parser = clap::builder::NonEmptyStringValueParser::new())]
    pub nodes: String,
    /// For `soft`: switch off what is not down after that time: 90s, 5m
    #[arg(long, value_name = "TIME", value_parser = grace)]
    pub grace: Option<i64>,
    /// How many are done at once and how far apart they begin
    #[command(flatten)]
    pub pace: Pace,
}

/// How many at once.
#[derive(Debug, Args)]
pub struct Pace {
    /// BMCs that are spoken to at once
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=512), default_value_t = 64)]
    pub at_once: u64,
    /// Seconds between two that begin: machines that all start at one moment trip a breaker
    #[arg(long, value_name = "SECONDS", default_value_t = 0.0, value_parser = stagger)]
    pub stagger: f64,
}

fn grace(text: &str) -> Result<i64, String> {
    span::between(text, "1s", "1d")
}

fn stagger(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(seconds) if (0.0..=3600.0).contains(&seconds) => Ok(seconds),
        _ => Err(format!("{text} is no number of seconds from 0 to 3600: 0.5, 2")),
    }
}

/// Switches, or looks.
pub async fn run(printer: &Printer, paths: &Paths, args: &Power) -> Result<(), Failure> {
    let action = args
        .action
        .to_possible_value()
        .map(|value| value.get_name().to_string());
    let order = json!({ "order": "power", "action": action, "grace_seconds": args.grace });
    let is_look = args.action == Action::Status;
    let mut shown = 0;
    let results = give(paths, &args.nodes, order, &args.pace, |line| {
        let fails = line["ok"] != true;
        shown += 1;
        if printer.json() || is_look || (shown > LINES && !fails) {
            return Ok(());
        }
        output::text(&format!("{}\n", sentence(line)))
    })
    .await?;
    if printer.json() {
        output::text(&super::pretty(&Value::Array(results.clone())))?;
    } else if is_look || shown > LINES {
        output::text(&groups(&results))?;
    }
    all_well(&results)
}

/// Gives an order to the BMCs of nodes; each result is shown when it comes, all of them come back.
pub async fn give(
    paths: &Paths,
    nodes: &str,
    mut order: Value,
    pace: &Pace,
    mut each: impl FnMut(&Value) -> Result<(), Failure>,
) -> Result<Vec<Value>, Failure> {
    order["nodes"] = nodes.into();
    order["at_once"] = pace.at_once.into();
    order["stagger_seconds"] = pace.stagger.into();
    let mut results = Vec::new();
    Client::new(paths)
        .post_lines("/v1/bmc", order.to_string(), |line| {
            each(&line)?;
            results.push(line);
            Ok(())
        })
        .await?;
    results.sort_by(|a, b| a["node"].as_str().cmp(&b["node"].as_str()));
    Ok(results)
}

/// A failure if any node has one.
pub fn all_well(results: &[Value]) -> Result<(), Failure> {
    let failed = results.iter().filter(|line| line["ok"] != true).count();
    match failed {
        0 => Ok(()),
        _ => Err(Failure::new(format!("{failed} of {} failed", results.len()))),
    }
}

fn sentence(line: &Value) -> String {
    let node = text(&line["node"]);
    match line["error"].as_str() {
        Some(error) => format!("{node:<12} failed: {error}"),
        None => match line["how"].as_str() {
            Some(how) => format!("{node:<12} {} ({how})", text(&line["power"])),
            None => format!("{node:<12} {}", text(&line["power"])),
        },
    }
}

/// Nodes that are alike on one line.
fn groups(results: &[Value]) -> String {
    let mut alike: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for line in results {
        let state = match line["error"].as_str() {
            Some(error) => format!("unknown ({error})"),
            None => text(&line["power"]),
        };
        alike.entry(state).or_default().extend(line["node"].as_str());
    }
    let mut out = String::new();
    // What is known comes first.
    let (unknown, known): (Vec<_>, Vec<_>) = alike.into_iter().partition(|(state, _)| state.starts_with("unknown"));
    for (state, nodes) in known.into_iter().chain(unknown) {
        let set = model::nodeset::fold(nodes);
        match state.strip_prefix("unknown ") {
            Some(why) => out.push_str(&format!("unknown  {set} {why}\n")),
            None => out.push_str(&format!("{state:<8} {set}\n")),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nodes_that_are_alike_share_a_line() {
        let node = |n: u32, state: Value| {
            let mut line = state;
            line["node"] = format!("nid{n:03}").into();
            line["ok"] = line["error"].is_null().into();
            line
        };
        let mut results: Vec<_> = (1..=4).map(|n| node(n, json!({ "power": "on" }))).collect();
        results.push(node(5, json!({ "power": "off" })));
        results.push(node(7, json!({ "error": "it does not answer" })));
        assert_eq!(
            groups(&results),
            "off      nid005\non       nid[001-004]\nunknown  nid007 (it does not answer)\n"
        );
        assert!(all_well(&results).is_err());
        assert!(all_well(&results[..5]).is_ok());
        assert_eq!(sentence(&results[5]), "nid007       failed: it does not answer");
        let how = json!({ "node": "n1", "power": "on", "how": "it was off" });
        assert_eq!(sentence(&how), "n1           on (it was off)");
    }
}
