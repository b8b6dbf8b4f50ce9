//! Replay: every question of a capture goes through the same deciders again, on the world of its moment, and what comes out is
//! compared with what was answered then.
//!
//! A field problem becomes a test that way: a capture in `tests/captures` is replayed by `cargo test`.
//!
//! Replayed are DHCP, TFTP (but for what is in files) and boot scripts over HTTP. What the disk held (files, their sizes) is
//! taken as it was; tokens are blotted out on both sides.
//! Invariant: no clock, no network, no file: a capture and perhaps another cluster file in, comparisons out.

mod dhcp;
mod http;
#[cfg(test)]
mod tests;
mod tftp;

use std::sync::Arc;

use jiff::Timestamp;
use model::boot::Key;
use model::cluster::Cluster;
use model::event::Seq;
use model::world::World;
use serde::Serialize;

use crate::capture::{Capture, Packet, Past};
use crate::recorder::{Role, Said, redact};

/// A question, and its answers then and now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Replayed {
    /// When it was asked.
    pub at: Timestamp,
    /// `DHCP`, `TFTP`, `HTTP`.
    pub protocol: &'static str,
    /// The question, in a few words.
    pub asked: String,
    /// What was answered.
    pub then: String,
    /// What is answered now; `None` where that cannot be told.
    pub now: Option<String>,
    /// How the two compare.
    pub verdict: Verdict,
    /// Where they differ, line by line.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub difference: Option<String>,
}

/// How an answer compares with that of then.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// Equal, byte for byte.
    Same,
    /// Not equal.
    Differs,
    /// Not to be told: what it was derived from is not in the capture.
    Unknown,
}

/// An answer as it is compared.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Answer {
    /// In a few words.
    words: String,
    /// Its bytes, with what belongs to them: where they went.
    bytes: Vec<u8>,
    /// Line by line, for the difference.
    text: String,
}

/// Why a capture cannot be replayed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReplayError {
    /// Only packets are in it.
    #[error("the capture holds packets only, so no answer can be derived anew: take it without --packets-only")]
    NoWorld,
}

/// Replays a capture, the oldest question first; with another cluster in the place of the one of then.
///
/// # Errors
/// See [`ReplayError`].
pub fn replay(capture: &Capture, cluster: Option<Arc<Cluster>>) -> Result<Vec<Replayed>, ReplayError> {
    let past = capture.past.as_ref().ok_or(ReplayError::NoWorld)?;
    // The key is not in the capture, and every token is blotted out.
    let mut stage = Stage {
        worlds: Worlds::new(past, cluster),
        key: Key::new([0; 32]),
    };
    let mut replayed = Vec::new();
    for question in capture.packets.iter().filter(|packet| packet.role == Role::Question) {
        let answer =
            (capture.packets.iter()).find(|packet| packet.role == Role::Answer && packet.question == question.question);
        let Some(said) = &question.said else { continue };
        replayed.push(match said {
            Said::Dhcp(said) => dhcp::replay(&mut stage, question, said, answer),
            Said::Tftp(said) => tftp::replay(&mut stage, question, said, answer),
            Said::Http(said) => http::replay(&mut stage, question, said, answer),
        });
    }
    Ok(replayed)
}

/// What answers are derived from.
struct Stage<'a> {
    worlds: Worlds<'a>,
    key: Key,
}

/// The world at every position that the capture reaches.
struct Worlds<'a> {
    past: &'a Past,
    cluster: Option<Arc<Cluster>>,
    /// The worlds made so far, the earliest first, and how many of the events are in each. A world costs next to nothing
    /// beside the one before.
    made: Vec<(usize, World)>,
}

impl<'a> Worlds<'a> {
    fn new(past: &'a Past, cluster: Option<Arc<Cluster>>) -> Self {
        Self {
            past,
            cluster,
            made: vec![(0, past.world.clone())],
        }
    }

    /// The world with all events up to a position; `None` if the capture begins later.
    fn at(&mut self, seq: Seq) -> Option<World> {
        if seq < self.past.world.seq {
            return None;
        }
        let count = self.past.events.partition_point(|event| event.seq <= seq);
        let place = self.made.partition_point(|(made, _)| *made <= count);
        let (made, world) = &self.made[place - 1];
        let mut world = world.clone();
        if *made < count {
            world.replay(&self.past.events[*made..count]);
            self.made.insert(place, (count, world.clone()));
        }
        if let Some(cluster) = &self.cluster {
            world.cluster = cluster.clone();
        }
        Some(world)
    }
}

/// Compares an answer of then with one of now.
fn compare(question: &Packet, protocol: &'static str, asked: String, then: Answer, now: Option<Answer>) -> Replayed {
    let verdict = match &now {
        None => Verdict::Unknown,
        Some(now) if now.bytes == then.bytes => Verdict::Same,
        Some(_) => Verdict::Differs,
    };
    let difference = now
        .as_ref()
        .filter(|_| verdict == Verdict::Differs)
        .map(|now| difference(&then, now));
    Replayed {
        at: question.at,
        protocol,
        asked,
        then: then.words,
        now: now.map(|now| now.words),
        verdict,
        difference,
    }
}

/// Where two answers differ that are not equal.
fn difference(then: &Answer, now: &Answer) -> String {
    model::plan::unified(("then", &then.text), ("now", &now.text)).unwrap_or_else(|| {
        // What people read of them is equal: show the bytes.
        let at = then.bytes.iter().zip(&now.bytes).take_while(|(a, b)| a == b).count();
        let rest = |answer: &Answer| {
            answer
                .bytes
                .iter()
                .skip(at)
                .take(16)
                .map(|b| format!("{b:02x}"))
                .collect::<String>()
        };
        format!("they differ from octet {at}: then {}, now {}\n", rest(then), rest(now))
    })
}

/// A text without its tokens.
fn blotted(text: &str) -> String {
    let mut octets = text.as_bytes().to_vec();
    redact::tokens(&mut octets);
    String::from_utf8_lossy(&octets).into_owned()
}

/// Text of foreign origin in one line that steers no terminal.
fn plain(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { '\u{fffd}' } else { c })
        .collect()
}
