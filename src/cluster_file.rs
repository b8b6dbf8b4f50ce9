//! The cluster file on its way into the world.

use jiff::Timestamp;
use model::event::{NewEvent, Subject, What};
use sha2::{Digest as _, Sha256};

use crate::journal::{Journal, JournalError};

/// Makes a text the cluster that is in force. The text has been read without an error. Returns whether it differs
/// from the one before; the same text again changes nothing and leaves no event.
///
/// # Errors
/// If the journal cannot keep it; then nothing has changed.
pub async fn apply(journal: &Journal, actor: &str, text: String, nodes: u64) -> Result<bool, JournalError> {
    let digest: String = Sha256::digest(text.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect();
    if journal.world().applied.as_ref().is_some_and(|applied| applied.digest == digest) {
        return Ok(false);
    }
    let what = What::ClusterApplied { digest, nodes, text };
    journal.commit(vec![NewEvent::new(Timestamp::now(), actor, Subject::Cluster, what)]).await?;
    Ok(true)
}
