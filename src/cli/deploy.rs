//! `bellwether deploy`: what would be wiped, a question, a live table.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use model::deployment::Candidate;
use serde_json::{Value, json};

use super::args::Deploy;
use super::client::{Client, segment};
use super::listing::text;
use super::paths::Paths;
use super::{Failure, Printer, confirm, deployments, output};

/// How often the server is asked. Steps of an installation take seconds.
const INTERVAL: Duration = Duration::from_millis(500);
/// Up to so many nodes get a line of their own.
const LINES: usize = 24;

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
    let mut display = Display::new(printer);
    if display.bars.is_some() {
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
        display.show(&watched, began.elapsed());
        if watched.iter().all(|deployment| deployment["active"] != true) {
            display.finish();
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

/// A live picture on a terminal, a line for each new step elsewhere.
struct Display {
    bars: Option<MultiProgress>,
    lines: HashMap<u64, ProgressBar>,
    said: HashMap<u64, String>,
    json: bool,
}

impl Display {
    fn new(printer: &Printer) -> Self {
        let live = !printer.json() && std::io::IsTerminal::is_terminal(&std::io::stderr());
        Self {
            bars: live.then(MultiProgress::new),
            lines: HashMap::new(),
            said: HashMap::new(),
            json: printer.json(),
        }
    }

    fn show(&mut self, watched: &[Value], elapsed: Duration) {
        if watched.len() > LINES {
            return self.summary(watched);
        }
        for deployment in watched {
            let id = deployment["id"].as_u64().unwrap_or_default();
            let node = text(&deployment["node"]);
            let stands = deployments::stands(deployment);
            let Some(bars) = &self.bars else {
                if self.said.get(&id) != Some(&stands) && !self.json {
                    output::text(&format!("{:7.1} s  {node:<12} {stands}\n", elapsed.as_secs_f64())).ok();
                }
                self.said.insert(id, stands);
                continue;
            };
            let bar = self.lines.entry(id).or_insert_with(|| {
                let style = ProgressStyle::with_template("{spinner:.cyan} {prefix:<12.bold} {wide_msg} {elapsed:>6}")
                    .expect("a constant template");
                let bar = bars.add(ProgressBar::new_spinner().with_style(style).with_prefix(node));
                bar.enable_steady_tick(Duration::from_millis(120));
                bar
            });
            bar.set_message(stands);
            if deployment["active"] != true && !bar.is_finished() {
                bar.abandon();
            }
        }
    }

    fn summary(&mut self, watched: &[Value]) {
        let mut phases: Vec<(String, usize)> = Vec::new();
        for deployment in watched {
            let phase = text(&deployment["phase"]);
            match phases.iter_mut().find(|(known, _)| *known == phase) {
                Some((_, count)) => *count += 1,
                None => phases.push((phase, 1)),
            }
        }
        let words: Vec<String> = phases.iter().map(|(phase, count)| format!("{count} {phase}")).collect();
        let line = words.join(", ");
        let Some(bars) = &self.bars else {
            if self.said.get(&0) != Some(&line) && !self.json {
                output::text(&format!("{line}\n")).ok();
            }
            self.said.insert(0, line);
            return;
        };
        let bar = self.lines.entry(0).or_insert_with(|| {
            let style = ProgressStyle::with_template("{bar:30.green} {pos} of {len} ended: {wide_msg} {elapsed}")
                .expect("a constant template");
            bars.add(ProgressBar::new(watched.len() as u64).with_style(style))
        });
        bar.set_position(watched.iter().filter(|d| d["active"] != true).count() as u64);
        bar.set_message(line);
    }

    fn finish(&self) {
        for bar in self.lines.values() {
            bar.abandon();
        }
    }
}
