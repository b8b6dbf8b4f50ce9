//! Machines that nobody declared, and what is known of networks.

use std::net::Ipv4Addr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use wire::Mac;

use crate::event::Stage;

/// A machine that asked for something and is no declared node.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Machine {
    /// Its hardware address.
    pub mac: Mac,
    /// Network on which it was seen last.
    pub network: String,
    /// When it was first seen.
    pub first_seen: Timestamp,
    /// When it was last seen.
    pub last_seen: Timestamp,
    /// Software that asked last.
    pub stage: Stage,
    /// Architecture code of option 93.
    pub arch: Option<u16>,
    /// SMBIOS UUID.
    pub uuid: Option<String>,
    /// Host name that it gave.
    pub hostname: Option<String>,
    /// Vendor class that it gave.
    pub vendor_class: Option<String>,
}

impl Machine {
    /// How many machines are remembered; the one seen longest ago makes room. A flood of made-up MACs must not fill
    /// the memory.
    pub const KEPT: usize = 4096;
}

/// What is known of a network.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NetworkState {
    /// Whether it is served.
    pub serving: Serving,
    /// Since when.
    pub since: Timestamp,
    /// The last foreign DHCP server that was heard there, and when.
    pub foreign: Option<(Ipv4Addr, Timestamp)>,
}

/// Whether a network is served.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Serving {
    /// On this interface, with this address of ours.
    Yes {
        /// Interface name.
        interface: String,
        /// Our address there.
        address: Ipv4Addr,
        /// Port of the HTTP door there.
        http_port: u16,
    },
    /// Not, since this server answers there already.
    Refused {
        /// Its server identifier.
        server: Ipv4Addr,
    },
    /// Not, since no interface has an address in it.
    Absent {
        /// Why.
        why: String,
    },
}
