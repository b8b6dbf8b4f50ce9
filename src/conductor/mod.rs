//! The conductor: the one place that ends deployments.
//!
//! It takes no input but the world and the time, so it may be stopped and started at any moment; what it does is decided
//! by [`model::deployment::due`].

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use model::deployment::due;
use model::world::World;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::journal::{Journal, JournalError};

/// It looks at the clock at least so often: the time of day may be set, and a host may sleep.
const AT_LEAST: Duration = Duration::from_secs(30);
/// How long it waits after the journal took nothing.
const RETRY: Duration = Duration::from_secs(5);

/// Ends what is due now. Run before any door opens: nothing that expired while the server was away may begin.
///
/// # Errors
/// The journal takes nothing.
pub async fn settle(journal: &Journal) -> Result<Option<Timestamp>, JournalError> {
    let due = due(&journal.world(), Timestamp::now());
    if !due.ends.is_empty() {
        for end in &due.ends {
            tracing::info!(subject = %end.subject, kind = end.what.kind(), "a deployment ends");
        }
        journal.commit(due.ends).await?;
    }
    Ok(due.next)
}

/// Conducts until cancelled.
pub async fn run(journal: Journal, cancel: CancellationToken) {
    let mut world = journal.watch();
    let mut seen = mark(&world);
    loop {
        let pause = match settle(&journal).await {
            Ok(next) => next.map_or(AT_LEAST, until).min(AT_LEAST),
            Err(JournalError::Stopped) => return,
            Err(error) => {
                tracing::error!(%error, "deployments cannot be ended: the journal takes nothing");
                RETRY
            }
        };
        let sleep = tokio::time::sleep(pause);
        tokio::pin!(sleep);
        loop {
            tokio::select! {
                () = cancel.cancelled() => return,
                () = &mut sleep => break,
                changed = world.changed() => {
                    if changed.is_err() {
                        return;
                    }
                    // Most of what happens has nothing to do with deployments.
                    let now = mark(&world);
                    if now != seen {
                        seen = now;
                        break;
                    }
                }
            }
        }
    }
}

/// What changes whenever a deployment or the cluster does.
fn mark(world: &watch::Receiver<Arc<World>>) -> (u64, usize) {
    let world = world.borrow();
    (world.deployments.revision(), Arc::as_ptr(&world.cluster) as usize)
}

fn until(next: Timestamp) -> Duration {
    let wait = next.duration_since(Timestamp::now());
    Duration::try_from(wait).unwrap_or_default() + Duration::from_millis(1)
}
