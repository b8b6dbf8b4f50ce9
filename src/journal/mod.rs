//! The journal: the one log of everything that happened, and the world that is folded from it.
//!
//! Promises: what [`Journal::commit`] returned for survives `kill -9` and a power loss; positions have no gap; a reader
//! never holds the writer up.
//! Invariant: one task writes, [`Writer::run`]. It makes a transaction durable, folds it, publishes the world, and only
//! then acknowledges: whoever holds a [`Committed`] sees its events in the world.

mod counters;
mod follow;
mod index;
mod past;
mod queue;
mod snapshot;
mod start;
mod storm;
#[cfg(test)]
mod tests;
mod unsettled;
mod writer;

pub use crate::store::Filter;
pub use counters::{Counters, Counts};
pub use start::Start;
pub use writer::Writer;

use std::path::PathBuf;
use std::sync::Arc;

use futures_util::Stream;
use model::event::{Event, NewEvent, Seq};
use model::world::World;
use tokio::sync::{broadcast, oneshot, watch};

use crate::store::{Store, StoreError};
use queue::{Message, Sender, Weight};

/// Why the journal could not do what was asked.
#[derive(Debug, Clone, thiserror::Error)]
pub enum JournalError {
    /// The database failed.
    #[error(transparent)]
    Store(Arc<StoreError>),
    /// Events are missing.
    #[error("the journal {} goes from event {after} to event {next}: what was between is lost, restore it from a backup", path.display())]
    Gap {
        /// The database.
        path: PathBuf,
        /// The last event before the gap, 0 for none.
        after: Seq,
        /// The first one after it.
        next: Seq,
    },
    /// Nobody writes any more.
    #[error("the journal takes no more events: the server is stopping")]
    Stopped,
}

impl From<StoreError> for JournalError {
    fn from(error: StoreError) -> Self {
        Self::Store(Arc::new(error))
    }
}

/// Events that are durable and folded.
#[derive(Debug, Clone)]
pub struct Committed {
    /// Position of the first.
    pub first: Seq,
    /// Position of the last; one less than `first` if there were none.
    pub last: Seq,
    /// The world with all of them in it.
    pub world: Arc<World>,
}

/// The journal, for everybody but its writer. A clone is the same journal.
#[derive(Debug, Clone)]
pub struct Journal {
    store: Store,
    queue: Sender,
    world: watch::Receiver<Arc<World>>,
    live: broadcast::WeakSender<Arc<Vec<Event>>>,
    counters: Arc<Counters>,
    start: Start,
}

impl Journal {
    /// Opens the journal in a store: reads the last good snapshot and folds what came after it.
    ///
    /// Nothing is written before [`Writer::run`] runs.
    ///
    /// # Errors
    /// The database or an event in it cannot be read, or events are missing.
    pub async fn open(store: Store) -> Result<(Self, Writer), JournalError> {
        let (world, start) = start::start(&store).await?;
        let indexed = store.indexed().await?;
        Ok(Writer::over(store, world, start, indexed))
    }

    /// The world now.
    pub fn world(&self) -> Arc<World> {
        self.world.borrow().clone()
    }

    /// The world, and word of every change of it.
    pub fn watch(&self) -> watch::Receiver<Arc<World>> {
        self.world.clone()
    }

    /// Writes events, all or none, one after the other. They are durable and in the world when this returns.
    ///
    /// They are written even if the caller stops waiting.
    ///
    /// # Errors
    /// The disk is full or failed, or the server is stopping. If the disk failed in the act, the events may appear in
    /// the journal nevertheless.
    pub async fn commit(&self, events: Vec<NewEvent>) -> Result<Committed, JournalError> {
        if events.is_empty() {
            let world = self.world();
            return Ok(Committed {
                first: world.seq + 1,
                last: world.seq,
                world,
            });
        }
        let (done, answer) = oneshot::channel();
        self.queue.send(Message::Commit { events, done }).await?;
        answer.await.map_err(|_| JournalError::Stopped)?
    }

    /// Goes the way of a commit with nothing in it: through the queue, past the writer, to the lock on the database and
    /// back. Proof that whoever commits now would be served.
    ///
    /// # Errors
    /// The database cannot be written to, or the server is stopping.
    pub async fn round_trip(&self) -> Result<(), JournalError> {
        let (done, answer) = oneshot::channel();
        self.queue.send(Message::RoundTrip { done }).await?;
        answer.await.map_err(|_| JournalError::Stopped)?
    }

    /// Hands events over without waiting: they are written soon, before anything that the caller commits later.
    ///
    /// When more than [`Journal::OBSERVATIONS`] are waiting they are dropped and counted.
    pub fn observe(&self, events: Vec<NewEvent>) {
        let count = events.len();
        if count > 0 && self.queue.try_observe(events, Weight::News).is_err() {
            self.counters.dropped(count);
        }
    }

    /// As [`Self::observe`], of something that happened once more and changes nothing that anybody asks for: a node stays
    /// [settled](Self::is_settled) meanwhile, and nobody waits for the disk because of it.
    pub fn observe_again(&self, events: Vec<NewEvent>) {
        let count = events.len();
        if count > 0 && self.queue.try_observe(events, Weight::Again).is_err() {
            self.counters.dropped(count);
        }
    }

    /// Whether nothing that changes an answer to a node is between its acceptance and the world. All of that which was accepted
    /// before this was asked is in the world that is looked at after it.
    pub fn is_settled(&self, node: &str) -> bool {
        self.queue.is_settled(node)
    }

    /// How many observed events may wait to be written.
    pub const OBSERVATIONS: usize = queue::OBSERVATIONS;

    /// The events that a filter lets through.
    ///
    /// # Errors
    /// The database or an event in it cannot be read.
    pub async fn read(&self, filter: &Filter) -> Result<Vec<Event>, JournalError> {
        Ok(self.store.events(filter).await?)
    }

    /// All events after a position, those to come included, without gap or duplicate; an event comes when it is in the
    /// world. Ends when the writer does.
    pub fn follow(&self, after: Seq) -> impl Stream<Item = Result<Event, JournalError>> + Send + use<> {
        follow::follow(
            self.store.clone(),
            self.world.clone(),
            self.live.upgrade().map(|live| live.subscribe()),
            after,
        )
    }

    /// What is counted.
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// How the journal was opened.
    pub fn start(&self) -> &Start {
        &self.start
    }

    /// Closes the database and gives its directory back; call it when [`Writer::run`] has ended. Every later use of
    /// any clone fails.
    pub async fn close(&self) {
        self.store.close().await;
    }
}
