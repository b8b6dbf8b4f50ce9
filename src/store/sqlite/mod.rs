//! The store in a SQLite file: one connection that writes, a few that read.
//!
//! Promise: write-ahead log with `synchronous=FULL`, so a committed transaction has been synced to the disk.

mod file;
mod migrate;
mod open;

use std::path::Path;
use std::sync::{Arc, LazyLock};

use model::event::{Event, Seq};
use sqlx::pool::PoolConnection;
use sqlx::sqlite::{SqliteArguments, SqliteConnection, SqlitePool};
use sqlx::{AssertSqlSafe, Connection, Sqlite as Database};

use super::filter::{Argument, Filter};
use super::lock::Lock;
use super::row::{self, Row};
use super::{Store, StoreError, StoredSnapshot, ToIndex, sql};

/// Statements for up to 1, 2, 4, … 4096 events, each prepared once: a transaction of the journal is one of them. Each statement is a
/// message to the thread of the connection and one back, which costs more than the statement if it is about a single event.
static APPEND: LazyLock<[(usize, String); 13]> = LazyLock::new(|| {
    std::array::from_fn(|power| {
        let rows = 1 << power;
        (rows, sql::append(rows))
    })
});

/// A statement for so many rows of the index.
static INDEX: LazyLock<(usize, String)> = LazyLock::new(|| (512, sql::index(512)));

/// A SQLite database.
#[derive(Debug, Clone)]
pub struct Sqlite {
    path: Arc<Path>,
    /// A single connection; `None` if the file was opened for reading.
    writer: Option<SqlitePool>,
    pub(super) readers: SqlitePool,
    lock: Option<Arc<Lock>>,
}

impl Sqlite {
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) async fn append(&self, events: &[Event]) -> Result<(), StoreError> {
        let doing = "appending events";
        let mut connection = self.writer(doing).await?;
        let done = append(&mut connection, events).await;
        self.settle(connection, doing, done).await
    }

    pub(super) async fn touch(&self) -> Result<(), StoreError> {
        let doing = "taking the lock";
        let mut connection = self.writer(doing).await?;
        let done = match connection.begin_with(sql::BEGIN).await {
            Ok(transaction) => transaction.rollback().await,
            Err(error) => Err(error),
        };
        self.settle(connection, doing, done).await
    }

    /// A copy of the database as of one moment.
    pub(super) async fn copy_to(&self, copy: &Path) -> Result<(), StoreError> {
        let mut connection = self.readers.acquire().await.map_err(|e| self.failed("copying", e))?;
        migrate::copy_to(&self.path, &mut connection, copy).await
    }

    /// Reads every page.
    pub(super) async fn check(&self) -> Result<(), StoreError> {
        let doing = "checking";
        let said: String = sqlx::query_scalar(sql::CHECK)
            .fetch_one(&self.readers)
            .await
            .map_err(|e| self.failed(doing, e))?;
        if said == "ok" {
            return Ok(());
        }
        Err(StoreError::Damaged {
            path: self.path.to_path_buf(),
            what: said,
        })
    }

    pub(super) async fn schema(&self) -> Result<i64, StoreError> {
        sqlx::query_scalar(sql::SCHEMA_VERSION)
            .fetch_one(&self.readers)
            .await
            .map_err(|e| self.failed("reading the schema's version", e))
    }

    pub(super) async fn last_seq(&self) -> Result<Seq, StoreError> {
        let last: i64 = sqlx::query_scalar(sql::LAST_SEQ)
            .fetch_one(&self.readers)
            .await
            .map_err(|e| self.failed("reading the last position", e))?;
        Ok(row::position(last))
    }

    pub(super) async fn tail(&self, after: Seq, limit: u32) -> Result<Vec<Event>, StoreError> {
        let rows: Vec<Row> = sqlx::query_as(sql::TAIL)
            .bind(row::integer(after))
            .bind(i64::from(limit))
            .fetch_all(&self.readers)
            .await
            .map_err(|e| self.failed("reading events", e))?;
        rows.into_iter().map(|row| row::event(&self.path, row)).collect()
    }

    pub(super) async fn events(&self, filter: &Filter) -> Result<Vec<Event>, StoreError> {
        let (sql, arguments) = filter.statement();
        // Safe: made of constants, every value is a parameter.
        let mut query = sqlx::query_as(AssertSqlSafe(sql));
        for argument in arguments {
            query = match argument {
                Argument::Integer(integer) => query.bind(integer),
                Argument::Text(text) => query.bind(text),
            };
        }
        let rows: Vec<Row> = query
            .fetch_all(&self.readers)
            .await
            .map_err(|e| self.failed("reading events", e))?;
        rows.into_iter().map(|row| row::event(&self.path, row)).collect()
    }

    pub(super) async fn to_index(&self, limit: u64) -> Result<ToIndex, StoreError> {
        let found: Vec<(String, i64)> = sqlx::query_as(sql::TO_INDEX)
            .bind(row::integer(limit))
            .fetch_all(&self.readers)
            .await
            .map_err(|e| self.failed("reading what is not indexed", e))?;
        let rows: Vec<(String, Seq)> = found
            .into_iter()
            .map(|(subject, seq)| (subject, row::position(seq)))
            .collect();
        let through = match rows.iter().map(|(_, seq)| *seq).max() {
            Some(last) => last,
            None => self.indexed().await?,
        };
        Ok(ToIndex { rows, through })
    }

    pub(super) async fn index(&self, rows: &[(String, Seq)], through: Option<Seq>) -> Result<(), StoreError> {
        let doing = "indexing events";
        let mut connection = self.writer(doing).await?;
        let done = index(&mut connection, rows, through).await;
        self.settle(connection, doing, done).await
    }

    pub(super) async fn indexed(&self) -> Result<Seq, StoreError> {
        let through: i64 = sqlx::query_scalar(sql::INDEXED)
            .fetch_one(&self.readers)
            .await
            .map_err(|e| self.failed("reading how far the index goes", e))?;
        Ok(row::position(through))
    }

    pub(super) async fn snapshots(&self) -> Result<Vec<Seq>, StoreError> {
        let seqs: Vec<i64> = sqlx::query_scalar(sql::SNAPSHOTS)
            .fetch_all(&self.readers)
            .await
            .map_err(|e| self.failed("listing snapshots", e))?;
        Ok(seqs.into_iter().map(row::position).collect())
    }

    pub(super) async fn snapshot(&self, seq: Seq) -> Result<Option<StoredSnapshot>, StoreError> {
        let found: Option<(String, Vec<u8>)> = sqlx::query_as(sql::SNAPSHOT)
            .bind(row::integer(seq))
            .fetch_optional(&self.readers)
            .await
            .map_err(|e| self.failed("reading a snapshot", e))?;
        Ok(found.map(|(digest, body)| StoredSnapshot { digest, body }))
    }

    pub(super) async fn put_snapshot(&self, seq: Seq, snapshot: StoredSnapshot) -> Result<(), StoreError> {
        let doing = "storing a snapshot";
        let mut connection = self.writer(doing).await?;
        let done = put_snapshot(&mut connection, seq, snapshot).await;
        self.settle(connection, doing, done).await
    }

    pub(super) async fn secret(&self, name: &str) -> Result<[u8; 32], StoreError> {
        let doing = "reading a key";
        if let Some(key) = self.find_secret(name).await? {
            return Ok(key);
        }
        let mut fresh = [0; 32];
        getrandom::fill(&mut fresh).map_err(|source| StoreError::Random {
            name: name.to_string(),
            source,
        })?;
        let mut connection = self.writer("making a key").await?;
        let done = sqlx::query(sql::PUT_SECRET)
            .bind(name)
            .bind(fresh.as_slice())
            .execute(&mut *connection)
            .await
            .map(|_| ());
        self.settle(connection, "making a key", done).await?;
        // Not `fresh`: somebody else's may have been there first.
        self.find_secret(name)
            .await?
            .ok_or_else(|| self.failed(doing, sqlx::Error::RowNotFound))
    }

    async fn find_secret(&self, name: &str) -> Result<Option<[u8; 32]>, StoreError> {
        let found: Option<Vec<u8>> = sqlx::query_scalar(sql::SECRET)
            .bind(name)
            .fetch_optional(&self.readers)
            .await
            .map_err(|e| self.failed("reading a key", e))?;
        found
            .map(|bytes| {
                bytes.try_into().map_err(|_| StoreError::Damaged {
                    path: self.path.to_path_buf(),
                    what: format!("the key {name} is not 32 bytes long"),
                })
            })
            .transpose()
    }

    pub(super) async fn close(&self) {
        self.readers.close().await;
        if let Some(writer) = &self.writer {
            writer.close().await; // Last, so that its closing empties the write-ahead log into the file.
        }
        if let Some(lock) = &self.lock {
            lock.release();
        }
    }

    pub(super) async fn writer(&self, doing: &'static str) -> Result<PoolConnection<Database>, StoreError> {
        match &self.writer {
            Some(writer) => writer.acquire().await.map_err(|e| self.failed(doing, e)),
            None => Err(StoreError::ReadOnly {
                path: self.path.to_path_buf(),
                doing,
            }),
        }
    }

    /// After a failure the connection is thrown away: SQLite may or may not have ended the transaction by itself, and
    /// a new connection has none.
    async fn settle(
        &self,
        connection: PoolConnection<Database>,
        doing: &'static str,
        done: Result<(), sqlx::Error>,
    ) -> Result<(), StoreError> {
        let Err(error) = done else { return Ok(()) };
        if let Err(error) = connection.close().await {
            tracing::warn!(%error, "closing the journal's connection after a failure");
        }
        Err(self.failed(doing, error))
    }

    fn failed(&self, doing: &'static str, source: sqlx::Error) -> StoreError {
        StoreError::sqlite(&self.path, doing, source)
    }
}

async fn append(connection: &mut PoolConnection<Database>, events: &[Event]) -> Result<(), sqlx::Error> {
    if let Some(statement) = statement_for(events.len()) {
        // A transaction by itself, which takes the write lock before it reads.
        return insert(connection, statement, events).await;
    }
    let (most, statement) = &APPEND[APPEND.len() - 1];
    let mut transaction = connection.begin_with(sql::BEGIN).await?;
    for chunk in events.chunks(*most) {
        insert(&mut transaction, statement, chunk).await?;
    }
    transaction.commit().await
}

/// The smallest statement for so many events.
fn statement_for(events: usize) -> Option<&'static str> {
    let (_, statement) = APPEND.iter().find(|(rows, _)| events <= *rows)?;
    Some(statement)
}

/// Parameters that are not bound are null, and so are rows that are not there.
async fn insert(
    connection: &mut SqliteConnection,
    statement: &'static str,
    events: &[Event],
) -> Result<(), sqlx::Error> {
    let mut query: sqlx::query::Query<'_, Database, SqliteArguments> = sqlx::query(statement);
    for event in events {
        query = query
            .bind(row::integer(event.seq))
            .bind(event.at.as_microsecond())
            .bind(event.actor.as_str())
            .bind(event.subject.to_string())
            .bind(event.what.kind())
            .bind(row::body(&event.what));
    }
    query.execute(connection).await.map(|_| ())
}

async fn index(
    connection: &mut PoolConnection<Database>,
    rows: &[(String, Seq)],
    through: Option<Seq>,
) -> Result<(), sqlx::Error> {
    let mut transaction = connection.begin_with(sql::BEGIN).await?;
    for chunk in rows.chunks(INDEX.0) {
        let mut query: sqlx::query::Query<'_, Database, SqliteArguments> = sqlx::query(INDEX.1.as_str());
        for (subject, seq) in chunk {
            query = query.bind(subject.as_str()).bind(row::integer(*seq));
        }
        query.execute(&mut *transaction).await?;
    }
    if let Some(through) = through {
        sqlx::query(sql::INDEXED_THROUGH)
            .bind(row::integer(through))
            .execute(&mut *transaction)
            .await?;
    }
    transaction.commit().await
}

async fn put_snapshot(
    connection: &mut PoolConnection<Database>,
    seq: Seq,
    snapshot: StoredSnapshot,
) -> Result<(), sqlx::Error> {
    let mut transaction = connection.begin_with(sql::BEGIN).await?;
    sqlx::query(sql::PUT_SNAPSHOT)
        .bind(row::integer(seq))
        .bind(snapshot.digest)
        .bind(snapshot.body)
        .execute(&mut *transaction)
        .await?;
    sqlx::query(sql::DROP_SNAPSHOTS)
        .bind(i64::from(Store::SNAPSHOTS_KEPT))
        .execute(&mut *transaction)
        .await?;
    transaction.commit().await
}
