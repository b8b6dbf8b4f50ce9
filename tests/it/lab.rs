//! The lab: real firmware, the real server, and nothing left afterwards.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::support::server::PROGRAM;

/// Emulated machines on a busy host are slow.
const PATIENCE: Duration = Duration::from_secs(180);

/// A lab that is taken down whatever becomes of the test.
struct Lab {
    dir: tempfile::TempDir,
}

impl Lab {
    fn up(arguments: &[&str]) -> Self {
        let lab = Self {
            dir: tempfile::tempdir().unwrap(),
        };
        let output = lab
            .lab()
            .args(["up", "--accel", "tcg", "--memory", "256"])
            .args(arguments)
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        lab
    }

    fn root(&self) -> PathBuf {
        self.dir.path().join("lab")
    }

    fn lab(&self) -> Command {
        let mut command = Command::new(PROGRAM);
        command
            .env_remove("BELLWETHER_STATE")
            .args(["--output", "json", "lab", "--dir"])
            .arg(self.root());
        command
    }

    fn run(&self, arguments: &[&str]) -> String {
        let output = self.lab().args(arguments).output().unwrap();
        assert!(
            output.status.success(),
            "{arguments:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8(output.stdout).unwrap()
    }

    fn status(&self) -> Value {
        serde_json::from_str(&self.run(&["status"])).unwrap()
    }

    /// Follows the journal until an event of that kind.
    fn await_event(&self, kind: &str) -> Value {
        let mut follow = Command::new(PROGRAM)
            .args(["--output", "json", "--state"])
            .arg(self.root().join("state"))
            .args(["events", "--follow"])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(follow.stdout.take().unwrap()).lines();
        let (found, event) = mpsc::channel();
        let wanted = kind.to_string();
        let reader = std::thread::spawn(move || {
            let mut events = lines
                .map_while(Result::ok)
                .filter_map(|line| serde_json::from_str::<Value>(&line).ok());
            if let Some(event) = events.find(|event| event["kind"] == *wanted) {
                found.send(event).ok();
            }
        });
        let event = event.recv_timeout(PATIENCE);
        follow.kill().unwrap();
        follow.wait().unwrap();
        reader.join().unwrap();
        event.unwrap_or_else(|_| panic!("no {kind} within {PATIENCE:?}"))
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        self.lab().arg("down").output().ok();
    }
}

/// Whether a process runs; one that nobody has waited for yet does not.
fn runs(pid: &Value) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(") ")
        .is_some_and(|(_, fields)| !fields.starts_with('Z'))
}

fn until(what: &str, condition: impl Fn() -> bool) {
    let began = Instant::now();
    while !condition() {
        assert!(began.elapsed() < PATIENCE, "{what}");
        // The outside has no event to wait for: a short pause between two looks.
        std::thread::park_timeout(Duration::from_millis(50));
    }
}

fn namespace(path: &Path) -> PathBuf {
    std::fs::read_link(path).unwrap()
}

#[test]
fn real_firmware_asks_for_its_script_and_nothing_is_left_after_down() {
    let lab = Lab::up(&["1", "--bios"]);
    let status = lab.status();
    let pids = [
        &status["keeper"],
        &status["server"]["process"],
        &status["machines"][0]["process"],
    ]
    .map(|p| p["pid"].clone());
    assert!(pids.iter().all(runs), "{status}");

    assert_eq!(lab.await_event("power")["body"]["action"], "on");
    let script = lab.await_event("script.served");
    assert_eq!(script["subject"], "node:nid001");
    assert_eq!(script["body"]["identified_by"], "mac");
    until("iPXE shows its script on the console", || {
        lab.run(&["console", "nid001", "--log"]).contains("Bellwether: nid001")
    });

    lab.run(&["down"]);
    assert!(!pids.iter().any(runs), "{pids:?}");
    assert!(!lab.root().exists());
    lab.run(&["down"]);
}

#[test]
fn lab_has_a_network_of_its_own_and_commands_can_run_in_it() {
    let lab = Lab::up(&["1", "--without-server", "--powered-off"]);
    let keeper = lab.status()["keeper"]["pid"].clone();
    let inside = namespace(Path::new(&format!("/proc/{keeper}/ns/net")));
    assert_ne!(inside, namespace(Path::new("/proc/self/ns/net")));
    let seen = lab.run(&["exec", "--", "readlink", "/proc/self/ns/net"]);
    assert_eq!(seen.trim(), inside.to_str().unwrap());
}

#[test]
fn second_lab_in_the_same_folder_is_refused_and_the_first_goes_on() {
    let lab = Lab::up(&["1", "--without-server", "--powered-off"]);
    let again = lab.lab().args(["up", "1"]).output().unwrap();
    assert_eq!(again.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&again.stderr).contains("a lab is up in"));
    assert!(runs(&lab.status()["keeper"]["pid"]));
}

#[test]
fn no_machine_and_no_server_outlives_a_keeper_that_was_killed() {
    let lab = Lab::up(&["1", "--bios"]);
    let status = lab.status();
    let children = [
        &status["server"]["process"]["pid"],
        &status["machines"][0]["process"]["pid"],
    ];
    let keeper = status["keeper"]["pid"].as_i64().unwrap() as i32;
    nix::sys::signal::kill(nix::unistd::Pid::from_raw(keeper), nix::sys::signal::Signal::SIGKILL).unwrap();
    until("its children end", || !children.iter().any(|pid| runs(pid)));
    lab.run(&["down"]);
    assert!(!lab.root().exists());
}
