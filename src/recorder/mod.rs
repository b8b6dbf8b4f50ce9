//! The recorder: the latest packets of every machine in memory, with what was decided about them and on what grounds.
//!
//! Promise: an answer never waits for it. It holds its lock for a copy of some hundred bytes, and gives up (and counts that)
//! rather than wait for somebody who holds it longer.
//! Promise: memory is bounded, and no machine takes the room of another one's latest packets: see [`ring`].
//! Invariant: no token and no key is in it: what is text is [`redact`]ed before it is kept.
//! Invariant: knows nothing of files; what it kept is written down by [`crate::capture`].

pub mod redact;
mod ring;
mod said;
#[cfg(test)]
mod tests;

pub use ring::{Kept, Role, Transport};
pub use said::{DhcpSaid, Effect, Found, HttpSaid, Said, TftpSaid};

use std::cell::RefCell;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::TryLockError;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use jiff::Timestamp;
use wire::Mac;

use crate::journal::Journal;
use crate::telemetry::Sample;
use ring::{Head, Ring};

/// How often a lock that is held is tried again, some microseconds in all.
const TRIES: u32 = 200;

/// Whose packets are kept together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Owner<'a> {
    /// A declared node's, by its name.
    Node(&'a Arc<str>),
    /// Those of all machines that are no nodes.
    Stranger,
}

/// A packet, or the part of one that is kept.
#[derive(Debug, Clone, Copy)]
pub struct Packet<'a> {
    /// When it came, or left.
    pub at: Timestamp,
    /// Number of the question that it is, or answers: see [`Recorder::question`].
    pub question: u64,
    /// Question or answer.
    pub role: Role,
    /// What carried it.
    pub transport: Transport,
    /// Who sent it.
    pub from: SocketAddr,
    /// To whom.
    pub to: SocketAddr,
    /// The machine's NIC, where the protocol tells.
    pub mac: Option<Mac>,
    /// What it carried.
    pub bytes: &'a [u8],
    /// Octets of that before it was cut.
    pub whole: usize,
}

/// The recorder; a clone is the same.
#[derive(Debug, Clone)]
pub struct Recorder(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    ring: Mutex<Ring>,
    /// Whether anything is kept at all.
    on: AtomicBool,
    questions: AtomicU64,
    counters: RecorderCounters,
}

#[derive(Debug, Default)]
struct RecorderCounters {
    kept: AtomicU64,
    busy: AtomicU64,
    cut: AtomicU64,
}

thread_local! {
    /// For what is said of a packet, so that it is written before the lock is taken and without an allocation.
    static SAID: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

impl Recorder {
    /// A recorder that takes so many bytes of memory; 0 keeps nothing.
    pub fn new(size: u64) -> Self {
        Self(Arc::new(Inner {
            ring: Mutex::new(Ring::new(usize::try_from(size).unwrap_or(usize::MAX))),
            on: AtomicBool::new(size > 0),
            questions: AtomicU64::new(0),
            counters: RecorderCounters::default(),
        }))
    }

    /// The number of the next question, so that its answers can be told.
    pub fn question(&self) -> u64 {
        self.0.questions.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// Keeps a packet, with what is said of it. Never waits.
    pub fn keep(&self, owner: Owner<'_>, packet: &Packet<'_>, said: Option<&Said<'_>>) {
        if !self.is_on() {
            return;
        }
        SAID.with_borrow_mut(|text| {
            text.clear();
            if let Some(said) = said
                && serde_json::to_writer(&mut *text, said).is_err()
            {
                text.clear();
            }
            let Some(mut ring) = self.try_lock() else {
                self.0.counters.busy.fetch_add(1, Ordering::Relaxed);
                return;
            };
            let cut = ring.put(owner, &Head::of(packet), packet.bytes, text);
            drop(ring);
            if let Some(cut) = cut {
                self.0.counters.kept.fetch_add(1, Ordering::Relaxed);
                self.0.counters.cut.fetch_add(u64::from(cut), Ordering::Relaxed);
            }
        });
    }

    fn try_lock(&self) -> Option<std::sync::MutexGuard<'_, Ring>> {
        for _ in 0..TRIES {
            match self.0.ring.try_lock() {
                Ok(ring) => return Some(ring),
                Err(TryLockError::Poisoned(_)) => return None,
                Err(TryLockError::WouldBlock) => std::hint::spin_loop(),
            }
        }
        None
    }

    /// What is kept of a node, and of these NICs from the time when they were nobody's; the oldest first.
    pub fn of(&self, node: Option<&str>, macs: &[Mac]) -> Vec<Kept> {
        let ring = self.0.ring.lock().expect("nobody panics while holding it");
        ring.of(node, macs)
    }

    /// Gives it another size; what has no room any more is forgotten.
    pub fn resize(&self, size: u64) {
        let mut ring = self.0.ring.lock().expect("nobody panics while holding it");
        ring.resize(usize::try_from(size).unwrap_or(usize::MAX));
        self.0.on.store(size > 0, Ordering::Relaxed);
    }

    /// Whether anything is kept at all.
    pub fn is_on(&self) -> bool {
        self.0.on.load(Ordering::Relaxed)
    }

    /// Follows the size in the cluster file, for ever.
    pub async fn follow(self, journal: Journal) {
        let mut world = journal.watch();
        loop {
            let size = world.borrow_and_update().cluster.recorder.size;
            self.resize(size);
            let changed = |world: &Arc<model::world::World>| world.cluster.recorder.size != size;
            if world.wait_for(changed).await.is_err() {
                return;
            }
        }
    }

    /// What it counted, for the metrics.
    pub fn samples(&self) -> Vec<Sample> {
        let forgotten = self.0.ring.lock().expect("nobody panics while holding it").forgotten();
        let counters = &self.0.counters;
        vec![
            Sample::of("recorder_packets", "Packets that the recorder took", &counters.kept),
            Sample::of(
                "recorder_busy",
                "Packets that it did not take since somebody was reading it",
                &counters.busy,
            ),
            Sample::of(
                "recorder_cut",
                "Packets of which it kept the beginning only",
                &counters.cut,
            ),
            Sample {
                name: "recorder_forgotten",
                help: "Packets that made room for later ones",
                label: None,
                value: forgotten,
            },
        ]
    }
}
