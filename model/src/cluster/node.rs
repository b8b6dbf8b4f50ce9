//! A node: one declared machine.

use std::fmt;
use std::net::Ipv4Addr;
use std::sync::Arc;

use wire::Mac;

use super::{Bmc, ConsoleVia, Settings, Sourced};

/// One declared machine.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// Host name, a DNS label, unique in the cluster.
    pub name: Arc<str>,
    /// Network interfaces in the order of the file; the first one that has an address is the primary one.
    pub nics: Vec<Nic>,
    /// Baseboard management controller, if the machine has one.
    pub bmc: Option<Bmc>,
    /// How its console is got at; `None`: not at all.
    pub console_via: Option<ConsoleVia>,
    /// Groups in the order in which their settings apply, later ones win.
    pub groups: Vec<String>,
    /// Profile with the layer that chose it.
    pub profile: Option<Sourced<String>>,
    /// CPU architecture.
    pub architecture: Architecture,
    /// SMBIOS UUID in text form, if declared: identifies the machine when its NIC is unknown.
    pub uuid: Option<String>,
    /// SMBIOS serial number, if declared.
    pub serial: Option<String>,
    /// DHCP client identifier (option 61, type byte included), if declared.
    pub client_id: Option<Vec<u8>>,
    /// Effective settings: defaults < profile < groups in order < node.
    pub settings: Arc<Settings>,
    /// Line of the declaration in the cluster file, from 1.
    pub line: u32,
}

impl Node {
    /// The first address in the order of the NICs.
    pub fn primary_address(&self) -> Option<Ipv4Addr> {
        self.nics.iter().find_map(|n| n.address)
    }

    /// The NIC with that MAC.
    pub fn nic(&self, mac: Mac) -> Option<&Nic> {
        self.nics.iter().find(|n| n.mac == Some(mac))
    }
}

/// A network interface of a node.
#[derive(Debug, Clone, PartialEq)]
pub struct Nic {
    /// Interface name in the running system where the file gives one (`enp1s0`).
    pub name: Option<String>,
    /// Hardware address. `None`: not known yet.
    pub mac: Option<Mac>,
    /// Name of the network that it is plugged into.
    pub network: Option<String>,
    /// Reserved address inside that network.
    pub address: Option<Ipv4Addr>,
    /// Line in the cluster file, from 1.
    pub line: u32,
}

/// CPU architecture of a node, in Debian's names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Architecture {
    /// x86, 64 bits.
    #[default]
    Amd64,
    /// ARM, 64 bits.
    Arm64,
}

impl Architecture {
    /// Debian's name of the architecture.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Amd64 => "amd64",
            Self::Arm64 => "arm64",
        }
    }
}

impl fmt::Display for Architecture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A serial console as the kernel names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Console {
    /// Device, `ttyS0`.
    pub device: String,
    /// Speed in bits per second.
    pub speed: u32,
}

impl fmt::Display for Console {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{},{}", self.device, self.speed)
    }
}
