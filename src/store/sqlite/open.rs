//! Opening the file: whose it is, whether it is whole, and which schema it has.
//!
//! Invariant: a file that is not ours is never written to.

use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection};

use super::{Lock, Sqlite, StoreError, sql};

/// Marks a SQLite file as ours, in its header: "Bell" in ASCII.
const APPLICATION_ID: [u8; 4] = *b"Bell";
/// Offset of the application id, <https://www.sqlite.org/fileformat.html#application_id>.
const APPLICATION_ID_AT: usize = 68;
/// Length of the file header.
const HEADER: usize = 100;
/// First bytes of every SQLite file.
const MAGIC: &[u8; 16] = b"SQLite format 3\0";
/// How long a foreign process (a backup, the `sqlite3` shell) may hold the file before writing fails.
const BUSY: Duration = Duration::from_secs(5);
/// Connections for readers: each has a thread, and a page of events takes a millisecond.
const READERS: u32 = 4;

impl Sqlite {
    pub(in crate::store) async fn open(path: &Path) -> Result<Self, StoreError> {
        let directory = match path.parent() {
            Some(parent) if parent != Path::new("") => parent,
            _ => Path::new("."),
        };
        let lock = Lock::take(directory)?;
        let length = ensure_file(path)?;
        if length == 0 {
            refuse_orphaned_log(path)?;
            mark(path).await?;
            sync_directory(directory)?;
        }
        check_header(path)?;
        let options = options(path)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            // After a burst the log file is cut back to this, in bytes.
            .pragma("journal_size_limit", "67108864");
        let writer = pool(1)
            .connect_with(options)
            .await
            .map_err(|e| StoreError::sqlite(path, "opening", e))?;
        {
            let mut connection = writer
                .acquire()
                .await
                .map_err(|e| StoreError::sqlite(path, "opening", e))?;
            migrate(path, &mut connection).await?;
        }
        Ok(Self {
            path: Arc::from(path),
            writer: Some(writer),
            readers: readers(path),
            lock: Some(Arc::new(lock)),
        })
    }

    pub(in crate::store) async fn open_read_only(path: &Path) -> Result<Self, StoreError> {
        // Not `check_header`: closing a file gives up every lock that this process holds on it, and a server in this
        // very process may hold some.
        let readers = readers(path);
        let id: i64 = sqlx::query_scalar("PRAGMA application_id")
            .fetch_one(&readers)
            .await
            .map_err(|e| foreign(StoreError::sqlite(path, "opening", e)))?;
        if id != i64::from(u32::from_be_bytes(APPLICATION_ID)) {
            return Err(StoreError::Foreign {
                path: path.to_path_buf(),
            });
        }
        let found: i64 = sqlx::query_scalar(sql::SCHEMA_VERSION)
            .fetch_one(&readers)
            .await
            .map_err(|e| StoreError::sqlite(path, "reading the schema's version", e))?;
        known(path, found)?;
        Ok(Self {
            path: Arc::from(path),
            writer: None,
            readers,
            lock: None,
        })
    }
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

fn readers(path: &Path) -> sqlx::SqlitePool {
    pool(READERS).connect_lazy_with(options(path).read_only(true))
}

/// Makes the file if there is none and returns its length. It holds keys: only its owner may read it, and SQLite gives
/// its companions the same mode.
fn ensure_file(path: &Path) -> Result<u64, StoreError> {
    OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(path)
        .and_then(|file| file.metadata())
        .map(|metadata| metadata.len())
        .map_err(|source| StoreError::Open {
            path: path.to_path_buf(),
            source,
        })
}

/// SQLite takes an empty file for a new database and deletes the log beside it, which may hold events.
fn refuse_orphaned_log(path: &Path) -> Result<(), StoreError> {
    let log = companion(path, "-wal");
    match std::fs::metadata(&log) {
        Ok(metadata) if metadata.len() > 0 => Err(StoreError::Damaged {
            path: path.to_path_buf(),
            what: format!("it is empty, but its log {} is not", log.display()),
        }),
        _ => Ok(()),
    }
}

fn companion(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

/// Writes our mark into a new file, before the write-ahead log is switched on: it must be in the file itself.
async fn mark(path: &Path) -> Result<(), StoreError> {
    let failed = |e| StoreError::sqlite(path, "making the file", e);
    let mut connection = options(path)
        .synchronous(SqliteSynchronous::Full)
        .connect()
        .await
        .map_err(failed)?;
    let id = u32::from_be_bytes(APPLICATION_ID);
    sqlx::raw_sql(AssertSqlSafe(format!("PRAGMA application_id = {id}")))
        .execute(&mut connection)
        .await
        .map_err(failed)?;
    connection.close().await.map_err(failed)
}

/// The name of a new file is not safe from a power loss before its directory is synced.
fn sync_directory(directory: &Path) -> Result<(), StoreError> {
    File::open(directory)
        .and_then(|file| file.sync_all())
        .map_err(|source| StoreError::Directory {
            path: directory.to_path_buf(),
            source,
        })
}

fn check_header(path: &Path) -> Result<(), StoreError> {
    let mut header = [0; HEADER];
    let read = File::open(path).and_then(|mut file| file.read_exact(&mut header));
    match read {
        Ok(()) if !header.starts_with(MAGIC) => {}
        Ok(()) if header[APPLICATION_ID_AT..][..4] == APPLICATION_ID => return Ok(()),
        Ok(()) => {}
        Err(e) if e.kind() == io::ErrorKind::UnexpectedEof => {}
        Err(source) => {
            return Err(StoreError::Open {
                path: path.to_path_buf(),
                source,
            });
        }
    }
    Err(StoreError::Foreign {
        path: path.to_path_buf(),
    })
}

/// What SQLite does not take for a database is somebody else's file.
fn foreign(error: StoreError) -> StoreError {
    match error {
        StoreError::Damaged { path, what } if what.contains("not a database") => StoreError::Foreign { path },
        other => other,
    }
}

fn known(path: &Path, found: i64) -> Result<usize, StoreError> {
    usize::try_from(found)
        .ok()
        .filter(|&version| version <= sql::MIGRATIONS.len())
        .ok_or_else(|| StoreError::Newer {
            path: path.to_path_buf(),
            found,
            known: sql::MIGRATIONS.len() as i64,
        })
}

async fn migrate(path: &Path, connection: &mut SqliteConnection) -> Result<(), StoreError> {
    let failed = |e| StoreError::sqlite(path, "bringing the schema up to date", e);
    let mut transaction = connection.begin_with(sql::BEGIN).await.map_err(failed)?;
    sqlx::query(sql::SCHEMA_TABLE)
        .execute(&mut *transaction)
        .await
        .map_err(failed)?;
    let found: i64 = sqlx::query_scalar(sql::SCHEMA_VERSION)
        .fetch_one(&mut *transaction)
        .await
        .map_err(failed)?;
    let version = known(path, found)?;
    for (step, statements) in sql::MIGRATIONS.iter().enumerate().skip(version) {
        for statement in *statements {
            sqlx::query(*statement)
                .execute(&mut *transaction)
                .await
                .map_err(failed)?;
        }
        sqlx::query(sql::SCHEMA_REACHED)
            .bind(step as i64 + 1)
            .execute(&mut *transaction)
            .await
            .map_err(failed)?;
    }
    transaction.commit().await.map_err(failed)
}
