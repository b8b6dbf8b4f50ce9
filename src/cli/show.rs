//! `bellwether show`.

use serde_json::Value;

use super::args::Show;
use super::client::{Client, segment};
use super::listing::ago;
use super::paths::Paths;
use super::{Failure, Printer, output};

/// Shows a node, or one of its answers byte for byte.
pub async fn run(printer: &Printer, paths: &Paths, args: &Show) -> Result<(), Failure> {
    let client = Client::new(paths);
    let node = segment(&args.node);
    if let Some(document) = args.render {
        let text = client
            .text(&format!("/v1/nodes/{node}/render/{}", document.as_str()))
            .await?;
        return output::text(&text);
    }
    let value = client.get(&format!("/v1/nodes/{node}")).await?;
    printer.value(&value, || describe(&value))
}

fn describe(value: &Value) -> String {
    let mut out = String::new();
    let mut row = |key: &str, text: String| {
        if !text.is_empty() {
            out.push_str(&format!("{key:<14}{text}\n"));
        }
    };
    let text = |value: &Value| match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    };
    row("node", text(&value["fqdn"]));
    let list = |value: &Value| {
        value
            .as_array()
            .map(|all| all.iter().map(&text).collect::<Vec<_>>().join(", "))
            .unwrap_or_default()
    };
    row("groups", list(&value["groups"]));
    row("profile", text(&value["profile"]));
    row("architecture", text(&value["architecture"]));
    for nic in value["nics"].as_array().into_iter().flatten() {
        let parts = [&nic["name"], &nic["mac"], &nic["address"], &nic["network"]];
        row(
            "NIC",
            parts
                .iter()
                .map(|part| text(part))
                .filter(|part| !part.is_empty())
                .collect::<Vec<_>>()
                .join("  "),
        );
    }
    row("uuid", text(&value["uuid"]));
    row("serial", text(&value["serial"]));
    let image = value["next_image"]
        .as_str()
        .map(|name| format!(" {name}"))
        .unwrap_or_default();
    row(
        "next boot",
        format!("{}{image} ({})", text(&value["next_target"]), text(&value["because"])),
    );
    row("blocked", text(&value["blocked"]));
    let loader = &value["loader"];
    let file = loader["file"].as_str().unwrap_or("none");
    row("loader", format!("{file} ({})", text(&loader["because"])));
    row("", text(&loader["missing"]));
    let stands = match (value["ready"].as_bool(), value["step"].as_str()) {
        (Some(true), _) => "ready".to_string(),
        (_, Some(step)) => format!("reached {step}"),
        _ => "never seen".to_string(),
    };
    row(
        "stands",
        format!(
            "{stands}{}",
            ago(&value["last_seen_seconds"])
                .map(|a| format!(", heard {a}"))
                .unwrap_or_default()
        ),
    );
    row("trouble", text(&value["trouble"]));
    row("declared", format!("line {} of the cluster file", value["line"]));
    out
}
