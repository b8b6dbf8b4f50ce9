//! What else the file keeps, and files that are not what they should be.

use super::*;

#[tokio::test]
async fn only_the_last_two_snapshots_are_kept() {
    let (_directory, path) = place();
    let store = Store::open(&path).await.unwrap();
    for seq in [10, 20, 30] {
        let snapshot = StoredSnapshot {
            digest: "d".to_string(),
            body: vec![seq as u8],
        };
        store.put_snapshot(seq, snapshot).await.unwrap();
    }
    assert_eq!(store.snapshots().await.unwrap(), [30, 20]);
    assert_eq!(store.snapshot(20).await.unwrap().unwrap().body, [20]);
    assert_eq!(store.snapshot(10).await.unwrap(), None);
}

#[tokio::test]
async fn key_is_made_once_and_kept() {
    let (_directory, path) = place();
    let store = Store::open(&path).await.unwrap();
    let (one, same, other) = (
        store.secret("boot-token").await.unwrap(),
        store.secret("boot-token").await.unwrap(),
        store.secret("session").await.unwrap(),
    );
    assert_eq!(one, same);
    assert_ne!(one, other);
    store.close().await;
    let reader = Store::open_read_only(&path).await.unwrap();
    assert_eq!(reader.secret("boot-token").await.unwrap(), one);
    let error = reader.secret("new").await.unwrap_err();
    assert!(matches!(error, StoreError::ReadOnly { .. }), "{error:?}");
}

#[tokio::test]
async fn files_with_keys_are_for_their_owner_only() {
    let (_directory, path) = place();
    let store = Store::open(&path).await.unwrap();
    store.secret("boot-token").await.unwrap();
    for name in ["journal.db", "journal.db-wal"] {
        let mode = std::fs::metadata(path.with_file_name(name))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
}

#[tokio::test]
async fn second_server_on_a_directory_is_told_who_has_it() {
    let (_directory, path) = place();
    let first = Store::open(&path).await.unwrap();
    let error = Store::open(&path.with_file_name("other.db")).await.unwrap_err();
    let StoreError::InUse { pid, .. } = &error else {
        panic!("{error:?}")
    };
    assert_eq!(*pid, Some(std::process::id()));
    assert!(error.to_string().contains(&format!("(pid {})", std::process::id())));
    // Readers are welcome.
    first.append(&[stopped(1)]).await.unwrap();
    let reader = Store::open_read_only(&path).await.unwrap();
    assert_eq!(reader.last_seq().await.unwrap(), 1);
    reader.close().await;
    first.close().await;
    Store::open(&path).await.unwrap();
}

#[tokio::test]
async fn foreign_file_is_refused_and_left_as_it_was() {
    let (_directory, path) = place();
    let text = b"this is no database at all".repeat(100);
    std::fs::write(&path, &text).unwrap();
    for error in [
        Store::open(&path).await.unwrap_err(),
        Store::open_read_only(&path).await.unwrap_err(),
    ] {
        assert!(matches!(error, StoreError::Foreign { .. }), "{error:?}");
    }
    assert_eq!(std::fs::read(&path).unwrap(), text);
}

#[tokio::test]
async fn database_of_another_program_is_refused_and_left_as_it_was() {
    let (_directory, path) = place();
    let mut other = sqlx::sqlite::SqliteConnectOptions::new()
        .filename(&path)
        .create_if_missing(true)
        .connect()
        .await
        .unwrap();
    sqlx::query("CREATE TABLE event (x)").execute(&mut other).await.unwrap();
    other.close().await.unwrap();
    let before = std::fs::read(&path).unwrap();
    for error in [
        Store::open(&path).await.unwrap_err(),
        Store::open_read_only(&path).await.unwrap_err(),
    ] {
        assert!(matches!(error, StoreError::Foreign { .. }), "{error:?}");
    }
    assert_eq!(std::fs::read(&path).unwrap(), before);
}

#[tokio::test]
async fn torn_file_is_called_damaged() {
    let (_directory, path) = place();
    let store = Store::open(&path).await.unwrap();
    let events: Vec<Event> = (1..=2000).map(stopped).collect();
    store.append(&events).await.unwrap();
    store.close().await;
    let whole = std::fs::read(&path).unwrap();

    std::fs::write(&path, &whole[..whole.len() / 2]).unwrap();
    let error = Store::open(&path).await.unwrap_err();
    assert!(matches!(error, StoreError::Damaged { .. }), "{error:?}");
    assert!(error.to_string().contains(&path.display().to_string()), "{error}");

    let mut garbled = whole.clone();
    let middle = whole.len() / 4096 / 2 * 4096;
    // The middle may be a page of an index: whoever checks finds that, too.
    garbled[middle..middle + 4096].fill(0xa5);
    std::fs::write(&path, &garbled).unwrap();
    let store = Store::open(&path).await.unwrap();
    let error = store.check().await.unwrap_err();
    assert!(matches!(error, StoreError::Damaged { .. }), "{error:?}");
}

#[tokio::test]
async fn emptied_file_does_not_cost_its_log() {
    let (_directory, path) = place();
    std::fs::write(&path, b"").unwrap();
    let log = path.with_file_name("journal.db-wal");
    std::fs::write(&log, b"events").unwrap();
    let error = Store::open(&path).await.unwrap_err();
    assert!(matches!(error, StoreError::Damaged { .. }), "{error:?}");
    assert_eq!(std::fs::read(&log).unwrap(), b"events");
}

#[tokio::test]
async fn journal_of_a_later_version_is_refused() {
    let (_directory, path) = place();
    let Store::Sqlite(store) = Store::open(&path).await.unwrap();
    let mut connection = store.writer("testing").await.unwrap();
    sqlx::query(sql::SCHEMA_REACHED)
        .bind(99)
        .execute(&mut *connection)
        .await
        .unwrap();
    drop(connection);
    store.close().await;
    for error in [
        Store::open(&path).await.unwrap_err(),
        Store::open_read_only(&path).await.unwrap_err(),
    ] {
        assert!(matches!(error, StoreError::Newer { found: 99, .. }), "{error:?}");
    }
}

#[tokio::test]
async fn unknown_kind_is_named_with_its_position() {
    let (_directory, path) = place();
    let Store::Sqlite(store) = Store::open(&path).await.unwrap();
    let mut connection = store.writer("testing").await.unwrap();
    sqlx::query("INSERT INTO event VALUES (1, 0, 'test', 'cluster', 'tea.brewed', '{}')")
        .execute(&mut *connection)
        .await
        .unwrap();
    let error = store.tail(0, 10).await.unwrap_err().to_string();
    assert!(error.starts_with("event 1 (tea.brewed) in the journal"), "{error}");
}

#[tokio::test]
async fn missing_directory_and_missing_file_are_told_apart() {
    let (directory, path) = place();
    let nowhere = directory.path().join("nowhere/journal.db");
    let error = Store::open(&nowhere).await.unwrap_err();
    assert!(matches!(error, StoreError::Directory { .. }), "{error:?}");
    let error = Store::open_read_only(&path).await.unwrap_err();
    assert!(matches!(error, StoreError::Open { .. }), "{error:?}");
    assert!(!path.exists());
}
