//! What has to be so before the cluster can be written: no two machines with one MAC or address, every address in a network,
//! no two networks over one another. What is not so is taken out, with both places told.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::net::{IpAddr, Ipv4Addr};

use ipnet::Ipv4Net;

use super::found::{Bmc, Network, Place};
use super::gather::Gather;
use crate::nodeset::fold;

/// Endings of names that mean a machine's BMC.
const BMC_ENDINGS: [&str; 6] = ["-bmc", "-ipmi", "-ilo", "-idrac", "-mgmt", "-oob"];

pub(super) fn finish(gather: &mut Gather) {
    bmcs_of_their_own(gather);
    claimed_macs(gather);
    overlapping(gather);
    derived(gather);
    addresses(gather);
    undeclared(gather);
    pools(gather);
}

/// DHCP servers and name servers know BMCs as machines: `nid001-bmc` is the BMC of `nid001`.
fn bmcs_of_their_own(gather: &mut Gather) {
    let names: HashMap<String, usize> = gather
        .nodes
        .iter()
        .enumerate()
        .map(|(at, node)| (node.name.clone(), at))
        .collect();
    let mut gone = HashSet::new();
    for at in 0..gather.nodes.len() {
        let node = &gather.nodes[at];
        let base = BMC_ENDINGS.iter().find_map(|ending| node.name.strip_suffix(ending));
        let Some(owner) = base.and_then(|base| names.get(base)).copied() else {
            continue;
        };
        let [nic] = node.nics.as_slice() else { continue };
        let (mac, address, places) = (nic.mac, nic.address, node.places.clone());
        let known = gather.nodes[owner].bmc.clone().unwrap_or_default();
        let differs = |old: Option<IpAddr>, new: Option<Ipv4Addr>| matches!((old, new), (Some(old), Some(new)) if old != IpAddr::V4(new));
        if differs(known.address, address) || matches!((known.mac, mac), (Some(old), Some(new)) if old != new) {
            let (name, owner) = (node.name.clone(), gather.nodes[owner].name.clone());
            let place = places.first().copied().unwrap_or(Place { file: 0, line: 1 });
            gather.note_at(
                place,
                &name,
                format!("a contradiction: of the BMC of {owner} something else is known"),
            );
            continue;
        }
        let bmc = gather.nodes[owner].bmc.get_or_insert_default();
        bmc.address = bmc.address.or(address.map(IpAddr::V4));
        bmc.mac = bmc.mac.or(mac);
        gather.nodes[owner].places.extend(places);
        gone.insert(at);
    }
    remove(gather, &gone);
}

/// Takes nodes out, and their names out of groups.
fn remove(gather: &mut Gather, gone: &HashSet<usize>) {
    let names: HashSet<String> = gone.iter().map(|at| gather.nodes[*at].name.clone()).collect();
    let mut place = Vec::with_capacity(gather.nodes.len());
    let mut kept = 0;
    for at in 0..gather.nodes.len() {
        place.push(kept);
        kept += usize::from(!gone.contains(&at));
    }
    let mut at = 0;
    gather.nodes.retain(|_| {
        at += 1;
        !gone.contains(&(at - 1))
    });
    for claims in gather.claims.values_mut() {
        claims.retain(|(node, _)| !gone.contains(node));
        for (node, _) in claims {
            *node = place[*node];
        }
    }
    for members in gather.groups.values_mut() {
        members.retain(|member| !names.contains(member));
    }
}

/// A MAC that several machines claim is nobody's: which of them it belongs to only the label on the card says.
fn claimed_macs(gather: &mut Gather) {
    for (mac, claims) in std::mem::take(&mut gather.claims) {
        if claims.len() < 2 {
            continue;
        }
        let all: Vec<String> = claims
            .iter()
            .map(|(at, place)| format!("{} ({})", gather.nodes[*at].name, gather.shown(*place)))
            .collect();
        for (at, place) in claims {
            let node = &mut gather.nodes[at];
            for nic in node.nics.iter_mut().filter(|nic| nic.mac == Some(mac)) {
                nic.mac = None;
            }
            node.comments.push(format!("MAC {mac}? {} claim it", all.join(" and ")));
            let name = node.name.clone();
            let why = format!(
                "{} claim this MAC, so that none of them is given it: read it from the card",
                all.join(" and ")
            );
            gather.note_at(place, &format!("{name} {mac}"), why);
        }
    }
}

/// Of two networks that overlap the first one stays.
fn overlapping(gather: &mut Gather) {
    let mut kept: Vec<Network> = Vec::new();
    for network in std::mem::take(&mut gather.networks) {
        let over = |other: &&Network| {
            other.prefix.contains(&network.prefix.network()) || network.prefix.contains(&other.prefix.network())
        };
        match kept.iter().find(over) {
            Some(other) => {
                let why = format!(
                    "it overlaps with {} of {} ({}), which stays",
                    other.prefix,
                    other.name,
                    gather.shown(other.place)
                );
                gather.note_at(network.place, &format!("{} {}", network.name, network.prefix), why);
            }
            None => kept.push(network),
        }
    }
    gather.networks = kept;
}

/// Whether an address of the prefix can be a machine's.
fn is_host(prefix: Ipv4Net, address: Ipv4Addr) -> bool {
    prefix.prefix_len() >= 31 || (address != prefix.network() && address != prefix.broadcast())
}

/// Networks for addresses that are in none that is declared: a /24 around each, wider where one of them would be its first
/// or last address. No file says how long the prefix is, which the cluster file tells its reader.
fn derived(gather: &mut Gather) {
    let mut loose: BTreeMap<Ipv4Net, Vec<Ipv4Addr>> = BTreeMap::new();
    for address in gather
        .nodes
        .iter()
        .flat_map(|node| &node.nics)
        .filter_map(|nic| nic.address)
    {
        if !gather.networks.iter().any(|network| network.prefix.contains(&address)) {
            let net = Ipv4Net::new(address, 24).unwrap_or_default().trunc();
            loose.entry(net).or_default().push(address);
        }
    }
    let declared: Vec<Ipv4Net> = gather.networks.iter().map(|network| network.prefix).collect();
    let free = |net: Ipv4Net| {
        !declared
            .iter()
            .any(|other| net.contains(&other.network()) || other.contains(&net.network()))
    };
    let mut made: Vec<Ipv4Net> = Vec::new();
    for (net, addresses) in loose {
        let wider = (16..=24)
            .rev()
            .filter_map(|length| Ipv4Net::new(net.network(), length).ok())
            .map(|net| net.trunc());
        let fits = wider
            .into_iter()
            .find(|net| free(*net) && addresses.iter().all(|address| is_host(*net, *address)));
        let net = fits.unwrap_or(net);
        made.retain(|other| !net.contains(&other.network()));
        if free(net) && !made.iter().any(|other| other.contains(&net.network())) {
            made.push(net);
        }
    }
    for prefix in made {
        let octets: Vec<String> = prefix.network().octets()[..3].iter().map(u8::to_string).collect();
        let name = format!("net-{}", octets.join("-"));
        if let Some(network) = gather.network(&name, prefix, 1) {
            network.comment =
                Some("Derived from the machines' addresses: is the prefix right? Is there a router?".to_string());
        }
    }
}

/// Addresses that two machines have, or that no machine can have.
fn addresses(gather: &mut Gather) {
    let mut taken: HashMap<IpAddr, (usize, Place)> = HashMap::new();
    let mut notes = Vec::new();
    for at in 0..gather.nodes.len() {
        let name = gather.nodes[at].name.clone();
        let place = gather.nodes[at]
            .places
            .first()
            .copied()
            .unwrap_or(Place { file: 0, line: 1 });
        let mut claim = |address: IpAddr, nodes: &[super::found::Node], shown: &dyn Fn(Place) -> String| match taken
            .get(&address)
        {
            None => {
                taken.insert(address, (at, place));
                true
            }
            Some((other, first)) => {
                let why = format!(
                    "{} has this address already ({}): it stays there",
                    nodes[*other].name,
                    shown(*first)
                );
                notes.push((place, format!("{name} {address}"), why));
                false
            }
        };
        let mut nics = gather.nodes[at].nics.clone();
        for nic in &mut nics {
            let Some(address) = nic.address else { continue };
            let known = claim(address.into(), &gather.nodes, &|place| gather.shown(place));
            let network = gather.networks.iter().find(|network| network.prefix.contains(&address));
            nic.address = nic.address.filter(|_| known);
            match network {
                Some(network) if is_host(network.prefix, address) => nic.network = Some(network.name.clone()),
                _ => nic.address = None,
            }
        }
        let lost = gather.nodes[at]
            .nics
            .iter()
            .zip(&nics)
            .filter_map(|(old, new)| old.address.filter(|_| new.address.is_none()));
        let lost: Vec<Ipv4Addr> = lost.collect();
        let bmc = gather.nodes[at].bmc.clone().and_then(|bmc| bmc.address);
        let keeps = bmc.is_none_or(|address| claim(address, &gather.nodes, &|place| gather.shown(place)));
        for address in lost {
            if !notes.iter().any(|(_, text, _)| *text == format!("{name} {address}")) {
                notes.push((
                    place,
                    format!("{name} {address}"),
                    "no machine can have this address".to_string(),
                ));
            }
        }
        let node = &mut gather.nodes[at];
        node.nics = nics;
        if !keeps {
            node.bmc = None;
        }
        // Nothing is to be asked without an address.
        if let Some(Bmc { address: None, mac, .. }) = &node.bmc {
            let what = mac.map_or_else(|| "a BMC".to_string(), |mac| format!("a BMC with the MAC {mac}"));
            node.comments.push(format!("{what}, whose address no file says"));
            node.bmc = None;
        }
        // An interface of which nothing is left, beside others.
        let some = |nic: &super::found::Nic| nic.mac.is_some() || nic.address.is_some() || nic.network.is_some();
        node.nics.retain(some);
    }
    for (place, text, why) in notes {
        gather.note_at(place, &text, why);
    }
}

/// A network that is named, but that no file declares.
fn undeclared(gather: &mut Gather) {
    let known: HashSet<String> = gather.networks.iter().map(|network| network.name.clone()).collect();
    let mut unknown: BTreeMap<String, (Place, Vec<String>)> = BTreeMap::new();
    for node in &mut gather.nodes {
        for nic in &mut node.nics {
            if let Some(network) = nic.network.take_if(|network| !known.contains(network)) {
                let place = node.places.first().copied().unwrap_or(Place { file: 0, line: 1 });
                let entry = unknown.entry(network).or_insert_with(|| (place, Vec::new()));
                entry.1.push(node.name.clone());
            }
        }
    }
    for (network, (place, nodes)) in unknown {
        gather.note_at(
            place,
            &network,
            format!("no file declares this network, in which {} are", fold(nodes)),
        );
    }
}

/// Pools that reach beyond their prefix, overlap, or hold a server, are cut or taken out.
fn pools(gather: &mut Gather) {
    let mut notes = Vec::new();
    for network in &mut gather.networks {
        let place = network.place;
        let prefix = network.prefix;
        let inside = |address: &Ipv4Addr| prefix.contains(address) && is_host(prefix, *address);
        if let Some(router) = network.router.filter(|router| !inside(router)) {
            notes.push((
                place,
                format!("router {router}"),
                format!("it is no address of {prefix}"),
            ));
            network.router = None;
        }
        network.routes.retain(|(to, via)| {
            let fine = inside(via);
            if !fine {
                notes.push((
                    place,
                    format!("route {to} {via}"),
                    format!("the next hop is no address of {prefix}"),
                ));
            }
            fine
        });
        let hops = network.routes.iter().map(|(_, via)| *via);
        let mut servers: Vec<u32> = network
            .dns
            .iter()
            .chain(&network.ntp)
            .copied()
            .chain(network.router)
            .chain(hops)
            .map(u32::from)
            .collect();
        servers.sort_unstable();
        let mut free: Vec<(Ipv4Addr, Ipv4Addr)> = Vec::new();
        let mut ranges = std::mem::take(&mut network.pool);
        ranges.sort();
        for (first, last) in ranges {
            let over = free.iter().any(|(a, b)| *a <= last && first <= *b);
            if over || !inside(&first) || !inside(&last) {
                let why = match over {
                    true => "it overlaps with another range".to_string(),
                    false => format!("it is no range of machines' addresses of {prefix}"),
                };
                notes.push((place, format!("{first}-{last}"), why));
                continue;
            }
            let (mut from, to) = (u32::from(first), u32::from(last));
            for server in servers
                .iter()
                .copied()
                .filter(|server| (u32::from(first)..=to).contains(server))
            {
                if from < server {
                    free.push((from.into(), (server - 1).into()));
                }
                from = from.max(server.saturating_add(1));
                let why = format!(
                    "the range {first}-{last} holds the server {}: it is cut there",
                    Ipv4Addr::from(server)
                );
                notes.push((place, String::new(), why));
            }
            if from <= to {
                free.push((from.into(), last));
            }
        }
        network.pool = free;
    }
    for (place, text, why) in notes {
        gather.note_at(place, &text, why);
    }
}
