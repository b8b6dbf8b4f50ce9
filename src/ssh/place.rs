//! Where the SSH servers of nodes are, and what is written down of them.

use std::net::Ipv4Addr;

use jiff::Timestamp;
use model::cluster::{Node, SshConsole};
use model::deployment::Deployment;
use model::event::{NewEvent, Seq, Subject, What};
use model::world::{HostKey, World};
use russh::keys::{HashAlg, PublicKey};

/// A server and what is known of it.
#[derive(Debug, Clone)]
pub struct Target {
    /// Name or address.
    pub host: String,
    /// Port, 1..=65535.
    pub port: u16,
    /// The host keys that are taken; none: whatever it shows is, once.
    pub pins: Vec<HostKey>,
    /// Whether algorithms are taken that are no longer safe.
    pub legacy: bool,
    /// What to do where it shows another key than before, for people.
    pub remedy: &'static str,
}

impl Target {
    /// The server of a node's console. `None`: it is the BMC's, and there is none.
    pub fn of_console(node: &Node, console: &SshConsole) -> Option<Self> {
        let bmc = node.bmc.as_ref().map(|bmc| bmc.address.to_string());
        Some(Self {
            host: console.host.clone().or(bmc)?,
            port: console.port,
            pins: Vec::new(),
            legacy: console.legacy,
            remedy: "if it was renewed or replaced, say `bellwether bmc trust` for the node",
        })
    }

    /// `host:port`, for people and for pins.
    pub fn place(&self) -> String {
        match self.host.contains(':') {
            true => format!("[{}]:{}", self.host, self.port),
            false => format!("{}:{}", self.host, self.port),
        }
    }

    /// With the key that is trusted, if it was seen at this place.
    pub fn pinned(mut self, known: Option<&HostKey>) -> Self {
        let place = self.place();
        self.pins = known
            .filter(|known| known.place == place)
            .cloned()
            .into_iter()
            .collect();
        self
    }

    /// The own server of a node that a deployment installed. What the node said to be its keys is what it shows, or else
    /// what it showed first since. `None`: the node has no address.
    pub fn of_node(world: &World, node: &Node, deployment: &Deployment) -> Option<Self> {
        let address = address(world, node)?;
        let target = Self {
            host: address.to_string(),
            port: super::PORT,
            pins: Vec::new(),
            legacy: false,
            remedy: "another machine may have its address, or its system made new keys meanwhile: look at it, and deploy it again",
        };
        let place = target.place();
        let told = (deployment.host_keys.iter()).filter_map(|line| told(line, &place));
        let pins: Vec<HostKey> = told.collect();
        match pins.is_empty() {
            true => Some(target.pinned(deployment.host_key.as_ref())),
            false => Some(Self { pins, ..target }),
        }
    }
}

/// A line of `ssh_host_…_key.pub`.
fn told(line: &str, place: &str) -> Option<HostKey> {
    let key = PublicKey::from_openssh(line.trim()).ok()?;
    Some(HostKey {
        place: place.to_string(),
        algorithm: key.algorithm().as_str().to_string(),
        fingerprint: key.fingerprint(HashAlg::Sha256).to_string(),
    })
}

/// Where a node is: the address that is declared, or the one that it has.
pub fn address(world: &World, node: &Node) -> Option<Ipv4Addr> {
    let leased = || {
        let macs = node.nics.iter().filter_map(|nic| nic.mac);
        let mut leases = macs.flat_map(|mac| world.leases.of(mac)).collect::<Vec<_>>();
        leases.sort_by_key(|lease| lease.until);
        leases.last().map(|lease| lease.address)
    };
    node.primary_address().or_else(leased)
}

/// What is written down when a host key is taken: of the node's own server in a deployment, else of its console's.
pub fn trusted(node: &str, actor: &str, deployment: Option<Seq>, key: &HostKey) -> NewEvent {
    let what = What::SshTrusted {
        deployment,
        place: key.place.clone(),
        algorithm: key.algorithm.clone(),
        fingerprint: key.fingerprint.clone(),
    };
    NewEvent::new(Timestamp::now(), actor, Subject::Node(node.to_string()), what)
}
