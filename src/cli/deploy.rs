//! `bellwether deploy`: what would be wiped, a question, a live table.

use std::time::{Duration, Instant};

use model::deployment::Candidate;
use serde_json::{Value, json};

use super::args::Deploy;
use super::client::{Client, segment};
use super::listing::text;
use super::live::{Live, Watched, counted};
use super::paths::Paths;
use super::{Failure, Printer, confirm, deployments, output};

/// How often the server is asked. Steps of an installation take seconds.
const INTERVAL: Duration = Duration::from_millis(500);

/// Shows the plan, asks, arms, and watches until every deployment has ended.
pub async fn run(printer: &Printer, paths: &Paths, args: &Deploy) -> Result<(), Failure> {
    let client = Client::new(paths);
    let wish = json!({
        "nodes": args.nodes,
        "profile": args.profile,
        "attempts": args.attempts,
        "within_seconds": args.within,
        "by_hand": args.by_hand,
        "frozen_seconds": args.frozen,
    });
    let plan = client.post("/v1/deployments/plan", wish.to_string()).await?;
    let candidates: Vec<Candidate> = serde_json::from_value(plan["nodes"].clone()).map_err(|error| {
        Failure::new(format!(
            "the server's plan cannot be read, is it of another version? {error}"
        ))
    })?;
    if !printer.json() {
        output::text(&render(printer, &candidates))?;
    }
    let blocked = candidates.iter().filter(|c| c.blocked.is_some()).count();
    if blocked > 0 {
        return Err(Failure::new(format!(
            "{blocked} of {} cannot be deployed; nothing was armed",
            candidates.len()
        ))
        .with_detail("Name the others alone, or see to what stands above."));
    }
    let question = match candidates.len() {
        1 => format!("Wipe that disk of {}?", candidates[0].node),
        nodes => format!("Wipe those disks of {nodes} nodes?"),
    };
    if !args.yes && !confirm::confirmed(printer, &question)? {
        return Err(Failure::new("nothing was armed"));
    }
    let armed = client.post("/v1/deployments", wish.to_string()).await?;
    let ids: Vec<u64> = armed["deployments"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|deployment| deployment["id"].as_u64())
        .collect();
    if args.no_wait {
        return printer.value(&armed, || {
            format!("armed: {} (bellwether deployments shows how they go)\n", list(&ids))
        });
    }
    watch(printer, &client, &args.nodes, &ids).await
}

fn list(ids: &[u64]) -> String {
    let shown: Vec<String> = ids.iter().take(12).map(u64::to_string).collect();
    let more = ids.len().saturating_sub(12);
    let and = if more > 0 {
        format!(" and {more} more")
    } else {
        String::new()
    };
    match ids.len() {
        1 => format!("deployment {}", shown.join("")),
        _ => format!("deployments {}{and}", shown.join(", ")),
    }
}

fn render(printer: &Printer, candidates: &[Candidate]) -> String {
    let table = printer.table(
        ["NODE", "GETS", "PROFILE", "ONTO, WHICH IS WIPED", "LOSES", "BUT"],
        candidates.iter().map(|c| {
            let mut but: Vec<String> = c.blocked.iter().cloned().collect();
            but.extend(c.supersedes.map(|id| format!("supersedes deployment {id}")));
            [
                c.node.clone(),
                match c.source.as_str() {
                    "" => "-".to_string(),
                    source => format!("{} ({})", source, c.via),
                },
                c.profile.clone().unwrap_or_else(|| "-".into()),
                c.onto.clone(),
                c.loses.clone().unwrap_or_else(|| "not known".into()),
                but.join("; "),
            ]
        }),
    );
    table + "\n"
}

/// Watches deployments until all have ended. Interrupting it changes nothing for them.
async fn watch(printer: &Printer, client: &Client, nodes: &str, ids: &[u64]) -> Result<(), Failure> {
    let began = Instant::now();
    let mut live = Live::new(printer, "ended");
    if live.moves() {
        output::text("Ctrl-C leaves them to themselves; `bellwether dismiss` ends them.\n")?;
    }
    loop {
        let path = format!("/v1/deployments?all=true&nodes={}", segment(nodes));
        let all = client.get(&path).await?;
        let watched: Vec<Value> = all
            .as_array()
            .into_iter()
            .flatten()
            .filter(|d| d["id"].as_u64().is_some_and(|id| ids.contains(&id)))
            .cloned()
            .collect();
        let shown = watched.iter().map(|deployment| Watched {
            id: deployment["id"].as_u64().unwrap_or_default(),
            name: text(&deployment["node"]),
            stands: deployments::stands(deployment),
            ended: deployment["active"] != true,
        });
        let phases = || counted(watched.iter().map(|deployment| text(&deployment["phase"])));
        live.show(shown.collect(), phases, began.elapsed());
        if watched.iter().all(|deployment| deployment["active"] != true) {
            live.finish();
            return end(printer, &watched);
        }
        tokio::time::sleep(INTERVAL).await;
    }
}

fn end(printer: &Printer, ended: &[Value]) -> Result<(), Failure> {
    let bad: Vec<&Value> = ended
        .iter()
        .filter(|deployment| deployment["phase"] != "done")
        .collect();
    printer.value(&Value::Array(ended.to_vec()), || {
        let done = ended.len() - bad.len();
        format!("{done} of {} done\n", ended.len())
    })?;
    let Some(first) = bad.first() else { return Ok(()) };
    let names: Vec<String> = bad.iter().map(|d| text(&d["node"])).collect();
    Err(Failure::new(format!(
        "{} {}: {}",
        model::nodeset::fold(&names),
        text(&first["phase"]),
        text(&first["end"]["why"])
    ))
    .with_detail(format!("See: bellwether deployment show {}", first["id"])))
}
