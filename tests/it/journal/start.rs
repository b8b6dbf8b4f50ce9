//! Starting with a long journal.

use std::time::Instant;

use bellwether::journal::Start;
use bellwether::store::{Store, StoredSnapshot};

use super::{Running, lease};

const EVENTS: u32 = 100_000;
const BEFORE_STOP: u32 = 90_000;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hundred_thousand_events_are_taken_from_the_snapshot_and_the_rest() {
    let directory = tempfile::tempdir().unwrap();
    let running = Running::open(directory.path()).await;
    running.journal.observe((0..BEFORE_STOP).map(lease).collect());
    running.stop().await;

    let running = Running::open(directory.path()).await;
    let last = (BEFORE_STOP..EVENTS).map(lease).collect();
    let world = running.journal.commit(last).await.unwrap().world;
    assert_eq!(
        (world.seq, world.nodes.len(), world.leases.len()),
        (100_000, 5000, 5000)
    );
    let world = world.to_snapshot();
    running.abandon().await;

    let begun = Instant::now();
    let running = Running::open(directory.path()).await;
    println!("start with a snapshot: {:?}", begun.elapsed());
    let expected = Start {
        snapshot: Some(90_000),
        replayed: 10_000,
        ignored: Vec::new(),
    };
    assert_eq!(running.journal.start(), &expected);
    assert_eq!(running.journal.world().to_snapshot(), world);
    running.abandon().await;

    let store = Store::open(&directory.path().join("journal.db")).await.unwrap();
    for seq in store.snapshots().await.unwrap() {
        let damaged = StoredSnapshot {
            digest: "another".to_string(),
            body: b"torn".to_vec(),
        };
        store.put_snapshot(seq, damaged).await.unwrap();
    }
    store.close().await;
    let begun = Instant::now();
    let running = Running::open(directory.path()).await;
    println!("start without a snapshot: {:?}", begun.elapsed());
    let start = running.journal.start();
    assert_eq!((start.snapshot, start.replayed), (None, 100_000));
    assert!(!start.ignored.is_empty());
    assert_eq!(running.journal.world().to_snapshot(), world);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn snapshots_are_written_while_the_server_runs() {
    let directory = tempfile::tempdir().unwrap();
    let running = Running::open(directory.path()).await;
    let journal = running.journal.clone();
    let mut snapshots = 0;
    // A snapshot that is begun in some round is at the latest done in a later one.
    for round in 0..200 {
        let events = (0..20_000).map(|n| lease(round * 20_000 + n)).collect();
        journal.commit(events).await.unwrap();
        snapshots = journal.counters().read().snapshots;
        if snapshots > 0 {
            break;
        }
    }
    assert!(snapshots > 0);
    running.abandon().await;
    let running = Running::open(directory.path()).await;
    assert!(running.journal.start().snapshot.is_some());
    running.stop().await;
}
