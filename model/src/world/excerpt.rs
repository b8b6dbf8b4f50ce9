//! The part of the world that the answers to one machine rest upon.

use wire::Mac;

use super::World;
use crate::deployment::Deployments;
use crate::event::{Event, Subject, What};

impl World {
    /// This world without what is known of other nodes and machines, and of the package cache. Whoever of these asks gets the
    /// same answers from it: the cluster, all leases, networks, images and loaders are still there.
    #[must_use]
    pub fn excerpt(&self, nodes: &[&str], macs: &[Mac]) -> Self {
        let mut deployments = Deployments::default();
        for deployment in self.deployments.iter().filter(|d| nodes.contains(&&*d.node)) {
            deployments.put(deployment.clone());
        }
        Self {
            nodes: nodes
                .iter()
                .filter_map(|name| self.nodes.get_key_value(*name))
                .map(|(name, state)| (name.clone(), state.clone()))
                .collect(),
            machines: macs
                .iter()
                .filter_map(|mac| self.machines.get(mac))
                .map(|machine| (machine.mac, machine.clone()))
                .collect(),
            deployments,
            upstream_troubles: Default::default(),
            ..self.clone()
        }
    }
}

/// Whether an event changes what [`World::excerpt`] keeps.
pub fn concerns(event: &Event, nodes: &[&str], macs: &[Mac]) -> bool {
    match &event.subject {
        Subject::Node(name) if nodes.contains(&name.as_str()) => true,
        Subject::Machine(mac) if macs.contains(mac) => true,
        // What others said and got is nothing to these, but that an address is no longer to be had.
        Subject::Node(_) | Subject::Machine(_) => matches!(
            event.what,
            What::DhcpLeased { .. }
                | What::DhcpReleased { .. }
                | What::DhcpConflict { .. }
                | What::DhcpElsewhere { .. }
        ),
        Subject::Network(_) | Subject::Image(_) | Subject::Medium(_) => true,
        Subject::Cluster => !matches!(
            event.what,
            What::CacheTrouble { .. } | What::CacheRecovered { .. } | What::Transfer(_)
        ),
    }
}
