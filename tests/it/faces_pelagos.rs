//! Pelagos' face: its clients in simulation, real tasks against virtual BMCs, and what goes wrong.

mod machines;
mod played;
mod wrong;

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::support::client::said;
use crate::support::segment::Segment;
use crate::support::server::Served;

/// Pelagos' configuration: one node has what is no MAC, as its authors' own tests have.
const CONFIG: &str = r#"{
    "ipmi_user": "admin", "ipmi_pass": "lab", "target_node_password": "linux", "domain": "lab.example",
    "maintenance_image_kernel": "park.kernel", "maintenance_image_initrd": "park.initrd.xz", "sls_list": "",
    "nodes": [
        { "node": "test_node", "mac": "AA:bb:cc:dd:00:73", "ip": "10.77.0.13", "bmc_ip": "127.4.0.1", "role": "client", "own": [1] },
        { "node": "test_node2", "mac": "aa.bb.cc.dd:68:74", "ip": "10.77.0.14", "boot_node": "nobody" },
        { "node": "test_node3.lab.example" }
    ] }"#;

/// An answer: its status, its head and its body.
struct Answer {
    status: u16,
    head: String,
    body: String,
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }

    /// The value of a header.
    fn header(&self, name: &str) -> Option<&str> {
        let lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines
            .filter(|(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.trim())
            .next()
    }

    /// The path of the task that it tells of.
    fn task(&self) -> String {
        assert_eq!(self.status, 202, "{}{}", self.head, self.body);
        let location = self.header("location").unwrap();
        let path = location.strip_prefix("http://10.77.0.1:5000/").unwrap();
        assert!(path.ends_with(self.header("taskid").unwrap()), "{location}");
        format!("/{path}")
    }
}

/// Asks Pelagos with curl.
fn curl(segment: &Segment, words: &[&str], path: &str) -> Answer {
    let mut command = segment.command("curl");
    command
        .args(["-sS", "-i", "--path-as-is", "-m", "30"])
        .args(words)
        .arg(format!("http://10.77.0.1:5000{path}"));
    let output = command.output().unwrap();
    assert!(output.status.success(), "{path}: {}", said(&output));
    let text = String::from_utf8_lossy(&output.stdout).replace("\r\n", "\n");
    // A client that asks whether it may go on gets two heads.
    let text = text.strip_prefix("HTTP/1.1 100 Continue\n\n").unwrap_or(&text);
    let (head, body) = text.split_once("\n\n").unwrap();
    Answer {
        status: head.split(' ').nth(1).unwrap().parse().unwrap(),
        head: head.to_string(),
        body: body.to_string(),
    }
}

fn get(segment: &Segment, path: &str) -> Answer {
    curl(segment, &[], path)
}

/// Starts a task.
fn provision(segment: &Segment, node: &str, os: &str) -> String {
    let (node, os) = (format!("node={node}"), format!("os={os}"));
    curl(segment, &["-F", &os, "-F", &node], "/node/provision").task()
}

/// Waits until a task has ended, for longer than the restarts of a machine take.
fn ended(server: &Served, segment: &Segment, task: &str) -> Answer {
    let began = Instant::now();
    loop {
        let answer = get(segment, task);
        if answer.status != 202 {
            return answer;
        }
        assert_eq!(answer.header("status"), Some("not completed"), "{}", answer.head);
        assert!(
            began.elapsed() < Duration::from_secs(90),
            "{task} does not end; {}",
            server.log()
        );
        std::thread::park_timeout(Duration::from_millis(200));
    }
}

/// An image of kiwi's and the system that nodes are parked in, below a folder.
fn images(root: &Path) {
    let folder = root.join("sle-15.1-0.1.1-29.1");
    std::fs::create_dir_all(root.join("boot")).unwrap();
    std::fs::create_dir_all(&folder).unwrap();
    std::os::unix::fs::symlink(&folder, root.join("sle-15.1")).unwrap();
    for name in [
        "pxeboot.kernel",
        "pxeboot.initrd.xz",
        "minimal-sle-15-sp1.x86_64-0.1.1.xz",
    ] {
        std::fs::write(folder.join(name), name).unwrap();
    }
    for name in ["park.kernel", "park.initrd.xz"] {
        std::fs::write(root.join("boot").join(name), name).unwrap();
    }
}

/// The command that serves what Pelagos' configuration file says, without a cluster file.
fn alone(segment: &Segment, folder: &Path, words: &[&str]) -> Command {
    std::fs::write(folder.join("pelagos.json"), CONFIG).unwrap();
    let log = std::fs::File::create(folder.join("log")).unwrap();
    let mut command = segment.command(crate::support::server::PROGRAM);
    command
        .args(["serve", "--state"])
        .arg(folder)
        .arg("--pelagos-config")
        .arg(folder.join("pelagos.json"))
        .arg("--pelagos-tftpdir")
        .arg(folder.join("tftp"))
        .args(words)
        .stdin(std::process::Stdio::null())
        .stdout(std::process::Stdio::null())
        .stderr(log);
    command
}
