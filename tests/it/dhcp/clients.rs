//! Real clients, with what they were told as variables.

use std::collections::HashMap;
use std::os::unix::fs::PermissionsExt;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use crate::support::client::{require, said};
use crate::support::segment::Station;

/// A folder with a script that clients call instead of the one that would change this machine.
pub struct Told {
    folder: tempfile::TempDir,
}

/// What a client told its script.
pub type Variables = HashMap<String, String>;

impl Told {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let script = folder.path().join("script");
        let log = folder.path().join("calls");
        let text = format!(
            "#!/bin/sh\n{{ echo \"event=${{1:-$reason}}\"; env; echo; }} >> {}\n",
            log.display()
        );
        std::fs::write(&script, text).unwrap();
        std::fs::set_permissions(&script, PermissionsExt::from_mode(0o755)).unwrap();
        Self { folder }
    }

    pub fn path(&self, name: &str) -> String {
        self.folder.path().join(name).to_str().unwrap().to_string()
    }

    /// The variables of each call, oldest first.
    pub fn calls(&self) -> Vec<Variables> {
        let text = std::fs::read_to_string(self.folder.path().join("calls")).unwrap_or_default();
        // The script may be in the middle of its last call.
        let whole = text.rfind("\n\n").map_or("", |end| &text[..end]);
        let calls = whole.split("\n\n").filter(|call| !call.trim().is_empty());
        calls
            .map(|call| {
                let pairs = call.lines().filter_map(|line| line.split_once('='));
                pairs.map(|(k, v)| (k.to_string(), v.to_string())).collect()
            })
            .collect()
    }

    /// The last call for one of these events.
    pub fn last(&self, events: &[&str]) -> Option<Variables> {
        let mut calls = self.calls().into_iter().rev();
        calls.find(|call| call.get("event").is_some_and(|event| events.contains(&event.as_str())))
    }

    /// The same, waited for.
    pub fn wait(&self, event: &str) -> Variables {
        let began = Instant::now();
        loop {
            if let Some(call) = self.last(&[event]) {
                return call;
            }
            assert!(began.elapsed() < Duration::from_secs(20), "no {event} within 20 s");
            std::thread::park_timeout(Duration::from_millis(30));
        }
    }
}

/// busybox's client: asks until it has a lease and ends. `None` if it got none within a few seconds.
pub fn udhcpc(station: &Station, words: &[&str]) -> Option<Variables> {
    require("busybox", "busybox");
    let told = Told::new();
    let script = told.path("script");
    let fixed = [
        "busybox", "udhcpc", "-f", "-q", "-n", "-t", "4", "-T", "1", "-i", "eth0", "-s", &script,
    ];
    station.run(&[&fixed, words].concat());
    told.last(&["bound"])
}

/// busybox's client, running.
pub struct Udhcpc {
    child: Child,
    pub told: Told,
}

impl Udhcpc {
    pub fn start(station: &Station, words: &[&str]) -> Self {
        require("busybox", "busybox");
        let told = Told::new();
        let child = station
            .command("busybox")
            .args(["udhcpc", "-f", "-A", "1", "-i", "eth0", "-s", &told.path("script")])
            .args(words)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        Self { child, told }
    }

    /// Tells it to do something by its signal: `USR1` renews, `USR2` releases.
    pub fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        crate::support::client::succeed(&["kill", &format!("-{name}"), &pid]);
    }
}

impl Drop for Udhcpc {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// ISC's client, its lease file kept between calls.
pub struct Dhclient {
    child: Option<Child>,
    pub told: Told,
}

impl Dhclient {
    pub fn new() -> Self {
        require("dhclient", "isc-dhcp-client");
        Self {
            child: None,
            told: Told::new(),
        }
    }

    /// Starts it, and waits until it has a lease; it keeps running.
    pub fn bind(&mut self, station: &Station) -> Variables {
        self.kill();
        let before = self.told.calls().len();
        self.child = Some(self.command(station, &["-d", "-1"]).spawn().unwrap());
        let began = Instant::now();
        loop {
            let bound = |call: &Variables| matches!(call["event"].as_str(), "BOUND" | "REBOOT");
            if let Some(call) = self.told.calls().into_iter().skip(before).find(bound) {
                return call;
            }
            assert!(
                began.elapsed() < Duration::from_secs(30),
                "dhclient got nothing within 30 s"
            );
            std::thread::park_timeout(Duration::from_millis(30));
        }
    }

    /// Has it give its lease back.
    pub fn release(&mut self, station: &Station) {
        self.kill();
        assert!(self.command(station, &["-r"]).status().unwrap().success());
    }

    /// Ends it without a word to the server, as a power cut would.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().ok();
            child.wait().ok();
        }
    }

    fn command(&self, station: &Station, words: &[&str]) -> std::process::Command {
        let config = self.told.path("config");
        std::fs::write(&config, "timeout 10;\n").unwrap();
        let mut command = station.command("dhclient");
        command.args(["-4", "-cf", &config, "-sf", &self.told.path("script")]);
        command.args(["-lf", &self.told.path("leases"), "-pf", &self.told.path("pid")]);
        command.args(words).arg("eth0");
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command
    }
}

impl Drop for Dhclient {
    fn drop(&mut self) {
        self.kill();
    }
}

/// dhcpcd, once, in a world of processes and files of its own: it leaves servants behind and writes to `/var/lib`.
pub fn dhcpcd(station: &Station, words: &str) -> Variables {
    require("dhcpcd", "dhcpcd-base");
    let told = Told::new();
    let line = format!(
        "mount -t tmpfs none /var/lib/dhcpcd; mount -t tmpfs none /run; \
         exec dhcpcd -4 -B -1 -L -A -t 10 -c {} {words} eth0",
        told.path("script")
    );
    let words = [
        "timeout",
        "20",
        "unshare",
        "--mount",
        "--pid",
        "--fork",
        "--kill-child",
        "sh",
        "-c",
        &line,
    ];
    let output = said(&station.run(&words));
    let call = told
        .calls()
        .into_iter()
        .rev()
        .find(|call| call.contains_key("new_ip_address"));
    call.unwrap_or_else(|| panic!("dhcpcd got nothing: {output}"))
}
