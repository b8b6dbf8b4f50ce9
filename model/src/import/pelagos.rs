//! Pelagos: one JSON file with its nodes and how their BMCs are got at.

use super::found::{Bmc, Machine, Nic};
use super::gather::Gather;
use super::{json, words};
use crate::config::plain::Plain;

pub(super) fn read(text: &str, gather: &mut Gather) {
    let Some(file) = json::read(text, gather) else { return };
    for (key, value) in file.entries() {
        let Some(text) = value.text() else { continue };
        match key {
            "domain" => match words::domain(text) {
                Some(domain) => gather.domain(value.line, &domain),
                None => gather.note(value.line, text, "no domain"),
            },
            "ipmi_user" => gather.access.user = Some(text.to_string()),
            "ipmi_pass" => gather.access.password_from = Some(gather.password(value.line, key, text)),
            "target_node_password" => gather.note(
                value.line,
                "target_node_password ***",
                "nodes are reached by key here: `ssh_keys` in the cluster file",
            ),
            _ => gather.note(value.line, &format!("{key} {text}"), "a setting of Pelagos itself"),
        }
    }
    for (key, value) in file.entries().filter(|(_, value)| value.text().is_none()) {
        match key {
            "nodes" => value.items().iter().for_each(|item| node(item, gather)),
            _ => gather.note(value.line, key, "unknown"),
        }
    }
}

fn node(item: &Plain, gather: &mut Gather) {
    let Some(name) = item.word("node") else {
        gather.note(item.line, "", "a node without a name (`node`)");
        return;
    };
    let line = item.get("node").map_or(item.line, |value| value.line);
    let mut machine = Machine {
        name: name.to_string(),
        line,
        ..Machine::default()
    };
    let mut first = Nic::default();
    let mut further: Vec<Nic> = Vec::new();
    let mut bmc = Bmc::default();
    for (key, value) in item.entries() {
        let at = value.line;
        // The MACs of the second network are a list.
        if key == "hsm_mac" {
            let macs = value
                .items()
                .iter()
                .filter_map(Plain::text)
                .filter(|text| !text.is_empty());
            for text in macs {
                let mac = words::mac(text);
                if mac.is_none() {
                    gather.note(at, &format!("{key} {text}"), "no MAC");
                }
                further.extend(mac.map(|mac| Nic {
                    mac: Some(mac),
                    ..Nic::default()
                }));
            }
            continue;
        }
        let Some(text) = value.text().filter(|text| !text.is_empty()) else {
            continue;
        };
        let mut wrong = |what: &str| gather.note(at, &format!("{key} {text}"), what);
        match key {
            "node" | "hsm_ip" => {}
            "mac" => match words::mac(text) {
                Some(mac) => first.mac = Some(mac),
                None => wrong("no MAC"),
            },
            "ip" => match text.parse() {
                Ok(address) => first.address = Some(address),
                Err(_) => wrong("no IPv4 address"),
            },
            "bmc_mac" => match words::mac(text) {
                Some(mac) => bmc.mac = Some(mac),
                None => wrong("no MAC"),
            },
            "bmc_ip" => match text.parse() {
                Ok(address) => bmc.address = Some(address),
                Err(_) => wrong("no address"),
            },
            "role" | "t_machine_type" => machine.groups.push(text.to_string()),
            "comment" => machine.comments.push(text.to_string()),
            "ip_type" | "bmc_ip_type" | "hsm_ip_type" if text == "dynamic" => {}
            "ip_type" | "bmc_ip_type" | "hsm_ip_type" => {
                wrong("an address that no DHCP server gives: here every declared one is given")
            }
            "t_exclude" if text == "yes" => {
                wrong("a machine that teuthology does not know: leave it out of its export")
            }
            "t_exclude" | "provision_need_reboot" if text != "yes" => {}
            "provision_need_reboot" => wrong("a deployment restarts a machine as often as it needs"),
            "boot_ip" if Some(text) == item.word("ip") => {}
            "boot_ip" | "boot_node" => wrong("another address or name while it is provisioned: it has one here"),
            _ => wrong("unknown"),
        }
    }
    if let Some(text) = item.word("hsm_ip").filter(|text| !text.is_empty()) {
        let line = item.get("hsm_ip").map_or(line, |value| value.line);
        match text.parse() {
            Ok(address) => match further.first_mut() {
                Some(nic) => nic.address = Some(address),
                None => further.push(Nic {
                    address: Some(address),
                    ..Nic::default()
                }),
            },
            Err(_) => gather.note(line, &format!("hsm_ip {text}"), "no IPv4 address"),
        }
    }
    machine
        .nics
        .extend([first].into_iter().filter(|nic| *nic != Nic::default()));
    machine.nics.extend(further);
    machine.bmc = Some(bmc).filter(|bmc| *bmc != Bmc::default());
    gather.machine(machine);
}
