//! Killed at any moment, and torn by a power loss: what was acknowledged is there.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::Stdio;

use bellwether::store::Store;
use futures_util::future::join_all;
use model::event::{Event, What};

use super::{DIRECTORY, Running, note, part};

const KILLS: u32 = 20;

fn random(below: u32) -> u32 {
    let mut bytes = [0; 4];
    getrandom::fill(&mut bytes).unwrap();
    u32::from_le_bytes(bytes) % below
}

/// Commits without end and prints what was acknowledged.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a part of `every_acknowledged_event_survives_twenty_kills`"]
async fn committing_until_killed() {
    let Some(directory) = std::env::var_os(DIRECTORY) else {
        return;
    };
    let running = Running::open(Path::new(&directory)).await;
    let committers = (0..8).map(|committer| {
        let journal = running.journal.clone();
        tokio::spawn(async move {
            for round in 0.. {
                journal.observe(vec![note("observed".to_string())]);
                let text = format!("{}/{committer}/{round}", std::process::id());
                let events = vec![note(text.clone()); 1 + round % 3];
                let committed = journal.commit(events).await.unwrap();
                let mut out = std::io::stdout().lock();
                writeln!(out, "acknowledged {} {} {text}", committed.first, committed.last).unwrap();
                out.flush().unwrap();
            }
        })
    });
    join_all(committers).await;
}

/// Runs the part above and kills it when it has acknowledged so many commits. Returns positions and texts.
fn killed_after(commits: u32, directory: &Path) -> Vec<(u64, u64, String)> {
    let mut child = part("journal::crash::committing_until_killed", directory)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut output = BufReader::new(child.stdout.take().unwrap());
    let mut acknowledged = Vec::new();
    let mut line = String::new();
    // To the end of the pipe: what it said before it died counts as well.
    while output.read_line(&mut line).unwrap() > 0 {
        let whole = line.strip_suffix('\n');
        if let Some((_, rest)) = whole.and_then(|line| line.split_once("acknowledged ")) {
            let mut words = rest.split(' ');
            let mut word = || words.next().unwrap();
            acknowledged.push((word().parse().unwrap(), word().parse().unwrap(), word().to_string()));
            if acknowledged.len() == commits as usize {
                child.kill().unwrap();
            }
        }
        line.clear();
    }
    assert!(!child.wait().unwrap().success());
    assert!(acknowledged.len() >= commits as usize, "it died by itself");
    acknowledged
}

async fn all(store: &Store) -> Vec<Event> {
    let mut events: Vec<Event> = Vec::new();
    loop {
        let page = store.tail(events.len() as u64, 10_000).await.unwrap();
        if page.is_empty() {
            return events;
        }
        events.extend(page);
    }
}

#[tokio::test]
async fn every_acknowledged_event_survives_twenty_kills() {
    let directory = tempfile::tempdir().unwrap();
    let mut acknowledged = Vec::new();
    for kill in 1..=KILLS {
        acknowledged.extend(killed_after(1 + random(150), directory.path()));
        // Now and then the next one finds the log as the killed one left it.
        if kill % 4 != 0 && kill != KILLS {
            continue;
        }
        let store = Store::open(&directory.path().join("journal.db")).await.unwrap();
        let events = all(&store).await;
        for (position, event) in (1..).zip(&events) {
            assert_eq!(event.seq, position);
        }
        for (first, last, text) in &acknowledged {
            for seq in *first..=*last {
                let What::Power { action } = &events[seq as usize - 1].what else {
                    panic!("event {seq} is something else")
                };
                assert_eq!(action, text, "event {seq}");
            }
        }
        store.close().await;
    }
    assert!(acknowledged.len() >= KILLS as usize);
}

const LOG_HEADER: usize = 32;
const FRAME: usize = 24 + 4096;

/// A power loss leaves any part of the log's end unwritten or wrong. Whatever was synced before that is intact.
#[tokio::test]
async fn torn_log_loses_nothing_that_was_acknowledged_before_the_tear() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("journal.db");
    let log = directory.path().join("journal.db-wal");
    let store = Store::open(&file).await.unwrap();
    // Where the log ended when each transaction was acknowledged.
    let mut ends = vec![std::fs::metadata(&log).unwrap().len() as usize];
    for seq in 1..=40u64 {
        let text = "x".repeat(seq as usize * 300);
        store.append(&[note(text).numbered(seq)]).await.unwrap();
        ends.push(std::fs::metadata(&log).unwrap().len() as usize);
    }
    let (file, log) = (std::fs::read(&file).unwrap(), std::fs::read(&log).unwrap());
    assert_eq!(log.len(), *ends.last().unwrap());

    let check = async |what: &str, log: &[u8], intact: usize| {
        let expected = ends.iter().filter(|&&end| end <= intact).count() - 1;
        let torn = tempfile::tempdir().unwrap();
        std::fs::write(torn.path().join("journal.db"), &file).unwrap();
        std::fs::write(torn.path().join("journal.db-wal"), log).unwrap();
        let running = Running::open(torn.path()).await;
        assert_eq!(running.journal.world().seq, expected as u64, "{what} at {intact}");
        let next = running.journal.commit(vec![note("goes on".to_string())]).await.unwrap();
        assert_eq!(next.first, expected as u64 + 1);
        running.stop().await;
    };
    let tail = (log.len() - ends[0]) as u32;
    for _ in 0..12 {
        let at = log.len() - 1 - random(tail) as usize;
        check("cut", &log[..at], at).await;
        let mut garbled = log.clone();
        let length = (1 + random(64) as usize).min(log.len() - at);
        for byte in &mut garbled[at..at + length] {
            *byte ^= 0x5a;
        }
        let frame = LOG_HEADER + (at - LOG_HEADER) / FRAME * FRAME;
        check("garbled", &garbled, frame).await;
    }
    check("cut nothing", &log, log.len()).await;
}
