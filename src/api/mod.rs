//! The control API: what the command line on this host speaks over a Unix socket.
//!
//! Invariant: every change names its actor in the journal; who that is comes from the kernel (peer credentials), never
//! from the request.

mod bmc;
mod boot;
mod cache;
mod capture;
mod cluster;
mod console;
mod deployments;
mod events;
mod export;
mod nodes;
mod problem;
mod routes;
mod secrets;
mod server;
mod status;

pub use problem::ApiProblem;
pub use server::{ApiError, listen, serve};

use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::sync::Arc;

use jiff::Timestamp;
use model::boot::{Key, Site};
use model::cluster::{Cluster, Node};
use tokio_util::sync::CancellationToken;

use crate::cache::Cache;
use crate::journal::Journal;
use crate::links::interfaces;
use crate::recorder::Recorder;
use crate::services::dhcp4::interface_of;
use crate::telemetry::Metrics;

/// What handlers share.
#[derive(Clone)]
pub struct Api {
    /// The journal and through it the world.
    pub journal: Journal,
    /// Key of boot tokens.
    pub key: Key,
    /// Folder of images.
    pub images: PathBuf,
    /// Folder of media.
    pub media: PathBuf,
    /// Folder of the logs of installers.
    pub logs: PathBuf,
    /// Everything that is counted.
    pub metrics: Arc<Metrics>,
    /// The consoles of the nodes.
    pub consoles: crate::console::Consoles,
    /// Passwords and tokens.
    pub secrets: crate::secrets::Secrets,
    /// Where orders for BMCs are given.
    pub bmcs: crate::bmc::Desk,
    /// The package cache.
    pub cache: Arc<Cache>,
    /// What machines asked and were answered.
    pub recorder: Recorder,
    /// When the server started.
    pub started: Timestamp,
    /// Port of the nodes' HTTP door.
    pub http_port: u16,
    /// Lets followers go.
    pub stop: CancellationToken,
}

/// Who sent a request: `cli:ada`.
#[derive(Debug, Clone)]
pub struct Actor(pub String);

impl Api {
    /// Where a node reaches us: our address on the network of its first addressed NIC.
    fn site(&self, node: &Node) -> Site {
        let world = self.journal.world();
        world.site_of(node).unwrap_or_else(|| Site {
            address: own_address(&world.cluster, node).unwrap_or(Ipv4Addr::UNSPECIFIED),
            http_port: self.http_port,
        })
    }
}

/// Our address on a network of the node, or else on any, by our interfaces: for where DHCP is another's task, or not yet ours.
fn own_address(cluster: &Cluster, node: &Node) -> Option<Ipv4Addr> {
    let interfaces = interfaces().ok()?;
    let own = node
        .nics
        .iter()
        .filter_map(|nic| cluster.network(nic.network.as_deref()?));
    own.chain(&cluster.networks)
        .find_map(|network| interface_of(network, &interfaces).ok()?.address_in(network.prefix))
}
