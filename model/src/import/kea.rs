//! Kea's DHCPv4 server.

use super::found::{Machine, Network, Nic};
use super::gather::Gather;
use super::{json, words};
use crate::config::plain::Plain;

pub(super) fn read(text: &str, gather: &mut Gather) {
    let Some(file) = json::read(text, gather) else { return };
    let Some(dhcp) = file.get("Dhcp4") else {
        return gather.note(file.line, "", "there is no `Dhcp4` here");
    };
    let lease = dhcp.word("valid-lifetime").and_then(words::lease);
    for (key, value) in dhcp.entries() {
        match key {
            "subnet4" => value.items().iter().for_each(|item| subnet(item, dhcp, lease, gather)),
            "shared-networks" => {
                for shared in value.items() {
                    let name = shared.word("name").unwrap_or_default();
                    gather.note(
                        shared.line,
                        name,
                        "networks on one wire: each is a network of its own here",
                    );
                    let subnets = shared.get("subnet4").map(Plain::items).unwrap_or_default();
                    subnets.iter().for_each(|item| subnet(item, dhcp, lease, gather));
                }
            }
            "reservations" => value.items().iter().for_each(|item| reservation(item, gather)),
            "valid-lifetime" | "option-data" | "interfaces-config" | "lease-database" => {}
            _ => gather.note(
                value.line,
                key,
                "a setting of Kea itself, or of what machines boot: Bellwether says that",
            ),
        }
    }
}

fn subnet(item: &Plain, dhcp: &Plain, lease: Option<u32>, gather: &mut Gather) {
    let text = item.word("subnet").unwrap_or_default();
    let prefix = text
        .split_once('/')
        .and_then(|(address, length)| words::network(address, length));
    let Some(prefix) = prefix else {
        return gather.note(item.line, text, "no network");
    };
    let name = item.get("user-context").and_then(|context| context.word("name"));
    let name = name.map_or_else(
        || format!("net-{}", prefix.network().to_string().replace('.', "-")),
        str::to_string,
    );
    let pools = item.get("pools").map(Plain::items).unwrap_or_default();
    let mut ranges = Vec::new();
    for pool in pools {
        let text = pool.word("pool").unwrap_or_default();
        let range = match text.split_once('-') {
            Some((first, last)) => words::range(first, last),
            None => text.split_once('/').and_then(|(address, length)| {
                let net = words::network(address.trim(), length.trim())?;
                Some((net.hosts().next()?, net.hosts().last()?))
            }),
        };
        match range {
            Some(range) => ranges.push(range),
            None => gather.note(pool.line, text, "no range of addresses"),
        }
    }
    // The options of the whole server are those of each network; its own come later and win.
    let options = [dhcp, item].into_iter().filter_map(|level| level.get("option-data"));
    let options: Vec<&Plain> = options.flat_map(Plain::items).collect();
    let mut unknown = Vec::new();
    let own = item.word("valid-lifetime").and_then(words::lease);
    let Some(network) = gather.network(&name, prefix, item.line) else {
        return;
    };
    network.lease = own.or(lease);
    network.pool.extend(ranges);
    for option in options {
        let name = option.word("name").or_else(|| option.word("code")).unwrap_or_default();
        let data = option.word("data").unwrap_or_default();
        if !set(network, name, data) {
            unknown.push((option.line, format!("{name} {data}")));
        }
    }
    for (line, text) in unknown {
        gather.note(line, &text, "an option that Bellwether does not send, or not so");
    }
    for (key, value) in item.entries() {
        match key {
            "id" | "subnet" | "pools" | "option-data" | "valid-lifetime" | "user-context" => {}
            "reservations" => value.items().iter().for_each(|item| reservation(item, gather)),
            _ => gather.note(
                value.line,
                key,
                "a setting of Kea itself, or of what machines boot: Bellwether says that",
            ),
        }
    }
}

/// Sets what an option says; whether it is one that networks have here.
fn set(network: &mut Network, option: &str, data: &str) -> bool {
    let addresses = || {
        data.split(',')
            .map(|part| part.trim().parse())
            .collect::<Result<Vec<_>, _>>()
    };
    match option {
        "routers" | "3" => addresses().is_ok_and(|list| {
            network.router = list.first().copied();
            list.len() == 1
        }),
        "domain-name-servers" | "6" => addresses().map(|list| network.dns = list).is_ok(),
        "ntp-servers" | "42" => addresses().map(|list| network.ntp = list).is_ok(),
        "domain-name" | "15" => words::domain(data)
            .map(|domain| network.domain = Some(domain))
            .is_some(),
        "domain-search" | "119" => {
            let list: Option<Vec<String>> = data.split(',').map(words::domain).collect();
            list.map(|list| network.search = list).is_some()
        }
        "interface-mtu" | "26" => match data.parse() {
            Ok(mtu) if mtu >= 576 => {
                network.mtu = Some(mtu);
                true
            }
            _ => false,
        },
        "121" => words::routes(data).map(|routes| set_routes(network, routes)).is_some(),
        _ => false,
    }
}

fn set_routes(network: &mut Network, routes: Vec<(ipnet::Ipv4Net, std::net::Ipv4Addr)>) {
    network.routes = routes.into_iter().filter(|(to, _)| to.prefix_len() > 0).collect();
}

fn reservation(item: &Plain, gather: &mut Gather) {
    let Some(name) = item.word("hostname").filter(|name| !name.is_empty()) else {
        let who = item
            .word("hw-address")
            .or_else(|| item.word("client-id"))
            .unwrap_or_default();
        return gather.note(item.line, who, "a machine without a name (`hostname`)");
    };
    let mut machine = Machine {
        name: name.to_string(),
        line: item.line,
        ..Machine::default()
    };
    let mut nic = Nic::default();
    for (key, value) in item.entries() {
        let text = value.text().unwrap_or_default();
        match key {
            "hostname" => {}
            "hw-address" => match words::mac(text) {
                Some(mac) => nic.mac = Some(mac),
                None => gather.note(value.line, text, "no MAC"),
            },
            "ip-address" => match text.parse() {
                Ok(address) => nic.address = Some(address),
                Err(_) => gather.note(value.line, text, "no IPv4 address"),
            },
            "client-id" => match words::client_id(text) {
                Some(id) => machine.client_id = Some(id),
                None => gather.note(value.line, text, "no client identifier in hexadecimal"),
            },
            _ => gather.note(
                value.line,
                &format!("{name} {key}"),
                "nothing that a reservation has here",
            ),
        }
    }
    machine.nics.extend(Some(nic).filter(|nic| *nic != Nic::default()));
    gather.machine(machine);
}
