//! `bellwether timeline` and `bellwether why`: asks the server and shows its answers.

use model::timeline::Timeline;
use model::why::Why;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::client::{Client, segment};
use super::paths::Paths;
use super::sheet::Sheet;
use super::{Failure, Printer, args, output, timeline, why};

/// Shows one boot of a node.
pub async fn timeline(printer: &Printer, paths: &Paths, args: &args::Timeline) -> Result<(), Failure> {
    let boot = args.boot.map(|id| format!("?boot={id}")).unwrap_or_default();
    let path = format!("/v1/nodes/{}/timeline{boot}", segment(&args.node));
    let value = Client::new(paths).get(&path).await?;
    if printer.json() {
        return printer.value(&value, String::new);
    }
    let told: Timeline = read(value)?;
    output::text(&timeline::render(&told, args.all, &Sheet::of_output(printer.color)))
}

/// Says how nodes stand: one in full, many in a line each.
pub async fn why(printer: &Printer, paths: &Paths, args: &args::Why) -> Result<(), Failure> {
    let client = Client::new(paths);
    let nodes = client.get(&format!("/v1/nodes?nodes={}", segment(&args.nodes))).await?;
    let names: Vec<&str> = nodes
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|node| node["name"].as_str())
        .collect();
    let mut answers = Vec::new();
    for name in &names {
        answers.push(client.get(&format!("/v1/nodes/{}/why", segment(name))).await?);
    }
    if printer.json() {
        // One node is asked about by its name far more often than by a set that happens to hold one.
        let value = match answers.len() {
            1 => answers.remove(0),
            _ => Value::Array(answers),
        };
        return printer.value(&value, String::new);
    }
    let sheet = Sheet::of_output(printer.color);
    let answers = answers.into_iter().map(read).collect::<Result<Vec<Why>, _>>()?;
    output::text(&match &answers[..] {
        [one] => why::render(one, &sheet),
        many => many.iter().map(|answer| why::headline(answer, &sheet)).collect(),
    })
}

fn read<T: DeserializeOwned>(value: Value) -> Result<T, Failure> {
    serde_json::from_value(value).map_err(|error| {
        Failure::new(format!(
            "the server's answer is not one that this version knows: {error}"
        ))
    })
}
