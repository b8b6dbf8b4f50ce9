//! The world as it was, and what happened after it.

use model::event::{Event, Seq};
use model::world::World;

use super::start::{PAGE, check};
use super::{Journal, JournalError, snapshot};

impl Journal {
    /// The world at a position of the journal: the latest snapshot before it, and what came after that. Without one all
    /// events are folded, which takes about a second for each 100,000.
    ///
    /// # Errors
    /// The database or an event in it cannot be read, or events are missing.
    pub async fn world_at(&self, seq: Seq) -> Result<World, JournalError> {
        let mut world = World::default();
        for earlier in self.store.snapshots().await? {
            if earlier <= seq
                && let Ok(found) = snapshot::load(&self.store, earlier).await
            {
                world = found;
                break;
            }
        }
        loop {
            let events = self.between(world.seq, seq).await?;
            if events.is_empty() {
                return Ok(world);
            }
            // Folding a page takes milliseconds: not on a thread that answers machines.
            let folding = tokio::task::spawn_blocking(move || {
                world.replay(&events);
                world
            });
            world = folding.await.expect("folding never panics");
        }
    }

    /// The first page of events after a position, up to another.
    ///
    /// # Errors
    /// The database or an event in it cannot be read, or events are missing.
    pub async fn between(&self, after: Seq, last: Seq) -> Result<Vec<Event>, JournalError> {
        let mut events = self.store.tail(after, PAGE).await?;
        check(self.store.path(), after, &events)?;
        events.retain(|event| event.seq <= last);
        Ok(events)
    }
}
