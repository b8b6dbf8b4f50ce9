//! Who is asking: by hardware address, then SMBIOS UUID, then client identifier.
//!
//! The client identifier comes last although RFC 2131 puts it first: it changes between firmware, loader and operating
//! system of one machine, while the node stays the same node.

use std::sync::Arc;

use wire::Mac;
use wire::dhcp4::Packet;

use crate::cluster::{Network, Node};
use crate::world::World;

/// A recognised node.
#[derive(Debug, Clone, Copy)]
pub struct Identified<'w> {
    /// The node.
    pub node: &'w Arc<Node>,
    /// By what: `mac`, `uuid`, `client id`.
    pub by: &'static str,
}

/// Finds the node that sent a message; `None` for a machine that is no declared node.
pub fn identify<'w>(world: &'w World, packet: &Packet<'_>) -> Option<Identified<'w>> {
    let cluster = &world.cluster;
    if let Some(node) = packet.mac().and_then(|mac| cluster.by_mac(mac)) {
        return Some(Identified { node, by: "mac" });
    }
    let uuid = packet
        .client_uuid()
        .and_then(Result::ok)
        .filter(|uuid| !uuid.is_unset());
    // Firmware does not say in which of two orders it sends the octets; operators copy what dmidecode or a BMC prints.
    let node = uuid.and_then(|uuid| {
        cluster
            .by_uuid(&uuid.smbios().to_string())
            .or_else(|| cluster.by_uuid(&uuid.network().to_string()))
    });
    if let Some(node) = node {
        return Some(Identified { node, by: "uuid" });
    }
    let node = packet.client_id().and_then(|id| cluster.by_client_id(&id))?;
    Some(Identified { node, by: "client id" })
}

/// The hardware address to keep a lease under. A client without an Ethernet address (InfiniBand, RFC 4390) is known by
/// the MAC that its node declares on the network.
pub(super) fn hardware_address(packet: &Packet<'_>, node: Option<&Node>, network: &Network) -> Option<Mac> {
    let usable = |mac: &Mac| !mac.is_multicast() && *mac != Mac::ZERO;
    packet.mac().filter(usable).or_else(|| {
        let here = node?
            .nics
            .iter()
            .filter(|nic| nic.network.as_ref() == Some(&network.name));
        here.filter_map(|nic| nic.mac).next()
    })
}
