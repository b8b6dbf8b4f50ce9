//! `bellwether status`, `nodes`, `leases`, `machines`: tables.

use serde_json::Value;

use super::args::Nodes;
use super::client::{Client, segment};
use super::image::ImageCommand;
use super::media::MediaCommand;
use super::paths::Paths;
use super::{Failure, Printer};

/// Whether the server runs and what it serves.
pub async fn status(printer: &Printer, paths: &Paths) -> Result<(), Failure> {
    let value = Client::new(paths).get("/v1/status").await?;
    printer.value(&value, || {
        let cluster = &value["cluster"];
        let mut out = format!(
            "Bellwether {} serves {}: {} of {} nodes ready, {} events in the journal\n\n",
            text(&value["version"]),
            text(&cluster["name"]),
            cluster["ready"],
            cluster["nodes"],
            value["seq"],
        );
        let networks = value["networks"].as_array().cloned().unwrap_or_default();
        out += &printer.table(
            ["NETWORK", "PREFIX", "DHCP", "STATE", "POOL"],
            networks.iter().map(|network| {
                let serving = &network["serving"];
                let state = match serving["state"].as_str() {
                    Some("served") => format!("on {} as {}", text(&serving["interface"]), text(&serving["address"])),
                    Some("refused") => format!("not served: {} answers there", text(&serving["other_server"])),
                    Some("absent") => format!("not served: {}", text(&serving["why"])),
                    Some(other) => other.to_string(),
                    None => String::new(),
                };
                let pool = &network["pool"];
                [
                    text(&network["name"]),
                    text(&network["prefix"]),
                    text(&network["mode"]),
                    state,
                    format!("{} of {}", pool["used"], pool["size"]),
                ]
            }),
        );
        let cache = &value["package_cache"];
        for trouble in cache["troubles"].as_array().into_iter().flatten() {
            out += &format!("\npackage cache: {}\n", text(&trouble["why"]));
        }
        let images = value["images"].as_array().cloned().unwrap_or_default();
        if !images.is_empty() {
            out.push('\n');
            out += &printer.table(
                ["IMAGE", "OS", "ARCH", "SIZE"],
                images.iter().map(|image| {
                    [
                        text(&image["name"]),
                        text(&image["os"]),
                        text(&image["architecture"]),
                        size(&image["size"]),
                    ]
                }),
            );
        }
        out
    })
}

/// Nodes and where they stand.
pub async fn nodes(printer: &Printer, paths: &Paths, args: &Nodes) -> Result<(), Failure> {
    let value = Client::new(paths)
        .get(&format!("/v1/nodes?nodes={}", segment(&args.nodes)))
        .await?;
    let rows = value.as_array().cloned().unwrap_or_default();
    printer.value(&value, || {
        printer.table(
            ["NODE", "ADDRESS", "PROFILE", "STANDS", "HEARD", "NEXT BOOT"],
            rows.iter().map(|node| {
                let stands = match (node["ready"].as_bool(), node["trouble"].as_str(), node["step"].as_str()) {
                    (Some(true), None, _) => "ready".to_string(),
                    (Some(true), Some(_), _) => "ready, with trouble".to_string(),
                    (_, Some(_), Some(step)) => format!("trouble after {step}"),
                    (_, None, Some(step)) => step.to_string(),
                    _ => "-".to_string(),
                };
                let image = node["next_image"]
                    .as_str()
                    .map(|name| format!(" {name}"))
                    .unwrap_or_default();
                let blocked = if node["blocked"].is_null() { "" } else { " (blocked)" };
                [
                    text(&node["name"]),
                    text(&node["address"]),
                    text(&node["profile"]),
                    stands,
                    ago(&node["last_seen_seconds"]).unwrap_or_else(|| "never".into()),
                    format!("{}{image}{blocked}", text(&node["next_target"])),
                ]
            }),
        )
    })
}

/// Tells a running server that images came or went; without one it looks when it starts.
pub async fn images_changed(paths: &Paths, command: &ImageCommand) -> Result<(), Failure> {
    let changes = matches!(command, ImageCommand::Build(_) | ImageCommand::Remove(_));
    if changes && paths.socket().exists() {
        Client::new(paths).post("/v1/images/rescan", "").await.ok();
    }
    Ok(())
}

/// Tells a running server that the media folder has changed.
pub async fn media_changed(paths: &Paths, command: &MediaCommand) -> Result<(), Failure> {
    if command.changes() && paths.socket().exists() {
        Client::new(paths).post("/v1/media/rescan", "").await.ok();
    }
    Ok(())
}

/// Who holds which address.
pub async fn leases(printer: &Printer, paths: &Paths) -> Result<(), Failure> {
    let value = Client::new(paths).get("/v1/leases").await?;
    let rows = value.as_array().cloned().unwrap_or_default();
    printer.value(&value, || {
        printer.table(
            ["ADDRESS", "MAC", "HOLDER", "NETWORK", "KIND", "UNTIL"],
            rows.iter().map(|lease| {
                let holder = lease["node"].as_str().or(lease["hostname"].as_str()).unwrap_or("-");
                let until = if lease["active"] == true {
                    time(&lease["until"])
                } else {
                    "ended".to_string()
                };
                let kind = if lease["reserved"] == true { "reserved" } else { "pool" };
                [
                    text(&lease["address"]),
                    text(&lease["mac"]),
                    holder.into(),
                    text(&lease["network"]),
                    kind.into(),
                    until,
                ]
            }),
        )
    })
}

/// Machines that asked and are not declared.
pub async fn machines(printer: &Printer, paths: &Paths) -> Result<(), Failure> {
    let value = Client::new(paths).get("/v1/machines").await?;
    let rows = value.as_array().cloned().unwrap_or_default();
    printer.value(&value, || {
        if rows.is_empty() {
            return "every machine that asked is declared\n".to_string();
        }
        printer.table(
            [
                "MAC",
                "ADDRESS",
                "NETWORK",
                "ASKED AS",
                "HOST NAME",
                "UUID",
                "LAST SEEN",
            ],
            rows.iter().map(|row| {
                let machine = &row["machine"];
                [
                    text(&machine["mac"]),
                    text(&row["address"]),
                    text(&machine["network"]),
                    text(&machine["stage"]),
                    text(&machine["hostname"]),
                    text(&machine["uuid"]),
                    time(&machine["last_seen"]),
                ]
            }),
        )
    })
}

/// A JSON scalar for a table.
pub fn text(value: &Value) -> String {
    match value {
        Value::String(text) if text.is_empty() => "-".into(),
        Value::String(text) => text.clone(),
        Value::Null => "-".into(),
        other => other.to_string(),
    }
}

/// `3 min ago`; `None` for what never happened.
pub fn ago(seconds: &Value) -> Option<String> {
    let seconds = seconds.as_i64()?;
    Some(match seconds {
        ..=1 => "now".to_string(),
        2..=119 => format!("{seconds} s ago"),
        120..=7199 => format!("{} min ago", seconds / 60),
        7200..=172_799 => format!("{} h ago", seconds / 3600),
        _ => format!("{} days ago", seconds / 86_400),
    })
}

/// A point in time, in the zone of this host.
pub fn time(value: &Value) -> String {
    let Some(at) = value.as_str().and_then(|text| text.parse::<jiff::Timestamp>().ok()) else {
        return "-".into();
    };
    at.to_zoned(jiff::tz::TimeZone::system())
        .strftime("%Y-%m-%d %H:%M:%S")
        .to_string()
}

fn size(value: &Value) -> String {
    format!("{} MB", value.as_u64().unwrap_or_default().div_ceil(1_000_000))
}

/// A number of seconds as a duration: `3 min 12 s`.
pub fn span(seconds: &Value) -> String {
    model::measure::span(jiff::SignedDuration::from_secs(seconds.as_i64().unwrap_or_default()))
}
