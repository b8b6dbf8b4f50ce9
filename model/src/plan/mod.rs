//! Plan: what applying a cluster file would change, before it does.
//!
//! Invariant: a plan is made by rendering every answer of every node that differs, from today's world and from the
//! world as it would be; it guesses nothing. Nodes that are declared the same way in the same surroundings are not
//! rendered, so a small change in a large cluster is a small plan.

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::net::Ipv4Addr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use similar::TextDiff;

use crate::answers::{meta_data, user_data_without_hosts};
use crate::boot::{Dialect, Key, Site, resolve, script_in};
use crate::cluster::{Cluster, Node};
use crate::world::World;

/// The difference that an apply would make.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Plan {
    /// Nodes that would be there.
    pub added: Vec<String>,
    /// Nodes that would be gone.
    pub removed: Vec<String>,
    /// Nodes whose answers would change.
    pub changed: Vec<NodeChange>,
    /// Number of nodes that stay as they are.
    pub unchanged: usize,
    /// What changes for the cluster as a whole, one sentence each.
    pub cluster: Vec<String>,
    /// The change in the list of hosts that every node gets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hosts: Option<String>,
}

/// The answers of one node that would change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeChange {
    /// Node.
    pub node: String,
    /// The answers.
    pub answers: Vec<AnswerChange>,
}

/// One answer that would change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AnswerChange {
    /// `script`, `dhcp`, `user-data`, `meta-data`.
    pub document: String,
    /// Unified diff from today's answer to the new one.
    pub diff: String,
}

impl Plan {
    /// Whether applying would change nothing that any node sees.
    pub fn is_empty(&self) -> bool {
        self.added.is_empty()
            && self.removed.is_empty()
            && self.changed.is_empty()
            && self.cluster.is_empty()
            && self.hosts.is_none()
    }
}

/// What `wanted` would change in `world`.
pub fn plan(world: &World, wanted: &Cluster) -> Plan {
    let now = &*world.cluster;
    let after = World {
        cluster: Arc::new(wanted.clone()),
        ..world.clone()
    };
    let mut plan = Plan {
        cluster: surroundings(now, wanted),
        ..Plan::default()
    };
    for node in &now.nodes {
        if wanted.node(&node.name).is_none() {
            plan.removed.push(node.name.to_string());
        }
    }
    // What a node's answers depend on beside its own declaration.
    let same_networks: HashMap<&str, bool> = wanted
        .networks
        .iter()
        .map(|network| {
            (
                network.name.as_str(),
                now.network(&network.name).is_some_and(|old| alike(old, network)),
            )
        })
        .collect();
    let same_cluster = now.name == wanted.name && now.domain == wanted.domain && now.doors == wanted.doors;
    for node in &wanted.nodes {
        let Some(old) = now.node(&node.name) else {
            plan.added.push(node.name.to_string());
            continue;
        };
        let networks = node.nics.iter().filter_map(|nic| nic.network.as_deref());
        let same =
            same_cluster && networks.clone().all(|n| same_networks.get(n) == Some(&true)) && same_node(old, node);
        let answers = if same {
            Vec::new()
        } else {
            changes(world, old, &after, node)
        };
        if answers.is_empty() {
            plan.unchanged += 1;
        } else {
            plan.changed.push(NodeChange {
                node: node.name.to_string(),
                answers,
            });
        }
    }
    if now.hosts() != wanted.hosts() {
        plan.hosts = diff("hosts", now.hosts(), wanted.hosts());
    }
    plan
}

/// Equal but for the lines in the file.
fn alike(old: &crate::cluster::Network, new: &crate::cluster::Network) -> bool {
    crate::cluster::Network { line: 0, ..old.clone() } == crate::cluster::Network { line: 0, ..new.clone() }
}

/// Equal including the origins of values; a node that merely moved in the file is rendered and found unchanged.
fn same_node(old: &Node, new: &Node) -> bool {
    old == new
}

/// The answers of a node as they would be rendered, by document. The key and the boot stand for those of the next
/// boot: they are the same on both sides of a plan.
fn answers(world: &World, node: &Arc<Node>) -> [(&'static str, String); 4] {
    let key = Key::new([0; 32]);
    let site = world.site_of(node).unwrap_or(Site {
        address: Ipv4Addr::UNSPECIFIED,
        http_port: 80,
    });
    let resolved = resolve(world, node, None);
    let mac = node.nics.iter().find_map(|nic| nic.mac);
    [
        ("dhcp", crate::dhcp::describe(world, node, site)),
        (
            "script",
            script_in(Dialect::next(world, node), &key, site, mac, 0, node, &resolved).text,
        ),
        ("meta-data", meta_data(&world.cluster, node, 0).text),
        (
            "user-data",
            user_data_without_hosts(&key, site, &world.cluster, node, 0, resolved.target).text,
        ),
    ]
}

fn changes(before: &World, old: &Arc<Node>, after: &World, new: &Arc<Node>) -> Vec<AnswerChange> {
    answers(before, old)
        .iter()
        .zip(&answers(after, new))
        .filter_map(|((document, old), (_, new))| {
            diff(document, old, new).map(|diff| AnswerChange {
                document: (*document).to_string(),
                diff,
            })
        })
        .collect()
}

fn diff(document: &str, old: &str, new: &str) -> Option<String> {
    unified((&format!("{document} now"), old), (&format!("{document} then"), new))
}

/// The difference between two texts, each with its title, as `diff -u` shows it; `None` if there is none.
pub fn unified(old: (&str, &str), new: (&str, &str)) -> Option<String> {
    (old.1 != new.1).then(|| {
        TextDiff::from_lines(old.1, new.1)
            .unified_diff()
            .context_radius(1)
            .header(old.0, new.0)
            .to_string()
    })
}

fn surroundings(now: &Cluster, wanted: &Cluster) -> Vec<String> {
    let mut says = Vec::new();
    if now.name != wanted.name {
        says.push(format!("the cluster is called {} instead of {}", wanted.name, now.name));
    }
    for network in &wanted.networks {
        match now.network(&network.name) {
            None => says.push(format!(
                "network {} ({}) is new: DHCP {}",
                network.name,
                network.prefix,
                network.dhcp.as_str()
            )),
            Some(old) if old.dhcp != network.dhcp => says.push(format!(
                "network {}: DHCP {} instead of {}",
                network.name,
                network.dhcp.as_str(),
                old.dhcp.as_str()
            )),
            Some(old) if old.prefix != network.prefix => {
                says.push(format!(
                    "network {} is {} instead of {}",
                    network.name, network.prefix, old.prefix
                ));
            }
            Some(old) if !alike(old, network) => says.push(format!("network {} changes", network.name)),
            Some(_) => {}
        }
    }
    for old in &now.networks {
        if wanted.network(&old.name).is_none() {
            says.push(format!(
                "network {} ({}) is gone: nobody is answered there any more",
                old.name, old.prefix
            ));
        }
    }
    if now.doors != wanted.doors {
        says.push("doors move; that takes a restart of the server".to_string());
    }
    if now.cache != wanted.cache {
        says.push("the package cache changes: size, upstreams or hosts".to_string());
    }
    if now.faces != wanted.faces {
        says.push("faces are opened, closed or moved".to_string());
    }
    if now.recorder != wanted.recorder {
        says.push("the recorder gets another size".to_string());
    }
    says
}
