//! The test is the service manager: it opens the notify socket and hears what the real program says.

use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use sqlx::{ConnectOptions as _, Connection as _};

use super::{CLUSTER, repository};
use crate::support::client::{require, said, succeed};
use crate::support::segment::Segment;
use crate::support::server::PROGRAM;

/// The watchdog's time in these tests.
const LIMIT: Duration = Duration::from_secs(4);

/// A server under a manager that only listens.
struct Managed {
    child: Child,
    socket: UnixDatagram,
    folder: tempfile::TempDir,
}

impl Managed {
    fn start(segment: &Segment) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("cluster.yaml"), CLUSTER).unwrap();
        let path = folder.path().join("notify");
        let socket = UnixDatagram::bind(&path).unwrap();
        let log = std::fs::File::create(folder.path().join("log")).unwrap();
        let child = segment
            .command("sh")
            // The manager names the process that shall live; only the shell knows the number beforehand.
            .args([
                "-c",
                "WATCHDOG_PID=$$ exec \"$0\" serve --state \"$1/state\" --config \"$1/cluster.yaml\"",
                PROGRAM,
            ])
            .arg(folder.path())
            .env("NOTIFY_SOCKET", &path)
            .env("WATCHDOG_USEC", LIMIT.as_micros().to_string())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap();
        Self { child, socket, folder }
    }

    /// The next message within a time.
    fn hear(&self, patience: Duration) -> Option<String> {
        self.socket.set_read_timeout(Some(patience)).unwrap();
        let mut buffer = [0; 4096];
        let length = self.socket.recv(&mut buffer).ok()?;
        Some(String::from_utf8(buffer[..length].to_vec()).unwrap())
    }

    /// Hears until a message has that in it; all that was heard.
    fn until(&self, wanted: &str) -> Vec<String> {
        let began = Instant::now();
        let mut heard = Vec::new();
        loop {
            heard.extend(self.hear(Duration::from_secs(1)));
            if heard.last().is_some_and(|message| message.contains(wanted)) {
                return heard;
            }
            assert!(
                began.elapsed() < Duration::from_secs(60),
                "waited for {wanted}, heard {heard:?}; {}",
                self.log()
            );
        }
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    fn signal(&self, name: &str) {
        succeed(&["kill", &format!("-{name}"), &self.child.id().to_string()]);
    }
}

impl Drop for Managed {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

#[test]
fn the_manager_hears_ready_alive_reloading_and_stopping_in_this_order() {
    let segment = Segment::new("10.77.0.1/24");
    let _station = segment.plug("52:54:00:00:00:aa");
    let mut managed = Managed::start(&segment);
    let first = managed.until("READY=1");
    assert_eq!(first.len(), 1, "ready is the first word: {first:?}");
    let sockets = segment.command("ss").args(["-H", "-ltun"]).output().unwrap();
    let sockets = String::from_utf8(sockets.stdout).unwrap();
    for port in [67, 69, 80, 514, 3142] {
        let open = format!(":{port} ");
        assert!(sockets.contains(&open), "ready, and port {port} is not open: {sockets}");
    }
    assert!(first[0].contains("STATUS=1 node"), "{first:?}");
    let mut since: Vec<String> = Vec::new();
    for _ in 0..3 {
        since.extend(managed.until("WATCHDOG=1"));
    }
    let serving = "STATUS=1 node; networks: lab on br0";
    if !first.iter().chain(&since).any(|message| message.contains(serving)) {
        since.extend(managed.until(serving));
    }
    assert!(
        !since.iter().any(|message| message.contains("READY")),
        "ready is said once: {since:?}"
    );

    managed.signal("HUP");
    let heard = managed.until("RELOADING=1");
    let monotonic = heard
        .last()
        .unwrap()
        .lines()
        .find_map(|line| line.strip_prefix("MONOTONIC_USEC="));
    assert!(
        monotonic.is_some_and(|usec| usec.parse::<u64>().is_ok_and(|usec| usec > 0)),
        "{heard:?}"
    );
    managed.until("READY=1");

    managed.signal("TERM");
    managed.until("STOPPING=1");
    assert!(managed.child.wait().unwrap().success(), "{}", managed.log());
}

#[test]
fn a_server_that_cannot_open_a_door_never_calls_itself_ready() {
    let segment = Segment::new("10.77.0.1/24");
    let mut other = segment
        .command("python3")
        .args(["-m", "http.server", "80"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let began = Instant::now();
    let listens = || {
        let sockets = segment.command("ss").args(["-H", "-ltn"]).output().unwrap();
        String::from_utf8_lossy(&sockets.stdout).contains(":80 ")
    };
    while !listens() {
        assert!(began.elapsed() < Duration::from_secs(30));
        std::thread::park_timeout(Duration::from_millis(30));
    }
    let mut managed = Managed::start(&segment);
    let ended = managed.child.wait().unwrap();
    other.kill().ok();
    other.wait().ok();
    assert!(!ended.success());
    assert_eq!(managed.hear(Duration::from_millis(50)), None);
    let log = managed.log();
    assert!(log.contains("port 80") || log.contains(":80"), "{log}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_journal_that_cannot_be_written_is_not_called_alive() {
    let segment = Segment::new("10.77.0.1/24");
    let managed = Managed::start(&segment);
    managed.until("WATCHDOG=1");
    // Whoever waits for a frozen disk waits like this: for a lock that nobody gives back.
    let held = hold(&managed.folder.path().join("state/journal.db")).await;
    managed.until("STATUS=the journal does not answer");
    let began = Instant::now();
    while began.elapsed() < LIMIT + Duration::from_secs(1) {
        let heard = managed.hear(Duration::from_millis(200)).unwrap_or_default();
        assert!(
            !heard.contains("WATCHDOG=1"),
            "alive after {:?}: {heard}",
            began.elapsed()
        );
    }
    drop(held);
    managed.until("WATCHDOG=1");
    assert!(managed.log().contains("the server lives again"), "{}", managed.log());
}

/// Holds the database as a writer does.
async fn hold(path: &Path) -> sqlx::SqliteConnection {
    let mut connection = sqlx::sqlite::SqliteConnectOptions::new()
        .filename(path)
        .connect()
        .await
        .unwrap();
    connection.ping().await.unwrap();
    sqlx::raw_sql("BEGIN IMMEDIATE").execute(&mut connection).await.unwrap();
    connection
}

#[test]
fn the_unit_is_one_that_systemd_takes_and_calls_well_protected() {
    require("systemd-analyze", "systemd");
    let folder = tempfile::tempdir().unwrap();
    let unit = folder.path().join("bellwether.service");
    let text = std::fs::read_to_string(repository("packaging/bellwether.service")).unwrap();
    std::fs::write(&unit, text.replace("/usr/bin/bellwether", PROGRAM)).unwrap();
    let path = unit.to_str().unwrap();
    let verified = succeed(&["systemd-analyze", "verify", "--man=no", path]);
    assert_eq!(said(&verified), "", "verify has something to say");
    // Tenths of the exposure that it counts; the manual says 1.6.
    succeed(&["systemd-analyze", "security", "--offline=true", "--threshold=16", path]);
}

#[test]
fn the_unit_starts_no_server_before_there_is_a_cluster_file() {
    let text = std::fs::read_to_string(repository("packaging/bellwether.service")).unwrap();
    assert!(text.contains("ConditionPathExists=/etc/bellwether/cluster.yaml"));
    // Networks come when they come.
    assert!(!text.contains("network-online.target"));
}
