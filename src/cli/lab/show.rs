//! What `lab` prints.

use std::collections::HashMap;

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::cli::client::{Client, segment};
use crate::cli::paths::Paths;
use crate::cli::{Failure, Printer, block_on_value};
use crate::lab::{Folder, MachineStatus, Status};

/// After `lab up`: what there is and how to go on.
pub fn up(printer: &Printer, folder: &Folder, status: &Status) -> Result<(), Failure> {
    let value = serde_json::to_value(status).unwrap_or_default();
    printer.value(&value, || {
        let mut out = head(status);
        let dir = folder.root().display();
        out += &format!(
            "\n  bellwether lab status                what runs (folder {dir})\n  \
               bellwether lab console NODE          watch it boot; Ctrl-] leaves\n  \
               eval \"$(bellwether lab env)\"         then: bellwether nodes, timeline NODE, why NODE\n  \
               bellwether lab down                  end it\n"
        );
        out
    })
}

/// `lab status`.
pub fn status(printer: &Printer, folder: &Folder, status: &Status) -> Result<(), Failure> {
    let nodes = if status.server.as_ref().is_some_and(|server| server.process.is_some()) {
        nodes(folder)
    } else {
        HashMap::new()
    };
    let mut value = serde_json::to_value(status).unwrap_or_default();
    for machine in value["machines"].as_array_mut().into_iter().flatten() {
        let known = machine["name"].as_str().and_then(|name| nodes.get(name));
        machine["boot"] = known.map_or(
            Value::Null,
            |node| json!({ "step": node["step"], "trouble": node["trouble"] }),
        );
    }
    printer.value(&value, || {
        let rows = status
            .machines
            .iter()
            .map(|machine| row(machine, nodes.get(&machine.name)));
        let mut out = head(status) + "\n";
        out += &printer.table(["NODE", "FIRMWARE", "POWER", "FOR", "ADDRESS", "PID", "STEP"], rows);
        for machine in &status.machines {
            if let Some(trouble) = &machine.trouble {
                out += &format!("\n{}: {trouble}\n", machine.name);
            }
        }
        out
    })
}

fn head(status: &Status) -> String {
    let addresses: Vec<String> = status
        .bridges
        .iter()
        .map(|bridge| format!("{} on {}", bridge.address, bridge.interface))
        .collect();
    let mut out = format!(
        "cluster {}: {} machines, {}\n",
        status.cluster,
        status.machines.len(),
        status.accel
    );
    out += &match &status.server {
        None => format!("no server; addresses for one: {}\n", addresses.join(", ")),
        Some(server) => match (&server.process, &server.ended) {
            (Some(process), _) => format!("server: runs as process {}, {}\n", process.pid, addresses.join(", ")),
            (None, Some(ended)) => format!("server: NOT RUNNING: {ended}\nStart it again: bellwether lab restart\n"),
            (None, None) => "server: stopped\n".to_string(),
        },
    };
    out
}

fn row(machine: &MachineStatus, node: Option<&Value>) -> [String; 7] {
    let word = |value: &Value| value.as_str().map(str::to_string);
    let step = node.and_then(|node| match word(&node["trouble"]) {
        Some(trouble) => Some(trouble),
        None => word(&node["step"]),
    });
    let address = machine.address.map(|address| address.to_string());
    [
        machine.name.clone(),
        machine.firmware.as_str().to_string(),
        machine.power.as_str().to_string(),
        since(machine.since),
        address.unwrap_or_default(),
        machine
            .process
            .map(|process| process.pid.to_string())
            .unwrap_or_default(),
        step.unwrap_or_default(),
    ]
}

fn since(at: Timestamp) -> String {
    let seconds = Timestamp::now().duration_since(at).as_secs().max(0);
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7200 => format!("{} min", seconds / 60),
        _ => format!("{} h", seconds / 3600),
    }
}

/// What the lab's server knows of its nodes; nothing, if it does not answer.
fn nodes(folder: &Folder) -> HashMap<String, Value> {
    let paths = Paths::new(Some(folder.state()));
    let asked = block_on_value(async { Client::new(&paths).get("/v1/nodes").await });
    let Ok(Value::Array(nodes)) = asked else {
        return HashMap::new();
    };
    nodes
        .into_iter()
        .filter_map(|node| Some((node["name"].as_str()?.to_string(), node)))
        .collect()
}

/// Where a machine can be reached: the address that it was lent, or the one reserved for it.
pub fn address(folder: &Folder, status: &Status, machine: &str) -> Result<String, Failure> {
    let paths = Paths::new(Some(folder.state()));
    let path = format!("/v1/nodes/{}", segment(machine));
    let node = block_on_value(async { Client::new(&paths).get(&path).await }).unwrap_or_default();
    let nics = node["nics"].as_array().cloned().unwrap_or_default();
    let lent = nics.iter().find_map(|nic| nic["lease"].as_str().map(str::to_string));
    let reserved = || {
        status
            .machine(machine)
            .and_then(|machine| machine.address)
            .map(|address| address.to_string())
    };
    lent.or_else(reserved)
        .ok_or_else(|| Failure::new(format!("{machine} has no address yet: bellwether why {machine}")))
}
