//! Journals of other versions.

use super::*;

/// A journal as the first version of the program left it: a server that gave one node its address.
fn of_schema_1() -> (TempDir, PathBuf) {
    let (directory, path) = place();
    std::fs::write(&path, include_bytes!("../fixtures/journal-schema-1.db")).unwrap();
    (directory, path)
}

async fn upgraded(path: &Path, steps: &[Migration]) -> Result<Store, StoreError> {
    Sqlite::open(path, steps).await.map(Store::Sqlite)
}

const WITH_NOTES: &[Migration] = &[
    MIGRATIONS[0],
    "ALTER TABLE event ADD COLUMN note TEXT; CREATE INDEX event_note ON event (note);",
];
const WITH_MISTAKE: &[Migration] = &[
    MIGRATIONS[0],
    WITH_NOTES[1],
    "CREATE TABLE half (id INTEGER); CREATE TABLE half (id INTEGER);",
];

#[tokio::test]
async fn journal_of_the_first_version_is_read_by_this_one() {
    let (_directory, path) = of_schema_1();
    let store = Store::open(&path).await.unwrap();
    let last = store.last_seq().await.unwrap();
    let events = store.tail(0, 1000).await.unwrap();
    assert_eq!(events.len() as u64, last);
    assert!(events.iter().any(|event| event.what.kind() == "dhcp.leased"));
    assert_eq!(store.schema().await.unwrap(), Store::SCHEMA);
    store.check().await.unwrap();
}

#[tokio::test]
async fn upgrade_keeps_every_event_and_a_copy_of_the_journal_as_it_was() {
    let (_directory, path) = of_schema_1();
    let before = {
        let store = upgraded(&path, &MIGRATIONS[..1]).await.unwrap();
        let events = store.tail(0, 1000).await.unwrap();
        store.close().await;
        events
    };
    let store = upgraded(&path, WITH_NOTES).await.unwrap();
    assert_eq!(store.schema().await.unwrap(), 2);
    assert_eq!(store.tail(0, 1000).await.unwrap(), before);
    let next = before.len() as u64 + 1;
    store.append(&[stopped(next)]).await.unwrap();
    store.close().await;

    let copy = path.with_file_name("journal.db.schema-1");
    assert_eq!(std::fs::metadata(&copy).unwrap().permissions().mode() & 0o777, 0o600);
    let kept = Store::open_read_only(&copy).await.unwrap();
    assert_eq!(kept.schema().await.unwrap(), 1);
    assert_eq!(kept.tail(0, 1000).await.unwrap(), before);

    // The program that is put back refuses, and says where the copy is.
    let error = upgraded(&path, &MIGRATIONS[..1]).await.unwrap_err();
    assert!(
        matches!(error, StoreError::Newer { found: 2, known: 1, .. }),
        "{error:?}"
    );
    assert!(error.to_string().contains("journal.db.schema-1"), "{error}");
}

#[tokio::test]
async fn step_that_fails_leaves_the_steps_before_it_and_nothing_of_its_own() {
    let (_directory, path) = of_schema_1();
    upgraded(&path, WITH_MISTAKE).await.unwrap_err();
    let store = upgraded(&path, WITH_NOTES).await.unwrap();
    assert_eq!(store.schema().await.unwrap(), 2);
    let Store::Sqlite(sqlite) = &store;
    let half: i64 = sqlx::query_scalar("SELECT count(*) FROM sqlite_master WHERE name = 'half'")
        .fetch_one(&sqlite.readers)
        .await
        .unwrap();
    assert_eq!(half, 0);
}

#[tokio::test]
async fn new_journal_needs_no_copy() {
    let (directory, path) = place();
    Store::open(&path).await.unwrap().close().await;
    let copies = std::fs::read_dir(directory.path()).unwrap().flatten();
    assert!(
        !copies
            .into_iter()
            .any(|entry| entry.file_name().to_string_lossy().contains("schema"))
    );
}
