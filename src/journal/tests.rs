//! What the journal promises its callers.

use std::path::PathBuf;
use std::pin::pin;
use std::time::Duration;

use futures_util::StreamExt;
use jiff::Timestamp;
use model::event::{Subject, What};
use tempfile::TempDir;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::*;

fn event(what: What) -> NewEvent {
    let at = Timestamp::from_nanosecond(1_700_000_000_123_456_789).unwrap();
    NewEvent::new(at, "test", Subject::Node("nid001".to_string()), what)
}

fn power(action: &str) -> NewEvent {
    event(What::Power {
        action: action.to_string(),
    })
}

fn ready() -> NewEvent {
    event(What::HookCalled {
        hook: "ready".to_string(),
        detail: String::new(),
        host_keys: vec!["key".to_string()],
        deployment: None,
    })
}

/// A journal with its writer running.
struct Running {
    journal: Journal,
    cancel: CancellationToken,
    writer: JoinHandle<()>,
}

impl Running {
    async fn open(path: &std::path::Path) -> Self {
        let (journal, writer) = Journal::open(Store::open(path).await.unwrap()).await.unwrap();
        let cancel = CancellationToken::new();
        let writer = tokio::spawn(writer.run(cancel.clone()));
        Self {
            journal,
            cancel,
            writer,
        }
    }

    async fn stop(self) -> Journal {
        self.cancel.cancel();
        self.writer.await.unwrap();
        self.journal.close().await;
        self.journal
    }
}

fn place() -> (TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("journal.db");
    (directory, path)
}

#[tokio::test]
async fn commit_returns_a_world_that_holds_its_events() {
    let (_directory, path) = place();
    let running = Running::open(&path).await;
    let journal = &running.journal;
    let committed = journal.commit(vec![power("on"), ready()]).await.unwrap();
    assert_eq!((committed.first, committed.last, committed.world.seq), (1, 2, 2));
    assert!(committed.world.state("nid001").last_ready.is_some());
    assert_eq!(journal.world().seq, 2);
    let nothing = journal.commit(Vec::new()).await.unwrap();
    assert_eq!((nothing.first, nothing.last), (3, 2));
    running.stop().await;
}

#[tokio::test]
async fn world_after_a_start_equals_the_world_before_the_stop() {
    let (_directory, path) = place();
    let running = Running::open(&path).await;
    running.journal.commit(vec![power("on"), ready()]).await.unwrap();
    let before = running.stop().await.world().to_snapshot();

    let running = Running::open(&path).await;
    let start = running.journal.start().clone();
    assert_eq!((start.snapshot, start.replayed), (Some(2), 0));
    assert_eq!(running.journal.world().to_snapshot(), before);
    running.stop().await;
}

#[tokio::test]
async fn damaged_snapshot_is_ignored_and_the_journal_replayed() {
    let (_directory, path) = place();
    let running = Running::open(&path).await;
    running.journal.commit(vec![power("on"), ready()]).await.unwrap();
    let before = running.stop().await.world().to_snapshot();
    let store = Store::open(&path).await.unwrap();
    for (seq, body) in [(1, "not json"), (2, r#"{"format":1,"seq":2}"#), (7, "{}")] {
        let digest = store.snapshot(2).await.unwrap().unwrap().digest;
        let body = body.as_bytes().to_vec();
        let snapshot = crate::store::StoredSnapshot { digest, body };
        store.put_snapshot(seq, snapshot).await.unwrap();
    }
    store.close().await;

    let running = Running::open(&path).await;
    let start = running.journal.start().clone();
    assert_eq!((start.snapshot, start.replayed), (None, 2));
    assert_eq!(start.ignored.len(), 2, "{start:?}");
    assert!(start.ignored[0].contains("the journal ends at 2"), "{start:?}");
    assert!(start.ignored[1].contains("damaged"), "{start:?}");
    assert_eq!(running.journal.world().to_snapshot(), before);
    running.stop().await;
}

#[tokio::test]
async fn lost_events_are_told_not_skipped() {
    let (_directory, path) = place();
    let store = Store::open(&path).await.unwrap();
    let events: Vec<_> = [1, 2, 5].map(|seq| power("on").numbered(seq)).into();
    store.append(&events).await.unwrap();
    let error = Journal::open(store).await.unwrap_err();
    assert!(
        matches!(error, JournalError::Gap { after: 2, next: 5, .. }),
        "{error:?}"
    );
}

#[tokio::test]
async fn what_was_observed_comes_before_what_the_same_caller_commits_later() {
    let (_directory, path) = place();
    let running = Running::open(&path).await;
    for round in 0..50u64 {
        running.journal.observe(vec![power("on"), power("off")]);
        let committed = running.journal.commit(vec![power("reset")]).await.unwrap();
        assert_eq!(committed.first, round * 3 + 3);
    }
    running.stop().await;
}

#[tokio::test]
async fn events_that_gather_share_a_transaction() {
    let (_directory, path) = place();
    let (journal, writer) = Journal::open(Store::open(&path).await.unwrap()).await.unwrap();
    journal.observe(vec![power("on")]);
    let mut commits: Vec<_> = (0..100).map(|_| Box::pin(journal.commit(vec![power("on")]))).collect();
    for commit in &mut commits {
        assert!(futures_util::poll!(commit).is_pending());
    }
    let cancel = CancellationToken::new();
    let writer = tokio::spawn(writer.run(cancel.clone()));
    for (seq, commit) in (2..).zip(commits) {
        assert_eq!(commit.await.unwrap().last, seq);
    }
    let counts = journal.counters().read();
    assert_eq!(
        (counts.events, counts.transactions, counts.largest_batch),
        (101, 1, 101)
    );
    cancel.cancel();
    writer.await.unwrap();
}

#[tokio::test]
async fn observations_beyond_the_queue_are_counted_and_nobody_waits() {
    let (_directory, path) = place();
    let (journal, writer) = Journal::open(Store::open(&path).await.unwrap()).await.unwrap();
    journal.observe(vec![power("on"); Journal::OBSERVATIONS - 1]);
    journal.observe(vec![power("on"); 2]);
    journal.observe(vec![power("on")]);
    journal.observe(vec![power("on")]);
    assert_eq!(journal.counters().read().observations_dropped, 3);
    drop(writer);
    journal.observe(vec![power("on")]);
    assert_eq!(journal.counters().read().observations_dropped, 4);
}

#[tokio::test]
async fn stopping_writes_what_waits_and_refuses_what_comes_later() {
    let (_directory, path) = place();
    let (journal, writer) = Journal::open(Store::open(&path).await.unwrap()).await.unwrap();
    journal.observe(vec![power("on"); 10_000]);
    let cancel = CancellationToken::new();
    cancel.cancel();
    writer.run(cancel).await;
    assert_eq!(journal.world().seq, 10_000);
    assert!(matches!(
        journal.commit(vec![power("on")]).await,
        Err(JournalError::Stopped)
    ));
}

#[tokio::test]
async fn write_that_fails_is_told_and_the_next_one_continues_where_the_store_is() {
    let (_directory, path) = place();
    let running = Running::open(&path).await;
    let journal = &running.journal;
    journal.commit(vec![power("on")]).await.unwrap();
    // Somebody else's hand in the database: the position is taken.
    journal.store.append(&[ready().numbered(2)]).await.unwrap();
    journal.observe(vec![power("on")]);
    let error = journal.commit(vec![power("on")]).await.unwrap_err();
    assert!(matches!(error, JournalError::Store(_)), "{error:?}");
    let committed = journal.commit(vec![power("on")]).await.unwrap();
    assert_eq!(committed.first, 3);
    assert!(committed.world.state("nid001").last_ready.is_some());
    let counts = journal.counters().read();
    assert!(counts.errors >= 1 && counts.observations_dropped == 1, "{counts:?}");
    running.stop().await;
}

#[tokio::test]
async fn follower_gets_the_past_then_the_present_and_finds_them_in_the_world() {
    let (_directory, path) = place();
    let running = Running::open(&path).await;
    let journal = &running.journal;
    journal.commit(vec![power("on"); 3000]).await.unwrap();
    let mut following = pin!(journal.follow(10));
    for seq in 11..=3000 {
        assert_eq!(following.next().await.unwrap().unwrap().seq, seq);
    }
    for seq in 3001..=3100 {
        assert!(futures_util::poll!(following.next()).is_pending());
        journal.commit(vec![power("off")]).await.unwrap();
        assert_eq!(following.next().await.unwrap().unwrap().seq, seq);
        assert!(journal.world().seq >= seq);
    }
    running.cancel.cancel();
    running.writer.await.unwrap();
    assert!(following.next().await.is_none());
}

#[tokio::test]
async fn follower_that_missed_live_events_reads_them_from_the_store() {
    let (_directory, path) = place();
    let running = Running::open(&path).await;
    let journal = &running.journal;
    let mut following = pin!(journal.follow(0));
    assert!(futures_util::poll!(following.next()).is_pending());
    for _ in 0..200 {
        journal.commit(vec![power("on")]).await.unwrap();
    }
    for seq in 1..=200 {
        let next = tokio::time::timeout(Duration::from_secs(30), following.next()).await;
        assert_eq!(next.unwrap().unwrap().unwrap().seq, seq);
    }
    running.stop().await;
}

#[tokio::test]
async fn the_world_of_any_position_can_be_had_again() {
    let (_directory, path) = place();
    let running = Running::open(&path).await;
    let mut worlds = vec![running.journal.world()];
    for action in ["on", "off", "cycle"] {
        worlds.push(running.journal.commit(vec![power(action)]).await.unwrap().world);
    }
    // Stopping writes a snapshot, of the last position.
    running.stop().await;
    let running = Running::open(&path).await;
    worlds.push(running.journal.commit(vec![ready()]).await.unwrap().world);
    for world in worlds {
        let again = running.journal.world_at(world.seq).await.unwrap();
        assert_eq!(again.to_snapshot(), world.to_snapshot());
    }
    let between = running.journal.between(1, 3).await.unwrap();
    assert_eq!(between.iter().map(|event| event.seq).collect::<Vec<_>>(), [2, 3]);
    running.stop().await;
}

#[tokio::test]
async fn a_node_is_settled_when_all_that_was_accepted_about_it_is_in_the_world() {
    let (_directory, path) = place();
    let (journal, writer) = Journal::open(Store::open(&path).await.unwrap()).await.unwrap();
    assert!(journal.is_settled("nid001"));
    journal.observe(vec![power("on")]);
    assert!(!journal.is_settled("nid001"), "nobody writes yet");
    assert!(journal.is_settled("nid002"));
    journal.observe_again(vec![NewEvent {
        subject: Subject::Node("nid002".into()),
        ..power("on")
    }]);
    assert!(journal.is_settled("nid002"), "answers do not depend on it");
    let cancel = CancellationToken::new();
    let writing = tokio::spawn(writer.run(cancel.clone()));
    journal.commit(vec![ready()]).await.unwrap();
    assert!(
        journal.is_settled("nid001") && journal.is_settled("nid002"),
        "each settles what it announced"
    );
    assert!(journal.world().state("nid002").power.is_some());
    assert!(journal.world().state("nid001").last_ready.is_some());
    cancel.cancel();
    writing.await.unwrap();
    journal.close().await;
}

#[tokio::test]
async fn the_index_by_subject_follows_when_nobody_commits() {
    let (_directory, path) = place();
    let running = Running::open(&path).await;
    running.journal.commit(vec![power("on"), ready()]).await.unwrap();
    for _ in 0..100 {
        if running.journal.store.indexed().await.unwrap() == 2 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(running.journal.store.indexed().await.unwrap(), 2);
    running.stop().await;
}
