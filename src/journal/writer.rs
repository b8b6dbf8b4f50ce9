//! The one task that writes.

use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use model::event::{Event, NewEvent, Seq};
use model::world::World;
use tokio::sync::{broadcast, oneshot, watch};
use tokio_util::sync::CancellationToken;

use super::index::Index;
use super::queue::{self, Message, Receiver, Weight};
use super::snapshot::Snapshots;
use super::unsettled::Unsettled;
use super::{Committed, Counters, Journal, JournalError, Start, start, storm};
use crate::store::Store;

/// Events after which a transaction is closed: at this size its own cost no longer shows in that of an event.
const BATCH: usize = 4096;
/// How often it is said that the journal cannot be written.
const COMPLAIN_EVERY: Duration = Duration::from_secs(10);
/// Transactions that a follower may be behind before it goes back to the store.
const LIVE: usize = 32;

/// The writing end of the journal.
#[derive(Debug)]
pub struct Writer {
    store: Store,
    queue: Receiver,
    world: World,
    published: watch::Sender<Arc<World>>,
    live: broadcast::Sender<Arc<Vec<Event>>>,
    counters: Arc<Counters>,
    unsettled: Arc<Unsettled>,
    snapshots: Snapshots,
    index: Index,
    /// The last transaction failed, so what the store holds must be looked up.
    doubtful: bool,
    /// Events of the last transaction: the next one has about as many.
    size: usize,
    /// When it was last said aloud that it cannot be written: a busy server would say it a thousand times a second.
    complained: Option<Instant>,
}

type Done = oneshot::Sender<Result<Committed, JournalError>>;

/// What goes into one transaction.
#[derive(Default)]
struct Batch {
    events: Vec<Event>,
    /// Who waits, with the positions of their events.
    waiting: Vec<(Seq, Seq, Done)>,
    /// Who only asks whether we live.
    round_trips: Vec<oneshot::Sender<Result<(), JournalError>>>,
    observed: usize,
    /// Positions of those that were never announced as on their way, ascending.
    again: Vec<Seq>,
}

impl Writer {
    pub(super) fn over(store: Store, world: World, start: Start, indexed: Seq) -> (Journal, Self) {
        let unsettled = Arc::new(Unsettled::default());
        let (sender, receiver) = queue::channel(unsettled.clone());
        let (published, watched) = watch::channel(Arc::new(world.clone()));
        let live = broadcast::Sender::new(LIVE);
        let counters = Arc::new(Counters::default());
        let journal = Journal {
            store: store.clone(),
            queue: sender,
            world: watched,
            live: live.downgrade(),
            counters: counters.clone(),
            start: start.clone(),
        };
        let writer = Self {
            snapshots: Snapshots::new(store.clone(), counters.clone(), start.snapshot.unwrap_or(0)),
            index: Index::new(store.clone(), indexed),
            store,
            queue: receiver,
            world,
            published,
            live,
            counters,
            unsettled,
            doubtful: false,
            size: 0,
            complained: None,
        };
        (journal, writer)
    }

    /// Writes what the journal is given until cancelled; then takes no more, writes what waits, and leaves a snapshot.
    pub async fn run(mut self, cancel: CancellationToken) {
        let mut stopping = false;
        let mut last = Instant::now();
        self.snapshots.write_if_due(&self.world);
        loop {
            let first = tokio::select! {
                biased;
                () = cancel.cancelled(), if !stopping => {
                    stopping = true;
                    self.queue.close();
                    continue;
                }
                message = self.queue.recv() => message,
                () = self.index.ready(self.world.seq), if !stopping => {
                    self.index.catch_up().await;
                    continue;
                }
            };
            let Some(first) = first else { break };
            let before = self.world.seq;
            let came_in = std::mem::replace(&mut last, Instant::now()).elapsed();
            let waited_for = self.write(first).await;
            let written = self.world.seq - before;
            self.index.keep_up(self.world.seq).await;
            if storm::is_on(written, came_in) && !stopping {
                storm::let_gather(&self.queue, waited_for).await;
            }
            self.snapshots.write_if_due(&self.world);
        }
        self.snapshots.finish(&self.world).await;
    }

    /// Writes a message with all that wait by now; how many events somebody waited for.
    async fn write(&mut self, first: Message) -> usize {
        if self.doubtful
            && let Err(error) = self.catch_up().await
        {
            // Without knowing the next position nothing can be written, and the disk is bad anyway.
            let batch = self.gather(first);
            self.refuse(batch, error);
            return 0;
        }
        let mut batch = self.gather(first);
        if batch.events.is_empty() {
            let touched = self.store.touch().await.map_err(JournalError::from);
            batch.answer_round_trips(&touched);
            return 0;
        }
        let waited_for = batch.events.len() - batch.observed;
        let begun = Instant::now();
        match self.store.append(&batch.events).await {
            Ok(()) => {
                self.counters.committed(batch.events.len(), begun.elapsed());
                self.acknowledge(batch);
            }
            Err(error) => {
                if self.complained.is_none_or(|at| at.elapsed() >= COMPLAIN_EVERY) {
                    tracing::error!(%error, "the journal cannot be written");
                    self.complained = Some(Instant::now());
                }
                self.doubtful = true;
                self.refuse(batch, error.into());
            }
        }
        waited_for
    }

    /// The first message and what else waits by now. The delay of one transaction is what fills the next: an idle
    /// journal waits for nobody.
    fn gather(&mut self, first: Message) -> Batch {
        let mut batch = Batch {
            events: Vec::with_capacity(self.size),
            ..Batch::default()
        };
        let mut next = self.world.seq + 1;
        let mut message = Some(first);
        while let Some(taken) = message {
            let from = next;
            next += taken.len() as u64;
            match taken {
                Message::Commit { events, done } => {
                    batch.number(from, events);
                    batch.waiting.push((from, next - 1, done));
                }
                Message::Observe { events, weight } => {
                    batch.observed += events.len();
                    if weight == Weight::Again {
                        batch.again.extend(from..next);
                    }
                    batch.number(from, events);
                }
                Message::RoundTrip { done } => batch.round_trips.push(done),
            }
            message = (batch.events.len() < BATCH).then(|| self.queue.try_recv()).flatten();
        }
        self.size = batch.events.len();
        batch
    }

    fn acknowledge(&mut self, mut batch: Batch) {
        let events = Arc::new(std::mem::take(&mut batch.events));
        let world = self.fold(events.clone());
        self.settle(&events, &batch.again);
        batch.answer_round_trips(&Ok(()));
        for (first, last, done) in std::mem::take(&mut batch.waiting) {
            let world = world.clone();
            // Whoever does not wait any more does not mind.
            let _ = done.send(Ok(Committed { first, last, world }));
        }
    }

    fn refuse(&self, mut batch: Batch, error: JournalError) {
        self.counters.failed();
        self.settle(&batch.events, &batch.again);
        batch.answer_round_trips(&Err(error.clone()));
        self.counters.dropped(batch.observed);
        for (_, _, done) in batch.waiting {
            let _ = done.send(Err(error.clone()));
        }
    }

    /// Folds durable events and tells everybody.
    fn fold(&mut self, events: Arc<Vec<Event>>) -> Arc<World> {
        self.world.replay(&*events);
        let world = Arc::new(self.world.clone());
        self.published.send_replace(world.clone());
        // After the world: a follower that hears of an event finds it there. An error says that nobody follows.
        let _ = self.live.send(events);
        world
    }

    /// What was accepted is in the world by now, or refused.
    fn settle(&self, events: &[Event], again: &[Seq]) {
        let mut again = again.iter().peekable();
        for event in events {
            if again.next_if(|seq| **seq == event.seq).is_none() {
                self.unsettled.settle(&event.subject);
            }
        }
    }

    /// Finds out what the store holds after a failure: a transaction may have reached the disk although the store said
    /// that it failed.
    async fn catch_up(&mut self) -> Result<(), JournalError> {
        loop {
            let events = self.store.tail(self.world.seq, start::PAGE).await?;
            if events.is_empty() {
                break;
            }
            start::check(self.store.path(), self.world.seq, &events)?;
            self.fold(Arc::new(events));
        }
        self.doubtful = false;
        Ok(())
    }
}

impl Batch {
    fn answer_round_trips(&mut self, result: &Result<(), JournalError>) {
        for asker in self.round_trips.drain(..) {
            // Whoever lost patience does not mind.
            let _ = asker.send(result.clone());
        }
    }

    fn number(&mut self, from: Seq, events: Vec<NewEvent>) {
        for (seq, mut event) in (from..).zip(events) {
            // As the store will give it back: the world folded now must equal the one folded at the next start.
            event.at = Timestamp::from_microsecond(event.at.as_microsecond()).unwrap_or(event.at);
            self.events.push(event.numbered(seq));
        }
    }
}
