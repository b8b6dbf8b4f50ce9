//! `bellwether boot`.

use serde_json::json;

use super::args::Boot;
use super::client::Client;
use super::listing::text;
use super::paths::Paths;
use super::{Failure, Printer};

/// Chooses what nodes get when they next ask.
pub async fn run(printer: &Printer, paths: &Paths, args: &Boot) -> Result<(), Failure> {
    let target = (args.target != "declared").then_some(&args.target);
    if target.is_none() && args.once {
        return Err(Failure::usage(
            "--once goes with a target, `declared` takes a choice back",
        ));
    }
    let body = json!({ "nodes": args.nodes, "target": target, "once": args.once });
    let value = Client::new(paths).post("/v1/boot", body.to_string()).await?;
    printer.value(&value, || {
        let rows = value["nodes"].as_array().cloned().unwrap_or_default();
        let when = if args.once { "once" } else { "from now on" };
        printer.table(
            ["NODE", "NEXT BOOT", "WHEN", "BUT"],
            rows.iter().map(|row| {
                let image = row["image"].as_str().map(|name| format!(" {name}")).unwrap_or_default();
                let but = row["blocked"].as_str().unwrap_or_default().to_string();
                [
                    text(&row["node"]),
                    format!("{}{image}", text(&row["target"])),
                    when.to_string(),
                    but,
                ]
            }),
        )
    })
}
