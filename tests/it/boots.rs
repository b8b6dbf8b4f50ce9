//! The main job, with real firmware and a real Debian: switched on, boots over the network, becomes what the cluster
//! file says, reports ready.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::support::server::PROGRAM;

const CLUSTER: &str = r#"
cluster: test
domain: test.example
timezone: Europe/Berlin
users:
  - { name: ada, sudo: true, ssh_keys: ["ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBPjTCqN5kmu1BGzOvBCzEQNwTnv0jQvNPFBzPrOOI9Z ada"] }
networks:
  lab: { prefix: 10.77.0.0/24, router: 10.77.0.1, pool: 10.77.0.200-10.77.0.249 }
profiles:
  worker:
    image: debian-12
    console: ttyS0,115200
    files:
      - { path: /etc/motd, content: "tended by the cluster file\n" }
    commands:
      # What the node became, told on its console.
      - |
        {
          echo "CHECK name $(hostname) $(hostname -f)"
          echo "CHECK zone $(readlink /etc/localtime)"
          echo "CHECK motd $(cat /etc/motd)"
          echo "CHECK hosts $(grep -c 'bios.test.example bios' /etc/hosts)"
          echo "CHECK ada $(id -un ada) $(stat -c %U:%a /home/ada/.ssh/authorized_keys) $(sudo -l -U ada | grep -c NOPASSWD)"
          echo "CHECK address $(ip -4 -o addr show scope global | awk '{print $4}' | tr '\n' ' ')"
          echo "CHECK failed units: $(systemctl --failed --no-legend | wc -l)"
          echo "CHECK seed $(cloud-init schema --system 2>&1 | tail -n 1)"
        } > /dev/ttyS0
nodes:
  uefi: { mac: "52:54:00:00:00:01", address: 10.77.0.11, profile: worker }
  bios: { mac: "52:54:00:00:00:02", address: 10.77.0.12, profile: worker }
"#;

/// A lab that is taken down whatever becomes of the test.
struct Lab(tempfile::TempDir);

impl Lab {
    fn command(&self) -> Command {
        let mut command = Command::new(PROGRAM);
        command
            .env("BELLWETHER_LAB", self.0.path().join("lab"))
            .env("BELLWETHER_STATE", self.0.path().join("lab/state"));
        command
    }

    fn text(&self, words: &[&str]) -> String {
        let output = self.command().args(words).output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(
            output.status.success(),
            "{words:?}: {said}{}",
            String::from_utf8_lossy(&output.stderr)
        );
        said
    }

    fn events(&self, node: &str) -> Vec<Value> {
        let text = self.text(&["--output", "json", "events", node, "--last", "1000"]);
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    fn console(&self, node: &str) -> String {
        self.text(&["lab", "console", node, "--log"])
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        if std::thread::panicking() {
            for node in ["uefi", "bios"] {
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

/// Folder with the image that `make test` builds.
fn images() -> PathBuf {
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

/// The first event after `from` that is as wanted; its position.
fn then(events: &[Value], from: usize, what: &str, wanted: impl Fn(&Value) -> bool) -> usize {
    let found = events.iter().enumerate().skip(from).find(|(_, event)| wanted(event));
    let kinds: Vec<&str> = events.iter().map(|e| e["kind"].as_str().unwrap()).collect();
    found
        .unwrap_or_else(|| panic!("no {what} after event {from} of {kinds:?}"))
        .0
}

fn leased(stage: &'static str) -> impl Fn(&Value) -> bool {
    move |event| event["kind"] == "dhcp.leased" && event["body"]["ask"]["stage"] == stage
}

fn complete(role: &'static str) -> impl Fn(&Value) -> bool {
    move |event| event["kind"] == "transfer" && event["body"]["role"] == role && event["body"]["outcome"] == "complete"
}

fn kind(kind: &'static str) -> impl Fn(&Value) -> bool {
    move |event| event["kind"] == kind
}

/// From the loader's script to `ready`: the same on every firmware.
fn system_comes_up(events: &[Value], script: usize) {
    assert_eq!(events[script]["body"]["target"], "image");
    let kernel = then(events, script, "kernel", complete("kernel"));
    let initrd = then(events, kernel, "initrd", complete("initrd"));
    let lease = then(events, initrd, "lease of the kernel", leased("os"));
    let root = then(events, lease, "root image", complete("root"));
    let answers = then(events, root, "settings", kind("answers.served"));
    let ready = then(events, answers, "ready", kind("hook.called"));
    assert_eq!(events[ready]["body"]["hook"], "ready", "{}", events[ready]);
    assert!(!events[ready]["body"]["host_keys"].as_array().unwrap().is_empty());
    let addresses: Vec<&Value> = events
        .iter()
        .map(|e| &e["body"]["address"])
        .filter(|a| a.is_string())
        .collect();
    assert!(
        addresses.windows(2).all(|pair| pair[0] == pair[1]),
        "one node, one address: {addresses:?}"
    );
}

#[test]
fn machines_with_uefi_and_with_bios_become_what_the_cluster_file_says() {
    let lab = Lab(tempfile::tempdir().unwrap());
    let file = lab.0.path().join("cluster.yaml");
    std::fs::write(&file, CLUSTER).unwrap();
    let images = images();
    let (file, images) = (file.to_str().unwrap(), images.to_str().unwrap());
    lab.text(&[
        "lab",
        "up",
        "--firmware",
        "bios=bios",
        "--cluster",
        file,
        "--images",
        images,
        "--memory",
        "1536",
    ]);
    lab.text(&["wait", "uefi,bios", "--timeout", "1200"]);

    let uefi = lab.events("uefi");
    let offer = then(&uefi, 0, "offer", kind("dhcp.offered"));
    assert_eq!(uefi[offer]["body"]["ask"]["arch"], 7);
    let lease = then(&uefi, offer, "lease of the firmware", leased("firmware"));
    assert_eq!(uefi[lease]["body"]["boot_file"], "snponly.efi");
    let loader = then(&uefi, lease, "loader", complete("loader"));
    let chained = then(&uefi, loader, "lease of iPXE", leased("ipxe"));
    let script = then(&uefi, chained, "script", kind("script.served"));
    assert_eq!(uefi[script]["body"]["identified_by"], "mac");
    system_comes_up(&uefi, script);

    let bios = lab.events("bios");
    let lease = then(&bios, 0, "lease of iPXE", leased("ipxe"));
    let script = then(&bios, lease, "script", kind("script.served"));
    system_comes_up(&bios, script);

    for (node, address) in [("uefi", "10.77.0.11"), ("bios", "10.77.0.12")] {
        let console = lab.console(node);
        let check = |line: String| assert!(console.contains(&line), "{line} is not on the console of {node}");
        check(format!("CHECK name {node} {node}.test.example"));
        check("CHECK zone /usr/share/zoneinfo/Europe/Berlin".into());
        check("CHECK motd tended by the cluster file".into());
        check("CHECK hosts 1".into());
        check("CHECK ada ada ada:600 1".into());
        check(format!("CHECK address {address}/24"));
        check("CHECK failed units: 0".into());
        let timeline: Value = serde_json::from_str(&lab.text(&["--output", "json", "timeline", node])).unwrap();
        assert_eq!(timeline["end"], "ready");
        assert_eq!(
            timeline["rows"]
                .as_array()
                .unwrap()
                .iter()
                .filter(|row| row["trouble"] == true)
                .count(),
            0
        );
        assert!(lab.text(&["why", node]).starts_with(&format!("{node} is ready")));
    }
}
