//! The question: what a message says of its sender, read once.

use std::sync::Arc;

use wire::Mac;
use wire::dhcp4::{Arch, MessageType, Packet};

use super::identify::hardware_address;
use super::{Reason, Received, identify};
use crate::cluster::{Network, Node};
use crate::event::{DhcpAsk, Stage};
use crate::world::World;

/// How much of a text that a client made up is kept, in characters.
const KEPT: usize = 128;

/// What was asked, and who asked.
pub(super) struct Question<'a> {
    pub packet: &'a Packet<'a>,
    pub kind: MessageType,
    pub mac: Mac,
    pub stage: Stage,
    pub arch: Option<Arch>,
    pub node: Option<&'a Arc<Node>>,
    /// Whether the node was recognised by its hardware address.
    pub by_mac: bool,
}

impl<'a> Question<'a> {
    pub fn read(world: &'a World, rx: &'a Received<'a>, network: &Network) -> Result<Self, Reason> {
        let packet = rx.packet;
        let kind = match packet.message_type() {
            None => return Err(Reason::Bootp),
            Some(Err(_)) => return Err(Reason::NotUnderstood),
            Some(Ok(kind)) => kind,
        };
        let known = identify(world, packet);
        let node = known.map(|known| known.node);
        let mac = hardware_address(packet, node.map(|n| &**n), network).ok_or(Reason::NoHardwareAddress)?;
        let arch = packet.arch().and_then(Result::ok);
        Ok(Self {
            packet,
            kind,
            mac,
            stage: stage(packet, arch),
            arch,
            node,
            by_mac: node.is_some_and(|node| node.nic(mac).is_some()),
        })
    }

    /// The question as events keep it.
    pub fn ask(&self, network: &Network) -> DhcpAsk {
        let packet = self.packet;
        let uuid = packet
            .client_uuid()
            .and_then(Result::ok)
            .filter(|uuid| !uuid.is_unset());
        DhcpAsk {
            message: lower(self.kind),
            mac: self.mac,
            network: network.name.clone(),
            stage: self.stage,
            arch: self.arch.map(Arch::code),
            uuid: uuid.map(|uuid| uuid.smbios().to_string()),
            client_id: packet.client_id().map(|id| hex(&id[..id.len().min(KEPT / 2)])),
            vendor_class: packet.vendor_class().map(|class| readable(&class)),
            hostname: packet.host_name().map(|name| readable(&name)).filter(|n| !n.is_empty()),
            relay: Some(packet.giaddr()).filter(|relay| !relay.is_unspecified()),
        }
    }
}

/// Which software asks. iPXE says `PXEClient` too, so it is looked for first; that is what keeps it from being given
/// itself for ever.
fn stage(packet: &Packet<'_>, arch: Option<Arch>) -> Stage {
    let class = packet.vendor_class();
    let says = |prefix: &[u8]| class.as_ref().is_some_and(|class| class.starts_with(prefix));
    if packet.is_ipxe() {
        Stage::Ipxe
    } else if says(b"HTTPClient") {
        Stage::HttpFirmware
    } else if says(b"PXEClient") {
        Stage::Firmware
    } else {
        match arch {
            Some(arch) if class.is_none() && arch.is_http() => Stage::HttpFirmware,
            Some(_) if class.is_none() => Stage::Firmware,
            _ => Stage::Os,
        }
    }
}

/// Text from the wire for the eyes of an operator: bounded, without control characters.
fn readable(value: &[u8]) -> String {
    let text = String::from_utf8_lossy(value);
    text.chars()
        .take(KEPT)
        .map(|c| if c.is_control() { '\u{fffd}' } else { c })
        .collect()
}

fn lower(kind: MessageType) -> String {
    let mut text = kind.to_string();
    text.make_ascii_lowercase();
    text
}

fn hex(value: &[u8]) -> String {
    let mut text = String::with_capacity(2 * value.len());
    for octet in value {
        for digit in [octet >> 4, octet & 0xf] {
            text.push(char::from_digit(digit.into(), 16).expect("four bits are one digit"));
        }
    }
    text
}
