//! Which events are about what, written down behind the events themselves: when nobody waits for a commit, and many at a time,
//! which costs a small part of what it would cost with each event. What is not there yet, readers find by looking at each.
//!
//! Invariant: many events are taken in in small steps, each a run of neighbours in the index, and between two steps there is room for a
//! transaction: nobody waits for more than one step.

use std::time::Duration;

use model::event::Seq;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::store::{Store, StoreError, ToIndex};

/// Events that are put in the order of their subjects together. Each is about another machine, so that of a few each changes a page
/// of its own, and of many a page takes several.
const CHUNK: u64 = 20_000;
/// Of these, rows in one step: some milliseconds.
const STEP: usize = 512;
/// Nothing is to be done when nothing came for so long.
const REST: Duration = Duration::from_millis(100);
/// Events that readers look at one by one in two tenths of a second. With more, steps are also done between two transactions.
const MOST: u64 = 200_000;
/// How often then: 50,000 rows in a second, which is more events than a storm brings.
const BUSY_EVERY: Duration = Duration::from_millis(10);
/// After a failure (a full disk), the next try.
const AGAIN: Duration = Duration::from_secs(10);

/// How far it is.
#[derive(Debug)]
pub(super) struct Index {
    store: Store,
    through: Seq,
    not_before: Instant,
    /// Nothing came since events were last taken in.
    resting: bool,
    /// What comes next is read on another connection, beside the transactions.
    reading: Option<JoinHandle<Result<ToIndex, StoreError>>>,
    /// What was read, without the rows that are done.
    next: Option<ToIndex>,
}

impl Index {
    pub(super) fn new(store: Store, through: Seq) -> Self {
        Self {
            store,
            through,
            not_before: Instant::now(),
            resting: false,
            reading: None,
            next: None,
        }
    }

    /// When [`Index::catch_up`] is due if nothing comes until then; `None` if there is nothing to do.
    fn due(&self, last: Seq) -> Option<Instant> {
        let rested = Instant::now() + if self.resting { Duration::ZERO } else { REST };
        (self.through < last).then(|| rested.max(self.not_before))
    }

    /// Waits until [`Index::catch_up`] is due and has something to do. Nothing is lost if something comes before.
    pub(super) async fn ready(&mut self, last: Seq) {
        let Some(due) = self.due(last) else {
            return std::future::pending().await;
        };
        tokio::time::sleep_until(due).await;
        self.read().await;
    }

    /// Takes a step, since nobody waits.
    pub(super) async fn catch_up(&mut self) {
        self.resting = true;
        self.step().await;
    }

    /// Something was written. Takes a step if the index is too far behind, although somebody may wait.
    pub(super) async fn keep_up(&mut self, last: Seq) {
        self.resting = false;
        let now = Instant::now();
        if last.saturating_sub(self.through) < MOST || now < self.not_before {
            return;
        }
        if self.next.is_none() && !self.reading().is_finished() {
            return;
        }
        self.read().await;
        self.not_before = self.not_before.max(now + BUSY_EVERY);
        self.step().await;
    }

    fn reading(&mut self) -> &mut JoinHandle<Result<ToIndex, StoreError>> {
        self.reading.get_or_insert_with(|| {
            let store = self.store.clone();
            tokio::spawn(async move { store.to_index(CHUNK).await })
        })
    }

    /// Waits for what comes next.
    async fn read(&mut self) {
        if self.next.is_some() {
            return;
        }
        let read = self.reading().await;
        self.reading = None;
        match read {
            Ok(Ok(next)) => self.next = Some(next),
            Ok(Err(error)) => self.failed(&error),
            Err(error) => self.failed(&error),
        }
    }

    async fn step(&mut self) {
        let Some(mut next) = self.next.take() else { return };
        let rest = next.rows.split_off(next.rows.len().min(STEP));
        let through = rest.is_empty().then_some(next.through);
        match self.store.index(&next.rows, through).await {
            Ok(()) => match through {
                Some(through) => self.through = through,
                None => self.next = Some(ToIndex { rows: rest, ..next }),
            },
            Err(error) => self.failed(&error),
        }
    }

    /// Nothing is lost by it, and the next commit says aloud what is wrong.
    fn failed(&mut self, error: &dyn std::error::Error) {
        tracing::debug!(%error, "the index of events by subject stays behind");
        self.not_before = Instant::now() + AGAIN;
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use jiff::Timestamp;
    use model::event::{NewEvent, Subject, What};

    async fn store(events: u64) -> (tempfile::TempDir, Store) {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::open(&directory.path().join("journal.db")).await.unwrap();
        let about = |n: u64| Subject::Node(format!("nid{:03}", n % 300));
        let events: Vec<_> = (1..=events)
            .map(|n| NewEvent::new(Timestamp::UNIX_EPOCH, "test", about(n), What::ServerStopped {}).numbered(n))
            .collect();
        store.append(&events).await.unwrap();
        (directory, store)
    }

    #[tokio::test]
    async fn who_is_behind_has_a_time_whatever_came_before() {
        let (_directory, store) = store(0).await;
        let mut index = Index::new(store.clone(), 0);
        assert_eq!(index.due(0), None);
        let soon = Instant::now() + 2 * REST;
        assert!(index.due(MOST).unwrap() <= soon);
        // A storm ends right after events were taken in between two of its transactions.
        index.keep_up(MOST).await;
        assert!(index.due(MOST).unwrap() <= Instant::now() + 2 * REST);
        store.close().await;
        index.ready(MOST).await;
        index.catch_up().await;
        index.ready(MOST - 1).await;
        let next = index.due(MOST).unwrap();
        assert!(
            next > Instant::now() + REST && next <= Instant::now() + AGAIN,
            "the store failed"
        );
    }

    #[tokio::test]
    async fn between_two_transactions_one_step_is_taken() {
        let events = 3 * STEP as u64 + 1;
        let (_directory, store) = store(events).await;
        let mut index = Index::new(store.clone(), 0);
        index.keep_up(MOST - 1).await;
        assert!(index.reading.is_none(), "not far enough behind");
        let mut steps = 0;
        while store.indexed().await.unwrap() < events {
            let left = |index: &Index| index.next.as_ref().map_or(0, |next| next.rows.len());
            let before = left(&index);
            index.keep_up(MOST + events).await;
            let after = left(&index);
            steps += u32::from(before > after);
            assert!(before == 0 || before - after <= STEP);
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        assert_eq!(steps, 3, "the first one came with the reading");
    }

    #[tokio::test]
    async fn what_was_taken_in_by_halves_is_taken_in_again() {
        let events = 2 * STEP as u64;
        let (_directory, store) = store(events).await;
        let mut index = Index::new(store.clone(), 0);
        index.ready(events).await;
        index.catch_up().await;
        assert_eq!(store.indexed().await.unwrap(), 0, "not all of them are there");
        // The next process begins where the index says.
        let mut index = Index::new(store.clone(), 0);
        while index.due(events).is_some() {
            index.ready(events).await;
            index.catch_up().await;
        }
        assert_eq!(store.indexed().await.unwrap(), events);
    }
}
