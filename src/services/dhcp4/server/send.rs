//! Answers on their way out.

use std::net::{Ipv4Addr, SocketAddrV4};

use model::dhcp::{Destination, Link, Reply};
use tokio::time::Instant;
use wire::dhcp4::{CLIENT_PORT, MessageType, SERVER_PORT, code};

use super::super::counters::add;
use super::Server;
use super::record::Asked;

/// A message that is ready to go.
#[derive(Debug)]
pub(super) struct Outgoing {
    bytes: Vec<u8>,
    kind: Option<MessageType>,
    destination: Destination,
    source: Ipv4Addr,
    interface: u32,
    second_port: bool,
    /// The question that it answers, for the recorder.
    asked: Asked,
}

impl Server {
    pub(super) fn ready(&self, reply: Reply, link: &Link, interface: u32, second_port: bool, asked: Asked) -> Outgoing {
        let mut bytes = Vec::with_capacity(reply.budget);
        let dropped = reply.message.encode(reply.budget, &mut bytes);
        add(&self.counters.dropped_options, dropped.codes().count() as u64);
        let kind = reply.message.get(code::MESSAGE_TYPE).and_then(|value| value.first());
        Outgoing {
            bytes,
            kind: kind.map(|octet| MessageType::from_code(*octet)),
            destination: reply.destination,
            source: link.address,
            interface,
            second_port,
            asked,
        }
    }

    /// An answer that may go out; it does with [`Server::send_some`].
    pub(super) fn leave(&mut self, outgoing: Outgoing) {
        let room = self.outbox.push(outgoing);
        add(&self.counters.unsent, u64::from(!room));
    }

    /// When [`Server::send_some`] is due; `None` if nothing waits to leave.
    pub fn next_send(&self) -> Option<Instant> {
        self.outbox.due()
    }

    /// Sends what may leave now.
    pub fn send_some(&mut self) {
        let now = Instant::now();
        while let Some(outgoing) = self.outbox.take(now) {
            self.send(&outgoing);
        }
    }

    fn send(&self, outgoing: &Outgoing) {
        let port = match &self.second {
            Some(second) if outgoing.second_port => second,
            _ => &self.main,
        };
        let Outgoing {
            bytes,
            source,
            interface,
            ..
        } = outgoing;
        let broadcast = || {
            let everybody = SocketAddrV4::new(Ipv4Addr::BROADCAST, CLIENT_PORT);
            port.send(bytes, everybody, *source, Some(*interface))
        };
        let sent = match outgoing.destination {
            Destination::Relay(relay) => port.send(bytes, SocketAddrV4::new(relay, SERVER_PORT), *source, None),
            Destination::Client(client) => port.send(bytes, SocketAddrV4::new(client, CLIENT_PORT), *source, None),
            Destination::Back(from) => port.send(bytes, from, *source, None),
            Destination::Broadcast => broadcast(),
            Destination::Hardware(address, mac) => match self.ears.get(interface) {
                Some(ears) => {
                    let from = SocketAddrV4::new(*source, port.number);
                    ears.send(bytes, mac, from, SocketAddrV4::new(address, CLIENT_PORT))
                        .or_else(|_| broadcast())
                }
                None => broadcast(),
            },
        };
        match sent {
            Ok(()) => {
                self.counters.sent(outgoing.kind);
                let to = outgoing.destination.address();
                self.recorded(&outgoing.asked, SocketAddrV4::new(*source, port.number), to, bytes);
            }
            Err(error) => {
                add(&self.counters.send_errors, 1);
                tracing::debug!(%error, destination = ?outgoing.destination, "an answer could not be sent");
            }
        }
    }
}
