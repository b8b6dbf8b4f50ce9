//! `bellwether deployments`, `bellwether deployment show`, `bellwether dismiss`.

use serde_json::{Value, json};

use super::args::{Deployments, Dismiss, ShowDeployment};
use super::client::{Client, segment};
use super::listing::{span, text, time};
use super::paths::Paths;
use super::{Failure, Printer};

/// Lists deployments.
pub async fn list(printer: &Printer, paths: &Paths, args: &Deployments) -> Result<(), Failure> {
    let path = format!("/v1/deployments?nodes={}&all={}", segment(&args.nodes), args.all);
    let value = Client::new(paths).get(&path).await?;
    printer.value(&value, || table(printer, value.as_array().map_or(&[], Vec::as_slice)))
}

fn table(printer: &Printer, rows: &[Value]) -> String {
    if rows.is_empty() {
        return "nothing was deployed: bellwether deploy NODES\n".to_string();
    }
    printer.table(
        ["ID", "NODE", "WHAT", "TRY", "ARMED", "STANDS"],
        rows.iter().map(|row| {
            [
                text(&row["id"]),
                text(&row["node"]),
                format!("{} ({})", text(&row["source"]), text(&row["via"])),
                match row["attempt"].as_u64() {
                    Some(0) | None => "-".into(),
                    Some(attempt) => format!("{attempt}/{}", text(&row["attempts"])),
                },
                time(&row["armed_at"]),
                stands(row),
            ]
        }),
    )
}

/// Where a deployment stands, in one line: `installing: the end; the agent said: 40 %`.
pub fn stands(row: &Value) -> String {
    let phase = text(&row["phase"]);
    let late = if row["overdue"] == true { ", overdue" } else { "" };
    match (row["end"]["why"].as_str(), row["waits"]["what"].as_str()) {
        (Some(_), _) if phase == "done" => format!("done after {}", span(&row["seconds"])),
        (Some(why), _) => format!("{phase}: {why}"),
        (None, Some(what)) => format!("{phase}{late}: waits for {what}"),
        (None, None) => phase,
    }
}

/// Shows one deployment.
pub async fn show(printer: &Printer, paths: &Paths, args: &ShowDeployment) -> Result<(), Failure> {
    let client = Client::new(paths);
    let of = format!("/v1/deployments/{}", segment(&args.id));
    let value = client.get(&of).await?;
    if args.log || args.follow {
        return log(&client, &format!("{of}/log"), args).await;
    }
    printer.value(&value, || describe(&value))
}

/// How often a log that is followed is asked for.
const PACE: std::time::Duration = std::time::Duration::from_millis(500);

/// Prints the log of an installer as it is; with `--follow` alone what it says from now on.
async fn log(client: &Client, path: &str, args: &ShowDeployment) -> Result<(), Failure> {
    let mut from = 0;
    let mut show = args.log;
    loop {
        let piece = client.get(&format!("{path}?from={from}")).await?;
        if piece["there"] == false && !args.follow {
            return Err(
                Failure::new(format!("deployment {} has no log yet", args.id)).with_detail(
                    "An installer's log begins when its kernel has started. Is the syslog door open? bellwether status",
                ),
            );
        }
        let said = piece["text"].as_str().unwrap_or_default();
        if show {
            super::output::text(said)?;
        }
        from = piece["next"].as_u64().unwrap_or(from);
        if said.is_empty() {
            if !args.follow {
                return Ok(());
            }
            show = true;
            tokio::time::sleep(PACE).await;
        }
    }
}

fn describe(value: &Value) -> String {
    let mut out = String::new();
    let mut row = |key: &str, text: String| {
        if !text.is_empty() && text != "-" {
            out.push_str(&format!("{key:<12}{text}\n"));
        }
    };
    row("deployment", text(&value["id"]));
    row("node", text(&value["node"]));
    row("what", format!("{} ({})", text(&value["source"]), text(&value["via"])));
    row("profile", text(&value["profile"]));
    row("onto", text(&value["onto"]));
    row(
        "armed",
        format!("{} by {}", time(&value["armed_at"]), text(&value["actor"])),
    );
    row(
        "attempt",
        match value["attempt"].as_u64() {
            Some(0) | None => format!("none of {} yet", text(&value["attempts"])),
            Some(attempt) => format!("{attempt} of {}", text(&value["attempts"])),
        },
    );
    row("stands", stands(value));
    if let Some(waits) = value["waits"].as_object() {
        row("since", time(&waits["since"]));
        row("late from", time(&waits["deadline"]));
        row("next", text(&waits["next"]));
    }
    if value["parked"] == true {
        row(
            "parked",
            format!(
                "it installs nothing more by itself; see to it, then: bellwether deploy {0}, or: bellwether dismiss {0}",
                text(&value["node"])
            ),
        );
    }
    out.push('\n');
    let marks = value["marks"].as_array().cloned().unwrap_or_default();
    let mut before: Option<jiff::Timestamp> = None;
    for mark in &marks {
        let at = mark["at"].as_str().and_then(|at| at.parse::<jiff::Timestamp>().ok());
        let took = match (before, at) {
            (Some(before), Some(at)) => format!("+{}", model::measure::span(at.duration_since(before))),
            _ => String::new(),
        };
        before = at.or(before);
        let said = mark["said"]
            .as_str()
            .map(|said| format!("  {}", said.trim()))
            .unwrap_or_default();
        out.push_str(&format!(
            "{}  {took:>12}  {}{said}\n",
            time(&mark["at"]),
            text(&mark["step"])
        ));
    }
    for step in value["steps"].as_array().into_iter().flatten() {
        let state = text(&step["state"]);
        out.push_str(&format!("\n{state:>9}  {}\n", text(&step["what"])));
        for line in step["failed"]
            .as_str()
            .into_iter()
            .chain(step["said"].as_str().unwrap_or_default().lines())
        {
            out.push_str(&format!("           {line}\n"));
        }
    }
    let tail: Vec<&str> = value["log_tail"].as_str().unwrap_or_default().lines().collect();
    if !tail.is_empty() {
        out.push_str("\nThe end of its log (--log shows all of it):\n");
        for line in &tail[tail.len().saturating_sub(20)..] {
            out.push_str(&format!("  {line}\n"));
        }
    }
    out
}

/// Ends deployments.
pub async fn dismiss(printer: &Printer, paths: &Paths, args: &Dismiss) -> Result<(), Failure> {
    let body = json!({ "nodes": args.nodes });
    let value = Client::new(paths).post("/v1/dismiss", body.to_string()).await?;
    printer.value(&value, || {
        let ended = value["deployments"].as_array().cloned().unwrap_or_default();
        if ended.is_empty() {
            return "no deployment of these nodes is under way\n".to_string();
        }
        let line = |d: &Value| format!("{}: deployment {} is dismissed\n", text(&d["node"]), d["id"]);
        ended.iter().map(line).collect()
    })
}
