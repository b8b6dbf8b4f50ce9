//! The world as text, so that a start need not replay the whole journal.

use std::net::Ipv4Addr;
use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use wire::Mac;

use crate::deployment::Deployment;

use super::{Agent, Applied, DiskImage, Image, Lease, Machine, Medium, NetworkState, NodeState, World};

/// Raised whenever a field changes its meaning; a snapshot of another format is not read, the journal is replayed.
const FORMAT: u32 = 1;

/// Why a snapshot cannot be read. The journal can always be replayed instead.
#[derive(Debug, thiserror::Error)]
pub enum SnapshotError {
    /// Not a snapshot, or damaged.
    #[error("the snapshot cannot be read")]
    Unreadable(#[from] serde_json::Error),
    /// Written by another version of the program.
    #[error("the snapshot has format {0}, this program reads format {FORMAT}")]
    Format(u32),
}

#[derive(Serialize, Deserialize)]
struct Snapshot {
    format: u32,
    seq: u64,
    applied: Option<Arc<Applied>>,
    nodes: Vec<(Arc<str>, Arc<NodeState>)>,
    machines: Vec<Arc<Machine>>,
    leases: Vec<Arc<Lease>>,
    #[serde(default)]
    elsewhere: Vec<(Ipv4Addr, Mac, Arc<str>)>,
    conflicts: Vec<(Ipv4Addr, Timestamp)>,
    networks: Vec<(String, Arc<NetworkState>)>,
    images: Vec<(String, Arc<Image>)>,
    #[serde(default)]
    media: Vec<(String, Arc<Medium>)>,
    #[serde(default)]
    disk_images: Vec<(String, Arc<DiskImage>)>,
    #[serde(default)]
    agents: Vec<(String, Arc<Agent>)>,
    #[serde(default)]
    loaders: Option<Arc<Vec<String>>>,
    #[serde(default)]
    upstream_troubles: Vec<(String, (Timestamp, String))>,
    #[serde(default)]
    deployments: Vec<Arc<Deployment>>,
}

impl World {
    /// The world as JSON; [`World::from_snapshot`] reads it back.
    pub fn to_snapshot(&self) -> String {
        let mut nodes: Vec<_> = self
            .nodes
            .iter()
            .map(|(name, state)| (name.clone(), state.clone()))
            .collect();
        nodes.sort_by(|a, b| a.0.cmp(&b.0));
        let mut machines: Vec<_> = self.machines.values().cloned().collect();
        machines.sort_by_key(|m| m.mac);
        let snapshot = Snapshot {
            format: FORMAT,
            seq: self.seq,
            applied: self.applied.clone(),
            nodes,
            machines,
            leases: self.leases.iter().cloned().collect(),
            elsewhere: self.elsewhere.iter().collect(),
            conflicts: self.conflicts.iter().map(|(a, t)| (*a, *t)).collect(),
            networks: self.networks.iter().map(|(n, s)| (n.clone(), s.clone())).collect(),
            images: self.images.iter().map(|(n, i)| (n.clone(), i.clone())).collect(),
            media: self.media.iter().map(|(n, m)| (n.clone(), m.clone())).collect(),
            disk_images: self.disk_images.iter().map(|(n, i)| (n.clone(), i.clone())).collect(),
            agents: self.agents.iter().map(|(n, a)| (n.clone(), a.clone())).collect(),
            loaders: self.loaders.clone(),
            upstream_troubles: self
                .upstream_troubles
                .iter()
                .map(|(u, t)| (u.clone(), t.clone()))
                .collect(),
            deployments: self.deployments.iter().cloned().collect(),
        };
        serde_json::to_string(&snapshot).expect("plain data with text keys always serialises")
    }

    /// Reads a snapshot.
    ///
    /// # Errors
    /// Damage, or another format; replay the journal from its beginning then.
    pub fn from_snapshot(text: &str) -> Result<Self, SnapshotError> {
        #[derive(Deserialize)]
        struct Head {
            format: u32,
        }
        let head: Head = serde_json::from_str(text)?;
        if head.format != FORMAT {
            return Err(SnapshotError::Format(head.format));
        }
        let snapshot: Snapshot = serde_json::from_str(text)?;
        let mut world = World {
            seq: snapshot.seq,
            applied: snapshot.applied,
            ..World::default()
        };
        world.nodes = snapshot.nodes.into_iter().collect();
        world.machines = snapshot.machines.into_iter().map(|m| (m.mac, m)).collect();
        for lease in snapshot.leases {
            world.leases.put(Arc::unwrap_or_clone(lease));
        }
        for (address, mac, node) in snapshot.elsewhere {
            world.elsewhere.put(address, mac, node);
        }
        world.conflicts = snapshot.conflicts.into_iter().collect();
        world.networks = snapshot.networks.into_iter().collect();
        world.loaders = snapshot.loaders;
        world.images = snapshot.images.into_iter().collect();
        world.media = snapshot.media.into_iter().collect();
        world.disk_images = snapshot.disk_images.into_iter().collect();
        world.agents = snapshot.agents.into_iter().collect();
        world.upstream_troubles = snapshot.upstream_troubles.into_iter().collect();
        for deployment in snapshot.deployments {
            world.deployments.put(deployment);
        }
        if let Some(applied) = world.applied.clone() {
            world.read_cluster(&applied.text);
        }
        Ok(world)
    }
}
