//! Which events are about what, written down behind the events themselves: when nobody waits for a commit, and many at a time,
//! which costs a small part of what it would cost with each event. What is not there yet, readers find by looking at each.

use std::time::Duration;

use model::event::Seq;
use tokio::time::Instant;

use crate::store::Store;

/// Events at a time when nothing else is to be done: a tenth of a second for a disk of today.
const CHUNK: u64 = 20_000;
/// Nothing is to be done when nothing came for so long.
const REST: Duration = Duration::from_millis(100);
/// Events that readers look at one by one in two tenths of a second. With more, it is also done between two transactions.
const MOST: u64 = 200_000;
/// How often then, which is more events than any storm brings. Few at a time would cost several times as much: each event is
/// about another machine, so that of a few each changes a page of its own, and of many a page takes several.
const BUSY_EVERY: Duration = Duration::from_secs(1);
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
}

impl Index {
    pub(super) fn new(store: Store, through: Seq) -> Self {
        Self {
            store,
            through,
            not_before: Instant::now(),
            resting: false,
        }
    }

    /// When [`Index::catch_up`] is due if nothing comes until then; `None` if there is nothing to do.
    pub(super) fn due(&self, last: Seq) -> Option<Instant> {
        let rested = Instant::now() + if self.resting { Duration::ZERO } else { REST };
        (self.through < last).then(|| rested.max(self.not_before))
    }

    /// Takes many events in, since nobody waits.
    pub(super) async fn catch_up(&mut self) {
        self.resting = true;
        self.advance(CHUNK).await;
    }

    /// Something was written. Takes events in if it is too far behind, although somebody may wait.
    pub(super) async fn keep_up(&mut self, last: Seq) {
        self.resting = false;
        let now = Instant::now();
        if last.saturating_sub(self.through) >= MOST && now >= self.not_before {
            self.not_before = now + BUSY_EVERY;
            self.advance(CHUNK).await;
        }
    }

    async fn advance(&mut self, events: u64) {
        match self.store.index(events).await {
            Ok(through) => self.through = through,
            Err(error) => {
                // Nothing is lost by it, and the next commit says aloud what is wrong.
                tracing::debug!(%error, "the index of events by subject stays behind");
                self.not_before = Instant::now() + AGAIN;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[tokio::test]
    async fn who_is_behind_has_a_time_whatever_came_before() {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::open(&directory.path().join("journal.db")).await.unwrap();
        let mut index = Index::new(store.clone(), 0);
        assert_eq!(index.due(0), None);
        let soon = Instant::now() + 2 * REST;
        assert!(index.due(MOST).unwrap() <= soon);
        // A storm ends right after events were taken in between two of its transactions.
        index.keep_up(MOST).await;
        assert!(index.due(MOST).unwrap() <= Instant::now() + 2 * REST.max(BUSY_EVERY));
        store.close().await;
        index.catch_up().await;
        let next = index.due(MOST).unwrap();
        assert!(
            next > Instant::now() + REST && next <= Instant::now() + AGAIN,
            "the store failed"
        );
    }
}
