//! What arming a deployment of a node would mean, before it is done.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::agent;
use crate::cluster::{Node, NodeStep, ReadyWhen, Via};
use crate::event::Seq;
use crate::world::World;

/// A node that is to be deployed: what it would get, what would be lost, and what stands in the way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Candidate {
    /// Name of the node.
    pub node: String,
    /// How the system would come to the disk.
    pub via: Via,
    /// Medium or image, empty where none is named.
    pub source: String,
    /// Profile: the one that was asked for, else the declared one.
    pub profile: Option<String>,
    /// Which disk would be wiped and how it would be divided.
    pub onto: String,
    /// How often it would be tried.
    pub attempts: u32,
    /// What would tell that it is ready.
    pub ready_when: ReadyWhen,
    /// What would be done on it then.
    pub after_ready: Vec<NodeStep>,
    /// Where the key is that logs in for that.
    pub ssh_key_from: Option<String>,
    /// What is known to be on the disk: `debian-12 by deployment 17`.
    pub loses: Option<String>,
    /// The deployment under way that would be superseded.
    pub supersedes: Option<Seq>,
    /// Why it cannot be armed.
    pub blocked: Option<String>,
}

/// What a deployment of `node`, to `profile` where another than its own is named, would be.
pub fn candidate(world: &World, node: &Arc<Node>, profile: Option<&str>) -> Candidate {
    let wanted = match profile {
        Some(profile) => world.cluster.node_as(node, profile),
        None => Ok(node.clone()),
    };
    let (node, unknown) = match wanted {
        Ok(wanted) => (wanted, None),
        Err(unknown) => (node.clone(), Some(unknown)),
    };
    let settings = &node.settings;
    let via = settings.via();
    let source = match via {
        Via::Network => None,
        Via::Installer => settings.medium.as_ref(),
        Via::Image => settings.image.as_ref(),
    };
    let disk = settings
        .disk
        .as_ref()
        .map(|disk| disk.value.clone())
        .unwrap_or_default();
    let layout = settings
        .layout
        .as_ref()
        .map(|layout| layout.value.clone())
        .unwrap_or_default();
    let latest = world.deployments.latest(&node.name);
    let blocked = unknown.or_else(|| obstacle(world, &node));
    Candidate {
        node: node.name.to_string(),
        via,
        source: source.map(|source| source.value.clone()).unwrap_or_default(),
        profile: node.profile.as_ref().map(|profile| profile.value.clone()),
        onto: format!("{disk}: {layout}"),
        attempts: settings.attempts(),
        ready_when: settings.ready_when(),
        after_ready: settings.after_ready.iter().map(|step| step.value.clone()).collect(),
        ssh_key_from: settings.ssh_key_from.as_ref().map(|from| from.value.clone()),
        loses: latest
            .filter(|latest| latest.installed.is_some())
            .map(|latest| format!("{} by deployment {}", latest.source, latest.id)),
        supersedes: latest.filter(|latest| latest.is_active()).map(|latest| latest.id),
        blocked,
    }
}

/// The node as its deployment under way has it: of another profile than the declared one where that was asked for.
pub fn effective(world: &World, node: &Arc<Node>) -> Arc<Node> {
    let profile = world
        .deployments
        .active_of(&node.name)
        .and_then(|active| active.profile.clone());
    match profile.map(|profile| world.cluster.node_as(node, &profile)) {
        Some(Ok(effective)) => effective,
        _ => node.clone(),
    }
}

/// Why a node cannot install now, and what to do about it.
pub fn obstacle(world: &World, node: &Node) -> Option<String> {
    let settings = &node.settings;
    let name = &node.name;
    match settings.via() {
        Via::Network => Some(format!(
            "{name} runs over the network: set `via: installer` or `via: image` in its profile"
        )),
        Via::Installer => crate::install::check(world, node)
            .err()
            .map(|blocked| format!("{name}: {blocked}")),
        Via::Image => agent::obstacle(world, node),
    }
}
