//! `bellwether explain`.

use serde_json::Value;

use super::args::Explain;
use super::client::{Client, segment};
use super::paths::Paths;
use super::{Failure, Printer, check};

/// Shows a node's effective settings and where each comes from.
pub fn run(printer: &Printer, paths: &Paths, args: &Explain) -> Result<(), Failure> {
    let value = match &args.file {
        Some(file) => {
            let text = check::read(file)?;
            let cluster = check::checked(printer, &file.display().to_string(), &text, model::config::read(&text))?;
            let node = cluster
                .node(&args.node)
                .ok_or_else(|| Failure::usage(model::explain::no_such_node(&cluster, &args.node)))?;
            let explanation = model::explain::explain(&cluster, node, args.key.as_deref())
                .map_err(|unknown| Failure::usage(unknown.to_string()))?;
            serde_json::to_value(explanation).unwrap_or_default()
        }
        None => super::block_on_value(async {
            let query = args
                .key
                .as_ref()
                .map_or_else(String::new, |key| format!("?key={}", segment(key)));
            Client::new(paths)
                .get(&format!("/v1/nodes/{}/explain{query}", segment(&args.node)))
                .await
        })?,
    };
    printer.value(&value, || table(printer, &value))
}

fn table(printer: &Printer, value: &Value) -> String {
    let rows = value["rows"].as_array().cloned().unwrap_or_default();
    printer.table(
        ["SETTING", "VALUE", "FROM", "LINE"],
        rows.iter().map(|row| {
            let text = |key: &str| match &row[key] {
                Value::String(text) => text.clone(),
                Value::Null => String::new(),
                other => other.to_string(),
            };
            let line = if row["line"] == 0 {
                "-".to_string()
            } else {
                text("line")
            };
            [text("key"), text("value").replace('\n', "\\n"), text("layer"), line]
        }),
    )
}
