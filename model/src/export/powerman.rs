//! powerman: which BMC switches which node, with FreeIPMI's ipmipower behind it.

use std::collections::{BTreeMap, HashSet};
use std::fmt::Write as _;
use std::net::{IpAddr, Ipv4Addr};

use super::Sheet;
use crate::cluster::Bmc;
use crate::nodeset::fold;

/// What the BMCs of one ipmipower have in common: words of its command line, port, places of password and K_g.
type Access = (Vec<String>, Option<u16>, Option<String>, Option<String>);

pub(super) fn render(sheet: &mut Sheet<'_>) -> String {
    let mut devices: Vec<(Access, Vec<(&str, Ipv4Addr)>)> = Vec::new();
    for node in sheet.nodes {
        let Some(bmc) = &node.bmc else {
            sheet.notes.node(node, "no BMC is declared");
            continue;
        };
        let address = match bmc.address {
            _ if bmc.protocol != "ipmi" => {
                sheet.notes.node(node, "a BMC that speaks Redfish: ipmipower does not");
                continue;
            }
            IpAddr::V6(_) => {
                sheet.notes.node(node, "a BMC that has an IPv6 address");
                continue;
            }
            IpAddr::V4(address) => address,
        };
        let access = (words(bmc), bmc.port, bmc.password_from.clone(), bmc.kg_from.clone());
        match devices.iter_mut().find(|(known, _)| *known == access) {
            Some((_, nodes)) => nodes.push((&node.name, address)),
            None => devices.push((access, vec![(&node.name, address)])),
        }
    }
    let mut out = String::new();
    if !devices.is_empty() {
        out += "include \"/etc/powerman/ipmipower.dev\"\n";
    }
    let mut secrets: Vec<(Option<String>, Option<String>)> = Vec::new();
    for (number, ((words, port, password, kg), nodes)) in devices.iter().enumerate() {
        let pair = (password.clone(), kg.clone());
        let at = secrets.iter().position(|known| *known == pair).unwrap_or(secrets.len());
        let file = match at {
            0 => "/etc/freeipmi/bellwether.conf".to_string(),
            more => format!("/etc/freeipmi/bellwether-{}.conf", more + 1),
        };
        if at == secrets.len() {
            let lines = [("password", password), ("k_g", kg)];
            let lines = lines
                .iter()
                .filter_map(|(key, from)| Some(format!("`{key} …` with what is at {}", from.as_ref()?)));
            let lines: Vec<String> = lines.collect();
            let what = match lines.is_empty() {
                true => "which may be empty: the cluster file says of no password where it is".to_string(),
                false => format!(
                    "readable by powermand alone, with the line {}",
                    lines.join(" and the line ")
                ),
            };
            sheet.notes.say(format!("passwords. Make {file}, {what}"));
            secrets.push(pair);
        }
        let words: String = words.iter().map(|word| format!(" {word}")).collect();
        let _ = writeln!(
            out,
            "\ndevice \"ipmi{number}\" \"ipmipower\" \"/usr/sbin/ipmipower --config-file {file} -D LAN_2_0{words} -h {} --wait-until-on --wait-until-off |&\"",
            hosts(nodes.iter().map(|(_, address)| *address), *port)
        );
        for (node, address) in nodes {
            let _ = writeln!(out, "node \"{node}\" \"ipmi{number}\" \"{address}\"");
        }
    }
    let all: HashSet<&str> = devices
        .iter()
        .flat_map(|(_, nodes)| nodes.iter().map(|(name, _)| *name))
        .collect();
    out.push('\n');
    for (group, members) in sheet.groups() {
        if sheet.cluster.node(group).is_some() {
            sheet
                .notes
                .say(format!("an alias for the group {group}: a node has that name"));
            continue;
        }
        let members: Vec<&str> = members.into_iter().filter(|name| all.contains(name)).collect();
        if !members.is_empty() {
            let _ = writeln!(out, "alias \"{group}\" \"{}\"", plain(members));
        }
    }
    out
}

/// What ipmipower is told of a BMC beside its address, nothing of it secret.
fn words(bmc: &Bmc) -> Vec<String> {
    let mut words = Vec::new();
    if let Some(user) = bmc.user.as_deref().filter(|user| !user.contains(['"', ' ', '\\'])) {
        words.push(format!("-u {user}"));
    }
    if let [suite] = bmc.suites[..] {
        words.push(format!("-I {suite}"));
    }
    if bmc.privilege != "administrator" {
        words.push(format!("-l {}", bmc.privilege.to_uppercase()));
    }
    if bmc.quirks.iter().any(|quirk| quirk == "opensesspriv") {
        words.push("-W opensesspriv".to_string());
    }
    words
}

/// Addresses as FreeIPMI's host list: brackets around the last octet only, none where a port follows.
fn hosts(addresses: impl Iterator<Item = Ipv4Addr>, port: Option<u16>) -> String {
    if let Some(port) = port {
        let each: Vec<String> = addresses.map(|address| format!("{address}:{port}")).collect();
        return each.join(",");
    }
    let mut nets: BTreeMap<[u8; 3], Vec<String>> = BTreeMap::new();
    for address in addresses {
        let [a, b, c, _] = address.octets();
        nets.entry([a, b, c]).or_default().push(address.to_string());
    }
    let folded: Vec<String> = nets.values().map(fold).collect();
    folded.join(",")
}

/// Names as powerman's host list: it knows one pair of brackets, at the end of a name.
fn plain(names: Vec<&str>) -> String {
    let mut stems: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for name in names {
        stems
            .entry(name.trim_end_matches(|c: char| c.is_ascii_digit()))
            .or_default()
            .push(name);
    }
    let mut parts = Vec::new();
    for (stem, names) in stems {
        // The stem may have numbers itself, which would get brackets of their own were they not the same in all names.
        match names.as_slice() {
            [one] => parts.push((*one).to_string()),
            _ => {
                let ends = fold(names.iter().map(|name| format!("x{}", &name[stem.len()..])));
                parts.extend(split(&ends).map(|end| format!("{stem}{}", &end[1..])));
            }
        }
    }
    parts.join(",")
}

/// Cuts a node set at the commas that are in no bracket.
fn split(set: &str) -> impl Iterator<Item = &str> {
    let mut depth = 0i32;
    set.split(move |c: char| {
        depth += i32::from(c == '[') - i32::from(c == ']');
        c == ',' && depth == 0
    })
}
