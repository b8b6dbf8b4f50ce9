//! Questions and answers on their way into the recorder.

use std::borrow::Cow;
use std::net::SocketAddrV4;
use std::sync::Arc;

use jiff::Timestamp;
use model::dhcp::{self, Effect, Reason, Received};
use model::world::World;
use wire::Mac;
use wire::dhcp4::PXE_PORT;

use super::Server;
use crate::recorder::{self, DhcpSaid, Owner, Packet, Role, Said, Transport};
use crate::services::dhcp4::port::Arrival;

/// What the answer of a question must know of it.
#[derive(Debug)]
pub(super) struct Asked {
    number: u64,
    node: Option<Arc<str>>,
    mac: Option<Mac>,
}

impl Asked {
    fn owner(&self) -> Owner<'_> {
        self.node.as_ref().map_or(Owner::Stranger, Owner::Node)
    }
}

impl Server {
    /// Keeps a question with all that its answer was derived from. Must come before the next decision.
    pub(super) fn record(
        &mut self,
        world: &World,
        rx: &Received<'_>,
        arrival: &Arrival,
        now: Timestamp,
        effect: &Effect,
        why: Reason,
    ) -> Asked {
        let asked = Asked {
            number: self.recorder.question(),
            node: dhcp::identify(world, rx.packet).map(|known| known.node.name.clone()),
            mac: rx.packet.mac(),
        };
        let said = Said::Dhcp(DhcpSaid {
            world: world.seq,
            network: rx.link.network.as_deref().map(Cow::Borrowed),
            address: rx.link.address,
            http_port: rx.link.http_port,
            mtu: rx.link.mtu,
            unicast: rx.unicast,
            port4011: rx.port4011,
            grounds: Cow::Borrowed(self.offers.grounds()),
            why: Cow::Borrowed(why.label()),
            effect: match effect {
                Effect::Silent => recorder::Effect::Silent,
                Effect::Probe(_) => recorder::Effect::Probe,
                Effect::Reply(_) => recorder::Effect::Reply,
            },
        });
        let port = if rx.port4011 { PXE_PORT } else { self.main.number };
        let packet = Packet {
            at: now,
            question: asked.number,
            role: Role::Question,
            transport: Transport::Udp,
            from: arrival.from.into(),
            to: SocketAddrV4::new(arrival.to, port).into(),
            mac: asked.mac,
            bytes: rx.packet.bytes(),
            whole: rx.packet.bytes().len(),
        };
        self.recorder.keep(asked.owner(), &packet, Some(&said));
        asked
    }

    /// Keeps an answer that has left.
    pub(super) fn recorded(&self, asked: &Asked, from: SocketAddrV4, to: SocketAddrV4, bytes: &[u8]) {
        let packet = Packet {
            at: Timestamp::now(),
            question: asked.number,
            role: Role::Answer,
            transport: Transport::Udp,
            from: from.into(),
            to: to.into(),
            mac: asked.mac,
            bytes,
            whole: bytes.len(),
        };
        self.recorder.keep(asked.owner(), &packet, None);
    }
}
