//! The cluster file on its way into the world.

use std::io::{self, Read as _};
use std::path::Path;

use jiff::Timestamp;
use model::cluster::Cluster;
use model::event::{NewEvent, Subject, What};
use sha2::{Digest as _, Sha256};

use crate::cli::diagnostics;
use crate::journal::{Journal, JournalError};

/// Longest cluster file in octets: room for some 500,000 nodes with a few lines each.
pub const LONGEST: usize = 64 << 20;

/// A cluster file that cannot be used.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{message}")]
pub struct Refused {
    /// What is wrong.
    pub message: String,
    /// Every mistake with its line, as text for a terminal.
    pub detail: Option<String>,
}

/// The text of a cluster file.
///
/// # Errors
/// If it cannot be read, is no text in UTF-8, or is longer than [`LONGEST`].
pub fn text(path: &Path) -> io::Result<String> {
    let mut octets = Vec::new();
    std::fs::File::open(path)?
        .take(LONGEST as u64 + 1)
        .read_to_end(&mut octets)?;
    if octets.len() > LONGEST {
        let message = format!("it is longer than {} MiB", LONGEST >> 20);
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, message));
    }
    String::from_utf8(octets).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
}

/// Reads and checks a cluster file.
///
/// # Errors
/// If it cannot be read or has mistakes.
pub fn load(path: &Path) -> Result<(String, Cluster), Refused> {
    let shown = path.display();
    let text = text(path).map_err(|error| Refused {
        message: format!("cannot read {shown}: {error}"),
        detail: None,
    })?;
    check(&shown.to_string(), text)
}

/// Checks the text of a cluster file, which is shown under a name.
///
/// # Errors
/// It has mistakes.
pub fn check(shown: &str, text: String) -> Result<(String, Cluster), Refused> {
    let reading = model::config::read(&text);
    match reading.cluster {
        Some(cluster) => Ok((text, cluster)),
        None => Err(Refused {
            message: format!("{shown} has mistakes"),
            detail: Some(diagnostics::render(shown, &text, &reading.diagnostics, false)),
        }),
    }
}

/// Makes a text the cluster that is in force. The text has been read without an error. Returns whether it differs
/// from the one before; the same text again changes nothing and leaves no event.
///
/// # Errors
/// If the journal cannot keep it; then nothing has changed.
pub async fn apply(journal: &Journal, actor: &str, text: String, nodes: u64) -> Result<bool, JournalError> {
    let digest: String = Sha256::digest(text.as_bytes())
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    if journal
        .world()
        .applied
        .as_ref()
        .is_some_and(|applied| applied.digest == digest)
    {
        return Ok(false);
    }
    let what = What::ClusterApplied { digest, nodes, text };
    journal
        .commit(vec![NewEvent::new(Timestamp::now(), actor, Subject::Cluster, what)])
        .await?;
    Ok(true)
}
