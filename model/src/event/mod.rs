//! Events: everything that happened, in the words in which the journal keeps it.
//!
//! Invariant: an event says what was asked and what was answered, never what to do next; the world is folded from it.
//! Invariant: old journals stay readable: fields are only added, with a default; kinds are never reused.

mod benign;
mod dhcp;
mod install;
mod kind;
mod sentence;
mod subject;
mod transfer;
mod what;

pub use dhcp::{DhcpAsk, Stage};
pub use install::Notable;
pub use subject::Subject;
pub use transfer::{Outcome, Protocol, Role, Transfer};
pub use what::What;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Position in the journal, from 1, without gaps.
pub type Seq = u64;

/// An event as the journal holds it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// Position in the journal.
    pub seq: Seq,
    /// When it happened, by this host's clock.
    pub at: Timestamp,
    /// Who caused it: `dhcp`, `http`, `cli:ada`, `node`.
    pub actor: String,
    /// What it is about.
    pub subject: Subject,
    /// What happened.
    #[serde(flatten)]
    pub what: What,
}

/// An event that has no position yet.
#[derive(Debug, Clone, PartialEq)]
pub struct NewEvent {
    /// When it happened.
    pub at: Timestamp,
    /// Who caused it.
    pub actor: String,
    /// What it is about.
    pub subject: Subject,
    /// What happened.
    pub what: What,
}

impl NewEvent {
    /// An event without a position.
    pub fn new(at: Timestamp, actor: impl Into<String>, subject: Subject, what: What) -> Self {
        Self {
            at,
            actor: actor.into(),
            subject,
            what,
        }
    }

    /// The event at its place in the journal.
    pub fn numbered(self, seq: Seq) -> Event {
        Event {
            seq,
            at: self.at,
            actor: self.actor,
            subject: self.subject,
            what: self.what,
        }
    }
}
