//! Zones of BIND: one forward, the reverse ones cut where octets are (RFC 1035 section 3.5), and what names them.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::{IpAddr, Ipv4Addr};

use super::records::Record;
use super::{ExportError, File, Sheet};
use crate::cluster::Network;

/// The file that is included from `named.conf`.
pub(super) const NAMED_CONF: &str = "named.conf.bellwether";

pub(super) fn render(sheet: &mut Sheet<'_>) -> Result<Vec<File>, ExportError> {
    let domain = sheet.cluster.domain.as_str();
    if domain.is_empty() {
        return Err(ExportError::NoDomain);
    }
    let servers = servers(sheet);
    let mut zones: Vec<(String, String)> = vec![(domain.to_string(), forward(sheet, &servers))];
    zones.extend(reverse(sheet, &servers));
    let mut named =
        String::from("// Include it in named.conf. The files lie in the folder that its option `directory` names.\n");
    for (zone, _) in &zones {
        let _ = writeln!(named, "zone \"{zone}\" {{ type primary; file \"db.{zone}\"; }};");
    }
    let named = File {
        name: NAMED_CONF.to_string(),
        text: named,
    };
    let files = zones.into_iter().map(|(zone, text)| File {
        name: format!("db.{zone}"),
        text,
    });
    Ok([named].into_iter().chain(files).collect())
}

/// Names of the zone's servers, and the addresses of those that are no declared machines.
struct Servers {
    names: Vec<String>,
    glue: Vec<(String, Ipv4Addr)>,
}

/// The zone's servers are those that machines are told.
fn servers(sheet: &mut Sheet<'_>) -> Servers {
    let mut addresses: Vec<Ipv4Addr> = Vec::new();
    for address in sheet.cluster.networks.iter().flat_map(|network| &network.dns) {
        if !addresses.contains(address) {
            addresses.push(*address);
        }
    }
    let mut servers = Servers {
        names: Vec::new(),
        glue: Vec::new(),
    };
    for address in addresses {
        let known = sheet
            .records
            .iter()
            .find(|record| record.address == Some(IpAddr::V4(address)));
        if let Some(record) = known {
            servers.names.push(record.fqdn(sheet.cluster));
            continue;
        }
        let taken = |label: &String| sheet.records.iter().any(|record| record.label == *label);
        let mut numbers = 1 + servers.glue.len()..;
        if let Some(label) = numbers.by_ref().map(|n| format!("ns{n}")).find(|label| !taken(label)) {
            servers.names.push(format!("{label}.{}", sheet.cluster.domain));
            servers.glue.push((label, address));
        }
    }
    if servers.names.is_empty() {
        sheet.notes.say(
            "the name of this server: the cluster file names none (`dns:` of a network), so the zones say localhost",
        );
        servers.names.push("localhost".to_string());
    }
    servers
}

/// The head of a zone. A day for everything: machines move seldom, and a new serial tells of it.
fn head(sheet: &Sheet<'_>, servers: &Servers) -> String {
    let serial = u32::try_from(sheet.now.as_second()).unwrap_or(u32::MAX);
    let main = &servers.names[0];
    let domain = &sheet.cluster.domain;
    let mut out = format!(
        "$TTL 86400\n@ IN SOA {main}. hostmaster.{domain}. (\n  {serial} ; serial: seconds of the time when it was made\n  3600 ; refresh\n  1800 ; retry\n  604800 ; expire\n  86400 ; negative answers\n)\n"
    );
    for name in &servers.names {
        let _ = writeln!(out, "@ IN NS {name}.");
    }
    out
}

fn forward(sheet: &Sheet<'_>, servers: &Servers) -> String {
    let mut out = head(sheet, servers);
    for (label, address) in &servers.glue {
        let _ = writeln!(out, "{label} IN A {address}");
    }
    for Record { label, address, .. } in &sheet.records {
        let _ = match address {
            Some(IpAddr::V4(address)) => writeln!(out, "{label} IN A {address}"),
            Some(IpAddr::V6(address)) => writeln!(out, "{label} IN AAAA {address}"),
            None => Ok(()),
        };
    }
    out
}

/// The reverse zones that have a name in them.
fn reverse(sheet: &mut Sheet<'_>, servers: &Servers) -> Vec<(String, String)> {
    let mut zones: BTreeMap<Vec<u8>, String> = BTreeMap::new();
    for record in &sheet.records {
        let address = match record.address {
            Some(IpAddr::V4(address)) => address,
            Some(IpAddr::V6(_)) => {
                sheet
                    .notes
                    .node(record.node, "the way back from the IPv6 address of its BMC");
                continue;
            }
            None => continue,
        };
        let octets = address.octets();
        let cut = record.network.map_or(3, whole_octets);
        let (zone, rest) = octets.split_at(cut);
        let owner: Vec<String> = rest.iter().rev().map(u8::to_string).collect();
        let line = format!("{} IN PTR {}.\n", owner.join("."), record.fqdn(sheet.cluster));
        zones.entry(zone.to_vec()).or_default().push_str(&line);
    }
    for network in &sheet.cluster.networks {
        if network.prefix.prefix_len() > 24 {
            let [a, b, c, _] = network.prefix.network().octets();
            let what = format!(
                "other addresses of {a}.{b}.{c}.0/24, of which {} is a part: the zone answers for all of it",
                network.prefix
            );
            if zones.contains_key(&vec![a, b, c]) {
                sheet.notes.say(what);
            }
        }
    }
    let named = |octets: &[u8]| {
        let octets: Vec<String> = octets.iter().rev().map(u8::to_string).collect();
        format!("{}.in-addr.arpa", octets.join("."))
    };
    zones
        .into_iter()
        .map(|(octets, lines)| (named(&octets), head(sheet, servers) + &lines))
        .collect()
}

/// How many octets the zones of a network have in their name: never less than the network itself has, lest they answer for
/// the addresses of others; three at most.
fn whole_octets(network: &Network) -> usize {
    usize::from(network.prefix.prefix_len().div_ceil(8)).clamp(1, 3)
}
