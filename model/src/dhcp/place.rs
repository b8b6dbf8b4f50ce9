//! On which network is the machine that asks?

use std::net::Ipv4Addr;

use super::{Reason, Received};
use crate::cluster::Network;
use crate::world::World;

/// Where a machine is.
pub(super) struct Place<'w> {
    /// Its network.
    pub network: &'w Network,
    /// Whether that is the network of the link on which the question came in.
    pub on_link: bool,
}

/// Finds the network. What a relay agent says of it goes before the relay agent's own address (RFC 3527 section 2);
/// an address that a client already uses tells its network where no relay agent was needed (RFC 2131 section 4.3.2,
/// RENEWING); else it is the network of the link.
pub(super) fn place<'w>(world: &'w World, rx: &Received<'_>) -> Result<Place<'w>, Reason> {
    let packet = rx.packet;
    if packet.op() != 1 {
        return Err(Reason::NotAQuestion);
    }
    let linked = rx.link.network.as_deref();
    let at = |address: Ipv4Addr| world.cluster.network_of(address);
    let network = if !packet.giaddr().is_unspecified() {
        let selected = packet
            .relay_agent()
            .and_then(|relay| relay.link_selection())
            .or_else(|| packet.subnet_selection())
            .and_then(Result::ok);
        // A selection that leads nowhere is no reason to guess another network.
        Some(at(selected.unwrap_or(packet.giaddr())).ok_or(Reason::RelayUnknown)?)
    } else if rx.unicast && !packet.ciaddr().is_unspecified() {
        at(packet.ciaddr()).or_else(|| world.cluster.network(linked?))
    } else {
        linked.and_then(|name| world.cluster.network(name))
    };
    let network = network.ok_or(Reason::LinkUnknown)?;
    let on_link = packet.giaddr().is_unspecified() && linked == Some(network.name.as_str());
    Ok(Place { network, on_link })
}
