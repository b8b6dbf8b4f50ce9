//! What the server can do with what it is given, and what it gives up.

use std::os::unix::fs::{PermissionsExt as _, chown};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use super::{CLUSTER, NODE, lease, repository};
use crate::support::client::require;
use crate::support::segment::Segment;
use crate::support::server::PROGRAM;

/// A user of every Debian that owns nothing.
const DAEMON: u32 = 1;

fn folder(owner: u32) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    std::fs::write(folder.path().join("cluster.yaml"), CLUSTER).unwrap();
    let state = folder.path().join("state");
    std::fs::create_dir(&state).unwrap();
    chown(&state, Some(owner), Some(owner)).unwrap();
    folder
}

/// A server that is killed when the test ends.
struct Running(Child);

impl Running {
    fn start(command: &mut Command, folder: &Path) -> Self {
        let log = std::fs::File::create(folder.join("log")).unwrap();
        command
            .args(["serve", "--state"])
            .arg(folder.join("state"))
            .arg("--config")
            .arg(folder.join("cluster.yaml"));
        let child = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap();
        Self(child)
    }

    /// A line of `/proc/PID/status`.
    fn status(&self, key: &str) -> String {
        let text = std::fs::read_to_string(format!("/proc/{}/status", self.0.id())).unwrap();
        let line = text.lines().find_map(|line| line.strip_prefix(key)).unwrap();
        line.trim().to_string()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

#[test]
fn the_capabilities_of_the_unit_are_enough_to_give_addresses() {
    require("setpriv", "util-linux");
    let unit = std::fs::read_to_string(repository("packaging/bellwether.service")).unwrap();
    let line = unit
        .lines()
        .find_map(|line| line.strip_prefix("CapabilityBoundingSet="))
        .unwrap();
    let wanted: Vec<String> = line
        .split(' ')
        .map(|cap| cap.to_lowercase().replace("cap_", "+"))
        .collect();
    let wanted = format!("-all,{}", wanted.join(","));
    let segment = Segment::new("10.77.0.1/24");
    let folder = folder(DAEMON);
    let mut command = segment.command("setpriv");
    command
        .args(["--reuid=1", "--regid=1", "--clear-groups", "--no-new-privs"])
        .args([
            format!("--inh-caps={wanted}"),
            format!("--ambient-caps={wanted}"),
            format!("--bounding-set={wanted}"),
        ])
        .arg(PROGRAM);
    let running = Running::start(&mut command, folder.path());
    let station = segment.plug(NODE);
    assert_eq!(lease(&station), "10.77.0.11");
    assert_eq!(running.status("CapBnd:"), "0000000000002400");
    let log = std::fs::read_to_string(folder.path().join("log")).unwrap();
    assert!(
        !log.contains("cannot be heard or sent") && !log.contains("ERROR"),
        "{log}"
    );
}

#[test]
fn started_by_root_it_becomes_the_owner_of_its_state_and_still_gives_addresses() {
    let segment = Segment::new("10.77.0.1/24");
    let folder = folder(DAEMON);
    let running = Running::start(&mut segment.command(PROGRAM), folder.path());
    let station = segment.plug(NODE);
    assert_eq!(lease(&station), "10.77.0.11");
    assert_eq!(running.status("Uid:").split_whitespace().collect::<Vec<_>>(), ["1"; 4]);
    // CAP_NET_BIND_SERVICE is 10, CAP_NET_RAW 13.
    assert_eq!(running.status("CapEff:"), "0000000000002400");
    assert_eq!(running.status("CapInh:"), "0000000000000000");
    assert_eq!(running.status("NoNewPrivs:"), "1");
    for entry in std::fs::read_dir(folder.path().join("state")).unwrap().flatten() {
        let owner = std::os::unix::fs::MetadataExt::uid(&entry.metadata().unwrap());
        assert_eq!(owner, DAEMON, "{:?} is root's", entry.path());
    }
}

#[test]
fn a_state_of_roots_is_not_served_as_another_user() {
    let folder = folder(0);
    std::fs::write(folder.path().join("state/lock"), "").unwrap();
    let output = Command::new(PROGRAM)
        .args(["serve", "--user", "daemon", "--state"])
        .arg(folder.path().join("state"))
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && said.contains("chown -R daemon:"), "{said}");
}
