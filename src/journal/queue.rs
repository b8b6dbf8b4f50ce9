//! The way to the writer: one queue for what waits and what does not, so that the order of a caller is kept.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use model::event::NewEvent;
use tokio::sync::{mpsc, oneshot};

use super::unsettled::Unsettled;
use super::{Committed, JournalError};

/// How many observed events may wait: a boot storm of 5,000 machines with 50 events each.
pub(super) const OBSERVATIONS: usize = 262_144;
/// Commits that may wait while the queue is full of observations; more wait for a place.
const COMMITS: usize = 4096;

/// What the writer is given.
#[derive(Debug)]
pub(super) enum Message {
    Commit {
        events: Vec<NewEvent>,
        done: oneshot::Sender<Result<Committed, JournalError>>,
    },
    Observe {
        events: Vec<NewEvent>,
        weight: Weight,
    },
    /// Nothing is to be written; is the way to the disk open?
    RoundTrip {
        done: oneshot::Sender<Result<(), JournalError>>,
    },
}

/// Whether answers depend on what is observed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Weight {
    /// They may: its subject is not settled before it is in the world.
    News,
    /// They do not: it happened before.
    Again,
}

impl Message {
    pub(super) fn len(&self) -> usize {
        self.events().len()
    }

    /// Events that somebody waits for.
    pub(super) fn waited_for(&self) -> usize {
        match self {
            Self::Commit { events, .. } => events.len(),
            Self::Observe { .. } | Self::RoundTrip { .. } => 0,
        }
    }

    fn events(&self) -> &[NewEvent] {
        match self {
            Self::Commit { events, .. } | Self::Observe { events, .. } => events,
            Self::RoundTrip { .. } => &[],
        }
    }
}

/// The callers' end.
#[derive(Debug, Clone)]
pub(super) struct Sender {
    messages: mpsc::Sender<Message>,
    observed: Arc<AtomicUsize>,
    waiting: Arc<AtomicUsize>,
    unsettled: Arc<Unsettled>,
}

/// The writer's end.
#[derive(Debug)]
pub(super) struct Receiver {
    messages: mpsc::Receiver<Message>,
    observed: Arc<AtomicUsize>,
    waiting: Arc<AtomicUsize>,
}

/// The observation found no place.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Full;

pub(super) fn channel(unsettled: Arc<Unsettled>) -> (Sender, Receiver) {
    let (sender, receiver) = mpsc::channel(OBSERVATIONS + COMMITS);
    let observed = Arc::new(AtomicUsize::new(0));
    let waiting = Arc::new(AtomicUsize::new(0));
    (
        Sender {
            messages: sender,
            observed: observed.clone(),
            waiting: waiting.clone(),
            unsettled,
        },
        Receiver {
            messages: receiver,
            observed,
            waiting,
        },
    )
}

impl Sender {
    pub(super) async fn send(&self, message: Message) -> Result<(), JournalError> {
        let place = self.messages.reserve().await.map_err(|_| JournalError::Stopped)?;
        self.announce(message.events());
        self.waiting.fetch_add(message.waited_for(), Ordering::Relaxed);
        place.send(message);
        Ok(())
    }

    /// Whether nothing about a node is between its acceptance and the world.
    pub(super) fn is_settled(&self, node: &str) -> bool {
        self.unsettled.is_none(node)
    }

    fn announce(&self, events: &[NewEvent]) {
        for event in events {
            self.unsettled.add(&event.subject);
        }
    }

    pub(super) fn try_observe(&self, events: Vec<NewEvent>, weight: Weight) -> Result<(), Full> {
        let count = events.len();
        let waiting = self.observed.fetch_add(count, Ordering::Relaxed);
        if waiting + count <= OBSERVATIONS
            && let Ok(place) = self.messages.try_reserve()
        {
            if weight == Weight::News {
                self.announce(&events);
            }
            place.send(Message::Observe { events, weight });
            return Ok(());
        }
        self.observed.fetch_sub(count, Ordering::Relaxed);
        Err(Full)
    }
}

impl Receiver {
    pub(super) async fn recv(&mut self) -> Option<Message> {
        let message = self.messages.recv().await;
        message.inspect(|message| self.taken(message))
    }

    /// The next message if one waits already.
    pub(super) fn try_recv(&mut self) -> Option<Message> {
        let message = self.messages.try_recv().ok();
        message.inspect(|message| self.taken(message))
    }

    /// Takes no more; what waits is still received.
    pub(super) fn close(&mut self) {
        self.messages.close();
    }

    /// Events that wait and are waited for.
    pub(super) fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Relaxed)
    }

    fn taken(&self, message: &Message) {
        self.waiting.fetch_sub(message.waited_for(), Ordering::Relaxed);
        if let Message::Observe { events, .. } = message {
            self.observed.fetch_sub(events.len(), Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use model::event::{Subject, What};

    use super::*;

    fn events(count: usize) -> Vec<NewEvent> {
        let what = What::ServerStopped {};
        vec![
            NewEvent::new(
                jiff::Timestamp::UNIX_EPOCH,
                "test",
                Subject::Node("n1".to_string()),
                what
            );
            count
        ]
    }

    #[tokio::test]
    async fn only_what_is_waited_for_counts_as_waiting() {
        let (sender, mut receiver) = channel(Arc::default());
        let (done, _end) = oneshot::channel();
        sender.try_observe(events(2), Weight::News).unwrap();
        assert_eq!(receiver.waiting(), 0);
        sender
            .send(Message::Commit {
                events: events(3),
                done,
            })
            .await
            .unwrap();
        let (done, _end) = oneshot::channel();
        sender.send(Message::RoundTrip { done }).await.unwrap();
        assert_eq!(receiver.waiting(), 3);
        assert_eq!(receiver.recv().await.unwrap().len(), 2);
        assert_eq!(receiver.waiting(), 3);
        assert_eq!(receiver.try_recv().unwrap().len(), 3);
        assert_eq!(receiver.waiting(), 0);
        assert_eq!(receiver.try_recv().unwrap().len(), 0);
        assert_eq!(receiver.waiting(), 0);
    }
}
