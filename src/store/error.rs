//! What can go wrong with the database, in words that say what to do.

use std::io;
use std::path::{Path, PathBuf};

use model::event::Seq;

/// An operation on the store that failed.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Another server uses the same state directory.
    #[error("{} is in use by another server{}: stop that one first, or give this one a state directory of its own",
        path.display(), .pid.map(|pid| format!(" (pid {pid})")).unwrap_or_default())]
    InUse {
        /// The lock file.
        path: PathBuf,
        /// Process that holds it, where it said so.
        pid: Option<u32>,
    },
    /// The state directory cannot be used.
    #[error("cannot write to the state directory {}: it must exist, be on a writable disk and belong to the server's user", path.display())]
    Directory {
        /// The directory.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The database file cannot be opened.
    #[error("cannot open the journal {}", path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file is something else.
    #[error("{} is not a journal of this program, or its beginning is damaged: put a backup in its place (bellwether restore), or name another state directory", path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// The file is a journal, but parts of it are lost.
    #[error("the journal {} is damaged ({what}): keep a copy of its directory, then restore it from a backup or salvage it with `sqlite3 {} .recover`", path.display(), path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
    },
    /// Written by a later version of the program.
    #[error("the journal {} has schema {found}, this program knows schemas up to {known}: use the version that wrote it, or a later one{}",
        path.display(), .copy.as_ref().map(|copy| format!("; {} is the journal as it was before the upgrade", copy.display())).unwrap_or_default())]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its schema.
        found: i64,
        /// The latest that is known.
        known: i64,
        /// The copy that was made before the upgrade, if it is still there.
        copy: Option<PathBuf>,
    },
    /// A copy of the database could not be given its name.
    #[error("cannot copy the journal {} to {}", path.display(), copy.display())]
    Copy {
        /// The file.
        path: PathBuf,
        /// The copy.
        copy: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The disk is full. Nothing of the transaction is in the journal.
    #[error("no space left to write the journal {}: free space on that file system, writing goes on by itself then", path.display())]
    Full {
        /// The file.
        path: PathBuf,
        /// What the database said.
        source: sqlx::Error,
    },
    /// The disk refused to read or write.
    #[error("the disk failed under the journal {} ({doing}): look at the kernel's log", path.display())]
    Disk {
        /// The file.
        path: PathBuf,
        /// What was being done.
        doing: &'static str,
        /// What the database said.
        source: sqlx::Error,
    },
    /// The store was opened for reading, or its file system became read-only.
    #[error("the journal {} can only be read here ({doing})", path.display())]
    ReadOnly {
        /// The file.
        path: PathBuf,
        /// What was being done.
        doing: &'static str,
    },
    /// Anything else that the database refused.
    #[error("{doing} failed in the journal {}", path.display())]
    Statement {
        /// The file.
        path: PathBuf,
        /// What was being done.
        doing: &'static str,
        /// What the database said.
        source: sqlx::Error,
    },
    /// A row that is no event this program knows.
    #[error("event {seq} ({kind}) in the journal {} cannot be read: a later version wrote it, or it is damaged ({why})", path.display())]
    Event {
        /// The file.
        path: PathBuf,
        /// Position of the event.
        seq: Seq,
        /// Its kind.
        kind: String,
        /// Why.
        why: String,
    },
    /// The operating system gave no random bytes for a new key.
    #[error("no random bytes for the key {name}")]
    Random {
        /// Name of the key.
        name: String,
        /// Why.
        source: getrandom::Error,
    },
}

// Result codes of SQLite, <https://www.sqlite.org/rescode.html>. The low byte is the primary code.
const READONLY: i64 = 8;
const IOERR: i64 = 10;
const CORRUPT: i64 = 11;
const FULL: i64 = 13;
const CANTOPEN: i64 = 14;
const NOTADB: i64 = 26;
/// The shared-memory file could not grow: a full disk, too.
const IOERR_SHMSIZE: i64 = 4874;

impl StoreError {
    pub(super) fn sqlite(path: &Path, doing: &'static str, source: sqlx::Error) -> Self {
        let path = path.to_path_buf();
        let code = source.as_database_error().and_then(|e| e.code()?.parse::<i64>().ok());
        match (code, code.map(|c| c & 0xff)) {
            (Some(IOERR_SHMSIZE), _) | (_, Some(FULL)) => Self::Full { path, source },
            (_, Some(IOERR)) => Self::Disk { path, doing, source },
            (_, Some(CORRUPT | NOTADB)) => Self::Damaged {
                path,
                what: source
                    .as_database_error()
                    .map_or_else(String::new, |e| e.message().to_string()),
            },
            (_, Some(READONLY)) => Self::ReadOnly { path, doing },
            (_, Some(CANTOPEN)) => Self::Open {
                path,
                source: io::Error::other(source),
            },
            _ => Self::Statement { path, doing, source },
        }
    }
}
