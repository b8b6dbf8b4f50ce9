//! What is said of a question beside its bytes: all that its answer was derived from, and what the answer was.
//!
//! Invariant: old captures stay readable: fields are only added, with a default.

use std::borrow::Cow;
use std::net::Ipv4Addr;

use model::dhcp::Ground;
use model::event::Seq;
use serde::{Deserialize, Serialize};

/// What is said of a question.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Said<'a> {
    /// Of a DHCP message.
    Dhcp(DhcpSaid<'a>),
    /// Of a TFTP request.
    Tftp(TftpSaid<'a>),
    /// Of an HTTP request.
    Http(HttpSaid),
}

/// How a DHCP message came in, and what was decided.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DhcpSaid<'a> {
    /// Position of the journal up to which the world was folded.
    pub world: Seq,
    /// The network of the link, if it is on a declared one.
    pub network: Option<Cow<'a, str>>,
    /// Our address on the link.
    pub address: Ipv4Addr,
    /// Port of the HTTP door.
    pub http_port: u16,
    /// Largest datagram of the link, in octets.
    pub mtu: u16,
    /// Whether it was sent to one of our addresses.
    #[serde(default)]
    pub unicast: bool,
    /// Whether it came in on port 4011.
    #[serde(default)]
    pub port4011: bool,
    /// What the promises said.
    #[serde(default)]
    pub grounds: Cow<'a, [Ground]>,
    /// The reason of the decision, its label.
    pub why: Cow<'a, str>,
    /// What was done.
    pub effect: Effect,
}

/// What was done about a DHCP message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Effect {
    /// Nothing was said.
    Silent,
    /// The address was probed; then the same message was decided again.
    Probe,
    /// It was answered, or would have been had the lease become durable.
    Reply,
}

/// What a TFTP request was answered from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TftpSaid<'a> {
    /// Position of the journal up to which the world was folded when it came.
    pub world: Seq,
    /// Port of the HTTP door.
    pub http_port: u16,
    /// Largest block that reaches the client, in octets.
    pub block_size: u16,
    /// Largest window.
    pub window: u16,
    /// What was found for it.
    pub found: Found<'a>,
}

/// What was found for a TFTP request.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Found<'a> {
    /// A file of so many bytes.
    File(u64),
    /// A text that was rendered.
    Text {
        /// The text, without its tokens; `None` if it was too long to be kept.
        text: Option<Cow<'a, str>>,
        /// Its length in bytes.
        length: u64,
        /// Position of the journal up to which the world was folded when it was rendered, for what writes an event first.
        #[serde(default)]
        rendered: Option<Seq>,
    },
    /// An error.
    Refused,
}

/// What an HTTP request was answered from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct HttpSaid {
    /// Position of the journal up to which the world was folded when it came.
    pub world: Seq,
    /// The same when the answer was rendered, for what writes an event first.
    #[serde(default)]
    pub rendered: Option<Seq>,
    /// Port of the HTTP door.
    pub http_port: u16,
}
