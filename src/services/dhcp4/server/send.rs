//! Answers on their way out: what goes to the same relay agent and is of one length leaves in one piece, which the kernel cuts.

use std::io::{self, IoSlice};
use std::net::{Ipv4Addr, SocketAddrV4};

use model::dhcp::{Destination, Link, Reply};
use tokio::time::Instant;
use wire::dhcp4::{CLIENT_PORT, MessageType, code};

use super::super::counters::add;
use super::super::port::Port;
use super::Server;
use super::record::Asked;

/// Most messages in one piece: with what Ethernet carries, less than the longest datagram; the kernel's bound is 64 or more.
const TOGETHER: usize = 40;

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

impl Outgoing {
    /// Whether it may leave in one piece with these: the same way, and none but the last may be shorter.
    fn goes_along(&self, others: &[Self]) -> bool {
        let (Some(first), Some(last)) = (others.first(), others.last()) else {
            return true;
        };
        others.len() < TOGETHER
            && matches!(self.destination, Destination::Relay(_))
            && self.way() == first.way()
            && self.bytes.len() <= first.bytes.len()
            && last.bytes.len() == first.bytes.len()
    }

    fn way(&self) -> (Destination, Ipv4Addr, bool) {
        (self.destination, self.source, self.second_port)
    }
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
        let mut together = std::mem::take(&mut self.together);
        while let Some(outgoing) = self.outbox.take(now) {
            if !outgoing.goes_along(&together) {
                self.send_all(&together);
                together.clear();
            }
            together.push(outgoing);
        }
        self.send_all(&together);
        together.clear();
        self.together = together;
    }

    fn send_all(&self, together: &[Outgoing]) {
        if together.len() > 1 && self.send_in_one_piece(together).is_ok() {
            return together.iter().for_each(|outgoing| self.sent(outgoing));
        }
        // One, or the kernel cannot cut for this path.
        for outgoing in together {
            match self.send(outgoing) {
                Ok(()) => self.sent(outgoing),
                Err(error) => {
                    add(&self.counters.send_errors, 1);
                    tracing::debug!(%error, destination = ?outgoing.destination, "an answer could not be sent");
                }
            }
        }
    }

    fn send_in_one_piece(&self, together: &[Outgoing]) -> io::Result<()> {
        let Some(first) = together.first() else { return Ok(()) };
        let length = u16::try_from(first.bytes.len()).map_err(io::Error::other)?;
        let parts: Vec<_> = together.iter().map(|outgoing| IoSlice::new(&outgoing.bytes)).collect();
        let port = self.port_of(first);
        port.send_cut(&parts, length, first.destination.address(), first.source)
    }

    fn send(&self, outgoing: &Outgoing) -> io::Result<()> {
        let port = self.port_of(outgoing);
        let Outgoing {
            bytes,
            source,
            interface,
            ..
        } = outgoing;
        let to = outgoing.destination.address();
        let broadcast = || {
            let everybody = SocketAddrV4::new(Ipv4Addr::BROADCAST, CLIENT_PORT);
            port.send(bytes, everybody, *source, Some(*interface))
        };
        match outgoing.destination {
            Destination::Relay(_) | Destination::Client(_) | Destination::Back(_) => {
                port.send(bytes, to, *source, None)
            }
            Destination::Broadcast => broadcast(),
            Destination::Hardware(_, mac) => match self.ears.get(interface) {
                Some(ears) => {
                    let from = SocketAddrV4::new(*source, port.number);
                    ears.send(bytes, mac, from, to).or_else(|_| broadcast())
                }
                None => broadcast(),
            },
        }
    }

    fn port_of(&self, outgoing: &Outgoing) -> &Port {
        match &self.second {
            Some(second) if outgoing.second_port => second,
            _ => &self.main,
        }
    }

    fn sent(&self, outgoing: &Outgoing) {
        self.counters.sent(outgoing.kind);
        let from = SocketAddrV4::new(outgoing.source, self.port_of(outgoing).number);
        self.recorded(&outgoing.asked, from, outgoing.destination.address(), &outgoing.bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outgoing(destination: Destination, length: usize) -> Outgoing {
        Outgoing {
            bytes: vec![0; length],
            kind: None,
            destination,
            source: Ipv4Addr::LOCALHOST,
            interface: 1,
            second_port: false,
            asked: Asked::nobody(),
        }
    }

    #[test]
    fn only_what_goes_to_the_same_relay_agent_leaves_in_one_piece() {
        let (one, other) = (Ipv4Addr::new(10, 0, 0, 1), Ipv4Addr::new(10, 0, 0, 2));
        let first = || vec![outgoing(Destination::Relay(one), 300)];
        assert!(outgoing(Destination::Relay(one), 300).goes_along(&first()));
        assert!(!outgoing(Destination::Relay(other), 300).goes_along(&first()));
        assert!(!outgoing(Destination::Client(one), 300).goes_along(&first()));
        let client = vec![outgoing(Destination::Client(one), 300)];
        assert!(!outgoing(Destination::Client(one), 300).goes_along(&client));
        assert!(outgoing(Destination::Broadcast, 300).goes_along(&[]), "alone");
        let mut second = outgoing(Destination::Relay(one), 300);
        second.second_port = true;
        assert!(!second.goes_along(&first()));
    }

    #[test]
    fn the_last_one_may_be_shorter_and_there_is_an_end() {
        let to = |length| outgoing(Destination::Relay(Ipv4Addr::LOCALHOST), length);
        assert!(to(299).goes_along(&[to(300)]));
        assert!(!to(301).goes_along(&[to(300)]));
        assert!(!to(299).goes_along(&[to(300), to(299)]));
        let many: Vec<_> = (0..TOGETHER).map(|_| to(1472)).collect();
        assert!(to(1472).goes_along(&many[1..]));
        assert!(!to(1472).goes_along(&many));
        assert!(TOGETHER * 1472 < usize::from(u16::MAX));
    }
}
