//! A disk that refuses to keep what it took, is full, or comes back with a torn file.

use std::process::Stdio;
use std::time::Duration;

use super::{CLUSTER, Crowd, behind_relay, is_remembered, lab_is_served};
use crate::support::client::{require, said};
use crate::support::disk::Disk;
use crate::support::server::{PROGRAM, Served};

#[test]
fn what_the_disk_did_not_keep_was_not_acknowledged_and_service_goes_on_when_it_does() {
    require("strace", "strace");
    let (segment, relay) = behind_relay();
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("cluster.yaml"), CLUSTER).unwrap();
    // The kernel says EIO to some of the requests to bring data to the disk.
    let log = std::fs::File::create(folder.path().join("log")).unwrap();
    let state = folder.path().to_str().unwrap().to_string();
    let mut traced = segment.command("strace");
    traced
        .args(["-f", "-qq", "-o", "/dev/null", "-e", "trace=fsync,fdatasync"])
        .args(["-e", "inject=fsync,fdatasync:error=EIO:when=30..44"])
        .args([
            PROGRAM,
            "serve",
            "--state",
            &state,
            "--config",
            &format!("{state}/cluster.yaml"),
        ])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(log);
    let mut child = traced.spawn().unwrap();
    let status = || {
        let mut command = std::process::Command::new(PROGRAM);
        command.args(["--state", &state, "--output", "json", "status"]);
        command.output().unwrap().status.success()
    };
    let log = || std::fs::read_to_string(folder.path().join("log")).unwrap_or_default();
    let until = |what: &str, so: &dyn Fn() -> bool| {
        let began = std::time::Instant::now();
        while !so() {
            assert!(began.elapsed() < Duration::from_secs(60), "{what}: {}", log());
            std::thread::park_timeout(Duration::from_millis(30));
        }
    };
    until("it serves", &status);
    let crowd = Crowd::begin(&relay);
    until("the disk refuses", &|| log().contains("cannot be written"));
    // It recovers by itself, in the same process.
    crowd.until_more(200, Duration::from_secs(60));
    let book = crowd.end();
    book.is_without_doubles();
    // strace ends with the program that it traces; that one is killed here.
    let pid = std::fs::read_to_string(format!("/proc/{}/task/{}/children", child.id(), child.id())).unwrap();
    let pid = pid.split_whitespace().next().unwrap().to_string();
    assert!(
        std::process::Command::new("kill")
            .args(["-KILL", &pid])
            .status()
            .unwrap()
            .success()
    );
    child.wait().unwrap();
    let served = Served::start_in(&segment, folder);
    is_remembered(&served, &book);
    assert!(book.given.len() > 200);
}

#[test]
fn on_a_full_disk_nothing_begins_and_everything_goes_on_when_there_is_space() {
    let (segment, relay) = behind_relay();
    let disk = Disk::of("8m");
    let folder = tempfile::tempdir_in(disk.path()).unwrap();
    std::fs::write(folder.path().join("cluster.yaml"), CLUSTER).unwrap();
    let served = Served::start_in(&segment, folder);
    lab_is_served(&served);
    let crowd = Crowd::begin(&relay);
    crowd.until_more(100, Duration::from_secs(30));
    let ballast = disk.path().join("ballast");
    let mut file = std::fs::File::create(&ballast).unwrap();
    std::io::copy(&mut std::io::repeat(1), &mut file).unwrap_err();
    served.until("the journal says that it is full", || {
        served.log().contains("cannot be written")
    });
    // A boot that could not be remembered does not begin: the loader is told to come again. Looking on goes on.
    let script = |code: &str| {
        let url = "http://10.77.0.1/boot/n1/script?mac=52:54:00:00:00:01";
        let told = relay.succeed(&["curl", "-s", "--max-time", "20", "-w", "%{http_code}", url]);
        assert!(told.ends_with(code), "{told}");
        told
    };
    let told = script("503");
    assert!(told.contains("journal"), "{told}");
    for words in [&["status"][..], &["why", "n1"], &["leases"]] {
        assert!(served.cli(words).status.success(), "{words:?}");
    }
    drop(file);
    std::fs::remove_file(&ballast).unwrap();
    crowd.until_more(100, Duration::from_secs(30));
    script("200");
    let book = crowd.end();
    book.is_without_doubles();
    let served = Served::start_in(&segment, served.kill());
    is_remembered(&served, &book);
}

#[test]
fn a_torn_database_is_refused_with_the_way_out_and_not_begun_anew() {
    let (segment, relay) = behind_relay();
    let served = Served::start(&segment, CLUSTER);
    let crowd = Crowd::begin(&relay);
    crowd.until_more(300, Duration::from_secs(30));
    drop(crowd.end());
    let backup = served.folder().join("backup");
    served.text(&["backup", backup.to_str().unwrap()]);
    let folder = served.stop();
    let file = folder.path().join("journal.db");
    let whole = std::fs::read(&file).unwrap();
    for (what, torn) in [
        ("cut in the middle", whole[..whole.len() / 2 / 4096 * 4096].to_vec()),
        (
            "zeros at the beginning",
            [vec![0; 4096], whole[4096..].to_vec()].concat(),
        ),
        ("of another kind", b"this is no database".repeat(1000)),
    ] {
        std::fs::write(&file, &torn).unwrap();
        for name in ["journal.db-wal", "journal.db-shm"] {
            std::fs::remove_file(folder.path().join(name)).ok();
        }
        let started = Served::command(&segment, folder.path())
            .stderr(Stdio::piped())
            .output()
            .unwrap();
        let text = said(&started);
        assert!(!started.status.success(), "{what}: {text}");
        assert!(
            text.contains("journal.db") && text.contains("restore"),
            "{what}: {text}"
        );
        assert!(std::fs::read(&file).unwrap() == torn, "{what}: it was changed");
    }
}
