//! Ansible's inventories. What a variable is called is everybody's own choice; understood are the usual names, those of
//! BlueBanquise, and our own export.

use std::collections::{BTreeSet, HashMap, HashSet};

use super::found::{Bmc, Machine, Nic};
use super::gather::Gather;
use super::inventory::{Host, Inventory};
use super::{bluebanquise, ini, json, words};
use crate::config::plain::{Plain, read as yaml};

pub(super) fn read(text: &str, gather: &mut Gather) {
    let first = text
        .lines()
        .map(str::trim)
        .find(|line| !line.is_empty() && !line.starts_with(['#', ';']));
    let first = first.unwrap_or_default();
    if text.starts_with("#!") {
        return gather.note(
            1,
            first,
            "this is a program: run it with --list, and import what it prints",
        );
    }
    let inventory = if first.starts_with('{') {
        let Some(list) = json::read(text, gather) else { return };
        listed(&list, gather)
    } else if first.starts_with("---") || first.ends_with(':') || first.contains(": ") {
        match yaml(text) {
            Ok(file) => {
                let mut inventory = Inventory::default();
                for (name, group) in file.entries() {
                    inventory.yaml(name, group, 0, gather);
                }
                inventory
            }
            Err((line, why)) => return gather.note(line, "", why),
        }
    } else {
        ini::read(text, gather)
    };
    if inventory.hosts.is_empty() {
        return gather.note(1, first, "no host is in this inventory");
    }
    let mut unknown = Unknown::default();
    let by_group = group_variables(&inventory, &mut unknown, gather);
    let groups = inventory.groups_of();
    for (host, groups) in inventory.hosts.iter().zip(groups) {
        let inherited: Vec<&(String, Plain)> = groups
            .iter()
            .map(String::as_str)
            .chain(["all"])
            .flat_map(|group| by_group.get(group).into_iter().flatten())
            .collect();
        machine(host, groups.clone(), &inherited, &mut unknown, gather);
    }
    unknown.tell(gather);
}

/// What a dynamic inventory prints: groups at the top, the hosts' variables under `_meta`.
fn listed(list: &Plain, gather: &mut Gather) -> Inventory {
    let mut inventory = Inventory::default();
    for (name, group) in list.entries().filter(|(name, _)| *name != "_meta") {
        match group.is_map() {
            true => inventory.yaml(name, group, 0, gather),
            // The old form: a list of names.
            false => {
                for host in group.items().iter().filter_map(Plain::text) {
                    inventory.host(host, group.line, name, std::iter::empty());
                }
            }
        }
    }
    let variables = list.get("_meta").and_then(|meta| meta.get("hostvars"));
    for (host, values) in variables.into_iter().flat_map(Plain::entries) {
        let own = values.entries().map(|(key, value)| (key.to_string(), value.clone()));
        inventory.host(host, values.line, "ungrouped", own);
    }
    inventory
}

/// Variables that are not understood, each told once.
#[derive(Default)]
pub(super) struct Unknown(BTreeSet<(u32, String)>, HashSet<String>);

impl Unknown {
    pub fn see(&mut self, line: u32, key: &str) {
        if self.1.insert(key.to_string()) {
            self.0.insert((line, key.to_string()));
        }
    }

    pub fn tell(self, gather: &mut Gather) {
        for (line, key) in self.0 {
            gather.note(line, &key, "a variable that nothing here follows from");
        }
    }
}

/// The variables of groups that say how BMCs are got at. The others are told.
fn group_variables(
    inventory: &Inventory,
    unknown: &mut Unknown,
    gather: &mut Gather,
) -> HashMap<String, Vec<(String, Plain)>> {
    let mut found: HashMap<String, Vec<(String, Plain)>> = HashMap::new();
    for (group, key, value) in inventory.group_variables() {
        if kind(key) == Kind::BmcUser || kind(key) == Kind::BmcPassword || key == "hw_board_authentication" {
            found
                .entry(group.to_string())
                .or_default()
                .push((key.to_string(), value.clone()));
        } else {
            secret_or_unknown(key, value, unknown, gather);
        }
    }
    found
}

fn secret_or_unknown(key: &str, value: &Plain, unknown: &mut Unknown, gather: &mut Gather) {
    if words::is_secret(key) {
        gather.note(value.line, &format!("{key} ***"), "a secret: it was not copied");
    } else if !key.starts_with("ansible_") {
        unknown.see(value.line, key);
    }
}

#[derive(PartialEq, Eq)]
enum Kind {
    Address,
    Mac,
    BmcAddress,
    BmcMac,
    BmcUser,
    BmcPassword,
    Other,
}

/// What a variable of that name usually holds.
fn kind(key: &str) -> Kind {
    let key = key.to_ascii_lowercase();
    let bmc = ["bmc_", "ipmi_", "idrac_", "ilo_", "redfish_"]
        .iter()
        .find_map(|prefix| key.strip_prefix(prefix));
    match (bmc, key.as_str()) {
        (Some("address" | "ip" | "host" | "ipaddr" | "ip_address"), _) => Kind::BmcAddress,
        (Some("mac" | "mac_address"), _) => Kind::BmcMac,
        (Some("user" | "username"), _) => Kind::BmcUser,
        (Some("password" | "pass"), _) => Kind::BmcPassword,
        (None, "ansible_host" | "ansible_ssh_host" | "ip" | "ip_address" | "ipaddr" | "ipv4" | "ipv4_address") => {
            Kind::Address
        }
        (None, "mac" | "mac_address" | "macaddress" | "hwaddr" | "hw_address") => Kind::Mac,
        _ => Kind::Other,
    }
}

fn machine(
    host: &Host,
    groups: Vec<String>,
    inherited: &[&(String, Plain)],
    unknown: &mut Unknown,
    gather: &mut Gather,
) {
    let mut machine = Machine {
        name: host.name.clone(),
        groups,
        line: host.line,
        ..Machine::default()
    };
    let mut nic = Nic::default();
    let mut bmc = Bmc::default();
    let own = host.variables.iter();
    let inherited = inherited.iter().copied().filter(|(key, _)| host.get(key).is_none());
    for (key, value) in own.chain(inherited) {
        let text = value.text().unwrap_or_default();
        let line = value.line;
        let mut wrong = |what: &str| gather.note(line, &format!("{} {key} {text}", host.name), what);
        if text.contains("{{") {
            wrong("a template: write what it stands for");
            continue;
        }
        match (kind(key), key.as_str()) {
            (Kind::Address, _) => match text.parse() {
                Ok(address) if nic.address.is_none_or(|known| known == address) => nic.address = Some(address),
                Ok(_) => wrong("a second address"),
                // A name is looked up by Ansible.
                Err(_) if key.ends_with("host") && text.contains(|c: char| c.is_ascii_alphabetic()) => {}
                Err(_) => wrong("no IPv4 address"),
            },
            (Kind::Mac, _) => match words::mac(text) {
                Some(mac) => nic.mac = Some(mac),
                None => wrong("no MAC"),
            },
            (Kind::BmcAddress, _) => match text.parse() {
                Ok(address) => bmc.address = Some(address),
                Err(_) => wrong("no address"),
            },
            (Kind::BmcMac, _) => match words::mac(text) {
                Some(mac) => bmc.mac = Some(mac),
                None => wrong("no MAC"),
            },
            (Kind::BmcUser, _) => bmc.user = Some(text.to_string()),
            (Kind::BmcPassword, _) => bmc.password_from = Some(gather.password(line, key, text)),
            (_, "bellwether") => ours(value, &mut machine, &mut bmc),
            (_, "network_interfaces" | "bmc" | "hw_board_authentication") => {
                bluebanquise::variable(key, value, &mut machine, &mut bmc, gather);
            }
            _ => secret_or_unknown(key, value, unknown, gather),
        }
    }
    // Our own export says the address twice.
    let known = machine
        .nics
        .iter()
        .any(|known| nic.address.is_some() && known.address == nic.address);
    if nic != Nic::default() && !(known && nic.mac.is_none()) {
        machine.nics.insert(0, nic);
    }
    if bmc.address.is_some() || bmc.mac.is_some() {
        machine.bmc = Some(bmc);
    }
    gather.machine(machine);
}

/// The variable of our own export.
fn ours(value: &Plain, machine: &mut Machine, bmc: &mut Bmc) {
    for nic in value.get("nics").map(Plain::items).unwrap_or_default() {
        let nic = Nic {
            name: nic.word("name").and_then(words::interface),
            mac: nic.word("mac").and_then(words::mac),
            address: nic.word("address").and_then(|text| text.parse().ok()),
            network: nic.word("network").and_then(words::name),
        };
        if nic != Nic::default() {
            machine.nics.push(nic);
        }
    }
    if let Some(known) = value.get("bmc") {
        bmc.address = known.word("address").and_then(|text| text.parse().ok());
        bmc.mac = known.word("mac").and_then(words::mac);
        bmc.user = known.word("user").map(str::to_string);
        bmc.redfish = known.word("protocol") == Some("redfish");
    }
    machine.arm64 = value.word("architecture") == Some("arm64");
    // The groups by their own names; Ansible's are without hyphens.
    let groups = value.get("groups").map(Plain::items).unwrap_or_default();
    machine.groups = groups.iter().filter_map(Plain::text).map(str::to_string).collect();
    if let Some(profile) = value.word("profile") {
        machine.comments.push(format!("profile {profile}"));
    }
}
