//! What installers say, kept beside their deployments: `STATE/deployments/ID.log`.
//!
//! Lines come from syslog and from callbacks. They are handed over and written by one thread, so that no service waits for
//! the disk.
//!
//! Invariant: no log grows without end, and no sender fills the memory: what does not fit is counted.

mod log;

pub use log::{Piece, read, tail};

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};

use model::event::Seq;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use log::Log;

/// Lines that may wait for the disk.
const WAITING: usize = 4096;
/// Logs that are kept open.
const OPEN: usize = 64;

/// The logs, for whoever adds to them. A clone is the same logs.
#[derive(Debug, Clone)]
pub struct InstallerLogs {
    folder: Arc<Path>,
    lines: SyncSender<Line>,
    lost: Arc<AtomicU64>,
}

/// Text on its way to the disk.
#[derive(Debug)]
struct Line {
    deployment: Seq,
    text: String,
    /// Is told when it was written, or dropped when it could not be.
    written: Option<oneshot::Sender<()>>,
}

impl InstallerLogs {
    /// Logs in a folder, which is made. The task writes for as long as anybody may add to them.
    ///
    /// # Errors
    /// If the folder cannot be made.
    pub fn open(folder: PathBuf) -> std::io::Result<(Self, JoinHandle<()>)> {
        std::fs::create_dir_all(&folder)?;
        let (lines, waiting) = sync_channel(WAITING);
        let lost = Arc::new(AtomicU64::new(0));
        let (into, counter) = (folder.clone(), lost.clone());
        let writer = tokio::task::spawn_blocking(move || write(&into, &waiting, &counter));
        let logs = Self {
            folder: folder.into(),
            lines,
            lost,
        };
        Ok((logs, writer))
    }

    /// Adds whole lines to the log of a deployment; whether they will be written.
    pub fn append(&self, deployment: Seq, text: String) -> bool {
        self.hand_over(Line {
            deployment,
            text,
            written: None,
        })
    }

    /// The same, and waits until they are in the file: what is answered then outlives this process.
    pub async fn keep(&self, deployment: Seq, text: String) -> bool {
        let (written, done) = oneshot::channel();
        let line = Line {
            deployment,
            text,
            written: Some(written),
        };
        self.hand_over(line) && done.await.is_ok()
    }

    fn hand_over(&self, line: Line) -> bool {
        match self.lines.try_send(line) {
            Ok(()) => true,
            Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => {
                self.lost.fetch_add(1, Ordering::Relaxed);
                false
            }
        }
    }

    /// The folder of the logs.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// How many lines were not kept.
    pub fn lost(&self) -> &AtomicU64 {
        &self.lost
    }
}

/// Writes lines as they come, each log kept open as long as it is written to.
fn write(folder: &Path, waiting: &Receiver<Line>, lost: &AtomicU64) {
    let mut logs: HashMap<Seq, Log> = HashMap::new();
    while let Ok(line) = waiting.recv() {
        let Line {
            deployment,
            text,
            written: told,
        } = line;
        if logs.len() >= OPEN && !logs.contains_key(&deployment) {
            logs.clear();
        }
        let written = match logs.entry(deployment) {
            std::collections::hash_map::Entry::Occupied(mut log) => log.get_mut().append(&text),
            std::collections::hash_map::Entry::Vacant(place) => match Log::open(folder, deployment) {
                Ok(log) => place.insert(log).append(&text),
                Err(error) => Err(error),
            },
        };
        if let (Ok(()), Some(told)) = (&written, told) {
            // Whoever lost patience does not mind.
            told.send(()).ok();
        }
        if let Err(error) = written {
            lost.fetch_add(1, Ordering::Relaxed);
            // A full disk would say so with every line; the counter has them all.
            if logs.remove(&deployment).is_some() {
                tracing::warn!(deployment, %error, "a line of an installer's log could not be kept");
            }
        }
    }
}
