//! Following the journal: what was written, then what is being written.
//!
//! Invariant: the writer never waits for a follower. One that is too slow misses live events and reads them from the
//! store instead.

use std::collections::VecDeque;
use std::sync::Arc;

use futures_util::{Stream, stream};
use model::event::{Event, Seq};
use model::world::World;
use tokio::sync::broadcast::{self, error::RecvError};
use tokio::sync::watch;

use super::JournalError;
use crate::store::Store;

/// Events that a follower reads from the store at a time.
const PAGE: u32 = 1024;

struct Follower {
    store: Store,
    world: watch::Receiver<Arc<World>>,
    /// Subscribed before the store is first read; `None` if the writer had ended by then.
    live: Option<broadcast::Receiver<Arc<Vec<Event>>>>,
    /// The last event handed out.
    at: Seq,
    pending: VecDeque<Event>,
}

pub(super) fn follow(
    store: Store,
    world: watch::Receiver<Arc<World>>,
    live: Option<broadcast::Receiver<Arc<Vec<Event>>>>,
    after: Seq,
) -> impl Stream<Item = Result<Event, JournalError>> + Send {
    let follower = Follower {
        store,
        world,
        live,
        at: after,
        pending: VecDeque::new(),
    };
    stream::try_unfold(follower, |mut follower| async move {
        let next = follower.next().await?;
        Ok(next.map(|event| (event, follower)))
    })
}

impl Follower {
    async fn next(&mut self) -> Result<Option<Event>, JournalError> {
        loop {
            if let Some(event) = self.pending.pop_front() {
                self.at = event.seq;
                return Ok(Some(event));
            }
            // What is published now was, or will be, sent live only if it is later than this: the rest is in the store.
            let published = self.world.borrow().seq;
            if self.at < published {
                self.read_page(published).await?;
                continue;
            }
            let Some(live) = &mut self.live else { return Ok(None) };
            match live.recv().await {
                Ok(events) => self.take(&events),
                Err(RecvError::Lagged(_)) => {}
                Err(RecvError::Closed) => self.live = None,
            }
        }
    }

    /// A page from the store, nothing in it later than the published world.
    async fn read_page(&mut self, published: Seq) -> Result<(), JournalError> {
        let page = self.store.tail(self.at, PAGE).await?;
        self.pending = page.into_iter().take_while(|event| event.seq <= published).collect();
        match self.pending.front() {
            Some(event) if event.seq == self.at + 1 => Ok(()),
            next => Err(JournalError::Gap {
                path: self.store.path().to_path_buf(),
                after: self.at,
                next: next.map_or(published, |event| event.seq),
            }),
        }
    }

    /// Takes from a live transaction what is next. If events before it were missed, nothing: the store has them all.
    fn take(&mut self, events: &[Event]) {
        let follows = events.first().is_some_and(|first| first.seq <= self.at + 1);
        if follows {
            self.pending
                .extend(events.iter().filter(|event| event.seq > self.at).cloned());
        }
    }
}
