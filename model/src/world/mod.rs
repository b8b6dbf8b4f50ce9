//! The world: the whole picture of the cluster at one position of the journal.
//!
//! Invariant: folding is total. Every event can be applied to every world, and no event makes it fail.
//! Invariant: a clone costs nothing that grows with the cluster (persistent maps), so each reader holds its own
//! snapshot and never locks.
//! Invariant: `fold(events)` equals `fold(snapshot, later events)`.

mod boot;
mod boots;
#[cfg(test)]
mod boots_tests;
mod bundles;
mod elsewhere;
mod excerpt;
mod fold;
mod lease;
mod machine;
mod medium;
mod snapshot;
#[cfg(test)]
mod tests;
mod tried;

pub use boot::{BmcFailure, BmcState, Boot, ConsoleLine, HostKey, Mark, NodeState, Step, TargetChoice};
pub use bundles::{Agent, DiskImage, Image, ImageFile, OnDisk};
pub use elsewhere::Elsewhere;
pub use excerpt::concerns;
pub use lease::{Lease, Leases};
pub use machine::{Machine, NetworkState, Serving};
pub use medium::Medium;
pub use snapshot::SnapshotError;
pub use tried::{Chain, Tried};

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use imbl::{HashMap, OrdMap};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use wire::Mac;

use crate::boot::Site;
use crate::cluster::{Cluster, Node};
use crate::deployment::Deployments;
use crate::event::{Seq, Subject, What};

/// The picture that every answer is derived from.
#[derive(Debug, Clone, Default)]
pub struct World {
    /// Position of the last event in it, 0 for the empty world.
    pub seq: Seq,
    /// What is declared.
    pub cluster: Arc<Cluster>,
    /// The text that `cluster` was made from.
    pub applied: Option<Arc<Applied>>,
    /// What is known of declared nodes beside their declaration, by name.
    pub nodes: HashMap<Arc<str>, Arc<NodeState>>,
    /// Machines that are no declared nodes, the most recent [`Machine::KEPT`].
    pub machines: HashMap<Mac, Arc<Machine>>,
    /// Who holds which address.
    pub leases: Leases,
    /// Which nodes have which address from another DHCP server.
    pub elsewhere: Elsewhere,
    /// Addresses not to be offered, with the time from which they may be again.
    pub conflicts: OrdMap<Ipv4Addr, Timestamp>,
    /// Whether and where networks are served, by name.
    pub networks: OrdMap<String, Arc<NetworkState>>,
    /// Deployments, those under way and those that ended.
    pub deployments: Deployments,
    /// Images that can be booted, by name.
    pub images: OrdMap<String, Arc<Image>>,
    /// Media that can be installed from, by name.
    pub media: OrdMap<String, Arc<Medium>>,
    /// Images of whole disks, by name.
    pub disk_images: OrdMap<String, Arc<DiskImage>>,
    /// Systems that write images to disks, by name.
    pub agents: OrdMap<String, Arc<Agent>>,
    /// The boot loaders that can be had, of those in [`crate::boot::LOADERS`]; `None` where nobody has looked yet.
    pub loaders: Option<Arc<Vec<String>>>,
    /// Upstreams of the package cache that make trouble, since when and which, by scheme and host.
    pub upstream_troubles: OrdMap<String, (Timestamp, String)>,
}

/// The cluster file in force.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Applied {
    /// SHA-256 of the text, hexadecimal.
    pub digest: String,
    /// The text.
    pub text: String,
    /// When it took effect.
    pub at: Timestamp,
    /// Who applied it.
    pub actor: String,
    /// Position of the event.
    pub seq: Seq,
}

impl World {
    /// What is known of a declared node; a fresh state where nothing is known yet.
    pub fn state(&self, node: &str) -> Arc<NodeState> {
        self.nodes.get(node).cloned().unwrap_or_default()
    }

    /// Whether a script that is served to a node changes nothing on which a later answer depends: no boot begins with it, it
    /// uses up no choice, and no deployment runs that would count it. What it is the script of is known without it then.
    pub fn is_one_more_script(&self, node: &str, at: Timestamp, what: &What) -> bool {
        let told = matches!(what, What::ScriptServed { deployment: None, .. });
        told && self.deployments.active_of(node).is_none()
            && self.nodes.get(node).is_some_and(|n| n.only_tells(at, what))
    }

    /// Whether a script that is [one more](Self::is_one_more_script) starts what the one before it started, too: then neither a
    /// script nor a document that is asked for later differs by it.
    pub fn is_same_script(&self, node: &str, what: &What) -> bool {
        let What::ScriptServed { target, image, .. } = what else {
            return false;
        };
        let boot = self.nodes.get(node).and_then(|state| state.boot.as_ref());
        boot.is_some_and(|boot| boot.target.as_ref() == Some(target) && boot.image == *image)
    }

    /// The node that uses that address: by its lease, here or from another server, else by its reservation.
    pub fn node_at(&self, address: IpAddr) -> Option<&Arc<Node>> {
        let IpAddr::V4(address) = address else { return None };
        match self.leases.at(address) {
            Some(lease) => match &lease.node {
                Some(name) => self.cluster.node(name),
                None => self.cluster.by_mac(lease.mac),
            },
            None => match self.elsewhere.at(address) {
                Some(name) => self.cluster.node(name),
                None => self.cluster.by_address(address),
            },
        }
    }

    /// The subject for something that came from that address: its node, its machine, or the cluster if nobody
    /// known uses it.
    pub fn subject_at(&self, address: IpAddr) -> Subject {
        if let Some(node) = self.node_at(address) {
            return Subject::Node(node.name.to_string());
        }
        match address {
            IpAddr::V4(v4) => self
                .leases
                .at(v4)
                .map_or(Subject::Cluster, |lease| Subject::Machine(lease.mac)),
            IpAddr::V6(_) => Subject::Cluster,
        }
    }

    /// Where a node reaches this server: our address on the network of its first NIC that is served, else (a node
    /// behind a relay) on any network that is. `None` while nothing is served.
    pub fn site_of(&self, node: &Node) -> Option<Site> {
        let site = |state: &NetworkState| match &state.serving {
            Serving::Yes { address, http_port, .. } => Some(Site {
                address: *address,
                http_port: *http_port,
            }),
            Serving::Refused { .. } | Serving::Absent { .. } => None,
        };
        let own = node.nics.iter().filter_map(|nic| nic.network.as_deref());
        own.filter_map(|network| self.networks.get(network))
            .find_map(|state| site(state))
            .or_else(|| self.networks.values().find_map(|state| site(state)))
    }

    /// Whether a boot loader can be had, as far as is known.
    pub fn has_loader(&self, file: &str) -> bool {
        self.loaders
            .as_ref()
            .is_none_or(|loaders| loaders.iter().any(|there| there == file))
    }

    /// This host's address on a network, as nodes there are given it; `None` while the network is not served.
    pub fn server_on(&self, network: &str) -> Option<Ipv4Addr> {
        match &self.networks.get(network)?.serving {
            Serving::Yes { address, .. } => Some(*address),
            Serving::Refused { .. } | Serving::Absent { .. } => None,
        }
    }
}
