//! A lab with the images that `make test` builds.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::server::PROGRAM;

/// A lab that is taken down whatever becomes of the test.
pub struct Lab {
    folder: tempfile::TempDir,
    /// Nodes whose story is told if the test fails.
    nodes: &'static [&'static str],
}

impl Lab {
    /// The folder of a lab with its cluster file; nothing runs yet.
    pub fn new(cluster: &str, nodes: &'static [&'static str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("cluster.yaml"), cluster).unwrap();
        Self { folder, nodes }
    }

    /// The cluster file.
    pub fn file(&self) -> String {
        self.folder.path().join("cluster.yaml").to_str().unwrap().to_string()
    }

    /// The program, talking to this lab.
    pub fn command(&self) -> Command {
        let mut command = Command::new(PROGRAM);
        command
            .env("BELLWETHER_LAB", self.folder.path().join("lab"))
            .env("BELLWETHER_STATE", self.folder.path().join("lab/state"));
        command
    }

    /// Standard output of a command line that must succeed.
    pub fn text(&self, words: &[&str]) -> String {
        let output = self.command().args(words).output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(
            output.status.success(),
            "{words:?}: {said}{}",
            String::from_utf8_lossy(&output.stderr)
        );
        said
    }

    /// The events of a node, oldest first.
    pub fn events(&self, node: &str) -> Vec<Value> {
        let text = self.text(&["--output", "json", "events", node, "--last", "1000"]);
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// What the console of a machine said.
    pub fn console(&self, node: &str) -> String {
        self.text(&["lab", "console", node, "--log"])
    }

    /// Waits until something is so. Emulated machines are slow, and slower on a busy host.
    pub fn until(&self, what: &str, patience: Duration, mut so: impl FnMut(&Self) -> bool) {
        let began = Instant::now();
        while !so(self) {
            assert!(
                began.elapsed() < patience,
                "waited {} s until {what}",
                patience.as_secs()
            );
            // The outside has no event to wait for: a pause between two looks.
            std::thread::park_timeout(Duration::from_secs(1));
        }
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        if std::thread::panicking() {
            for node in self.nodes {
                for words in [&["why", node][..], &["timeline", node]] {
                    let output = self.command().args(words).output();
                    eprintln!(
                        "{}",
                        output
                            .map(|o| String::from_utf8_lossy(&o.stdout).into_owned())
                            .unwrap_or_default()
                    );
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
        self.command().args(["lab", "down"]).output().ok();
    }
}

/// Folder with the images that `make test` builds.
pub fn images() -> String {
    let state = std::env::var_os("BELLWETHER_TEST_STATE").map(PathBuf::from);
    let images = state
        .unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("target/test-state"))
        .join("images");
    for name in ["debian-12", "agent"] {
        assert!(
            images.join(name).join("manifest.json").is_file(),
            "there is no image {name} in {}: `make test` builds it, or `bellwether --state DIR image build {name} \
             --kernel linux-image-cloud-amd64` with BELLWETHER_TEST_STATE=DIR",
            images.display()
        );
    }
    images.to_str().unwrap().to_string()
}

/// The first event after `from` that is as wanted; its position.
pub fn then(events: &[Value], from: usize, what: &str, wanted: impl Fn(&Value) -> bool) -> usize {
    let found = events.iter().enumerate().skip(from).find(|(_, event)| wanted(event));
    let kinds: Vec<&str> = events.iter().map(|e| e["kind"].as_str().unwrap()).collect();
    found
        .unwrap_or_else(|| panic!("no {what} after event {from} of {kinds:?}"))
        .0
}
