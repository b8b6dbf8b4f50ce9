//! `bellwether wait`: watches boots until the nodes are ready.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::args::Wait;
use super::client::{Client, segment};
use super::live::{Live, Watched, counted};
use super::paths::Paths;
use super::{Failure, Printer};

/// How often the server is asked. Steps of a boot take seconds.
const INTERVAL: Duration = Duration::from_millis(300);

/// Waits until every node is ready, or until the time is up.
pub async fn run(printer: &Printer, paths: &Paths, args: &Wait) -> Result<(), Failure> {
    let client = Client::new(paths);
    let began = Instant::now();
    let mut live = Live::new(printer, "ready");
    loop {
        let value = client.get(&format!("/v1/nodes?nodes={}", segment(&args.nodes))).await?;
        let nodes = value.as_array().cloned().unwrap_or_default();
        let watched = (1..).zip(&nodes).map(|(id, node)| Watched {
            id,
            name: name(node),
            stands: stands(node),
            ended: node["ready"] == true,
        });
        live.show(watched.collect(), || counted(nodes.iter().map(stands)), began.elapsed());
        let waiting: Vec<String> = nodes.iter().filter(|n| n["ready"] != true).map(name).collect();
        if waiting.is_empty() {
            live.finish();
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
            live.finish();
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
