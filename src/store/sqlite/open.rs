//! Connecting to the file.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection};

use super::{Lock, Sqlite, SqlitePool, StoreError, file, migrate, sql};
use crate::store::{MIGRATIONS, Migration};

/// How long a foreign process (a backup, the `sqlite3` shell) may hold the file before writing fails.
const BUSY: Duration = Duration::from_secs(5);
/// Connections for readers: each has a thread, and a page of events takes a millisecond.
const READERS: u32 = 4;

impl Sqlite {
    pub(in crate::store) async fn open(path: &Path, steps: &[Migration]) -> Result<Self, StoreError> {
        let directory = match path.parent() {
            Some(parent) if parent != Path::new("") => parent,
            _ => Path::new("."),
        };
        let lock = Lock::take(directory)?;
        let length = file::ensure(path)?;
        if length == 0 {
            file::refuse_orphaned_log(path)?;
        } else {
            file::check_header(path)?;
        }
        if length == 0 || file::is_half_made(path) {
            mark(path).await?;
            file::sync_directory(directory)?;
        }
        let writing = options(path)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            // After a burst the log file is cut back to this, in bytes.
            .pragma("journal_size_limit", "67108864");
        let writer = pool(1)
            .connect_with(writing)
            .await
            .map_err(|e| StoreError::sqlite(path, "opening", e))?;
        {
            let mut connection = writer
                .acquire()
                .await
                .map_err(|e| StoreError::sqlite(path, "opening", e))?;
            migrate::migrate(path, &mut connection, steps).await?;
        }
        Ok(Self {
            path: Arc::from(path),
            writer: Some(writer),
            readers: pool(READERS).connect_lazy_with(options(path).read_only(true)),
            lock: Some(Arc::new(lock)),
        })
    }

    pub(in crate::store) async fn open_read_only(path: &Path) -> Result<Self, StoreError> {
        let readers = match identified(path, pool(READERS).connect_lazy_with(options(path).read_only(true))).await {
            // Even a reader makes files beside the database; on a read-only disk it cannot. If nothing waits in the
            // log, the file alone is all there is, and nobody changes it.
            Err(StoreError::Open { .. }) if path.exists() && !file::has_log(path) => {
                let frozen = options(path).read_only(true).immutable(true);
                identified(path, pool(READERS).connect_lazy_with(frozen)).await?
            }
            other => other?,
        };
        Ok(Self {
            path: Arc::from(path),
            writer: None,
            readers,
            lock: None,
        })
    }
}

/// The connections, if they lead to a journal of ours.
///
/// The header is not read from the file itself: closing a file gives up every lock that this process holds on it, and
/// a server in this very process may hold some.
async fn identified(path: &Path, readers: SqlitePool) -> Result<SqlitePool, StoreError> {
    let id: i64 = sqlx::query_scalar("PRAGMA application_id")
        .fetch_one(&readers)
        .await
        .map_err(|e| foreign(StoreError::sqlite(path, "opening", e)))?;
    if id != i64::from(u32::from_be_bytes(file::APPLICATION_ID)) {
        return Err(StoreError::Foreign {
            path: path.to_path_buf(),
        });
    }
    let found: i64 = sqlx::query_scalar(sql::SCHEMA_VERSION)
        .fetch_one(&readers)
        .await
        .map_err(|e| StoreError::sqlite(path, "reading the schema's version", e))?;
    migrate::known(path, found, MIGRATIONS)?;
    Ok(readers)
}

fn options(path: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .busy_timeout(BUSY)
        .row_buffer_size(512)
        .disable_statement_logging()
}

fn pool(size: u32) -> SqlitePoolOptions {
    SqlitePoolOptions::new()
        .max_connections(size)
        .idle_timeout(None)
        .max_lifetime(None)
        .test_before_acquire(false)
}

/// Writes our mark into a new file, before the write-ahead log is switched on: it must be in the file itself.
async fn mark(path: &Path) -> Result<(), StoreError> {
    let failed = |e| StoreError::sqlite(path, "making the file", e);
    let mut connection = options(path)
        .synchronous(SqliteSynchronous::Full)
        .connect()
        .await
        .map_err(failed)?;
    let id = u32::from_be_bytes(file::APPLICATION_ID);
    sqlx::raw_sql(AssertSqlSafe(format!("PRAGMA application_id = {id}")))
        .execute(&mut connection)
        .await
        .map_err(failed)?;
    connection.close().await.map_err(failed)
}

/// What SQLite does not take for a database is somebody else's file.
fn foreign(error: StoreError) -> StoreError {
    match error {
        StoreError::Damaged { path, what } if what.contains("not a database") => StoreError::Foreign { path },
        other => other,
    }
}
