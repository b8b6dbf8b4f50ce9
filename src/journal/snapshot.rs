//! Snapshots of the world, so that a start need not fold the whole journal.
//!
//! Invariant: a snapshot is never needed: one that is damaged, or was not written, costs time only.

use std::sync::Arc;

use model::event::Seq;
use model::world::World;
use sha2::{Digest, Sha256};
use tokio::task::JoinHandle;

use super::Counters;
use crate::store::{Store, StoredSnapshot};

/// Events between two snapshots: folding as many takes a second at most, and the work of a snapshot of thousands of nodes does
/// not show beside that of so many events.
const EVERY: u64 = 100_000;
/// zstd's fastest: the text shrinks to a tenth, and the disk would be slower.
const LEVEL: i32 = 1;

/// Writes snapshots beside the writer.
#[derive(Debug)]
pub(super) struct Snapshots {
    store: Store,
    counters: Arc<Counters>,
    /// Position of the last one that was begun.
    last: Seq,
    underway: Option<JoinHandle<()>>,
}

impl Snapshots {
    pub(super) fn new(store: Store, counters: Arc<Counters>, last: Seq) -> Self {
        Self {
            store,
            counters,
            last,
            underway: None,
        }
    }

    /// Begins a snapshot if enough has happened since the last one and none is being written.
    pub(super) fn write_if_due(&mut self, world: &World) {
        let idle = self.underway.as_ref().is_none_or(JoinHandle::is_finished);
        if idle && world.seq >= self.last + EVERY {
            self.last = world.seq;
            let saving = save(self.store.clone(), world.clone(), self.counters.clone());
            self.underway = Some(tokio::spawn(saving));
        }
    }

    /// Waits for the one being written, and writes a last one if anything happened since.
    pub(super) async fn finish(&mut self, world: &World) {
        if let Some(underway) = self.underway.take() {
            let _ = underway.await;
        }
        if world.seq > self.last {
            self.last = world.seq;
            save(self.store.clone(), world.clone(), self.counters.clone()).await;
        }
    }
}

async fn save(store: Store, world: World, counters: Arc<Counters>) {
    let seq = world.seq;
    // Megabytes of text: not on a thread that answers machines.
    let made = tokio::task::spawn_blocking(move || {
        let body = zstd::bulk::compress(world.to_snapshot().as_bytes(), LEVEL)?;
        Ok(StoredSnapshot {
            digest: digest(&body),
            body,
        })
    });
    let snapshot = match made.await.map_err(std::io::Error::other).flatten() {
        Ok(snapshot) => snapshot,
        Err(error) => {
            tracing::warn!(%error, seq, "no snapshot was made");
            return counters.failed();
        }
    };
    match store.put_snapshot(seq, snapshot).await {
        Ok(()) => counters.snapshot(),
        Err(error) => {
            tracing::warn!(%error, seq, "the snapshot could not be stored");
            counters.failed();
        }
    }
}

/// Reads a snapshot back, or says why it cannot be used.
pub(super) async fn load(store: &Store, seq: Seq) -> Result<World, String> {
    let stored = match store.snapshot(seq).await {
        Ok(Some(stored)) => stored,
        Ok(None) => return Err("it is gone".to_string()),
        Err(error) => return Err(error.to_string()),
    };
    if digest(&stored.body) != stored.digest {
        return Err("it is damaged: its digest is another".to_string());
    }
    let text = zstd::decode_all(&*stored.body).map_err(|error| error.to_string())?;
    let text = String::from_utf8(text).map_err(|error| error.to_string())?;
    let world = World::from_snapshot(&text).map_err(|error| error.to_string())?;
    if world.seq == seq {
        Ok(world)
    } else {
        Err(format!("it says that it is of {}", world.seq))
    }
}

fn digest(body: &[u8]) -> String {
    Sha256::digest(body).iter().map(|byte| format!("{byte:02x}")).collect()
}
