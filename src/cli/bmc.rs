//! `bellwether bmc`: what BMCs know, and what else they can be told.

use clap::builder::NonEmptyStringValueParser;
use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::listing::text;
use super::paths::Paths;
use super::power::{Pace, all_well, give};
use super::{Failure, Printer};

/// Ask BMCs and tell them
#[derive(Debug, Subcommand)]
pub enum BmcCommand {
    /// Show what BMC and machine are: makers, versions, numbers, what is booted next
    Info(Nodes),
    /// Read all sensors
    Sensors(Nodes),
    /// Show the event log
    Log(Log),
    /// Choose what is booted next
    Boot(Boot),
    /// Make the machine's light blink, to find it
    Identify(Identify),
    /// Start BMCs themselves anew; their machines run on
    Restart(Nodes),
    /// Find BMCs in a range of addresses, and print entries for the cluster file
    Discover(super::discover::Discover),
    /// Take the certificates of Redfish and the host keys of SSH consoles that are shown now; until then others than the
    /// first are refused
    Trust(Nodes),
}

/// Which nodes.
#[derive(Debug, Args)]
pub struct Nodes {
    /// Nodes: nid[001-009,12], @compute, *, a,b, @x!nid003
    #[arg(value_parser = NonEmptyStringValueParser::new())]
    pub nodes: String,
    /// How many are done at once and how far apart they begin
    #[command(flatten)]
    pub pace: Pace,
}

/// `bmc log`.
#[derive(Debug, Args)]
pub struct Log {
    /// Which
    #[command(flatten)]
    pub of: Nodes,
    /// Empty it instead
    #[arg(long)]
    pub clear: bool,
}

/// `bmc boot`.
#[derive(Debug, Args)]
pub struct Boot {
    /// What is booted: pxe, disk, cdrom, bios (the setup), default (the firmware's own order)
    #[arg(value_parser = ["pxe", "disk", "cdrom", "bios", "default"])]
    pub device: String,
    /// Which
    #[command(flatten)]
    pub of: Nodes,
    /// For every boot to come, not for the next alone
    #[arg(long)]
    pub always: bool,
    /// By UEFI [default: as the machine booted last]
    #[arg(long, conflicts_with = "legacy")]
    pub uefi: bool,
    /// As the old BIOS did
    #[arg(long)]
    pub legacy: bool,
}

/// `bmc identify`.
#[derive(Debug, Args)]
pub struct Identify {
    /// Which
    #[command(flatten)]
    pub of: Nodes,
    /// For so many seconds [default: until it is switched off]
    #[arg(long, value_name = "SECONDS", conflicts_with = "off")]
    pub seconds: Option<u8>,
    /// Switch it off
    #[arg(long)]
    pub off: bool,
}

/// Asks and tells.
pub async fn run(printer: &Printer, paths: &Paths, command: &BmcCommand) -> Result<(), Failure> {
    let (order, of): (Value, &Nodes) = match command {
        BmcCommand::Info(of) => (json!({ "order": "info" }), of),
        BmcCommand::Sensors(of) => (json!({ "order": "sensors" }), of),
        BmcCommand::Log(log) => {
            let order = if log.clear { "clear-log" } else { "log" };
            (json!({ "order": order }), &log.of)
        }
        BmcCommand::Boot(boot) => {
            let uefi = (boot.uefi || boot.legacy).then_some(boot.uefi);
            let order = json!({
                "order": "boot", "device": boot.device, "persistent": boot.always, "uefi": uefi,
            });
            (order, &boot.of)
        }
        BmcCommand::Identify(identify) => {
            let seconds = if identify.off { Some(0) } else { identify.seconds };
            (json!({ "order": "identify", "seconds": seconds }), &identify.of)
        }
        BmcCommand::Restart(of) => (json!({ "order": "restart" }), of),
        BmcCommand::Discover(wanted) => return super::discover::run(printer, wanted).await,
        BmcCommand::Trust(of) => (json!({ "order": "trust" }), of),
    };
    let results = give(paths, &of.nodes, order, &of.pace, |_| Ok(())).await?;
    printer.value(&Value::Array(results.clone()), || {
        results.iter().map(|line| told(printer, line)).collect()
    })?;
    all_well(&results)
}

/// One node's result as text.
fn told(printer: &Printer, line: &Value) -> String {
    let node = text(&line["node"]);
    if let Some(error) = line["error"].as_str() {
        return format!("{node}: failed: {error}\n");
    }
    if let Some(info) = line["info"].as_object() {
        return info_of(&node, info, line["certificate"].as_str());
    }
    if let Some(sensors) = line["sensors"].as_array() {
        return format!("{node}\n{}", sensors_of(printer, sensors));
    }
    if let Some(log) = line["log"].as_array() {
        return format!("{node}\n{}", log_of(printer, log));
    }
    if let Some(key) = line["host_key"].as_str() {
        let certificate = line["certificate"]
            .as_str()
            .map(|sha256| format!("{node}: certificate {sha256} is trusted\n"));
        let missing = line["missing"]
            .as_str()
            .map(|why| format!("{node}: no certificate was seen: {why}\n"));
        return format!(
            "{node}: host key {key} is trusted\n{}",
            certificate.or(missing).unwrap_or_default()
        );
    }
    match (line["boot"].as_str(), line["certificate"].as_str()) {
        (Some(device), _) => {
            let long = if line["persistent"] == true {
                "from now on"
            } else {
                "next"
            };
            let how = if line["uefi"] == true { "UEFI" } else { "BIOS" };
            format!("{node}: boots {device} {long} ({how})\n")
        }
        (None, Some(sha256)) => format!("{node}: certificate {sha256} is trusted\n"),
        (None, None) => format!("{node}: done\n"),
    }
}

fn info_of(node: &str, info: &serde_json::Map<String, Value>, certificate: Option<&str>) -> String {
    const ROWS: [(&str, &str); 11] = [
        ("maker", "maker"),
        ("product", "product"),
        ("serial", "serial number"),
        ("part", "part number"),
        ("asset", "asset tag"),
        ("uuid", "UUID"),
        ("bios", "firmware"),
        ("firmware", "BMC's firmware"),
        ("protocol", "speaks"),
        ("boot", "boots next"),
        ("macs", "NICs"),
    ];
    let mut out = format!("{node}\n");
    for (key, title) in ROWS {
        let value = match &info[key] {
            Value::Array(list) if list.is_empty() => continue,
            Value::Array(list) => list.iter().map(text).collect::<Vec<_>>().join(", "),
            Value::Null => continue,
            value if key == "protocol" => format!("{} {}", text(value), text(&info["version"])),
            value => text(value),
        };
        out.push_str(&format!("  {title:<15} {value}\n"));
    }
    if let Some(sha256) = certificate {
        out.push_str(&format!("  {:<15} {sha256}\n", "certificate"));
    }
    out
}

fn sensors_of(printer: &Printer, sensors: &[Value]) -> String {
    let rows = sensors.iter().map(|sensor| {
        let value = sensor["value"].as_f64().map_or_else(
            || "-".into(),
            |value| {
                let digits = usize::from(value.abs() < 100.0 && value.fract() != 0.0) * 2;
                format!("{value:.digits$} {}", text(&sensor["unit"]))
            },
        );
        [
            format!("  {}", text(&sensor["name"])),
            text(&sensor["kind"]),
            value,
            text(&sensor["health"]),
        ]
    });
    printer.table(["  SENSOR", "KIND", "VALUE", "HEALTH"], rows)
}

fn log_of(printer: &Printer, log: &[Value]) -> String {
    if log.is_empty() {
        return "  the log is empty\n".into();
    }
    let rows = log.iter().map(|entry| {
        [
            format!("  {}", text(&entry["at"])),
            text(&entry["severity"]),
            text(&entry["text"]),
        ]
    });
    printer.table(["  AT", "SEVERITY", "WHAT"], rows)
}
