//! From the database to the world: the last good snapshot, then the events after it.

use std::path::Path;

use model::event::{Event, Seq};
use model::world::World;
use tokio::sync::mpsc;

use super::{JournalError, snapshot};
use crate::store::Store;

/// Events that are read at a time.
pub(super) const PAGE: u32 = 4096;

/// How the journal was opened.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Start {
    /// Position of the snapshot that the world was taken from; `None` if all events were folded.
    pub snapshot: Option<Seq>,
    /// Events that were folded after it.
    pub replayed: u64,
    /// Snapshots that could not be used, with the reason.
    pub ignored: Vec<String>,
}

pub(super) async fn start(store: &Store) -> Result<(World, Start), JournalError> {
    let mut start = Start::default();
    let world = from_snapshot(store, &mut start).await?;
    let world = replay(store, world, &mut start).await?;
    Ok((world, start))
}

/// The world of the latest snapshot that can be used; the empty world if none can.
async fn from_snapshot(store: &Store, start: &mut Start) -> Result<World, JournalError> {
    let last = store.last_seq().await?;
    for seq in store.snapshots().await? {
        let world = if seq > last {
            Err(format!("the journal ends at {last} already"))
        } else {
            snapshot::load(store, seq).await
        };
        match world {
            Ok(world) => {
                start.snapshot = Some(seq);
                return Ok(world);
            }
            Err(why) => {
                tracing::warn!(seq, why, "a snapshot cannot be used");
                start.ignored.push(format!("snapshot {seq}: {why}"));
            }
        }
    }
    Ok(World::default())
}

/// Folds all that came after the world. One task reads and parses a page while another folds the one before.
async fn replay(store: &Store, mut world: World, start: &mut Start) -> Result<World, JournalError> {
    let (pages, mut arriving) = mpsc::channel::<Result<Vec<Event>, JournalError>>(2);
    let reader = tokio::spawn(read(store.clone(), world.seq, pages));
    while let Some(page) = arriving.recv().await {
        let events = page?;
        world.replay(&events);
        start.replayed += events.len() as u64;
    }
    reader.await.expect("reading pages does not panic");
    Ok(world)
}

async fn read(store: Store, mut after: Seq, pages: mpsc::Sender<Result<Vec<Event>, JournalError>>) {
    loop {
        let page = match store.tail(after, PAGE).await {
            Ok(events) => check(store.path(), after, &events).map(|()| events),
            Err(error) => Err(error.into()),
        };
        let end = match &page {
            Ok(events) => match events.last() {
                Some(event) => {
                    after = event.seq;
                    (events.len() as u64) < u64::from(PAGE)
                }
                None => break,
            },
            Err(_) => true,
        };
        if pages.send(page).await.is_err() || end {
            break;
        }
    }
}

/// Whether these events follow that position without a gap.
pub(super) fn check(path: &Path, mut after: Seq, events: &[Event]) -> Result<(), JournalError> {
    for event in events {
        if event.seq != after + 1 {
            return Err(JournalError::Gap {
                path: path.to_path_buf(),
                after,
                next: event.seq,
            });
        }
        after = event.seq;
    }
    Ok(())
}
