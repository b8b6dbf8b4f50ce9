//! Every interface of every node with a name of its own, as name services and DHCP servers want them.
//!
//! Invariant: no two records have one name; a label is a DNS label.

use std::collections::HashSet;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use wire::Mac;

use super::Notes;
use crate::cluster::{Cluster, Network, Node};

/// An interface of a node, or its BMC.
#[derive(Debug, Clone)]
pub(super) struct Record<'a> {
    pub node: &'a Node,
    /// The node's name for its primary interface; of the others with the interface's or network's behind a hyphen.
    pub label: String,
    /// Name of the interface in the running system, if it is declared.
    pub interface: Option<&'a str>,
    pub mac: Option<Mac>,
    pub address: Option<IpAddr>,
    pub network: Option<&'a Network>,
    pub part: Part,
}

/// Which part of a node it is. Every node has one primary interface, of which perhaps nothing is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    Primary,
    Further,
    Bmc,
}

impl Record<'_> {
    /// Its address, if that is one of IPv4.
    pub fn ipv4(&self) -> Option<Ipv4Addr> {
        match self.address {
            Some(IpAddr::V4(address)) => Some(address),
            _ => None,
        }
    }

    /// `label.domain`, or the label where there is no domain.
    pub fn fqdn(&self, cluster: &Cluster) -> String {
        match cluster.domain.is_empty() {
            true => self.label.clone(),
            false => format!("{}.{}", self.label, cluster.domain),
        }
    }
}

pub(super) fn records<'a>(cluster: &'a Cluster, nodes: &'a [Arc<Node>], notes: &mut Notes) -> Vec<Record<'a>> {
    // Nodes that are not exported keep their names, too.
    let mut taken: HashSet<String> = cluster.nodes.iter().map(|node| node.name.to_string()).collect();
    let mut found = Vec::with_capacity(nodes.len());
    for node in nodes {
        if node.nics.is_empty() {
            found.push(Record {
                node,
                label: node.name.to_string(),
                interface: None,
                mac: None,
                address: None,
                network: None,
                part: Part::Primary,
            });
        }
        let primary = node.nics.iter().position(|nic| nic.address.is_some()).unwrap_or(0);
        for (at, nic) in node.nics.iter().enumerate() {
            let (label, part) = if at == primary {
                (node.name.to_string(), Part::Primary)
            } else {
                let own = nic.name.as_ref().or(nic.network.as_ref());
                let wanted = own.into_iter().map(String::as_str).map(str::to_string);
                let wanted = wanted.chain([format!("nic{}", at + 1)]);
                let free = wanted
                    .map(|suffix| label(&node.name, &suffix))
                    .find(|label| !taken.contains(label));
                match free {
                    Some(label) => (label, Part::Further),
                    None => {
                        notes.node(node, "an interface for which no name is left");
                        continue;
                    }
                }
            };
            taken.insert(label.clone());
            found.push(Record {
                node,
                label,
                interface: nic.name.as_deref(),
                mac: nic.mac,
                address: nic.address.map(IpAddr::V4),
                network: network(cluster, nic.network.as_deref(), nic.address),
                part,
            });
        }
        if let Some(bmc) = &node.bmc {
            let label = label(&node.name, "bmc");
            if !taken.insert(label.clone()) {
                notes.node(node, "its BMC, since another machine has the name that it would get");
                continue;
            }
            let ipv4 = match bmc.address {
                IpAddr::V4(address) => Some(address),
                IpAddr::V6(_) => None,
            };
            found.push(Record {
                node,
                label,
                interface: None,
                mac: bmc.mac,
                address: Some(bmc.address),
                network: network(cluster, None, ipv4),
                part: Part::Bmc,
            });
        }
    }
    found
}

fn network<'a>(cluster: &'a Cluster, name: Option<&str>, address: Option<Ipv4Addr>) -> Option<&'a Network> {
    let named = name.and_then(|name| cluster.network(name));
    let network = named.or_else(|| address.and_then(|address| cluster.network_of(address)));
    network.map(|network| &**network)
}

/// Two parts as one DNS label: interfaces may have dots and underscores in their names, hosts may not.
fn label(node: &str, suffix: &str) -> String {
    let plain = |c: char| {
        if c.is_ascii_alphanumeric() {
            c.to_ascii_lowercase()
        } else {
            '-'
        }
    };
    let suffix: String = suffix.chars().map(plain).collect();
    let label: String = format!("{node}-{suffix}").chars().take(63).collect();
    label.trim_end_matches('-').to_string()
}
