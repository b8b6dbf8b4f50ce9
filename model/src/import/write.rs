//! The one writer: what was gathered as a cluster file, sorted, with its notes as comments at the end.
//!
//! Invariant: the same input makes the same text.
//! Promise: the reader of `check` reads the text without an error. What it refuses is left out, and that is a note.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::ops::Range;

use super::found::{Bmc, Network, Nic, Node, Place};
use super::gather::Gather;
use super::words::clean;
use super::{Format, Imported};
use crate::config::Severity;
use crate::nodeset::fold;

/// A part of the file that can be left out by itself.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Part {
    Domain,
    Timezone,
    Access,
    Network(String),
    Group(String),
    Node(String),
}

/// Parts with what the reader has against them.
type Refused = HashMap<Part, String>;

pub(super) fn write(format: Format, name: &str, mut gather: Gather) -> Imported {
    if gather.domain.is_none() {
        gather.domain = gather.networks.iter().find_map(|network| network.domain.clone());
    }
    gather.networks.sort_by_key(|network| network.prefix);
    gather.nodes.sort_by_cached_key(|node| natural(&node.name));
    common_access(&mut gather);
    let mut refused = Refused::new();
    // What is left out may be missed by another part: a second look finds that.
    for _ in 0..8 {
        let (body, parts) = body(name, &gather, &refused);
        let reading = crate::config::read(&body);
        if let Some(cluster) = reading.cluster {
            let (nodes, networks) = (cluster.nodes.len(), cluster.networks.len());
            return whole(format, &gather, &body, nodes, networks);
        }
        let errors = reading
            .diagnostics
            .iter()
            .filter(|problem| problem.severity == Severity::Error);
        for problem in errors {
            let at = problem.labels.first().map_or(0, |label| label.span.start);
            let Some((part, _)) = parts.iter().find(|(_, range)| range.contains(&at)) else {
                continue;
            };
            if refused.insert(part.clone(), problem.message.clone()).is_none() {
                let (place, what) = told(&gather, part);
                gather.note_at(place, &what, format!("left out: {}", problem.message));
            }
        }
    }
    let (body, _) = body(name, &Gather::new(Vec::new()), &Refused::new());
    whole(format, &gather, &body, 0, 0)
}

fn whole(format: Format, gather: &Gather, body: &str, nodes: usize, networks: usize) -> Imported {
    let notes = gather.told();
    let mut text = format!(
        "# Made by `bellwether import {}`. Read it through, then run `bellwether check` on it.\n# Machines: {nodes}, networks: {networks}.",
        format.as_str()
    );
    if !notes.is_empty() {
        let _ = write!(
            text,
            " What was not taken over as it stands is at the end: {}.",
            notes.len()
        );
    }
    text.push_str("\n\n");
    text.push_str(body);
    if !notes.is_empty() {
        text.push_str("\n# Not taken over as it stands:\n");
    }
    for note in &notes {
        let _ = writeln!(text, "#   {}", one_line(&note.to_string()));
    }
    Imported {
        text,
        nodes,
        networks,
        notes,
    }
}

/// Where a part came from, and what it is called.
fn told(gather: &Gather, part: &Part) -> (Place, String) {
    let first = Place { file: 0, line: 1 };
    match part {
        Part::Domain => (first, "domain".to_string()),
        Part::Timezone => (first, "time zone".to_string()),
        Part::Access => (first, "how BMCs are got at".to_string()),
        Part::Group(name) => (first, format!("group {name}")),
        Part::Network(name) => {
            let network = gather.networks.iter().find(|network| network.name == *name);
            (
                network.map_or(first, |network| network.place),
                format!("network {name}"),
            )
        }
        Part::Node(name) => {
            let node = gather.nodes.iter().find(|node| node.name == *name);
            let place = node.and_then(|node| node.places.first().copied());
            (place.unwrap_or(first), format!("machine {name}"))
        }
    }
}

/// What all BMCs have in common is said once.
fn common_access(gather: &mut Gather) {
    let access = |bmc: &Bmc| Bmc {
        address: None,
        mac: None,
        ..bmc.clone()
    };
    let mut bmcs = gather.nodes.iter().filter_map(|node| node.bmc.as_ref());
    let Some(first) = bmcs.next().map(access) else { return };
    if gather.access != Bmc::default() || bmcs.any(|bmc| access(bmc) != first) {
        return;
    }
    for bmc in gather.nodes.iter_mut().filter_map(|node| node.bmc.as_mut()) {
        *bmc = Bmc {
            address: bmc.address,
            mac: bmc.mac,
            ..Bmc::default()
        };
    }
    gather.access = first;
}

/// The file without its head and its notes, and where each part of it stands.
fn body(name: &str, gather: &Gather, refused: &Refused) -> (String, Vec<(Part, Range<usize>)>) {
    let mut out = format!("cluster: {}\n", scalar(name));
    let mut parts: Vec<(Part, Range<usize>)> = Vec::new();
    let mut add = |out: &mut String, part: Part, text: String| {
        if !refused.contains_key(&part) {
            let from = out.len();
            out.push_str(&clean(&text));
            parts.push((part, from..out.len()));
        }
    };
    if let Some(domain) = &gather.domain {
        add(&mut out, Part::Domain, format!("domain: {}\n", scalar(domain)));
    }
    if let Some(zone) = &gather.timezone {
        add(&mut out, Part::Timezone, format!("timezone: {}\n", scalar(zone)));
    }
    if !gather.networks.is_empty() {
        out.push_str("\nnetworks:\n");
    }
    for known in &gather.networks {
        add(
            &mut out,
            Part::Network(known.name.clone()),
            network(known, gather.domain.as_deref()),
        );
    }
    let access = access(&gather.access);
    if !access.is_empty() {
        add(
            &mut out,
            Part::Access,
            format!("\ndefaults:\n  bmc: {{ {} }}\n", access.join(", ")),
        );
    }
    let known = |name: &&String| {
        let part = Part::Node((*name).clone());
        !refused.contains_key(&part)
    };
    let names: std::collections::HashSet<&String> = gather.nodes.iter().map(|node| &node.name).filter(known).collect();
    let mut groups = gather.groups.iter().peekable();
    if groups.peek().is_some() {
        out.push_str("\ngroups:\n");
    }
    for (group, members) in groups {
        let members = fold(members.iter().filter(|member| names.contains(member)));
        let members = match members.is_empty() {
            true => "{}".to_string(),
            false => format!("{{ members: {} }}", quoted(&members)),
        };
        add(
            &mut out,
            Part::Group(group.clone()),
            format!("  {}: {members}\n", scalar(group)),
        );
    }
    out.push_str(if gather.nodes.is_empty() {
        "\nnodes: {}\n"
    } else {
        "\nnodes:\n"
    });
    for known in &gather.nodes {
        add(&mut out, Part::Node(known.name.clone()), node(known));
    }
    (out, parts)
}

fn network(network: &Network, domain: Option<&str>) -> String {
    let mut out = String::new();
    if let Some(comment) = &network.comment {
        let _ = writeln!(out, "  # {}", one_line(comment));
    }
    let _ = writeln!(out, "  {}:\n    prefix: {}", scalar(&network.name), network.prefix);
    let mut line = |key: &str, value: String| {
        let _ = writeln!(out, "    {key}: {value}");
    };
    let list = |values: Vec<String>| match values.as_slice() {
        [one] => one.clone(),
        several => format!("[{}]", several.join(", ")),
    };
    if let Some(router) = network.router {
        line("router", router.to_string());
    }
    for (key, servers) in [("dns", &network.dns), ("ntp", &network.ntp)] {
        if !servers.is_empty() {
            line(key, list(servers.iter().map(ToString::to_string).collect()));
        }
    }
    if !network.search.is_empty() {
        line(
            "search",
            list(network.search.iter().map(|domain| scalar(domain)).collect()),
        );
    }
    if let Some(own) = network.domain.as_deref().filter(|own| Some(*own) != domain) {
        line("domain", scalar(own));
    }
    if let Some(mtu) = network.mtu {
        line("mtu", mtu.to_string());
    }
    if !network.pool.is_empty() {
        let ranges = network.pool.iter().map(|(first, last)| format!("{first}-{last}"));
        line("pool", list(ranges.collect()));
    }
    if let Some(lease) = network.lease {
        line("lease", lease.to_string());
    }
    if !network.routes.is_empty() {
        let routes = network
            .routes
            .iter()
            .map(|(to, via)| format!("{{ to: {to}, via: {via} }}"));
        line("routes", format!("[{}]", routes.collect::<Vec<_>>().join(", ")));
    }
    if network.no_dhcp {
        line("dhcp", "off".to_string());
    }
    out
}

fn node(node: &Node) -> String {
    let mut out = String::new();
    for comment in &node.comments {
        let _ = writeln!(out, "  # {}", one_line(comment));
    }
    let mut rest = Vec::new();
    if let Some(id) = &node.client_id {
        rest.push(format!("client_id: {}", quoted(id)));
    }
    if let Some(Bmc {
        address: Some(address), ..
    }) = &node.bmc
    {
        let mut words = vec![format!("address: {}", scalar(&address.to_string()))];
        let bmc = node.bmc.as_ref();
        words.extend(
            bmc.and_then(|bmc| bmc.mac)
                .map(|mac| format!("mac: {}", quoted(&mac.to_string()))),
        );
        words.extend(bmc.into_iter().flat_map(access));
        rest.push(format!("bmc: {{ {} }}", words.join(", ")));
    }
    if let Some(way) = &node.console {
        rest.push(format!("console_via: {}", scalar(way)));
    }
    if node.arm64 {
        rest.push("architecture: arm64".to_string());
    }
    let name = scalar(&node.name);
    match node.nics.as_slice() {
        [] if rest.is_empty() => {
            let _ = writeln!(out, "  {name}: {{}}");
        }
        [] => {
            let _ = writeln!(out, "  {name}: {{ {} }}", rest.join(", "));
        }
        [one] if one.name.is_none() => {
            let words: Vec<String> = nic(one).into_iter().chain(rest).collect();
            let _ = writeln!(out, "  {name}: {{ {} }}", words.join(", "));
        }
        several => {
            let _ = writeln!(out, "  {name}:\n    nics:");
            for one in several {
                let _ = writeln!(out, "      - {{ {} }}", nic(one).join(", "));
            }
            for line in rest {
                let _ = writeln!(out, "    {line}");
            }
        }
    }
    out
}

fn nic(nic: &Nic) -> Vec<String> {
    let mut words = Vec::new();
    words.extend(nic.name.as_ref().map(|name| format!("name: {}", scalar(name))));
    words.extend(nic.mac.map(|mac| format!("mac: {}", quoted(&mac.to_string()))));
    match (nic.address, &nic.network) {
        // The address says the network.
        (Some(address), _) => words.push(format!("address: {address}")),
        (None, Some(network)) => words.push(format!("network: {}", scalar(network))),
        (None, None) => {}
    }
    words
}

fn access(bmc: &Bmc) -> Vec<String> {
    let mut words = Vec::new();
    if bmc.redfish {
        words.push("protocol: redfish".to_string());
    }
    words.extend(bmc.suite.map(|suite| format!("cipher_suites: {suite}")));
    words.extend(bmc.privilege.map(|privilege| format!("privilege: {privilege}")));
    if bmc.opensesspriv {
        words.push("quirks: opensesspriv".to_string());
    }
    words.extend(bmc.port.map(|port| format!("port: {port}")));
    words.extend(bmc.user.as_ref().map(|user| format!("user: {}", scalar(user))));
    words.extend(
        bmc.password_from
            .as_ref()
            .map(|from| format!("password_from: {}", quoted(from))),
    );
    words
}

/// A YAML scalar: plain where it is a word, else in double quotes.
fn scalar(text: &str) -> String {
    let word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    let plain = text.starts_with(|c: char| c.is_ascii_alphanumeric()) && text.chars().all(word);
    match plain && !matches!(text, "null" | "Null" | "NULL") {
        true => text.to_string(),
        false => quoted(text),
    }
}

fn quoted(text: &str) -> String {
    serde_json::to_string(text).expect("a string always serialises")
}

fn one_line(text: &str) -> String {
    clean(&text.split_whitespace().collect::<Vec<_>>().join(" "))
}

/// Names in the order in which people count.
fn natural(name: &str) -> Vec<(String, u64)> {
    let mut parts = Vec::new();
    let mut rest = name;
    while !rest.is_empty() {
        let digit = |c: char| c.is_ascii_digit();
        let (text, after) = rest.split_at(rest.find(digit).unwrap_or(rest.len()));
        let (number, after) = after.split_at(after.find(|c| !digit(c)).unwrap_or(after.len()));
        parts.push((text.to_string(), number.parse().unwrap_or(u64::MAX)));
        rest = after;
    }
    parts
}
