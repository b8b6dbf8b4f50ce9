//! The real program, serving a segment.

use std::io::Write as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::segment::Segment;

/// The program under test.
pub const PROGRAM: &str = env!("CARGO_BIN_EXE_bellwether");

/// A running `bellwether serve`.
pub struct Served {
    child: Child,
    folder: tempfile::TempDir,
}

impl Served {
    /// Starts the server in the segment's namespace and waits until its control socket answers.
    pub fn start(segment: &Segment, cluster: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("cluster.yaml"), cluster).unwrap();
        Self::start_in(segment, folder)
    }

    /// Starts the server with further variables in its environment.
    pub fn start_with(segment: &Segment, cluster: &str, variables: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("cluster.yaml"), cluster).unwrap();
        Self::start_in_with(segment, folder, variables)
    }

    /// Starts the server on a state folder that is there already, with further variables in its environment.
    pub fn start_in_with(segment: &Segment, folder: tempfile::TempDir, variables: &[(&str, &str)]) -> Self {
        let mut command = Self::command(segment, folder.path());
        let child = command.envs(variables.iter().copied()).spawn().unwrap();
        let served = Self { child, folder };
        served.until("the control socket answers", || served.try_json(&["status"]).is_some());
        served
    }

    /// Starts the server on a state folder that is there already, with `cluster.yaml` in it.
    pub fn start_in(segment: &Segment, folder: tempfile::TempDir) -> Self {
        let child = Self::command(segment, folder.path()).spawn().unwrap();
        let served = Self { child, folder };
        served.until("the control socket answers", || served.try_json(&["status"]).is_some());
        served
    }

    /// Starts the server as a command says, which serves that state folder.
    pub fn start_as(mut command: Command, folder: tempfile::TempDir) -> Self {
        let child = command.spawn().unwrap();
        let served = Self { child, folder };
        served.until("the control socket answers", || served.try_json(&["status"]).is_some());
        served
    }

    /// The command that serves a state folder.
    pub fn command(segment: &Segment, folder: &Path) -> Command {
        let log = std::fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(folder.join("log"))
            .unwrap();
        let mut command = segment.command(PROGRAM);
        command
            .args(["serve", "--state"])
            .arg(folder)
            .arg("--config")
            .arg(folder.join("cluster.yaml"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log);
        command
    }

    /// Waits until every network of the cluster file is served.
    pub fn until_served(&self) -> &Self {
        self.until("all networks are served", || {
            self.try_json(&["status"]).is_some_and(|status| {
                status["networks"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .all(|n| n["serving"]["state"] == "served")
            })
        });
        self
    }

    /// Waits until something is so; fails with the server's log after 30 s.
    pub fn until(&self, what: &str, mut so: impl FnMut() -> bool) {
        let began = Instant::now();
        while !so() {
            assert!(
                began.elapsed() < Duration::from_secs(30),
                "waited 30 s until {what}; the log:\n{}",
                self.log()
            );
            // The outside has no event to wait for: a short pause between two looks.
            std::thread::park_timeout(Duration::from_millis(30));
        }
    }

    /// The state folder.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Process id of the server.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// What the server logged.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    /// A command line of the program against this server.
    pub fn cli(&self, words: &[&str]) -> std::process::Output {
        Command::new(PROGRAM)
            .arg("--state")
            .arg(self.folder.path())
            .args(words)
            .output()
            .unwrap()
    }

    /// The standard output of a command line that must succeed.
    pub fn text(&self, words: &[&str]) -> String {
        let output = self.cli(words);
        assert!(
            output.status.success(),
            "{words:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8(output.stdout).unwrap()
    }

    /// The JSON of a command line that must succeed.
    pub fn json(&self, words: &[&str]) -> Value {
        serde_json::from_str(&self.text(&[&["--output", "json"], words].concat())).unwrap()
    }

    fn try_json(&self, words: &[&str]) -> Option<Value> {
        let output = self.cli(&[&["--output", "json"], words].concat());
        output
            .status
            .success()
            .then(|| serde_json::from_slice(&output.stdout).ok())?
    }

    /// The events of a kind, oldest first.
    pub fn events(&self, kind: &str) -> Vec<Value> {
        let text = self.text(&["--output", "json", "events", "--kind", kind, "--last", "10000"]);
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// Replaces the cluster file and has it read again.
    pub fn reload(&self, cluster: &str) {
        std::fs::write(self.folder.path().join("cluster.yaml"), cluster).unwrap();
        self.signal("HUP");
    }

    /// Sends a signal.
    pub fn signal(&self, name: &str) {
        let status = Command::new("kill")
            .args([&format!("-{name}"), &self.pid().to_string()])
            .status()
            .unwrap();
        assert!(status.success());
    }

    /// Ends the server with SIGKILL and returns its state folder.
    pub fn kill(mut self) -> tempfile::TempDir {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        std::mem::replace(&mut self.folder, tempfile::tempdir().unwrap())
    }

    /// Ends the server in order and returns its state folder.
    pub fn stop(mut self) -> tempfile::TempDir {
        self.signal("TERM");
        assert!(self.child.wait().unwrap().success(), "{}", self.log());
        std::mem::replace(&mut self.folder, tempfile::tempdir().unwrap())
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        if std::thread::panicking() {
            writeln!(std::io::stderr(), "--- log of the server:\n{}", self.log()).ok();
        }
        self.child.kill().ok();
        self.child.wait().ok();
    }
}
