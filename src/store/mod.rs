//! The database: SQL and nothing else.
//!
//! Promises: what [`Store::append`] returned for is on the disk, not in a cache; keys are in the database and never in
//! an event; only one process opens a state directory for writing.
//! Invariant: knows nothing of the world or of who waits for what: that is the journal's.

mod error;
mod filter;
mod lock;
mod migrations;
mod row;
mod sql;
mod sqlite;
#[cfg(test)]
mod tests;

pub use error::StoreError;
pub use filter::Filter;
pub use lock::Lock;
use migrations::{MIGRATIONS, Migration};
pub use sqlite::Sqlite;

use std::path::Path;

use model::event::{Event, Seq};

/// The database behind the journal. A clone is the same database.
#[derive(Debug, Clone)]
pub enum Store {
    /// SQLite in a file of its own, one server.
    Sqlite(Sqlite),
}

/// A snapshot of the world as it was stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredSnapshot {
    /// SHA-256 of `body` when it was written, hexadecimal.
    pub digest: String,
    /// What was stored.
    pub body: Vec<u8>,
}

/// What is not in the index by subject yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToIndex {
    /// Subjects with the positions of their events, in this order: neighbours are neighbours in the index, too.
    pub rows: Vec<(String, Seq)>,
    /// The position of the last of these events.
    pub through: Seq,
}

impl Store {
    /// How many snapshots are kept: the last one, and the one before should that be damaged.
    pub const SNAPSHOTS_KEPT: u32 = 2;

    /// Opens the database file for reading and writing, makes it if there is none, and locks the directory that it is
    /// in until the store is closed or its last clone dropped.
    ///
    /// # Errors
    /// The directory is missing, read-only or in use; the file is foreign, damaged, or of a later version.
    pub async fn open(path: &Path) -> Result<Self, StoreError> {
        Sqlite::open(path, MIGRATIONS).await.map(Self::Sqlite)
    }

    /// The schema that this version of the program writes.
    pub const SCHEMA: i64 = MIGRATIONS.len() as i64;

    /// Opens an existing database file for reading, beside a server that writes to it or without one.
    ///
    /// # Errors
    /// There is no such file; it is foreign, damaged, or of a later version.
    pub async fn open_read_only(path: &Path) -> Result<Self, StoreError> {
        Sqlite::open_read_only(path).await.map(Self::Sqlite)
    }

    /// The database file.
    pub fn path(&self) -> &Path {
        match self {
            Self::Sqlite(sqlite) => sqlite.path(),
        }
    }

    /// Appends events in one transaction that is on the disk when this returns. Their positions must follow the last
    /// one without a gap.
    ///
    /// # Errors
    /// Nothing of it is in the journal if the disk is full. After another failure of the disk all of it may be there,
    /// or nothing.
    pub async fn append(&self, events: &[Event]) -> Result<(), StoreError> {
        match self {
            Self::Sqlite(sqlite) => sqlite.append(events).await,
        }
    }

    /// Takes the way of an append without writing: the connection, the lock on the database, and back.
    ///
    /// # Errors
    /// Somebody holds the database, or it cannot be written to.
    pub async fn touch(&self) -> Result<(), StoreError> {
        match self {
            Self::Sqlite(sqlite) => sqlite.touch().await,
        }
    }

    /// Copies the database as of one moment into another file, readable by its owner alone; whole or not there. It may
    /// be written to meanwhile, by this process or another.
    ///
    /// # Errors
    /// The database cannot be read, or the copy not be written.
    pub async fn copy_to(&self, copy: &Path) -> Result<(), StoreError> {
        match self {
            Self::Sqlite(sqlite) => sqlite.copy_to(copy).await,
        }
    }

    /// Reads the whole database and checks that it holds together.
    ///
    /// # Errors
    /// It is damaged.
    pub async fn check(&self) -> Result<(), StoreError> {
        match self {
            Self::Sqlite(sqlite) => sqlite.check().await,
        }
    }

    /// The version of its schema.
    ///
    /// # Errors
    /// The database cannot be read.
    pub async fn schema(&self) -> Result<i64, StoreError> {
        match self {
            Self::Sqlite(sqlite) => sqlite.schema().await,
        }
    }

    /// Position of the last event, 0 if there is none.
    ///
    /// # Errors
    /// The database cannot be read.
    pub async fn last_seq(&self) -> Result<Seq, StoreError> {
        match self {
            Self::Sqlite(sqlite) => sqlite.last_seq().await,
        }
    }

    /// The events after a position, in order, at most `limit`.
    ///
    /// # Errors
    /// The database or an event in it cannot be read.
    pub async fn tail(&self, after: Seq, limit: u32) -> Result<Vec<Event>, StoreError> {
        match self {
            Self::Sqlite(sqlite) => sqlite.tail(after, limit).await,
        }
    }

    /// The events that a filter lets through.
    ///
    /// # Errors
    /// The database or an event in it cannot be read.
    pub async fn events(&self, filter: &Filter) -> Result<Vec<Event>, StoreError> {
        match self {
            Self::Sqlite(sqlite) => sqlite.events(filter).await,
        }
    }

    /// The next events for the index by subject, at most `limit`.
    ///
    /// # Errors
    /// The database cannot be read.
    pub async fn to_index(&self, limit: u64) -> Result<ToIndex, StoreError> {
        match self {
            Self::Sqlite(sqlite) => sqlite.to_index(limit).await,
        }
    }

    /// Takes rows of a [`ToIndex`] into the index, without which events are found more slowly. `through` is its position if these are
    /// the last of its rows. Rows that are there already do no harm.
    ///
    /// # Errors
    /// The database cannot be written.
    pub async fn index(&self, rows: &[(String, Seq)], through: Option<Seq>) -> Result<(), StoreError> {
        match self {
            Self::Sqlite(sqlite) => sqlite.index(rows, through).await,
        }
    }

    /// The position up to which events are in the index by subject.
    ///
    /// # Errors
    /// The database cannot be read.
    pub async fn indexed(&self) -> Result<Seq, StoreError> {
        match self {
            Self::Sqlite(sqlite) => sqlite.indexed().await,
        }
    }

    /// Positions of the stored snapshots, the latest first.
    ///
    /// # Errors
    /// The database cannot be read.
    pub async fn snapshots(&self) -> Result<Vec<Seq>, StoreError> {
        match self {
            Self::Sqlite(sqlite) => sqlite.snapshots().await,
        }
    }

    /// The snapshot at a position, if there is one.
    ///
    /// # Errors
    /// The database cannot be read.
    pub async fn snapshot(&self, seq: Seq) -> Result<Option<StoredSnapshot>, StoreError> {
        match self {
            Self::Sqlite(sqlite) => sqlite.snapshot(seq).await,
        }
    }

    /// Stores a snapshot and drops all but the last [`Store::SNAPSHOTS_KEPT`].
    ///
    /// # Errors
    /// The database cannot be written; the snapshots before are still there.
    pub async fn put_snapshot(&self, seq: Seq, snapshot: StoredSnapshot) -> Result<(), StoreError> {
        match self {
            Self::Sqlite(sqlite) => sqlite.put_snapshot(seq, snapshot).await,
        }
    }

    /// The key of that name, made of 32 random bytes when it is first asked for. On the disk when this returns.
    ///
    /// # Errors
    /// The database cannot be read, or there is no such key and none can be made.
    pub async fn secret(&self, name: &str) -> Result<[u8; 32], StoreError> {
        match self {
            Self::Sqlite(sqlite) => sqlite.secret(name).await,
        }
    }

    /// Closes the database and gives the directory back. Every later use of any clone fails.
    pub async fn close(&self) {
        match self {
            Self::Sqlite(sqlite) => sqlite.close().await,
        }
    }
}
