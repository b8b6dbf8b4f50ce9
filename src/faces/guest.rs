//! What is common to all who come in: they are heard and told in bounded time, and have a name in the journal.

use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::Guest;

/// One who takes nothing for so long is gone.
const TAKES: Duration = Duration::from_secs(60);

impl Guest {
    /// Who he is in the journal: `powerman:10.1.2.3`.
    pub(super) fn actor(&self, face: &str) -> String {
        format!("{face}:{}", self.peer.ip().to_canonical())
    }

    /// What he says next; `None`: he has gone, or said nothing for too long.
    pub(super) async fn hear(&mut self, buffer: &mut [u8], within: Duration) -> Option<usize> {
        let read = tokio::time::timeout(within, self.stream.read(buffer)).await;
        match read {
            Ok(Ok(length @ 1..)) => Some(length),
            _ => None,
        }
    }

    /// Tells him something; `None`: he has gone, or takes nothing.
    pub(super) async fn say(&mut self, text: impl AsRef<[u8]>) -> Option<()> {
        let written = tokio::time::timeout(TAKES, self.stream.write_all(text.as_ref())).await;
        written.ok()?.ok()
    }
}
