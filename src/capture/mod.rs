//! Captures: what the recorder kept of a machine, as one file for Wireshark and for [`crate::replay`].
//!
//! A capture is a pcapng file. Its packets are those that came and left, with IP and TCP headers made again; behind each
//! stands a block of our own with what was decided on which grounds. Before all of them stand the world at the first question
//! and the events up to the last, so that every answer can be derived again from the file alone.
//!
//! Invariant: what is written reads back equal, but that a message of HTTP has lost what does not fit a packet.
//! Invariant: whatever is read, it ends with a capture or an error.

mod gather;
mod read;
#[cfg(test)]
mod tests;
mod write;

pub use gather::{GatherError, Machine, Wanted, gather};
pub use read::{CaptureError, read};
pub use write::write;

use jiff::Timestamp;
use model::event::Event;
use model::world::World;
use serde::{Deserialize, Serialize};

use crate::recorder::{Role, Said, Transport};

/// The type of our blocks, with the first bit for local use.
const BLOCK: u32 = 0xbe11_0001;
/// With what our blocks begin, so that nobody else's are taken for them; a letter of [`Part`] follows.
const MAGIC: &[u8] = b"bellwether ";

/// What a block of ours holds.
mod part {
    /// An [`super::About`].
    pub(super) const ABOUT: u8 = b'a';
    /// A piece of a snapshot of the world.
    pub(super) const WORLD: u8 = b'w';
    /// An event.
    pub(super) const EVENT: u8 = b'e';
    /// A [`super::Note`] about the packet before.
    pub(super) const NOTE: u8 = b'n';
}

/// What a capture is of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct About {
    /// Version of the program that wrote it.
    pub version: String,
    /// The node, or the MAC of a machine that is none.
    pub machine: String,
    /// When it was written.
    pub at: Timestamp,
}

/// What stands behind a packet.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Note<'a> {
    question: u64,
    answer: bool,
    whole: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    said: Option<Said<'a>>,
}

/// The world of the first question, and what happened until the last answer, as far as it concerns the machine.
#[derive(Debug, Clone)]
pub struct Past {
    /// The world.
    pub world: World,
    /// What came after it.
    pub events: Vec<Event>,
}

/// A packet of a capture.
#[derive(Debug, Clone, PartialEq)]
pub struct Packet {
    /// When it came, or left.
    pub at: Timestamp,
    /// Number of the question that it is, or answers.
    pub question: u64,
    /// Question or answer.
    pub role: Role,
    /// What carried it.
    pub transport: Transport,
    /// Who sent it.
    pub from: std::net::SocketAddr,
    /// To whom.
    pub to: std::net::SocketAddr,
    /// What it carried, or the beginning of that.
    pub bytes: Vec<u8>,
    /// Octets of that on the wire.
    pub whole: u32,
    /// What is said of it, of questions.
    pub said: Option<Said<'static>>,
}

impl Packet {
    /// Whether only the beginning was kept.
    pub fn is_cut(&self) -> bool {
        (self.bytes.len() as u64) < u64::from(self.whole)
    }
}

/// A capture.
#[derive(Debug, Clone)]
pub struct Capture {
    /// What it is of.
    pub about: About,
    /// Packets, the oldest first.
    pub packets: Vec<Packet>,
    /// `None`: only packets were asked for.
    pub past: Option<Past>,
}
