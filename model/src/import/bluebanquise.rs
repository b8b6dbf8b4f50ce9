//! BlueBanquise: an inventory of Ansible with variables of its own for networks, interfaces, BMCs.

use std::net::Ipv4Addr;

use super::ansible::Unknown;
use super::found::{Bmc, Machine, Nic};
use super::gather::Gather;
use super::inventory::Inventory;
use super::words;
use crate::config::plain::{Plain, read as yaml};

pub(super) fn read(text: &str, gather: &mut Gather) {
    let file = match yaml(text) {
        Ok(file) => file,
        Err((line, why)) => return gather.note(line, "", why),
    };
    let mut inventory = Inventory::default();
    let mut unknown = Unknown::default();
    for (key, value) in file.entries() {
        let has = |key: &str| value.get(key).is_some();
        if global(key, value, gather) {
            continue;
        }
        if has("hosts") || has("children") || has("vars") {
            inventory.yaml(key, value, 0, gather);
        } else if has("network_interfaces") || has("bmc") {
            let own = value.entries().map(|(key, value)| (key.to_string(), value.clone()));
            inventory.host(key, value.line, "all", own);
        } else {
            other(key, value, &mut unknown, gather);
        }
    }
    if !file.is_map() {
        gather.note(file.line, file.text().unwrap_or_default(), "no inventory");
    }
    let mut access: Vec<(String, Bmc)> = Vec::new();
    for (group, key, value) in inventory.group_variables() {
        match key {
            "hw_board_authentication" => {
                let mut bmc = Bmc::default();
                variable(key, value, &mut Machine::default(), &mut bmc, gather);
                access.push((group.to_string(), bmc));
            }
            _ if global(key, value, gather) => {}
            _ => other(key, value, &mut unknown, gather),
        }
    }
    let groups = inventory.groups_of();
    for (host, groups) in inventory.hosts.iter().zip(groups) {
        let mut machine = Machine {
            name: host.name.clone(),
            line: host.line,
            ..Machine::default()
        };
        let mut bmc = Bmc::default();
        for (key, value) in &host.variables {
            match key.as_str() {
                "network_interfaces" | "bmc" | "hw_board_authentication" => {
                    variable(key, value, &mut machine, &mut bmc, gather);
                }
                "alias" => {
                    let names: Vec<&str> = value.items().iter().filter_map(Plain::text).collect();
                    machine.comments.push(format!("also called {}", names.join(", ")));
                }
                _ => other(key, value, &mut unknown, gather),
            }
        }
        let inherited = access
            .iter()
            .find(|(group, _)| group == "all" || groups.contains(group));
        if let (true, Some((_, known))) = (bmc.address.is_some() || bmc.mac.is_some(), inherited) {
            bmc.user = bmc.user.or_else(|| known.user.clone());
            bmc.password_from = bmc.password_from.or_else(|| known.password_from.clone());
            bmc.redfish |= known.redfish;
        }
        machine.bmc = Some(bmc).filter(|bmc| bmc.address.is_some() || bmc.mac.is_some());
        machine.groups = groups;
        gather.machine(machine);
    }
    unknown.tell(gather);
}

fn other(key: &str, value: &Plain, unknown: &mut Unknown, gather: &mut Gather) {
    match words::is_secret(key) {
        true => gather.note(value.line, &format!("{key} ***"), "a secret: it was not copied"),
        false => unknown.see(value.line, key),
    }
}

/// What is said of the whole cluster; whether it was that.
fn global(key: &str, value: &Plain, gather: &mut Gather) -> bool {
    match (key, value.text()) {
        ("networks", None) => {
            for (name, network) in value.entries() {
                self::network(name, network, gather);
            }
        }
        ("bb_domain_name" | "domain_name", Some(text)) => match words::domain(text) {
            Some(domain) => gather.domain(value.line, &domain),
            None => gather.note(value.line, text, "no domain"),
        },
        ("bb_time_zone" | "time_zone", Some(zone)) => gather.timezone = Some(zone.to_string()),
        _ => return false,
    }
    true
}

fn network(name: &str, value: &Plain, gather: &mut Gather) {
    let subnet = value.word("subnet").unwrap_or_default();
    let mask = value
        .word("prefix")
        .or_else(|| value.word("netmask"))
        .unwrap_or_default();
    let Some(prefix) = words::network(subnet, mask) else {
        return gather.note(value.line, name, "a network has a `subnet` and a `prefix`");
    };
    let mut wrong: Vec<(u32, String, &str)> = Vec::new();
    let Some(network) = gather.network(name, prefix, value.line) else {
        return;
    };
    let address = |value: &Plain| value.text().and_then(|text| text.parse::<Ipv4Addr>().ok());
    for (key, part) in value.entries() {
        let text = part.text().unwrap_or_default();
        let told = (part.line, format!("{name} {key} {text}"));
        match key {
            "subnet" | "prefix" | "netmask" | "dns_server" | "broadcast" => {}
            "gateway4" | "gateway" => network.router = address(part),
            "mtu" => network.mtu = text.parse().ok().filter(|mtu| *mtu >= 576),
            // One address for every service.
            "services_ip" => {
                let one: Vec<Ipv4Addr> = address(part).into_iter().collect();
                network.dns.clone_from(&one);
                network.ntp = one;
            }
            "services" => {
                for (service, list) in part.entries() {
                    let addresses = list.items().iter().filter_map(|item| address(item.get("ip4")?));
                    match service {
                        "dns4" => network.dns = addresses.collect(),
                        "ntp4" => network.ntp = addresses.collect(),
                        _ => wrong.push((
                            list.line,
                            format!("{name} {service}"),
                            "a service that Bellwether is itself, or does not know",
                        )),
                    }
                }
            }
            "dhcp_unknown_range" => {
                let range = text.split_once('-').or_else(|| text.split_once(' '));
                match range.and_then(|(first, last)| words::range(first, last)) {
                    Some(range) => network.pool.push(range),
                    None => wrong.push((told.0, told.1, "no range of addresses")),
                }
            }
            "dhcp_server" => network.no_dhcp = matches!(text, "false" | "no" | "False"),
            "routes4" => {
                for route in part.items() {
                    let to = route
                        .word("to")
                        .and_then(|to| to.split_once('/'))
                        .and_then(|(net, length)| words::network(net, length));
                    match to.zip(route.get("via").and_then(address)) {
                        Some(route) => network.routes.push(route),
                        None => wrong.push((route.line, format!("{name} routes4"), "no route")),
                    }
                }
            }
            _ => wrong.push((told.0, told.1, "nothing that a network has here")),
        }
    }
    for (line, text, why) in wrong {
        gather.note(line, &text, why);
    }
}

/// A variable of a host, or one of a group that is every member's.
pub(super) fn variable(key: &str, value: &Plain, machine: &mut Machine, bmc: &mut Bmc, gather: &mut Gather) {
    match key {
        "network_interfaces" => {
            for item in value.items() {
                machine.nics.extend(interface(item, &machine.name, gather));
            }
        }
        "bmc" => {
            for (key, part) in value.entries() {
                let text = part.text().unwrap_or_default();
                match key {
                    "name" | "network" => {}
                    "ip4" | "ip" | "address" => match text.parse() {
                        Ok(address) => bmc.address = Some(address),
                        Err(_) => gather.note(part.line, text, "no address of a BMC"),
                    },
                    "mac" => match words::mac(text) {
                        Some(mac) => bmc.mac = Some(mac),
                        None => gather.note(part.line, text, "no MAC"),
                    },
                    _ if words::is_secret(key) => bmc.password_from = Some(gather.password(part.line, key, text)),
                    _ => gather.note(
                        part.line,
                        &format!("{} bmc {key}", machine.name),
                        "nothing that a BMC has here",
                    ),
                }
            }
        }
        _ => {
            for board in value.items() {
                let redfish = board
                    .word("protocol")
                    .is_some_and(|protocol| protocol.eq_ignore_ascii_case("redfish"));
                bmc.redfish |= redfish;
                bmc.user = bmc.user.take().or_else(|| board.word("user").map(str::to_string));
                if let Some(secret) = board.get("password")
                    && let Some(text) = secret.text()
                {
                    bmc.password_from = Some(gather.password(secret.line, "password", text));
                }
            }
        }
    }
}

fn interface(item: &Plain, host: &str, gather: &mut Gather) -> Option<Nic> {
    let mut nic = Nic::default();
    for (key, part) in item.entries() {
        let text = part.text().unwrap_or_default();
        let mut wrong = |what: &str| gather.note(part.line, &format!("{host} {key} {text}"), what);
        match key {
            "interface" => match words::interface(text) {
                Some(name) => nic.name = Some(name),
                None => wrong("no name of an interface"),
            },
            "ip4" => match text.parse() {
                Ok(address) => nic.address = Some(address),
                Err(_) => wrong("no IPv4 address"),
            },
            "mac" => match words::mac(text) {
                Some(mac) => nic.mac = Some(mac),
                None => wrong("no MAC"),
            },
            "network" => nic.network = words::name(text),
            "skip" | "mtu" => {}
            _ => wrong("nothing that an interface has here"),
        }
    }
    Some(nic).filter(|nic| *nic != Nic::default())
}
