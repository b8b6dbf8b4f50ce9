//! dnsmasq: its configuration, and files of `dhcp-hostsfile`, whose lines are those of `dhcp-host` without the word.

use std::collections::HashMap;
use std::net::Ipv4Addr;

use ipnet::Ipv4Net;

use super::found::{Machine, Network, Nic};
use super::gather::Gather;
use super::words;

pub(super) fn read(text: &str, gather: &mut Gather) {
    // Options may come before the range that their tag is set by.
    let mut tags: HashMap<&str, Ipv4Net> = HashMap::new();
    let mut lines = Vec::new();
    for (at, line) in text.lines().enumerate() {
        let at = u32::try_from(at + 1).unwrap_or(u32::MAX);
        let line = comment_off(line).trim();
        if line.is_empty() {
            continue;
        }
        let (key, value) = line
            .split_once('=')
            .map_or((line, ""), |(key, value)| (key.trim(), value.trim()));
        match key {
            "dhcp-range" => range(value, at, line, &mut tags, gather),
            _ => lines.push((at, line, key, value)),
        }
    }
    for (at, line, key, value) in lines {
        match key {
            "dhcp-host" => host(value, at, line, gather),
            "host-record" => record(value, at, line, gather),
            "ptr-record" => {
                // The way back follows from the way there; the name tells the domain.
                let target = value.split(',').nth(1).and_then(words::host);
                if let Some((_, Some(domain))) = target {
                    gather.domain(at, &domain);
                }
            }
            "domain" => domain(value, at, line, gather),
            "dhcp-option" | "dhcp-option-force" => option(value, at, line, &tags, gather),
            "dhcp-authoritative" | "expand-hosts" | "local" => {}
            _ if key
                .split(',')
                .next()
                .is_some_and(|first| words::mac(first).is_some() || first.starts_with("id:")) =>
            {
                host(line, at, line, gather);
            }
            _ => gather.note(
                at,
                line,
                "a setting of dnsmasq itself, or of what machines boot: Bellwether says that",
            ),
        }
    }
}

/// `#` begins a comment at the start of a line and after a space.
fn comment_off(line: &str) -> &str {
    match line.find('#') {
        Some(0) => "",
        Some(at) if line[..at].ends_with([' ', '\t']) => &line[..at],
        _ => line,
    }
}

fn range<'a>(value: &'a str, at: u32, line: &str, tags: &mut HashMap<&'a str, Ipv4Net>, gather: &mut Gather) {
    let mut words: Vec<&str> = value.split(',').map(str::trim).collect();
    let mut tag = None;
    while let Some(first) = words.first().copied().filter(|word| word.parse::<Ipv4Addr>().is_err()) {
        tag = first.strip_prefix("set:").or(tag);
        words.remove(0);
    }
    let Some(first) = words.first().and_then(|word| word.parse::<Ipv4Addr>().ok()) else {
        return gather.note(at, line, "no range of IPv4 addresses");
    };
    let is_static = words.contains(&"static");
    let last = words.get(1).and_then(|word| word.parse::<Ipv4Addr>().ok());
    // What follows: mode, netmask, broadcast address, lease time.
    let rest = words.get(if last.is_some() { 2 } else { 1 }..).unwrap_or_default();
    let mask = rest.iter().find(|word| word.parse::<Ipv4Addr>().is_ok());
    let lease = rest
        .iter()
        .filter(|word| word.parse::<Ipv4Addr>().is_err())
        .find_map(|word| super::words::lease(word));
    let prefix = super::words::network(&first.to_string(), mask.copied().unwrap_or("24"));
    let Some(prefix) = prefix else {
        return gather.note(at, line, "no netmask of a network");
    };
    if mask.is_none() {
        gather.note(at, line, format!("no netmask is said: {prefix} is a guess"));
    }
    if rest.contains(&"proxy") || words.contains(&"proxy") {
        gather.note(
            at,
            line,
            "a network in which another server gives out addresses: say `dhcp: proxy`",
        );
    }
    if let Some(tag) = tag {
        tags.insert(tag, prefix);
    }
    let name = tag.map_or_else(
        || format!("net-{}", prefix.network().to_string().replace('.', "-")),
        str::to_string,
    );
    let Some(network) = gather.network(&name, prefix, at) else {
        return;
    };
    network.lease = network.lease.or(lease);
    if let Some(last) = last.filter(|last| !is_static && first <= *last) {
        network.pool.push((first, last));
    }
}

fn host(value: &str, at: u32, line: &str, gather: &mut Gather) {
    let mut nic = Nic::default();
    let mut machine = Machine {
        line: at,
        ..Machine::default()
    };
    for word in value.split(',').map(str::trim) {
        if let Some(id) = word.strip_prefix("id:") {
            match words::client_id(id) {
                Some(id) => machine.client_id = Some(id),
                None => gather.note(at, line, format!("`{id}` is no client identifier in hexadecimal")),
            }
        } else if let Some(mac) = words::mac(word) {
            match nic.mac {
                None => nic.mac = Some(mac),
                Some(_) => gather.note(at, line, format!("a second MAC for one address: {mac} is left out")),
            }
        } else if let Ok(address) = word.parse::<Ipv4Addr>() {
            nic.address = Some(address);
        } else if word.starts_with("set:") || word.starts_with("net:") || word.is_empty() {
            // Tags choose options, which networks and profiles do here.
        } else if word == "ignore" {
            return gather.note(at, line, "a machine that gets no answer");
        } else if word.starts_with("tag:") || word == "infinite" || words::lease(word).is_some() {
            gather.note(at, line, format!("`{word}`, which a machine has not here"));
        } else if machine.name.is_empty() {
            machine.name = word.to_string();
        } else {
            gather.note(at, line, format!("`{word}` was not understood"));
        }
    }
    if machine.name.is_empty() {
        return gather.note(at, line, "a machine without a name");
    }
    machine.nics.extend(Some(nic).filter(|nic| *nic != Nic::default()));
    gather.machine(machine);
}

fn record(value: &str, at: u32, line: &str, gather: &mut Gather) {
    let names = value
        .split(',')
        .map(str::trim)
        .filter(|word| words::host(word).is_some() && word.parse::<u32>().is_err());
    let names: Vec<&str> = names.collect();
    let mut addresses = value
        .split(',')
        .filter_map(|word| word.trim().parse::<std::net::IpAddr>().ok());
    let Some((long, std::net::IpAddr::V4(address))) = names.first().zip(addresses.next()) else {
        return gather.note(at, line, "no name with an IPv4 address");
    };
    let short = |name: &&str| words::host(name).map(|(short, _)| short);
    if names.iter().any(|name| short(name) != short(long)) {
        gather.note(at, line, "further names of one address");
    }
    gather.machine(Machine {
        name: (*long).to_string(),
        nics: vec![Nic {
            address: Some(address),
            ..Nic::default()
        }],
        line: at,
        ..Machine::default()
    });
}

fn domain(value: &str, at: u32, line: &str, gather: &mut Gather) {
    let mut parts = value.split(',').map(str::trim);
    let Some(domain) = parts.next().and_then(words::domain) else {
        return gather.note(at, line, "no domain");
    };
    let Some(net) = parts.next() else {
        return gather.domain(at, &domain);
    };
    let prefix = net
        .split_once('/')
        .and_then(|(address, length)| words::network(address, length));
    let known = prefix.and_then(|prefix| gather.networks.iter_mut().find(|network| network.prefix == prefix));
    match known {
        Some(network) => network.domain = Some(domain),
        None => gather.note(at, line, "a domain of no network that is declared here"),
    }
}

fn option(value: &str, at: u32, line: &str, tags: &HashMap<&str, Ipv4Net>, gather: &mut Gather) {
    let mut wanted: Vec<Ipv4Net> = gather.networks.iter().map(|network| network.prefix).collect();
    let mut parts = value.split(',').map(str::trim).peekable();
    let mut known = true;
    while let Some(word) = parts.peek().copied() {
        let Some(tag) = word.strip_prefix("tag:").or_else(|| word.strip_prefix("net:")) else {
            break;
        };
        match tags.get(tag) {
            Some(prefix) => wanted.retain(|net| net == prefix),
            None => known = false,
        }
        parts.next();
    }
    let name = parts.next().unwrap_or_default();
    let name = name.strip_prefix("option:").unwrap_or(name);
    let rest: Vec<&str> = parts.collect();
    let nets = gather
        .networks
        .iter_mut()
        .filter(|network| known && wanted.contains(&network.prefix));
    let mut set = false;
    for network in nets {
        set = set_option(network, name, &rest);
    }
    if !set {
        gather.note(
            at,
            line,
            "an option that Bellwether does not send, or for nothing that is declared here",
        );
    }
}

fn set_option(network: &mut Network, name: &str, values: &[&str]) -> bool {
    let addresses = || {
        values
            .iter()
            .map(|word| word.parse())
            .collect::<Result<Vec<Ipv4Addr>, _>>()
    };
    match name {
        "router" | "3" => addresses().is_ok_and(|list| {
            network.router = list.first().copied();
            list.len() < 2
        }),
        "dns-server" | "6" => addresses().map(|list| network.dns = list).is_ok(),
        "ntp-server" | "42" => addresses().map(|list| network.ntp = list).is_ok(),
        "netmask" | "1" | "28" => true,
        "domain-name" | "15" => match values {
            [one] => words::domain(one).map(|domain| network.domain = Some(domain)).is_some(),
            _ => false,
        },
        "domain-search" | "119" => {
            let list: Option<Vec<String>> = values.iter().map(|word| words::domain(word)).collect();
            list.map(|list| network.search = list).is_some()
        }
        "mtu" | "26" => match values.first().and_then(|word| word.parse().ok()) {
            Some(mtu) if mtu >= 576 => {
                network.mtu = Some(mtu);
                true
            }
            _ => false,
        },
        "classless-static-route" | "121" => {
            let pairs = values.chunks(2).map(|pair| {
                let [to, via] = pair else { return None };
                let (address, length) = to.split_once('/')?;
                let to = Ipv4Net::new(address.parse().ok()?, length.parse().ok()?).ok()?;
                Some((to.trunc(), via.parse().ok()?))
            });
            let routes: Option<Vec<(Ipv4Net, Ipv4Addr)>> = pairs.collect();
            routes
                .map(|routes| network.routes = routes.into_iter().filter(|(to, _)| to.prefix_len() > 0).collect())
                .is_some()
        }
        _ => false,
    }
}
