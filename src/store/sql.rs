//! Every SQL text of the program but the table definitions, which are in [`super::migrations`].
//!
//! Invariant: nothing here is peculiar to SQLite but the check, [`append`] and [`index`]: numbered `$1` parameters, standard
//! types, `ON CONFLICT`. Another database needs its own migrations and these three.

pub const SCHEMA_TABLE: &str = "CREATE TABLE IF NOT EXISTS schema_version (version INTEGER NOT NULL)";
pub const SCHEMA_VERSION: &str = "SELECT coalesce(max(version), 0) FROM schema_version";
/// SQLite's own; another database has its own way.
pub const CHECK: &str = "PRAGMA integrity_check(1)";
pub const SCHEMA_REACHED: &str = "INSERT INTO schema_version (version) VALUES ($1)";

/// Takes the write lock at once: a transaction that begins by reading and then writes fails without waiting when
/// another connection wrote in between.
pub const BEGIN: &str = "BEGIN IMMEDIATE";

pub const LAST_SEQ: &str = "SELECT coalesce(max(seq), 0) FROM event";
pub const TAIL: &str = "SELECT seq, at, actor, subject, kind, body FROM event WHERE seq > $1 ORDER BY seq LIMIT $2";
/// Completed by [`super::Filter`].
pub const EVENTS: &str = "SELECT seq, at, actor, subject, kind, body FROM event WHERE 1 = 1";
/// The events about a subject, within `{bounds}` of `seq`: those that are indexed, and what is not yet, one by one. Of both only as many
/// as `{wanted}` says, so that a subject with a long past costs no more than another.
pub const OF_SUBJECT: &str = "SELECT seq FROM (SELECT seq FROM event_of WHERE subject = {subject}{bounds}{wanted})
     UNION ALL SELECT seq FROM (SELECT seq FROM event
     WHERE seq > (SELECT seq FROM event_of_through) AND subject = {subject}{bounds}{wanted})";
pub const INDEXED: &str = "SELECT seq FROM event_of_through";
/// From the event after the last indexed one; at most `$1`. In the order of subjects, so that each page of the index is written once.
pub const TO_INDEX: &str = "SELECT subject, seq FROM event WHERE seq > (SELECT seq FROM event_of_through)
     AND seq <= (SELECT seq FROM event_of_through) + $1 ORDER BY subject, seq";
pub const INDEXED_THROUGH: &str = "UPDATE event_of_through SET seq = $1";
/// Where to begin looking for events of a time. `+ 0`, or SQLite walks the whole table for its smallest `seq` instead
/// of using the index.
pub const FIRST_SINCE: &str = "SELECT min(seq + 0) FROM event WHERE at >= $1";

pub const PUT_SNAPSHOT: &str = "INSERT INTO snapshot (seq, digest, body) VALUES ($1, $2, $3)
     ON CONFLICT (seq) DO UPDATE SET digest = excluded.digest, body = excluded.body";
pub const DROP_SNAPSHOTS: &str =
    "DELETE FROM snapshot WHERE seq NOT IN (SELECT seq FROM snapshot ORDER BY seq DESC LIMIT $1)";
pub const SNAPSHOTS: &str = "SELECT seq FROM snapshot ORDER BY seq DESC";
pub const SNAPSHOT: &str = "SELECT digest, body FROM snapshot WHERE seq = $1";

pub const SECRET: &str = "SELECT value FROM secret WHERE name = $1";
pub const PUT_SECRET: &str = "INSERT INTO secret (name, value) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING";

/// An `INSERT` of up to that many events: rows without a position are none, so that a few statements are enough for any number, and one
/// is a whole transaction. Its parameters are nameless, as [`super::sqlite`] has them: for each that has a name or a number the binding
/// walks over those before it.
pub fn append(rows: usize) -> String {
    let row = "(?, ?, ?, ?, ?, ?)";
    let rows = vec![row; rows].join(", ");
    format!(
        "INSERT INTO event (seq, at, actor, subject, kind, body) SELECT * FROM (VALUES {rows}) WHERE column1 IS NOT NULL"
    )
}

/// An `INSERT` of up to that many rows into the index, as [`append`] is. Those that are there already were taken in by a process that ended
/// before it had all of them.
pub fn index(rows: usize) -> String {
    let rows = vec!["(?, ?)"; rows].join(", ");
    format!(
        "INSERT INTO event_of (subject, seq) SELECT * FROM (VALUES {rows}) WHERE column2 IS NOT NULL
         ON CONFLICT (subject, seq) DO NOTHING"
    )
}
