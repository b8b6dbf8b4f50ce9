//! Following a journal that many write to.

use std::pin::pin;
use std::time::Duration;

use bellwether::journal::Journal;
use futures_util::StreamExt;
use tokio::task::JoinSet;

use super::{Running, note};

const COMMITTERS: u64 = 8;
const ROUNDS: u64 = 150;
/// A commit of two events and an observation of one, each round.
const ALL: u64 = COMMITTERS * ROUNDS * 3;

/// Follows to the end of the story and checks every position; `slow` lets the writer get far ahead now and then.
async fn follow(journal: Journal, after: u64, slow: bool) {
    let mut following = pin!(journal.follow(after));
    let mut expected = after + 1;
    while expected <= ALL {
        let event = following.next().await.unwrap().unwrap();
        assert_eq!(event.seq, expected, "after {after}, slow: {slow}");
        assert!(journal.world().seq >= event.seq);
        expected += 1;
        if slow && event.seq % 200 == 0 {
            let ahead = (event.seq + 1000).min(ALL);
            journal.watch().wait_for(|world| world.seq >= ahead).await.unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn followers_see_every_event_once_however_slow_and_whenever_they_come() {
    let directory = tempfile::tempdir().unwrap();
    let running = Running::open(directory.path()).await;
    let mut tasks = JoinSet::new();
    tasks.spawn(follow(running.journal.clone(), 0, false));
    tasks.spawn(follow(running.journal.clone(), 0, true));
    tasks.spawn(follow(running.journal.clone(), ALL / 2, false));
    for committer in 0..COMMITTERS {
        let journal = running.journal.clone();
        tasks.spawn(async move {
            for round in 0..ROUNDS {
                journal.observe(vec![note(format!("{committer} saw {round}"))]);
                let events = vec![note(format!("{committer} did {round}")), note(String::new())];
                journal.commit(events).await.unwrap();
            }
        });
    }
    // Some join in the middle, at whatever has happened by then and from the beginning.
    for step in 1..=4 {
        let seq = ALL * step / 5;
        running
            .journal
            .watch()
            .wait_for(|world| world.seq >= seq)
            .await
            .unwrap();
        tasks.spawn(follow(running.journal.clone(), running.journal.world().seq, false));
        tasks.spawn(follow(running.journal.clone(), 0, step % 2 == 0));
    }
    // An event that never comes would be waited for without end.
    let all = async {
        while let Some(done) = tasks.join_next().await {
            done.unwrap();
        }
    };
    tokio::time::timeout(Duration::from_secs(120), all)
        .await
        .expect("a follower waits for an event that was written");
    running.stop().await;
}
