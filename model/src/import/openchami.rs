//! OpenCHAMI's nodes.yaml: the flat form of its Ansible inventory, and those of `ochami discover static`.

use std::collections::HashMap;

use super::found::{Bmc, Machine, Nic};
use super::gather::Gather;
use super::words;
use crate::config::plain::{Plain, read as yaml};

pub(super) fn read(text: &str, gather: &mut Gather) {
    let file = match yaml(text) {
        Ok(file) => file,
        Err((line, why)) => return gather.note(line, "", why),
    };
    // A list alone is what its Python tool takes.
    let nodes = if file.is_map() { file.get("nodes") } else { Some(&file) };
    let mut bmcs: HashMap<&str, Bmc> = HashMap::new();
    for (key, value) in file.entries() {
        match key {
            "nodes" => {}
            "bmcs" => {
                for item in value.items() {
                    let bmc = Bmc {
                        address: item.word("ip").and_then(|text| text.parse().ok()),
                        mac: item.word("mac").and_then(words::mac),
                        ..Bmc::default()
                    };
                    let names = ["name", "xname"].into_iter().filter_map(|key| item.word(key));
                    bmcs.extend(names.map(|name| (name, bmc.clone())));
                }
            }
            _ => gather.note(value.line, key, "unknown"),
        }
    }
    let Some(nodes) = nodes.filter(|nodes| !nodes.items().is_empty()) else {
        return gather.note(file.line, "", "there are no `nodes` here");
    };
    for item in nodes.items() {
        node(item, &bmcs, gather);
    }
}

fn node(item: &Plain, bmcs: &HashMap<&str, Bmc>, gather: &mut Gather) {
    let Some(name) = item.word("name").or_else(|| item.word("xname")) else {
        return gather.note(item.line, item.text().unwrap_or_default(), "a node without a name");
    };
    let mut machine = Machine {
        name: name.to_string(),
        line: item.line,
        ..Machine::default()
    };
    let mut nic = Nic::default();
    let mut bmc = Bmc::default();
    let mut names = Vec::new();
    for (key, value) in item.entries() {
        let text = value.text().unwrap_or_default();
        let mut wrong = |what: &str| gather.note(value.line, &format!("{key} {text}"), what);
        match key {
            "name" => {}
            // Names of OpenCHAMI's own, for whoever looks for one.
            "xname" | "nid" => names.push(format!("{key} {text}")),
            "mac" => match words::mac(text) {
                Some(mac) => nic.mac = Some(mac),
                None => wrong("no MAC"),
            },
            "ipaddr" => match text.parse() {
                Ok(address) => nic.address = Some(address),
                Err(_) => wrong("no IPv4 address"),
            },
            "bmc_ipaddr" | "bmc_ip" => match text.parse() {
                Ok(address) => bmc.address = Some(address),
                Err(_) => wrong("no address"),
            },
            "bmc_mac" => match words::mac(text) {
                Some(mac) => bmc.mac = Some(mac),
                None => wrong("no MAC"),
            },
            "bmc" => match bmcs.get(text) {
                Some(known) => bmc = known.clone(),
                None => wrong("no such BMC under `bmcs`"),
            },
            "group" | "groups" => machine
                .groups
                .extend(value.items().iter().filter_map(Plain::text).map(str::to_string)),
            "interfaces" => {
                for interface in value.items() {
                    machine.nics.extend(nics(interface, gather));
                }
            }
            _ => wrong("unknown"),
        }
    }
    if !names.is_empty() {
        machine.comments.push(names.join(", "));
    }
    if nic != Nic::default() {
        machine.nics.insert(0, nic);
    }
    if bmc != Bmc::default() {
        // It discovers machines by Redfish.
        machine.bmc = Some(Bmc { redfish: true, ..bmc });
    }
    gather.machine(machine);
}

/// An interface has one address here; of several the first.
fn nics(item: &Plain, gather: &mut Gather) -> Option<Nic> {
    let mac = item.word("mac_addr").or_else(|| item.word("mac"));
    let parsed = mac.and_then(words::mac);
    if let (Some(text), None) = (mac, parsed) {
        gather.note(item.line, text, "no MAC");
    }
    let addresses = item.get("ip_addrs").map(Plain::items).unwrap_or_default();
    let mut addresses = addresses
        .iter()
        .filter_map(|address| address.word("ip_addr").or_else(|| address.text()));
    let address = addresses.next();
    for further in addresses {
        gather.note(item.line, further, "an interface has one address");
    }
    let nic = Nic {
        mac: parsed,
        address: address.and_then(|text| text.parse().ok()),
        ..Nic::default()
    };
    (nic != Nic::default()).then_some(nic)
}
