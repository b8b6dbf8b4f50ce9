//! What every DHCP server is told: the networks that have DHCP, and whom which address is kept for.

use std::net::Ipv4Addr;

use ipnet::Ipv4Net;
use wire::Mac;

use super::Sheet;
use super::records::Part;
use crate::cluster::{Cluster, DhcpMode, Network, Range};

/// How a machine is recognised.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Identity {
    Mac(Mac),
    /// Client identifier, type byte included.
    ClientId(Vec<u8>),
}

/// A machine that the server knows.
#[derive(Debug, Clone)]
pub(super) struct Reservation<'a> {
    pub label: String,
    pub identity: Identity,
    /// The address that is kept for it; `None`: one of the pool.
    pub address: Option<Ipv4Addr>,
    /// `None`: whichever network it asks on.
    pub network: Option<&'a Network>,
}

/// The networks that have DHCP. `names_itself`: the server names itself as the name server where none is declared, as
/// Bellwether does.
pub(super) fn networks<'a>(sheet: &mut Sheet<'a>, names_itself: bool) -> Vec<&'a Network> {
    let mut served = Vec::new();
    for network in &sheet.cluster.networks {
        match network.dhcp {
            DhcpMode::Off => sheet
                .notes
                .say(format!("the network {}, which has no DHCP (`dhcp: off`)", network.name)),
            _ => served.push(&**network),
        }
    }
    let without: Vec<&str> = served
        .iter()
        .filter(|net| net.dns.is_empty())
        .map(|net| net.name.as_str())
        .collect();
    if !names_itself && !without.is_empty() {
        sheet.notes.say(format!(
            "a name server in {}, for which the cluster file names none: Bellwether would name itself, since some installers go no further without",
            without.join(", ")
        ));
    }
    sheet.notes.say(
        "what machines boot: with `dhcp: proxy` in the cluster file Bellwether says it beside this server, else name it here",
    );
    served
}

/// Whom the server knows; why it does not know the others is noted.
pub(super) fn reservations<'a>(sheet: &mut Sheet<'a>) -> Vec<Reservation<'a>> {
    let mut found = Vec::new();
    for record in &sheet.records {
        let node = record.node;
        if record.network.is_some_and(|network| network.dhcp == DhcpMode::Off) {
            continue;
        }
        if record.part == Part::Bmc && record.network.is_none() {
            sheet.notes.node(node, "the BMC, which is in no declared network");
            continue;
        }
        let client_id = node.client_id.clone().filter(|_| record.part == Part::Primary);
        let identity = match (record.mac, client_id) {
            (Some(mac), _) => Identity::Mac(mac),
            (None, Some(id)) => Identity::ClientId(id),
            (None, None) => {
                let what = match record.part {
                    Part::Bmc => "the BMC: its MAC is not known",
                    _ => "an interface whose MAC is not known",
                };
                sheet.notes.node(node, what);
                continue;
            }
        };
        if record.mac.is_some() && record.part == Part::Primary && node.client_id.is_some() {
            sheet.notes.node(node, "the client identifier, beside the MAC");
        }
        found.push(Reservation {
            label: record.label.clone(),
            identity,
            address: record.ipv4(),
            network: record.network,
        });
    }
    for node in sheet.nodes {
        if node.nics.iter().all(|nic| nic.mac.is_none()) && (node.uuid.is_some() || node.serial.is_some()) {
            let what = "machines that are recognised by their UUID or serial number, which only Bellwether does";
            sheet.notes.node(node, what);
        }
    }
    found
}

/// The domain that machines of a network are told.
pub(super) fn domain<'a>(cluster: &'a Cluster, network: &'a Network) -> Option<&'a str> {
    let domain = network.domain.as_deref().unwrap_or(&cluster.domain);
    Some(domain).filter(|domain| !domain.is_empty())
}

/// Destinations with their next hops, the default route among them: who understands option 121 ignores option 3
/// (RFC 3442). Empty where there are no routes but the default one.
pub(super) fn routes(network: &Network) -> Vec<(Ipv4Net, Ipv4Addr)> {
    if network.routes.is_empty() {
        return Vec::new();
    }
    let declared = network.routes.iter().map(|route| (route.to, route.via));
    let default = network.router.map(|router| (Ipv4Net::default(), router));
    declared.chain(default).collect()
}

/// Option 121 in octets (RFC 3442): for each route its prefix length, as many octets as that needs, the next hop.
pub(super) fn route_octets(network: &Network) -> Vec<u8> {
    let mut octets = Vec::new();
    for (to, via) in routes(network) {
        octets.push(to.prefix_len());
        octets.extend_from_slice(&to.network().octets()[..usize::from(to.prefix_len().div_ceil(8))]);
        octets.extend_from_slice(&via.octets());
    }
    octets
}

/// What is left of the pool when some addresses are taken out of it.
pub(super) fn pool_without(network: &Network, mut taken: Vec<Ipv4Addr>) -> Vec<Range> {
    taken.sort();
    taken.dedup();
    let mut left = Vec::new();
    for range in &network.pool {
        let mut first = Some(u32::from(range.first));
        let last = u32::from(range.last);
        for address in taken.iter().filter(|address| range.contains(**address)) {
            let address = u32::from(*address);
            if let Some(from) = first.filter(|from| *from < address) {
                left.push(Range {
                    first: from.into(),
                    last: (address - 1).into(),
                });
            }
            first = address.checked_add(1);
        }
        if let Some(from) = first.filter(|from| *from <= last) {
            left.push(Range {
                first: from.into(),
                last: last.into(),
            });
        }
    }
    left
}

/// Octets as `01:52:54…`.
pub(super) fn colons(octets: &[u8]) -> String {
    let octets: Vec<String> = octets.iter().map(|octet| format!("{octet:02x}")).collect();
    octets.join(":")
}

/// Values behind one another, with commas.
pub(super) fn list<T: ToString>(values: impl IntoIterator<Item = T>, between: &str) -> String {
    let values: Vec<String> = values.into_iter().map(|value| value.to_string()).collect();
    values.join(between)
}
