//! Bringing the schema of a file up to date.
//!
//! Promise: each step is one transaction; a start that is killed half-way goes on where it stopped.
//! Promise: before the first step on a file that holds events, the file is copied beside itself.

use std::path::{Path, PathBuf};

use sqlx::sqlite::SqliteConnection;
use sqlx::{AssertSqlSafe, Connection};

use super::{StoreError, file, sql};
use crate::store::Migration;

/// The copy that an upgrade from a schema leaves.
pub(super) fn copy_of(path: &Path, schema: usize) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".schema-{schema}"));
    PathBuf::from(name)
}

/// How many of the steps a file has taken.
pub(super) fn known(path: &Path, found: i64, steps: &[Migration]) -> Result<usize, StoreError> {
    usize::try_from(found)
        .ok()
        .filter(|&version| version <= steps.len())
        .ok_or_else(|| StoreError::Newer {
            path: path.to_path_buf(),
            found,
            known: steps.len() as i64,
            copy: Some(copy_of(path, steps.len())).filter(|copy| copy.exists()),
        })
}

/// Takes the steps that a file has not taken yet.
pub(super) async fn migrate(
    path: &Path,
    connection: &mut SqliteConnection,
    steps: &[Migration],
) -> Result<(), StoreError> {
    let failed = |e| StoreError::sqlite(path, "bringing the schema up to date", e);
    sqlx::query(sql::SCHEMA_TABLE)
        .execute(&mut *connection)
        .await
        .map_err(failed)?;
    let found: i64 = sqlx::query_scalar(sql::SCHEMA_VERSION)
        .fetch_one(&mut *connection)
        .await
        .map_err(failed)?;
    let version = known(path, found, steps)?;
    if version == steps.len() {
        return Ok(());
    }
    if version > 0 {
        let copy = copy_of(path, version);
        copy_to(path, connection, &copy).await?;
        tracing::info!(
            from = version,
            to = steps.len(),
            copy = %copy.display(),
            "the journal's schema is brought up to date; a copy of it as it was is kept"
        );
    }
    for (at, step) in steps.iter().enumerate().skip(version) {
        let mut transaction = connection.begin_with(sql::BEGIN).await.map_err(failed)?;
        sqlx::raw_sql(*step).execute(&mut *transaction).await.map_err(failed)?;
        sqlx::query(sql::SCHEMA_REACHED)
            .bind(at as i64 + 1)
            .execute(&mut *transaction)
            .await
            .map_err(failed)?;
        transaction.commit().await.map_err(failed)?;
    }
    Ok(())
}

/// Copies a database, as of one moment, into a file that is whole or not there. Writers go on meanwhile.
pub(super) async fn copy_to(path: &Path, connection: &mut SqliteConnection, copy: &Path) -> Result<(), StoreError> {
    let unfinished = {
        let mut name = copy.as_os_str().to_owned();
        name.push(format!(".{}", std::process::id()));
        PathBuf::from(name)
    };
    let copied = fill(path, connection, &unfinished).await;
    let named = copied.and_then(|()| {
        file::sync(&unfinished)?;
        std::fs::rename(&unfinished, copy).map_err(|source| StoreError::Copy {
            path: path.to_path_buf(),
            copy: copy.to_path_buf(),
            source,
        })?;
        file::sync_directory(copy.parent().filter(|p| *p != Path::new("")).unwrap_or(Path::new(".")))
    });
    if named.is_err() {
        std::fs::remove_file(&unfinished).ok();
    }
    named
}

async fn fill(path: &Path, connection: &mut SqliteConnection, copy: &Path) -> Result<(), StoreError> {
    // It holds keys: made by us, so that nobody else may read it, and empty, so that SQLite fills it.
    std::fs::remove_file(copy).ok();
    file::ensure(copy)?;
    let name = copy.to_string_lossy().replace('\'', "''");
    // A parameter cannot stand here in a connection that prepares its statements; the name was quoted above.
    sqlx::raw_sql(AssertSqlSafe(format!("VACUUM INTO '{name}'")))
        .execute(connection)
        .await
        .map(|_| ())
        .map_err(|e| StoreError::sqlite(path, "copying", e))
}
