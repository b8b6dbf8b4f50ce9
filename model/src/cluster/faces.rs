//! Faces as they are declared: foreign protocols that existing clients go on speaking.

use std::net::{IpAddr, SocketAddr};

use ipnet::IpNet;

/// One face: where it listens, and whom it lets in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Face {
    /// Address and port.
    pub listen: SocketAddr,
    /// Who may connect, by address; empty: everybody who reaches the address.
    pub allow: Vec<IpNet>,
    /// Where the token is that a client must show: `env:NAME`, `file:/path` or `store:NAME`. Only of faces whose protocol has a place
    /// for one.
    pub token_from: Option<String>,
}

impl Face {
    /// Whether a peer may connect.
    pub fn allows(&self, peer: IpAddr) -> bool {
        // A socket that takes both families shows IPv4 peers in this form.
        let peer = peer.to_canonical();
        self.allow.is_empty() || self.allow.iter().any(|net| net.contains(&peer))
    }
}

/// All faces; `None`: closed, as each is unless the cluster file opens it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Faces {
    /// Pelagos' REST API, 5000.
    pub pelagos: Option<Face>,
    /// powerman, 10101.
    pub powerman: Option<Face>,
    /// conman, 7890.
    pub conman: Option<Face>,
    /// conserver, 3109.
    pub conserver: Option<Face>,
    /// What Pelagos is told beside its door.
    pub pelagos_ways: PelagosWays,
}

/// How Pelagos' tasks go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PelagosWays {
    /// The folder of its images, which was the root of its TFTP server.
    pub tftp_root: String,
    /// Seconds after which a task is given up whose node does not answer.
    pub timeout_seconds: u32,
    /// Seconds without a sign of life after which a node is restarted.
    pub frozen_seconds: u32,
}

impl Default for PelagosWays {
    fn default() -> Self {
        Self {
            tftp_root: "/srv/tftpboot".into(),
            timeout_seconds: 900,
            frozen_seconds: 180,
        }
    }
}
