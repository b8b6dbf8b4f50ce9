//! What the journal counts, for the metrics.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// What the journal counts since it was opened. Read with [`Counters::read`].
#[derive(Debug, Default)]
pub struct Counters {
    events: AtomicU64,
    transactions: AtomicU64,
    largest_batch: AtomicU64,
    commit_micros: AtomicU64,
    observations_dropped: AtomicU64,
    errors: AtomicU64,
    snapshots: AtomicU64,
}

/// The counters at one moment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Events that are durable.
    pub events: u64,
    /// Transactions that they took.
    pub transactions: u64,
    /// Events in the largest of them.
    pub largest_batch: u64,
    /// Time that the transactions took, in microseconds, summed.
    pub commit_micros: u64,
    /// Observed events that are not in the journal, since the queue was full or their transaction failed.
    pub observations_dropped: u64,
    /// Transactions and snapshots that failed.
    pub errors: u64,
    /// Snapshots written.
    pub snapshots: u64,
}

impl Counters {
    /// The counters now. Each is exact, but they are not read at one instant.
    pub fn read(&self) -> Counts {
        let load = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Counts {
            events: load(&self.events),
            transactions: load(&self.transactions),
            largest_batch: load(&self.largest_batch),
            commit_micros: load(&self.commit_micros),
            observations_dropped: load(&self.observations_dropped),
            errors: load(&self.errors),
            snapshots: load(&self.snapshots),
        }
    }

    pub(super) fn committed(&self, events: usize, took: Duration) {
        let events = events as u64;
        self.events.fetch_add(events, Ordering::Relaxed);
        self.transactions.fetch_add(1, Ordering::Relaxed);
        self.largest_batch.fetch_max(events, Ordering::Relaxed);
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        self.commit_micros.fetch_add(micros, Ordering::Relaxed);
    }

    pub(super) fn dropped(&self, events: usize) {
        self.observations_dropped.fetch_add(events as u64, Ordering::Relaxed);
    }

    pub(super) fn failed(&self) {
        self.errors.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn snapshot(&self) {
        self.snapshots.fetch_add(1, Ordering::Relaxed);
    }
}
