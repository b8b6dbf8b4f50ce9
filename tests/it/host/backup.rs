//! Backup beside a server that writes, restore elsewhere.

use std::path::Path;
use std::process::{Command, Output};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use serde_json::Value;

use super::{CLUSTER, NODE, lease};
use crate::support::client::said;
use crate::support::segment::Segment;
use crate::support::server::{PROGRAM, Served};

fn program(state: &Path, words: &[&str]) -> Output {
    Command::new(PROGRAM)
        .arg("--state")
        .arg(state)
        .args(words)
        .output()
        .unwrap()
}

/// A server that has something to lose.
fn served(segment: &Segment) -> Served {
    let served = Served::start(segment, CLUSTER);
    served.until_served();
    assert_eq!(lease(&segment.plug(NODE)), "10.77.0.11");
    assert!(lease(&segment.plug("52:54:00:00:00:99")).starts_with("10.77.0.10"));
    served.text(&["boot", "nid001", "--target", "shell", "--once"]);
    let log = served.folder().join("deployments/7.log");
    std::fs::create_dir_all(log.parent().unwrap()).unwrap();
    std::fs::write(log, "what an installer said\n").unwrap();
    served
}

#[test]
fn backup_under_load_is_of_one_moment_and_restores_leases_nodes_and_tokens() {
    let segment = Segment::new("10.77.0.1/24");
    let served = served(&segment);
    let elsewhere = tempfile::tempdir().unwrap();
    let archive = elsewhere.path().join("backup.tar.zst");
    let (leases, script) = (
        served.json(&["leases"]),
        served.text(&["show", "nid001", "--render", "script"]),
    );
    let (stop, writes) = (AtomicBool::new(false), AtomicU64::new(0));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                served.text(&["boot", "nid001", "--target", "maintenance", "--once"]);
                served.text(&["boot", "nid001", "--target", "shell", "--once"]);
                writes.fetch_add(2, Ordering::Relaxed);
            }
        });
        served.until("something is written", || writes.load(Ordering::Relaxed) > 0);
        for _ in 0..3 {
            served.text(&["backup", archive.to_str().unwrap(), "--force"]);
        }
        stop.store(true, Ordering::Relaxed);
    });
    let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&archive).unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600);
    let last = served.json(&["status"])["seq"].as_u64().unwrap();
    drop(served.stop());

    let state = elsewhere.path().join("state");
    let restored = program(&state, &["--output", "json", "restore", archive.to_str().unwrap()]);
    assert!(restored.status.success(), "{}", said(&restored));
    let told: Value = serde_json::from_slice(&restored.stdout).unwrap();
    let seq = told["manifest"]["seq"].as_u64().unwrap();
    assert!(seq > 0 && seq <= last, "{told}");
    let kept = std::fs::read_to_string(state.join("deployments/7.log")).unwrap();
    assert_eq!(kept, "what an installer said\n");

    let folder = tempfile::tempdir().unwrap();
    for entry in std::fs::read_dir(&state).unwrap().flatten() {
        let moved = folder.path().join(entry.file_name());
        std::fs::rename(entry.path(), &moved).unwrap();
    }
    assert_eq!(
        std::fs::read_to_string(folder.path().join("cluster.yaml")).unwrap(),
        CLUSTER
    );
    let again = Served::start_in(&segment, folder);
    assert_eq!(again.json(&["leases"]), leases);
    // The last choice before the moment of the backup may have been either of the two; the token is that of the boot.
    again.text(&["boot", "nid001", "--target", "shell", "--once"]);
    assert_eq!(again.text(&["show", "nid001", "--render", "script"]), script);
}

#[test]
fn restore_refuses_a_running_server_and_a_state_that_is_there() {
    let segment = Segment::new("10.77.0.1/24");
    let served = served(&segment);
    let elsewhere = tempfile::tempdir().unwrap();
    let archive = elsewhere.path().join("b.tar.zst");
    let archive = archive.to_str().unwrap();
    served.text(&["backup", archive]);
    let again = served.cli(&["backup", archive]);
    assert!(said(&again).contains("is there already"), "{}", said(&again));
    for words in [&["restore", archive][..], &["restore", archive, "--force"]] {
        let refused = served.cli(words);
        assert!(said(&refused).contains("a server runs on"), "{}", said(&refused));
    }
    let folder = served.stop();
    let refused = program(folder.path(), &["restore", archive]);
    assert!(said(&refused).contains("is not empty"), "{}", said(&refused));

    std::fs::write(folder.path().join("mine"), "mine").unwrap();
    let forced = program(folder.path(), &["--output", "json", "restore", archive, "--force"]);
    assert!(forced.status.success(), "{}", said(&forced));
    let told: Value = serde_json::from_slice(&forced.stdout).unwrap();
    let aside = Path::new(told["aside"].as_str().unwrap()).to_path_buf();
    assert_eq!(std::fs::read_to_string(aside.join("mine")).unwrap(), "mine");
    assert!(!folder.path().join("mine").exists());
    std::fs::remove_dir_all(aside).unwrap();
}

#[test]
fn damaged_archive_is_refused_with_what_is_wrong_and_nothing_is_changed() {
    let segment = Segment::new("10.77.0.1/24");
    let served = served(&segment);
    let elsewhere = tempfile::tempdir().unwrap();
    let archive = elsewhere.path().join("b.tar.zst");
    served.text(&["backup", archive.to_str().unwrap()]);
    drop(served.stop());
    let whole = std::fs::read(&archive).unwrap();
    let state = elsewhere.path().join("state");
    let mut damages = vec![
        ("cut in half", whole[..whole.len() / 2].to_vec()),
        ("empty", Vec::new()),
    ];
    damages.push(("no archive", b"just some text, long enough to be read".to_vec()));
    let mut flipped = whole.clone();
    flipped[whole.len() / 2] ^= 0x10;
    damages.push(("a bit flipped", flipped));
    for (how, bytes) in damages {
        std::fs::write(&archive, bytes).unwrap();
        let refused = program(&state, &["restore", archive.to_str().unwrap()]);
        let text = said(&refused);
        assert_eq!(refused.status.code(), Some(1), "{how}: {text}");
        assert!(
            text.contains("is damaged") && text.contains("Nothing was changed"),
            "{how}: {text}"
        );
        assert!(!state.exists(), "{how}");
        assert_eq!(
            std::fs::read_dir(elsewhere.path()).unwrap().count(),
            1,
            "{how}: something is left"
        );
    }
}
