//! DHCPv4 as a decision: a question, the world and the time in; the answer, what to remember and the reason out.
//!
//! Promise: no address is given to two machines at once. What is leased stands in the world, what is only promised in
//! [`Offers`], and both are looked at before an address is named.
//! Promise: a known node is never left without an answer because strangers used up the pool.
//! Invariant: nothing here opens a socket or a clock. What needs one (asking the wire whether an address is free,
//! making a lease durable before it is acknowledged) is an [`Effect`] for the caller.
//! Invariant: a machine that is no declared node gets an address and nothing to boot.

mod address;
mod describe;
mod grounds;
mod identify;
mod offers;
mod place;
mod proxy;
mod question;
mod reason;
mod reply;
mod request;
mod serve;
#[cfg(test)]
mod tests;

pub use describe::{describe, describe_packet};
pub use grounds::{Ground, Stage as PromiseStage};
pub use identify::{Identified, identify};
pub use offers::Offers;
pub use reason::Reason;

use std::net::{Ipv4Addr, SocketAddrV4};

use jiff::{SignedDuration, Timestamp};
use wire::Mac;
use wire::dhcp4::{CLIENT_PORT, Message, Packet, SERVER_PORT};

use crate::cluster::{DhcpMode, Network};
use crate::event::{NewEvent, Subject, What};
use crate::world::{Serving, World};
use place::{Place, place};
use question::Question;

/// How long an address that is used by somebody without a lease is not offered.
pub const CONFLICT_HOLDS: SignedDuration = SignedDuration::from_mins(10);

/// The actor of every event that is decided here.
pub const ACTOR: &str = "dhcp";

/// Where a question came in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// Name of the network that the interface is on; `None` if it is on no declared one, so that only relayed and
    /// routed questions make sense there.
    pub network: Option<String>,
    /// Our address on that interface: server identifier, TFTP and HTTP server of the answer.
    pub address: Ipv4Addr,
    /// Port of the HTTP door.
    pub http_port: u16,
    /// Largest IPv4 datagram that the interface carries, in bytes.
    pub mtu: u16,
}

/// A question as it came in.
#[derive(Debug, Clone)]
pub struct Received<'a> {
    /// The message.
    pub packet: &'a Packet<'a>,
    /// Where it came in.
    pub link: &'a Link,
    /// Who sent the datagram.
    pub src: SocketAddrV4,
    /// Whether it was addressed to us, not to everybody.
    pub unicast: bool,
    /// Whether it came in on the port of the second PXE conversation.
    pub port4011: bool,
}

/// What to do about a question.
#[derive(Debug, Clone, PartialEq)]
pub struct Decision {
    /// What to do.
    pub effect: Effect,
    /// What to write down.
    pub events: Vec<NewEvent>,
    /// Why this and not something else.
    pub why: Reason,
}

/// What to do about a question.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// Say nothing.
    Silent,
    /// Send a message.
    Reply(Box<Reply>),
    /// Ask the wire whether the address is free, tell [`Offers::probed`] if so (else commit [`conflict`]), then decide
    /// the same question again.
    Probe(Probe),
}

/// A message to be sent.
#[derive(Debug, Clone, PartialEq)]
pub struct Reply {
    /// What to send.
    pub message: Message,
    /// Bytes that it may have, for [`Message::encode`].
    pub budget: usize,
    /// Where to send it.
    pub destination: Destination,
    /// The address in it for which the decision's events must be durable before it is sent: [`Offers::settle`] it then.
    pub durable: Option<Ipv4Addr>,
}

/// Where a reply goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Destination {
    /// To a relay agent, the server port.
    Relay(Ipv4Addr),
    /// To a client that uses this address, the client port.
    Client(Ipv4Addr),
    /// To 255.255.255.255, the client port, on the link from which the question came.
    Broadcast,
    /// To the address that it is just given, in a frame to this hardware address: the client answers no ARP yet.
    Hardware(Ipv4Addr, Mac),
    /// To where the datagram came from, address and port.
    Back(SocketAddrV4),
}

impl Destination {
    /// The address and port that a message goes to.
    pub fn address(self) -> SocketAddrV4 {
        match self {
            Self::Relay(relay) => SocketAddrV4::new(relay, SERVER_PORT),
            Self::Client(client) | Self::Hardware(client, _) => SocketAddrV4::new(client, CLIENT_PORT),
            Self::Back(from) => from,
            Self::Broadcast => SocketAddrV4::new(Ipv4Addr::BROADCAST, CLIENT_PORT),
        }
    }
}

/// A question to the wire.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Probe {
    /// Is it in use?
    pub address: Ipv4Addr,
    /// Name of its network.
    pub network: String,
    /// The client that shall get it: it may answer itself.
    pub mac: Mac,
    /// Whether the address is on a link of ours (ARP tells), also for a machine whose relay agent is on that link; else behind a router
    /// (ICMP tells).
    pub on_link: bool,
}

impl Decision {
    fn silent(why: Reason) -> Self {
        Self {
            effect: Effect::Silent,
            events: Vec::new(),
            why,
        }
    }
}

/// Decides about one message.
///
/// `offers` remembers what is promised by the decision, so that the next question sees it.
pub fn decide(world: &World, offers: &mut Offers, now: Timestamp, rx: &Received<'_>) -> Decision {
    offers.expire(now);
    offers.begin();
    let place = match place(world, rx) {
        Ok(place) => place,
        Err(why) => return Decision::silent(why),
    };
    let question = match Question::read(world, rx, place.network) {
        Ok(question) => question,
        Err(why) => return Decision::silent(why),
    };
    let asked = Asked {
        world,
        now,
        rx,
        place,
        question,
    };
    match asked.network().dhcp {
        DhcpMode::Off => Decision::silent(Reason::ModeOff),
        DhcpMode::Observe => asked.ignored(Reason::Observed),
        DhcpMode::Serve | DhcpMode::Proxy if !asked.is_open() => match asked.refused_for() {
            Some(_) => asked.ignored(Reason::NetworkRefused),
            None => Decision::silent(Reason::NetworkNotServed),
        },
        DhcpMode::Proxy => proxy::decide(&asked),
        DhcpMode::Serve if rx.port4011 => proxy::boot_server(&asked),
        DhcpMode::Serve => serve::decide(&asked, offers),
    }
}

/// The event for an address that answered a probe; `mac` is who answered, where the wire tells.
pub fn conflict(now: Timestamp, network: &str, address: Ipv4Addr, mac: Option<Mac>) -> NewEvent {
    let what = What::DhcpConflict {
        address,
        mac,
        until: now + CONFLICT_HOLDS,
        found_by: "probe".to_string(),
    };
    NewEvent::new(now, ACTOR, Subject::Network(network.to_string()), what)
}

/// A question with everything that the answer is derived from.
struct Asked<'a> {
    world: &'a World,
    now: Timestamp,
    rx: &'a Received<'a>,
    place: Place<'a>,
    question: Question<'a>,
}

impl<'a> Asked<'a> {
    fn network(&self) -> &'a Network {
        self.place.network
    }

    fn serving(&self) -> Option<&'a Serving> {
        Some(&self.world.networks.get(&self.place.network.name)?.serving)
    }

    fn refused_for(&self) -> Option<Ipv4Addr> {
        match self.serving() {
            Some(Serving::Refused { server }) => Some(*server),
            _ => None,
        }
    }

    /// Whether the network may be answered: on a link of ours only once it was listened to and found silent.
    fn is_open(&self) -> bool {
        match self.serving() {
            Some(Serving::Yes { .. }) => true,
            Some(Serving::Refused { .. }) => false,
            Some(Serving::Absent { .. }) | None => !self.place.on_link,
        }
    }

    /// Whether the network is on a link of ours, whichever way the question came.
    fn is_attached(&self) -> bool {
        matches!(self.serving(), Some(Serving::Yes { .. }))
    }

    fn subject(&self) -> Subject {
        match self.question.node {
            Some(node) => Subject::Node(node.name.to_string()),
            None => Subject::Machine(self.question.mac),
        }
    }

    fn event(&self, what: What) -> NewEvent {
        NewEvent::new(self.now, ACTOR, self.subject(), what)
    }

    /// Silence that is written down.
    fn ignored(&self, why: Reason) -> Decision {
        let text = match self.refused_for() {
            Some(server) if why == Reason::NetworkRefused => {
                format!("network {} is left to the DHCP server {server}", self.network().name)
            }
            _ => why.text().to_string(),
        };
        Decision {
            effect: Effect::Silent,
            events: vec![self.event(What::DhcpIgnored {
                ask: self.question.ask(self.network()),
                why: text,
            })],
            why,
        }
    }
}
