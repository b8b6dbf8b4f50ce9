//! Who is asking: a machine is recognised by what it says of itself, in the order of how hard it is to get wrong.

use std::net::IpAddr;
use std::sync::Arc;

use wire::Mac;

use crate::cluster::Node;
use crate::world::World;

/// What a client says of itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Client {
    /// Node name, from the URL that we gave it.
    pub name: Option<String>,
    /// MAC of the NIC that booted.
    pub mac: Option<Mac>,
    /// SMBIOS UUID.
    pub uuid: Option<String>,
    /// SMBIOS serial number.
    pub serial: Option<String>,
    /// Host name.
    pub hostname: Option<String>,
    /// Address that it asks from.
    pub address: Option<IpAddr>,
}

/// A recognised machine.
#[derive(Debug, Clone)]
pub struct Identified {
    /// The node.
    pub node: Arc<Node>,
    /// By what: `name`, `mac`, `uuid`, `serial`, `hostname`, `address`.
    pub by: &'static str,
}

/// Finds the node that is asking; `None` for a machine that is no declared node.
///
/// A MAC that belongs to a node wins over the name in the URL: after a NIC moved to another machine its old URL may
/// still be in that machine's firmware.
pub fn identify(world: &World, client: &Client) -> Option<Identified> {
    let cluster = &world.cluster;
    let found = |node: Option<&Arc<Node>>, by| node.map(|node| Identified { node: node.clone(), by });
    let host = client
        .hostname
        .as_deref()
        .map(|name| name.split('.').next().unwrap_or(name));
    found(client.mac.and_then(|mac| cluster.by_mac(mac)), "mac")
        .or_else(|| found(client.name.as_deref().and_then(|name| cluster.node(name)), "name"))
        .or_else(|| found(client.uuid.as_deref().and_then(|uuid| cluster.by_uuid(uuid)), "uuid"))
        .or_else(|| {
            found(
                client.serial.as_deref().and_then(|serial| cluster.by_serial(serial)),
                "serial",
            )
        })
        .or_else(|| found(host.and_then(|name| cluster.node(name)), "hostname"))
        .or_else(|| found(client.address.and_then(|address| world.node_at(address)), "address"))
}
