//! Each declared network on an interface of this host: address, cable, MTU.

use std::net::Ipv4Addr;
use std::sync::Arc;

use model::cluster::{DhcpMode, Network};

use super::{Finding, Host};
use crate::links::Interface;
use crate::services::dhcp4::interface_of;

/// What nodes believe unless they are told.
const USUAL_MTU: u32 = 1500;

/// The networks on which DHCP has work, each with its interface.
pub(super) fn served(host: &Host) -> impl Iterator<Item = (&Arc<Network>, &Interface)> {
    declared(host).filter_map(|network| Some((network, interface_of(network, &host.interfaces).ok()?)))
}

fn declared(host: &Host) -> impl Iterator<Item = &Arc<Network>> {
    let networks = host.cluster.iter().flat_map(|cluster| &cluster.networks);
    networks.filter(|network| network.dhcp != DhcpMode::Off)
}

pub(super) fn check(host: &Host) -> Vec<Finding> {
    if host.cluster.is_none() {
        return Vec::new();
    }
    if declared(host).next().is_none() {
        return vec![
            Finding::warning(
                "interfaces.nothing",
                "the cluster file declares no network on which DHCP is on",
            )
            .advise("declare one under `networks`: `machines: { prefix: 10.77.0.0/24 }`"),
        ];
    }
    let mut findings = Vec::new();
    for network in declared(host) {
        let name = &network.name;
        match interface_of(network, &host.interfaces) {
            Err(why) if relayed(host, network) => findings.push(Finding::notice(
                "interfaces.relayed",
                format!(
                    "network {name}: {why}; it is reached by a relay agent, if one was set up to send to this host"
                ),
            )),
            Err(why) => findings.push(absent(network, &host.interfaces, &why)),
            Ok(interface) => findings.extend(on(network, interface, host)),
        }
    }
    findings
}

/// Whether a network is meant to be far away: some other network is here, and this one names no interface.
fn relayed(host: &Host, network: &Network) -> bool {
    network.interface.is_none() && served(host).next().is_some()
}

fn absent(network: &Network, interfaces: &[Interface], why: &str) -> Finding {
    let name = &network.name;
    let finding = Finding::problem(
        "interfaces.absent",
        format!("network {name}: {why}: it cannot be served"),
    );
    let wired = |interface: &&Interface| interface.mac.is_some() && interface.addresses.is_empty();
    let address = own_address(network);
    match (&network.interface, interfaces.iter().find(wired)) {
        (Some(wanted), _) if interfaces.iter().any(|i| i.name == *wanted && !i.up) => {
            finding.run(format!("ip link set {wanted} up"))
        }
        (Some(wanted), _) if interfaces.iter().any(|i| i.name == *wanted) => {
            finding.run(format!("ip address add {address} dev {wanted}"))
        }
        (None, Some(free)) => finding.run(format!(
            "ip address add {address} dev {0} && ip link set {0} up",
            free.name
        )),
        _ => {
            let known: Vec<&str> = interfaces.iter().map(|i| &*i.name).collect();
            finding.advise(format!(
                "this host has {}: name one with `interface:` in the network, or give one an address",
                if known.is_empty() {
                    "no interface but the loopback".into()
                } else {
                    known.join(", ")
                }
            ))
        }
    }
}

/// A likely address for this host: the router if it may be us, else the network's first.
fn own_address(network: &Network) -> String {
    let first = network.prefix.hosts().next().unwrap_or(network.prefix.addr());
    format!("{}/{}", first, network.prefix.prefix_len())
}

fn on(network: &Network, interface: &Interface, host: &Host) -> Vec<Finding> {
    let (name, at) = (&network.name, &interface.name);
    let mut findings = Vec::new();
    if !interface.running {
        findings.push(
            Finding::problem(
                "interfaces.cable",
                format!("network {name}: nobody is at the other end of {at}'s cable"),
            )
            .advise("plug it in, or switch the switch on; the server goes on by itself then"),
        );
    }
    findings.extend(mtu(network, at, mtu_of(at)));
    let also: Vec<&str> = host
        .interfaces
        .iter()
        .filter(|other| other.index != interface.index && other.address_in(network.prefix).is_some())
        .map(|other| &*other.name)
        .collect();
    if !also.is_empty() && network.interface.is_none() {
        findings.push(
            Finding::warning(
                "interfaces.several",
                format!(
                    "network {name}: {at} and {} have an address in {}; {at} is served",
                    also.join(", "),
                    network.prefix
                ),
            )
            .advise(format!(
                "say which with `interface: {at}` in the network, and take the other address away"
            )),
        );
    }
    findings.extend(node_address(network, interface, host));
    if findings.is_empty() {
        let address = interface.address_in(network.prefix).unwrap_or(Ipv4Addr::UNSPECIFIED);
        findings.push(Finding::ok(
            "interfaces.network",
            format!("network {name} is on {at}, as {address}"),
        ));
    }
    findings
}

/// Our own address must be nobody else's, and not in a pool.
fn node_address(network: &Network, interface: &Interface, host: &Host) -> Option<Finding> {
    let address = interface.address_in(network.prefix)?;
    let cluster = host.cluster.as_ref()?;
    if let Some(node) = cluster.by_address(address) {
        return Some(
            Finding::problem(
                "interfaces.double",
                format!(
                    "{address} is this host's address on {} and that of node {}",
                    interface.name, node.name
                ),
            )
            .advise(format!("give node {} another address in the cluster file", node.name)),
        );
    }
    None
}

fn mtu(network: &Network, interface: &str, own: Option<u32>) -> Option<Finding> {
    let (own, name) = (own?, &network.name);
    let wanted = network.mtu.map_or(USUAL_MTU, u32::from);
    let said = if network.mtu.is_some() { "are told" } else { "use" };
    // A host that takes less than the machines send never gets their large packets.
    (own != wanted && (own < wanted || network.mtu.is_some())).then(|| {
        let message = format!("network {name}: machines {said} an MTU of {wanted}, {interface} has {own}");
        if own < wanted {
            Finding::problem("interfaces.mtu", format!("{message}: large packets are lost"))
                .run(format!("ip link set {interface} mtu {wanted}"))
        } else {
            Finding::warning("interfaces.mtu", format!("{message}: what this host sends may not fit"))
                .run(format!("ip link set {interface} mtu {wanted}"))
        }
    })
}

fn mtu_of(interface: &str) -> Option<u32> {
    let path = format!("/sys/class/net/{interface}/mtu");
    std::fs::read_to_string(path).ok()?.trim().parse().ok()
}
