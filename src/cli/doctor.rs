//! `bellwether doctor`.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use model::cluster::Cluster;
use model::event::{Event, What};
use serde_json::{Value, json};

use super::args::Doctor;
use super::client::Client;
use super::paths::Paths;
use super::sheet::{self, Sheet, hang};
use super::{Failure, Printer, check, output};
use crate::doctor::{self, Finding, Fix, Host, Running, Severity};
use crate::journal::Filter;
use crate::store::Store;

/// Where the packaged server has its cluster file.
const INSTALLED: &str = "/etc/bellwether/cluster.yaml";
/// Kinds of events that may tell of trouble, as the API takes them.
const TROUBLES: [&str; 4] = ["network.refused", "dhcp.conflict", "hook.called", "hook.refused"];
/// How far back they are looked for.
const LATELY: jiff::SignedDuration = jiff::SignedDuration::from_hours(24);
/// A server that does not answer by then is no help.
const PATIENCE: Duration = Duration::from_secs(5);

/// Examines this host and says what to do.
pub async fn run(printer: &Printer, paths: &Paths, args: &Doctor) -> Result<(), Failure> {
    let server = running(paths).await;
    let (cluster, source) = cluster(printer, paths, args.file.as_deref(), server.is_some()).await?;
    let mut loaders = args.loaders.clone();
    loaders.push(paths.loaders());
    let host = Host {
        state: paths.state().to_path_buf(),
        cluster,
        server,
        loaders,
        interfaces: crate::links::interfaces()
            .map_err(|error| Failure::new(format!("cannot look at this host's interfaces: {error}")))?,
        root: nix::unistd::geteuid().is_root(),
    };
    let findings = doctor::examine(&host).await;
    let count = |severity| findings.iter().filter(|f| f.severity == severity).count();
    let problems = count(Severity::Problem);
    if printer.json() {
        let value = json!({
            "cluster": source, "findings": findings,
            "problems": problems, "warnings": count(Severity::Warning), "notices": count(Severity::Notice),
        });
        output::text(&super::pretty(&value))?;
    } else {
        output::text(&report(&Sheet::of_output(printer.color), &findings, &source, args.all))?;
    }
    match problems {
        0 => Ok(()),
        1 => Err(Failure::new("one problem stands in the way")),
        n => Err(Failure::new(format!("{n} problems stand in the way"))),
    }
}

/// The worst first; in one order otherwise.
fn report(sheet: &Sheet, findings: &[Finding], source: &str, all: bool) -> String {
    let mut out = String::new();
    let mut shown: Vec<&Finding> = findings.iter().filter(|f| all || f.severity != Severity::Ok).collect();
    shown.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    for Finding {
        severity, message, fix, ..
    } in shown
    {
        let style = match severity {
            Severity::Problem => sheet::BAD,
            Severity::Warning => sheet::WATCH,
            Severity::Notice => sheet::TALK,
            Severity::Ok => sheet::GOOD,
        };
        let word = format!("{:<8} ", severity.as_str());
        hang(
            &mut out,
            &sheet.paint(style, &word),
            9,
            &sheet.spell(message),
            sheet.width,
        );
        match fix {
            // A command is never broken into lines: it is there to be copied.
            Some(Fix::Command(command)) => out += &format!("           $ {command}\n"),
            Some(Fix::Advice(advice)) => hang(&mut out, "           ", 11, &sheet.spell(advice), sheet.width),
            None => {}
        }
    }
    let fine = findings.iter().filter(|f| f.severity == Severity::Ok).count();
    let shown = if all || fine == 0 { "" } else { " (--all shows them)" };
    if !out.is_empty() {
        out.push('\n');
    }
    out += &format!(
        "{}{shown}; {source}\n",
        model::measure::count(fine, "thing") + if fine == 1 { " is fine" } else { " are fine" }
    );
    out
}

/// The server that runs on the state folder, if one answers.
async fn running(paths: &Paths) -> Option<Running> {
    let client = Client::new(paths);
    let status = tokio::time::timeout(PATIENCE, client.get("/v1/status"))
        .await
        .ok()?
        .ok()?;
    let metrics = tokio::time::timeout(PATIENCE, client.text("/metrics")).await;
    let journal_errors = metrics.ok().and_then(Result::ok).and_then(|text| {
        let line = text
            .lines()
            .find_map(|l| l.strip_prefix("bellwether_journal_errors_total "))?;
        line.trim().parse().ok()
    });
    let lock = std::fs::read_to_string(paths.state().join("lock")).ok();
    let events = live_events(&client, &TROUBLES.join(","), 200).await;
    Some(Running {
        version: status["version"].as_str().unwrap_or("unknown").to_string(),
        pid: lock.and_then(|text| text.trim().parse().ok()),
        idle: idle(&status),
        journal_errors: journal_errors.unwrap_or(0),
        troubles: events.iter().rev().filter_map(trouble).collect(),
    })
}

fn idle(status: &Value) -> Vec<(String, String)> {
    let networks = status["networks"].as_array().into_iter().flatten();
    networks
        .filter_map(|network| {
            let serving = &network["serving"];
            let why = match serving["state"].as_str()? {
                "refused" => format!("the DHCP server {} answers there", serving["other_server"].as_str()?),
                "absent" if network["mode"] != "observe" => serving["why"].as_str()?.to_string(),
                _ => return None,
            };
            Some((network["name"].as_str()?.to_string(), why))
        })
        .collect()
}

/// A recent event that tells of trouble, as a sentence.
fn trouble(event: &Event) -> Option<String> {
    let bad = match &event.what {
        What::HookCalled { hook, .. } => hook == "failed",
        _ => true,
    };
    let recent = Timestamp::now().duration_since(event.at) < LATELY;
    (bad && recent).then(|| super::events::line(event, false))
}

async fn live_events(client: &Client, kinds: &str, last: u32) -> Vec<Event> {
    let mut found = Vec::new();
    let query = format!("/v1/events?kind={kinds}&last={last}");
    let asked = client.lines(&query, |value| {
        found.extend(serde_json::from_value(value).ok());
        Ok(())
    });
    tokio::time::timeout(PATIENCE, asked).await.ok();
    found
}

/// The cluster to examine for, and where it is from.
async fn cluster(
    printer: &Printer,
    paths: &Paths,
    file: Option<&Path>,
    running: bool,
) -> Result<(Option<Arc<Cluster>>, String), Failure> {
    if let Some(file) = file {
        let (text, shown) = (check::read(file)?, file.display().to_string());
        let cluster = check::checked(printer, &shown, &text, model::config::read(&text))?;
        return Ok((Some(Arc::new(cluster)), format!("looked at for {shown}")));
    }
    let applied = if running {
        live_events(&Client::new(paths), "cluster.applied", 1).await.pop()
    } else {
        last_applied(paths).await
    };
    if let Some(Event {
        what: What::ClusterApplied { text, .. },
        ..
    }) = applied
    {
        let cluster = Arc::new(model::config::read_applied(&text));
        return Ok((Some(cluster), "looked at for the cluster that is in force".into()));
    }
    if let Ok(text) = std::fs::read_to_string(INSTALLED) {
        let cluster = check::checked(printer, INSTALLED, &text, model::config::read(&text))?;
        return Ok((Some(Arc::new(cluster)), format!("looked at for {INSTALLED}")));
    }
    Ok((
        None,
        "no cluster file was named, so only the host itself was looked at: bellwether doctor FILE".into(),
    ))
}

/// What was applied last, from a journal that nobody serves.
async fn last_applied(paths: &Paths) -> Option<Event> {
    let path = paths.state().join("journal.db");
    if !path.exists() {
        return None;
    }
    let store = Store::open_read_only(&path).await.ok()?;
    let filter = Filter {
        kinds: vec!["cluster.applied".into()],
        limit: 1,
        newest_first: true,
        ..Filter::default()
    };
    let found = store.events(&filter).await.ok()?.pop();
    store.close().await;
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_comes_first_each_with_its_remedy_and_what_is_fine_is_counted() {
        let findings = [
            Finding::ok("a", "this is fine"),
            Finding::notice("b", "something is worth knowing"),
            Finding::problem("c", "port 69/udp is taken by in.tftpd (pid 7): TFTP cannot be served").run("kill 7"),
        ];
        assert_eq!(
            report(&sheet::sheet(60), &findings, "looked at for x.yaml", false),
            "problem  port 69/udp is taken by in.tftpd (pid 7): TFTP\n         cannot be served\n           $ kill 7\nnotice   something is worth knowing\n\n1 thing is fine (--all shows them); looked at for x.yaml\n"
        );
    }
}
