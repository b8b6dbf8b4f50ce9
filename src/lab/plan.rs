//! From a cluster file to what the lab is to be.
//!
//! Invariant: pure. The same cluster and the same wishes give the same lab.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};

use model::cluster::{Architecture, Bmc, Cluster, Network, Node};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use wire::Mac;

use super::{Accel, LabError};

/// What the user wishes for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wishes {
    /// The first so many nodes of the file; `None`: all.
    pub count: Option<usize>,
    /// Firmware of the machines.
    pub firmware: Firmware,
    /// Firmware of single nodes, by name.
    pub firmware_of: BTreeMap<String, Firmware>,
    /// What is wrong with the BMCs of single nodes, by name.
    pub bmc_faults: BTreeMap<String, String>,
    /// What each machine is made of.
    pub hardware: Hardware,
}

/// What a machine is made of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hardware {
    /// Memory in MiB.
    pub memory: u32,
    /// Processors.
    pub cpus: u32,
    /// QEMU's name of the processor; `None`: what suits the acceleration.
    pub cpu: Option<String>,
    /// Size of the disk in bytes; `None`: no disk.
    pub disk: Option<u64>,
    /// Firmware tries the disk before the network.
    pub disk_first: bool,
}

/// What a machine starts with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Firmware {
    /// OVMF, with its own PXE and HTTP boot.
    Uefi,
    /// OVMF with Microsoft's keys, Secure Boot enforced.
    Secure,
    /// OVMF with HTTP boot alone: its PXE is switched off.
    Http,
    /// SeaBIOS, with iPXE in the network card's ROM.
    Bios,
}

impl Firmware {
    /// All of them, for help texts.
    pub const ALL: [Self; 4] = [Self::Uefi, Self::Secure, Self::Http, Self::Bios];

    /// `uefi`, `secure`, `http` or `bios`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Uefi => "uefi",
            Self::Secure => "secure",
            Self::Http => "http",
            Self::Bios => "bios",
        }
    }

    /// Whether it is some OVMF.
    pub fn is_uefi(self) -> bool {
        self != Self::Bios
    }
}

/// What a lab is to be.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// Name of the cluster.
    pub cluster: String,
    /// The server and its arguments; `None`: no server is started.
    pub server: Option<Vec<String>>,
    /// How machines run.
    pub accel: Accel,
    /// A bridge for each network.
    pub bridges: Vec<Bridge>,
    /// The machines.
    pub machines: Vec<Machine>,
    /// What each machine is made of.
    pub hardware: Hardware,
    /// Machines are switched on at once.
    pub power_on: bool,
}

/// A network of the lab.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Bridge {
    /// Name of the network in the cluster file.
    pub network: String,
    /// Name of the interface.
    pub interface: String,
    /// The server's address.
    pub address: Ipv4Addr,
    /// Length of the network's prefix in bits.
    pub prefix_len: u8,
}

/// A machine of the lab.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Machine {
    /// Name of the node.
    pub name: String,
    /// What it starts with.
    pub firmware: Firmware,
    /// Network cards; firmware tries the first.
    pub ports: Vec<Port>,
    /// The address that the cluster file reserves for it.
    pub address: Option<Ipv4Addr>,
    /// SMBIOS UUID.
    pub uuid: String,
    /// SMBIOS serial number.
    pub serial: String,
    /// Its BMC, if the cluster file declares one.
    #[serde(default)]
    pub bmc: Option<Controlled>,
}

/// How a machine's BMC is got at.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Controlled {
    /// Its address.
    pub address: IpAddr,
    /// Where it speaks IPMI.
    pub port: u16,
    /// Where it speaks Redfish.
    #[serde(default = "redfish_port")]
    pub redfish_port: u16,
    /// Its user.
    pub user: String,
    /// Where its password is; what is not there is made up, and the server told.
    pub password_from: Option<String>,
    /// What is wrong with it, as [`super::bmc::LineFaults`] reads it.
    pub faults: String,
}

/// A network card of a machine.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Port {
    /// Hardware address.
    pub mac: Mac,
    /// The bridge that it is plugged into.
    pub bridge: String,
    /// The host's end of the cable, at most 15 bytes.
    pub tap: String,
}

/// Plans a lab.
///
/// # Errors
/// If the cluster cannot be put into a lab: no network, no node, a node of another architecture, a name that is none.
pub fn plan(cluster: &Cluster, wishes: &Wishes, accel: Accel, server: Option<Vec<String>>) -> Result<Plan, LabError> {
    let refuse = |text: String| Err(LabError::Wish(text));
    if cluster.networks.is_empty() {
        return refuse("the cluster file declares no network".to_string());
    }
    let count = wishes.count.unwrap_or(cluster.nodes.len());
    if count == 0 || count > cluster.nodes.len() {
        return refuse(format!(
            "the cluster file declares {} nodes, not {count}",
            cluster.nodes.len()
        ));
    }
    if let Some(unknown) = wishes.bmc_faults.keys().find(|name| cluster.node(name).is_none()) {
        return refuse(format!("--bmc-fault {unknown}=…: there is no node {unknown}"));
    }
    if let Some(unknown) = wishes.firmware_of.keys().find(|name| cluster.node(name).is_none()) {
        return refuse(format!("--firmware {unknown}=…: there is no node {unknown}"));
    }
    let bridges: Vec<Bridge> = cluster
        .networks
        .iter()
        .enumerate()
        .map(|(at, network)| bridge(cluster, network, at))
        .collect::<Result<_, _>>()?;
    let machines = cluster.nodes[..count]
        .iter()
        .enumerate()
        .map(|(at, node)| machine(node, at, wishes, &bridges, cluster))
        .collect::<Result<_, _>>()?;
    Ok(Plan {
        cluster: cluster.name.clone(),
        server,
        accel,
        bridges,
        machines,
        hardware: wishes.hardware.clone(),
        power_on: true,
    })
}

fn bridge(cluster: &Cluster, network: &Network, at: usize) -> Result<Bridge, LabError> {
    let address = server_address(cluster, network).ok_or_else(|| {
        LabError::Wish(format!(
            "network {}: every address is taken, none is left for the server",
            network.name
        ))
    })?;
    let interface = network.interface.clone().unwrap_or_else(|| format!("br{at}"));
    Ok(Bridge {
        network: network.name.clone(),
        interface,
        address,
        prefix_len: network.prefix.prefix_len(),
    })
}

/// The server takes the router's place where there is one, since nobody else in the lab would answer there; otherwise
/// the lowest address that nobody has.
fn server_address(cluster: &Cluster, network: &Network) -> Option<Ipv4Addr> {
    let free = |address: &Ipv4Addr| !network.in_pool(*address) && cluster.by_address(*address).is_none();
    network
        .router
        .filter(|router| network.prefix.contains(router) && cluster.by_address(*router).is_none())
        .or_else(|| network.prefix.hosts().find(free))
}

fn machine(
    node: &Node,
    at: usize,
    wishes: &Wishes,
    bridges: &[Bridge],
    cluster: &Cluster,
) -> Result<Machine, LabError> {
    if node.architecture != Architecture::Amd64 {
        return Err(LabError::Wish(format!(
            "{} is an {} machine: the lab has amd64 only",
            node.name, node.architecture
        )));
    }
    let mut ports: Vec<Port> = Vec::new();
    for (card, nic) in node.nics.iter().enumerate() {
        let network = nic
            .network
            .as_deref()
            .or_else(|| Some(&*cluster.network_of(nic.address?)?.name));
        // A card without a network is plugged into the first one: so firmware finds whoever answers there.
        let bridge = bridges
            .iter()
            .find(|b| Some(b.network.as_str()) == network)
            .unwrap_or(&bridges[0]);
        let mac = nic.mac.unwrap_or_else(|| made_up_mac(&node.name, card));
        ports.push(Port {
            mac,
            bridge: bridge.interface.clone(),
            tap: format!("tap{at}.{card}"),
        });
    }
    if ports.is_empty() {
        let bridge = bridges[0].interface.clone();
        ports.push(Port {
            mac: made_up_mac(&node.name, 0),
            bridge,
            tap: format!("tap{at}.0"),
        });
    }
    Ok(Machine {
        name: node.name.to_string(),
        firmware: wishes.firmware_of.get(&*node.name).copied().unwrap_or(wishes.firmware),
        ports,
        address: node.primary_address(),
        uuid: node.uuid.clone().unwrap_or_else(|| made_up_uuid(&node.name)),
        serial: node.serial.clone().unwrap_or_else(|| format!("LAB-{}", node.name)),
        bmc: node.bmc.as_ref().map(|bmc| controlled(node, bmc, wishes)),
    })
}

/// A BMC with both doors: the one that is declared at its port, the other at the usual one.
fn controlled(node: &Node, bmc: &Bmc, wishes: &Wishes) -> Controlled {
    let by_redfish = bmc.protocol == "redfish";
    Controlled {
        address: bmc.address,
        port: bmc.port.filter(|_| !by_redfish).unwrap_or(crate::bmc::IPMI_PORT),
        redfish_port: bmc.port.filter(|_| by_redfish).unwrap_or(crate::bmc::REDFISH_PORT),
        user: bmc.user.clone().unwrap_or_else(|| super::bmc::USER.to_string()),
        password_from: bmc.password_from.clone(),
        faults: wishes.bmc_faults.get(&*node.name).cloned().unwrap_or_default(),
    }
}

fn redfish_port() -> u16 {
    crate::bmc::REDFISH_PORT
}

/// A locally administered address that stays the same for the same card.
fn made_up_mac(node: &str, card: usize) -> Mac {
    let hash = Sha256::digest(format!("{node} {card}"));
    Mac::from([0x52, 0x54, 0x00, hash[0], hash[1], hash[2]])
}

fn made_up_uuid(node: &str) -> String {
    let hash = Sha256::digest(node);
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&hash[..16]);
    uuid::Builder::from_custom_bytes(bytes).into_uuid().to_string()
}

#[cfg(test)]
mod tests;
