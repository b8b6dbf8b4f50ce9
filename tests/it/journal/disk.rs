//! A full disk and a read-only one, each a small file system in a mount namespace of its own.

use std::path::Path;
use std::process::Command;

use bellwether::journal::{Filter, JournalError};
use bellwether::store::{Store, StoreError};

use super::{DIRECTORY, Running, note, part};

/// Runs a part of this binary where the directory is a file system of that size.
fn on_small_disk(name: &str, size: &str) {
    let directory = tempfile::tempdir().unwrap();
    let inner = part(name, directory.path());
    let mut command = Command::new("unshare");
    // Without being root, a user namespace gives the right to mount.
    let flags = if nix::unistd::geteuid().is_root() { "-m" } else { "-rm" };
    command
        .args([flags, "sh", "-c"])
        .arg(format!(
            "mount -t tmpfs -o size={size} small \"${DIRECTORY}\" && exec \"$@\""
        ))
        .arg("sh")
        .arg(inner.get_program())
        .args(inner.get_args())
        .env(DIRECTORY, directory.path());
    let output = command.output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    // A name that matches nothing would also end well.
    assert!(
        output.status.success() && text.contains("played to the end"),
        "{text}{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

#[test]
fn full_disk_is_told_to_who_commits_and_writing_goes_on_when_there_is_space() {
    on_small_disk("journal::disk::filling_the_disk", "6m");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a part of `full_disk_is_told_to_who_commits_and_writing_goes_on_when_there_is_space`"]
async fn filling_the_disk() {
    let Some(directory) = std::env::var_os(DIRECTORY) else {
        return;
    };
    let directory = Path::new(&directory);
    let ballast = directory.join("ballast");
    std::fs::write(&ballast, vec![1; 3 << 20]).unwrap();
    let running = Running::open(directory).await;
    let journal = &running.journal;
    let mut last = 0;
    let error = loop {
        match journal.commit(vec![note("x".repeat(2000)); 20]).await {
            Ok(committed) => last = committed.last,
            Err(error) => break error,
        }
    };
    let JournalError::Store(cause) = &error else {
        panic!("{error:?}")
    };
    assert!(matches!(**cause, StoreError::Full { .. }), "{error:?}");
    let text = error.to_string();
    let file = directory.join("journal.db");
    assert!(
        text.contains(&file.display().to_string()) && text.contains("free space"),
        "{text}"
    );

    assert!(last > 100);
    let filter = Filter {
        after: Some(last - 1),
        ..Filter::default()
    };
    for _ in 0..5 {
        assert!(journal.commit(vec![note("x".repeat(2000)); 20]).await.is_err());
        // Reading goes on, and nothing of what was refused is there.
        let found = journal.read(&filter).await.unwrap();
        assert_eq!(found.iter().map(|e| e.seq).collect::<Vec<_>>(), [last]);
    }
    assert_eq!(journal.world().seq, last);

    std::fs::remove_file(&ballast).unwrap();
    let committed = journal.commit(vec![note("again".to_string())]).await.unwrap();
    assert_eq!(committed.first, last + 1);
    running.stop().await;
    let running = Running::open(directory).await;
    assert_eq!(running.journal.world().seq, last + 1);
    running.stop().await;
    println!("played to the end");
}

#[test]
fn read_only_disk_is_refused_for_writing_and_read_nevertheless() {
    on_small_disk("journal::disk::on_a_read_only_disk", "16m");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a part of `read_only_disk_is_refused_for_writing_and_read_nevertheless`"]
async fn on_a_read_only_disk() {
    let Some(directory) = std::env::var_os(DIRECTORY) else {
        return;
    };
    let directory = Path::new(&directory);
    let running = Running::open(directory).await;
    running.journal.commit(vec![note("written".to_string())]).await.unwrap();
    running.stop().await;
    let status = Command::new("mount").args(["-o", "remount,ro"]).arg(directory).status();
    assert!(status.unwrap().success());

    let file = directory.join("journal.db");
    let error = Store::open(&file).await.unwrap_err();
    assert!(matches!(error, StoreError::Directory { .. }), "{error:?}");
    let text = error.to_string();
    assert!(
        text.contains(&directory.display().to_string()) && text.contains("writable"),
        "{text}"
    );

    let store = Store::open_read_only(&file).await.unwrap();
    assert_eq!(store.last_seq().await.unwrap(), 1);
    println!("played to the end");
}
