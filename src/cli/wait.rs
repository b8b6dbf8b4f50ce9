//! `bellwether wait`: watches boots until the nodes are ready.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use serde_json::{Value, json};

use super::args::Wait;
use super::client::{Client, segment};
use super::paths::Paths;
use super::{Failure, Printer, output};

/// How often the server is asked. Steps of a boot take seconds.
const INTERVAL: Duration = Duration::from_millis(300);
/// Up to so many nodes get a line of their own.
const LINES: usize = 24;

/// Waits until every node is ready, or until the time is up.
pub async fn run(printer: &Printer, paths: &Paths, args: &Wait) -> Result<(), Failure> {
    let client = Client::new(paths);
    let began = Instant::now();
    let mut display = Display::new(printer);
    loop {
        let value = client.get(&format!("/v1/nodes?nodes={}", segment(&args.nodes))).await?;
        let nodes = value.as_array().cloned().unwrap_or_default();
        display.show(&nodes, began.elapsed());
        let waiting: Vec<String> = nodes.iter().filter(|n| n["ready"] != true).map(name).collect();
        if waiting.is_empty() {
            display.finish();
            return printer.value(
                &json!({ "ready": nodes.len(), "seconds": began.elapsed().as_secs_f64() }),
                || {
                    format!(
                        "{} ready after {:.0} s\n",
                        count(nodes.len()),
                        began.elapsed().as_secs_f64()
                    )
                },
            );
        }
        if began.elapsed() > Duration::from_secs(args.timeout) {
            display.finish();
            let set = model::nodeset::fold(&waiting);
            return Err(Failure::new(format!("{set} not ready after {} s", args.timeout))
                .with_detail(format!("Ask where it stands: bellwether why '{set}'")));
        }
        tokio::time::sleep(INTERVAL).await;
    }
}

fn name(node: &Value) -> String {
    node["name"].as_str().unwrap_or_default().to_string()
}

fn count(nodes: usize) -> String {
    if nodes == 1 {
        "1 node is".to_string()
    } else {
        format!("{nodes} nodes are")
    }
}

/// A live picture on a terminal, a line for each new step elsewhere.
struct Display {
    bars: Option<MultiProgress>,
    lines: HashMap<String, ProgressBar>,
    said: HashMap<String, String>,
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

    fn show(&mut self, nodes: &[Value], elapsed: Duration) {
        if nodes.len() > LINES {
            return self.summary(nodes);
        }
        for node in nodes {
            let name = name(node);
            let stands = stands(node);
            let Some(bars) = &self.bars else {
                if self.said.get(&name) != Some(&stands) && !self.json {
                    output::text(&format!("{:7.1} s  {name:<12} {stands}\n", elapsed.as_secs_f64())).ok();
                }
                self.said.insert(name, stands);
                continue;
            };
            let bar = self.lines.entry(name.clone()).or_insert_with(|| {
                let style = ProgressStyle::with_template("{spinner:.cyan} {prefix:<12.bold} {msg:<32} {elapsed:>5}")
                    .expect("a constant template");
                let bar = bars.add(ProgressBar::new_spinner().with_style(style).with_prefix(name.clone()));
                bar.enable_steady_tick(Duration::from_millis(120));
                bar
            });
            bar.set_message(stands);
            if node["ready"] == true && !bar.is_finished() {
                bar.finish();
            }
        }
    }

    fn summary(&mut self, nodes: &[Value]) {
        let ready = nodes.iter().filter(|node| node["ready"] == true).count();
        let Some(bars) = &self.bars else {
            let text = format!("{ready} of {} ready", nodes.len());
            if self.said.get("") != Some(&text) && !self.json {
                output::text(&format!("{text}\n")).ok();
            }
            self.said.insert(String::new(), text);
            return;
        };
        let bar = self.lines.entry(String::new()).or_insert_with(|| {
            let style = ProgressStyle::with_template("{bar:40.green} {pos} of {len} ready  {elapsed}")
                .expect("a constant template");
            bars.add(ProgressBar::new(nodes.len() as u64).with_style(style))
        });
        bar.set_position(ready as u64);
    }

    fn finish(&self) {
        for bar in self.lines.values() {
            bar.abandon();
        }
    }
}

/// Where a node stands in the words of its steps.
fn stands(node: &Value) -> String {
    let step = node["step"].as_str();
    match (node["ready"].as_bool(), node["trouble"].as_str(), step) {
        (Some(true), None, _) => "ready".into(),
        (Some(true), Some(trouble), _) => format!("ready, but {trouble}"),
        (_, Some(trouble), _) => trouble.to_string(),
        (_, None, None) => "waiting for its first DHCP question".into(),
        (_, None, Some("power")) => "switched on".into(),
        (_, None, Some("discover")) => "firmware asks for an address".into(),
        (_, None, Some("dhcp")) => "has an address, fetches its loader".into(),
        (_, None, Some("loader")) => "loader starts".into(),
        (_, None, Some("loader dhcp")) => "loader asks for its script".into(),
        (_, None, Some("script")) => "fetches its kernel".into(),
        (_, None, Some("kernel")) => "fetches its initial RAM disk".into(),
        (_, None, Some("initrd")) => "kernel starts".into(),
        (_, None, Some("os dhcp")) => "fetches its root image".into(),
        (_, None, Some("root image")) => "system starts".into(),
        (_, None, Some("answers")) => "sets itself up".into(),
        (_, None, Some("started")) => "installs".into(),
        (_, None, Some("installed")) => "installed, starts from its disk".into(),
        (_, None, Some("local boot")) => "handed over to its own disk".into(),
        (_, None, Some(other)) => other.into(),
    }
}
