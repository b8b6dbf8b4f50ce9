//! Where a reply goes.
use std::net::Ipv4Addr;

use super::{MessageType, Packet};
use crate::Mac;

/// Where a reply goes (RFC 2131 section 4.1, and section 4.3.2 for refusals).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Destination {
    /// To the relay agent, port 67.
    Relay(Ipv4Addr),
    /// To the client, which already uses this address, port 68.
    Client(Ipv4Addr),
    /// To 255.255.255.255, port 68, on the link from which the request came.
    Broadcast,
    /// To the address it is just given, port 68, in a frame to this hardware address: the client answers no ARP yet.
    Hardware(Ipv4Addr, Mac),
}

/// Where a reply of this kind, which gives the client `yiaddr`, goes. For conversations on ports 67 and 68 only: in the one on
/// [`super::PXE_PORT`], and to leave a source port as it was found, answer where the datagram came from.
pub fn reply_destination(request: &Packet<'_>, kind: MessageType, yiaddr: Ipv4Addr) -> Destination {
    if !request.giaddr().is_unspecified() {
        return Destination::Relay(request.giaddr());
    }
    // A refused client may believe to be in a network where it is not: only broadcast is sure to reach it.
    if kind == MessageType::Nak {
        return Destination::Broadcast;
    }
    if !request.ciaddr().is_unspecified() {
        return Destination::Client(request.ciaddr());
    }
    match request.mac() {
        Some(mac) if !request.broadcast() && !yiaddr.is_unspecified() && !mac.is_multicast() => {
            Destination::Hardware(yiaddr, mac)
        }
        _ => Destination::Broadcast,
    }
}
