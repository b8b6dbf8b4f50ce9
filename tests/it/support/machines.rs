//! A lab of real machines that is taken down whatever becomes of the test.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::server::PROGRAM;

/// Emulated machines on a busy host are slow.
const PATIENCE: Duration = Duration::from_secs(900);

/// A lab of a cluster file.
pub struct Lab(tempfile::TempDir);

impl Lab {
    /// Brings up a lab with that cluster file and these further words of `lab up`.
    pub fn up(cluster: &str, words: &[&str]) -> Self {
        let lab = Self(tempfile::tempdir().unwrap());
        let file = lab.0.path().join("cluster.yaml");
        std::fs::write(&file, cluster).unwrap();
        let mut line = vec!["lab", "up", "--cluster", file.to_str().unwrap()];
        line.extend(words);
        lab.text(&line);
        lab
    }

    /// The program, talking to this lab.
    pub fn command(&self) -> Command {
        let mut command = Command::new(PROGRAM);
        command
            .env("BELLWETHER_LAB", self.0.path().join("lab"))
            .env("BELLWETHER_STATE", self.0.path().join("lab/state"));
        command
    }

    /// What a command prints; it must succeed.
    pub fn text(&self, words: &[&str]) -> String {
        let output = self.command().args(words).output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        let complained = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{words:?}: {said}{complained}");
        said
    }

    /// The events of a node, the oldest first.
    pub fn events(&self, node: &str) -> Vec<Value> {
        let text = self.text(&["--output", "json", "events", node, "--last", "1000"]);
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// What a machine said on its console.
    pub fn console(&self, node: &str) -> String {
        self.text(&["lab", "console", node, "--log"])
    }

    /// Waits for something in the journal of a node, and returns its events.
    pub fn until(&self, node: &str, what: &str, wanted: impl Fn(&Value) -> bool) -> Vec<Value> {
        let began = Instant::now();
        loop {
            let events = self.events(node);
            if events.iter().any(&wanted) {
                return events;
            }
            if began.elapsed() > PATIENCE {
                self.tell(node);
                panic!("{node}: no {what} within {PATIENCE:?}");
            }
            std::thread::park_timeout(Duration::from_millis(500));
        }
    }

    /// Prints how a node stands, for the eyes of whoever finds a test failed.
    pub fn tell(&self, node: &str) {
        for words in [
            &["events", node, "--last", "60"][..],
            &["why", node],
            &["timeline", node],
        ] {
            if let Ok(output) = self.command().args(words).output() {
                eprintln!("{}", String::from_utf8_lossy(&output.stdout));
            }
        }
        let log = self.command().args(["lab", "console", node, "--log"]).output();
        let log = log
            .map(|o| String::from_utf8_lossy(&o.stdout).into_owned())
            .unwrap_or_default();
        let tail: Vec<&str> = log.lines().rev().take(40).collect();
        eprintln!("--- end of the console of {node}");
        tail.iter().rev().for_each(|line| eprintln!("{line}"));
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        self.command().args(["lab", "down"]).output().ok();
    }
}

/// Folder with the image that `make test` builds.
pub fn images() -> PathBuf {
    let state = std::env::var_os("BELLWETHER_TEST_STATE").map(PathBuf::from);
    let images = state
        .unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("target/test-state"))
        .join("images");
    assert!(
        images.join("debian-12/manifest.json").is_file(),
        "there is no image in {}: `make test` builds it, or `bellwether --state DIR image build debian-12 --kernel \
         linux-image-cloud-amd64` with BELLWETHER_TEST_STATE=DIR",
        images.display()
    );
    images
}
