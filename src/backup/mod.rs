//! Backup and restore of the state: one archive, `.tar.zst`, that ordinary tools can open as well.
//!
//! Promise: a backup is of one moment, beside a server that goes on writing; it is whole or not there.
//! Promise: a restore has checked every byte before the first file of the state is touched, and then takes effect by
//! one rename: what was there is moved aside, not deleted.
//! Invariant: an archive holds keys and is readable by its owner alone.

mod manifest;
mod restore;
#[cfg(test)]
mod tests;
mod write;

pub use manifest::{FORMAT, Manifest, Part};
pub use restore::{Restored, restore};
pub use write::{Wishes, backup};

use std::io;
use std::path::PathBuf;

use crate::store::StoreError;

/// Name of the database in a state folder and in an archive.
pub const JOURNAL: &str = "journal.db";
/// Name in the archive of the cluster file that is in force.
pub const CLUSTER: &str = "cluster.yaml";

/// Why a backup or a restore was given up.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// There is nothing to back up.
    #[error("there is no journal in the state folder {}: name the right one with --state", .0.display())]
    NoState(PathBuf),
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The file to write is there.
    #[error("{} is there already: name another file, or add --force", .0.display())]
    Exists(PathBuf),
    /// A file cannot be read or written.
    #[error("cannot {what} {}", path.display())]
    File {
        /// What was done.
        what: &'static str,
        /// To which.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The archive is not whole.
    #[error("the archive {} is damaged: {what}. Nothing was changed", path.display())]
    Damaged {
        /// The archive.
        path: PathBuf,
        /// In what.
        what: String,
    },
    /// The archive is of a later version.
    #[error("the archive {} is of format {found}, this program knows {known}: use the version that made it, or a later one. Nothing was changed", path.display())]
    Newer {
        /// The archive.
        path: PathBuf,
        /// Its format.
        found: u32,
        /// Ours.
        known: u32,
    },
    /// There is something already.
    #[error("the state folder {} is not empty: name another one with --state, or move it aside with --force", .0.display())]
    NotEmpty(PathBuf),
    /// A server uses the folder.
    #[error("a server runs on the state folder {}{}: stop it first (systemctl stop bellwether). Nothing was changed",
        path.display(), .pid.map(|pid| format!(" (pid {pid})")).unwrap_or_default())]
    Running {
        /// The folder.
        path: PathBuf,
        /// The server.
        pid: Option<u32>,
    },
}

impl BackupError {
    fn file(what: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::File { what, path, source }
    }
}
