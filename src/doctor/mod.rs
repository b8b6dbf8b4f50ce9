//! The doctor: is this host fit to serve, and if not, what to do about it.
//!
//! One file for each family of checks. A check is a function from what was seen of the host to findings; every finding
//! that is not good news says how to put it right.
//!
//! Promise: works without a running server, beside one, and without privileges; what it may not look at it says.
//! Invariant: nothing is changed: no setting, no file that stays, no server is started or stopped. The only thing sent
//! is the question which DHCP servers, routers and doubles there are.

mod clock;
mod disk;
mod files;
mod finding;
mod firewall;
mod interfaces;
mod kernel;
mod machines;
mod neighbours;
mod ports;
mod server;
mod sockets;

pub use finding::{Finding, Fix, Severity};
pub use server::Running;

use std::path::PathBuf;
use std::sync::Arc;

use model::cluster::Cluster;

use crate::links::Interface;

/// What is looked at.
#[derive(Debug, Clone)]
pub struct Host {
    /// The state folder, there or not.
    pub state: PathBuf,
    /// The cluster to be served, if one is known.
    pub cluster: Option<Arc<Cluster>>,
    /// The server that runs on this state folder.
    pub server: Option<Running>,
    /// Folders with boot loaders beside the packaged ones.
    pub loaders: Vec<PathBuf>,
    /// The interfaces of this host.
    pub interfaces: Vec<Interface>,
    /// Whether we are root.
    pub root: bool,
}

/// Every check, in the order in which a person would go about it. Takes some five seconds, for the networks are
/// listened to.
pub async fn examine(host: &Host) -> Vec<Finding> {
    let mut findings = Vec::new();
    findings.extend(server::check(host));
    findings.extend(ports::check(host));
    findings.extend(interfaces::check(host));
    findings.extend(firewall::check(host));
    findings.extend(neighbours::check(host).await);
    findings.extend(kernel::check(host));
    findings.extend(clock::check(host));
    findings.extend(disk::check(host));
    findings.extend(files::check(host));
    findings.extend(machines::check(host));
    findings
}
