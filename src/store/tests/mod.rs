//! What the store promises, against a real file.

use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use jiff::Timestamp;
use model::Mac;
use model::event::{DhcpAsk, NewEvent, Outcome, Protocol, Role, Stage, Subject, Transfer, What};
use model::world::{Agent, DiskImage, Image, ImageFile, Medium, OnDisk};
use sqlx::{ConnectOptions, Connection};
use tempfile::TempDir;

use super::*;

mod files;
mod filters;
mod kinds;
mod upgrades;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_700_000_000 + second).unwrap()
}

fn ask() -> DhcpAsk {
    DhcpAsk {
        message: "request".to_string(),
        mac: Mac([0x52, 0x54, 0, 0, 0, 1]),
        network: "provision".to_string(),
        stage: Stage::Firmware,
        arch: Some(7),
        uuid: None,
        client_id: None,
        vendor_class: Some("PXEClient:Arch:00007 \"quoted\"".to_string()),
        hostname: None,
        relay: None,
    }
}

fn event(seq: Seq, subject: Subject, what: What) -> Event {
    NewEvent::new(at(seq as i64), "test", subject, what).numbered(seq)
}

fn node(name: &str) -> Subject {
    Subject::Node(name.to_string())
}

fn stopped(seq: Seq) -> Event {
    event(seq, Subject::Cluster, What::ServerStopped {})
}

fn place() -> (TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("journal.db");
    (directory, path)
}

#[tokio::test]
async fn transaction_holds_any_number_of_events() {
    let (_directory, path) = place();
    let store = Store::open(&path).await.unwrap();
    let mut events: Vec<Event> = Vec::new();
    for count in [0, 1, 2, 3, 31, 32, 33, 127, 4095, 4096, 4097, 9000] {
        let from = events.len() as Seq + 1;
        let more: Vec<Event> = (from..from + count).map(stopped).collect();
        store.append(&more).await.unwrap();
        events.extend(more);
    }
    assert_eq!(store.tail(0, 100_000).await.unwrap(), events);
}

#[tokio::test]
async fn transaction_is_synced_to_the_disk_before_it_counts() {
    let (_directory, path) = place();
    let Store::Sqlite(store) = Store::open(&path).await.unwrap();
    let mut connection = store.writer("testing").await.unwrap();
    let synchronous: i64 = sqlx::query_scalar("PRAGMA synchronous")
        .fetch_one(&mut *connection)
        .await
        .unwrap();
    let journal: String = sqlx::query_scalar("PRAGMA journal_mode")
        .fetch_one(&mut *connection)
        .await
        .unwrap();
    assert_eq!((synchronous, journal.as_str()), (2, "wal"));
}

#[tokio::test]
async fn transaction_with_a_position_twice_changes_nothing_and_the_next_one_works() {
    let (_directory, path) = place();
    let store = Store::open(&path).await.unwrap();
    store.append(&[stopped(1)]).await.unwrap();
    let error = store.append(&[stopped(2), stopped(1)]).await.unwrap_err();
    assert!(matches!(error, StoreError::Statement { .. }), "{error:?}");
    assert_eq!(store.last_seq().await.unwrap(), 1);
    store.append(&[stopped(2)]).await.unwrap();
    assert_eq!(store.last_seq().await.unwrap(), 2);
}
