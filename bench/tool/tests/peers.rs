//! The generators against servers that we did not write: dnsmasq for DHCP and TFTP, busybox for HTTP, in namespaces.
#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::Value;

/// The program under test.
const PROGRAM: &str = env!("CARGO_BIN_EXE_bellwether-bench");

/// A server's and the clients' namespace with a cable between them; the clients own 10.79.0.0/16.
struct Lab {
    name: String,
    folder: std::path::PathBuf,
    running: Vec<Child>,
}

impl Lab {
    fn new(test: &str) -> Self {
        let name = format!("bwt{}{test}", std::process::id());
        let folder = std::env::temp_dir().join(&name);
        std::fs::create_dir_all(folder.join("files/scripts")).unwrap();
        let lab = Self {
            name,
            folder,
            running: Vec::new(),
        };
        let (server, client) = (lab.server(), lab.client());
        let lines = [
            format!("netns add {server}"),
            format!("netns add {client}"),
            format!("-n {client} link set lo up"),
            format!("-n {server} link add sv0 type veth peer name cv0 netns {client}"),
            format!("-n {server} addr add 10.78.0.1/24 dev sv0"),
            format!("-n {client} addr add 10.78.0.2/24 dev cv0"),
            format!("-n {server} link set sv0 up"),
            format!("-n {client} link set cv0 up"),
            format!("-n {client} route add local 10.79.0.0/16 dev lo"),
            format!("-n {server} route add 10.79.0.0/16 via 10.78.0.2"),
        ];
        for line in lines {
            let done = Command::new("ip").args(line.split(' ')).output().unwrap();
            assert!(
                done.status.success(),
                "ip {line}: {}",
                String::from_utf8_lossy(&done.stderr)
            );
        }
        lab
    }

    fn server(&self) -> String {
        format!("{}s", self.name)
    }

    fn client(&self) -> String {
        format!("{}c", self.name)
    }

    fn file(&self, name: &str, bytes: impl AsRef<[u8]>) {
        std::fs::write(self.folder.join("files").join(name), bytes).unwrap();
    }

    fn start(&mut self, words: &[&str]) -> &mut Child {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.server()]).args(words);
        let child = command.stdin(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        self.running.push(child);
        self.running.last_mut().unwrap()
    }

    /// dnsmasq with TFTP, and more of it; returns when it says that it serves.
    fn dnsmasq(&mut self, more: &[&str]) {
        let (root, leases) = (self.folder.join("files"), self.folder.join("leases"));
        let root = format!("--tftp-root={}", root.display());
        let leases = format!("--dhcp-leasefile={}", leases.display());
        let mut words = vec![
            "dnsmasq",
            "--keep-in-foreground",
            "--conf-file=/dev/null",
            "--port=0",
            "--user=root",
            "--interface=sv0",
        ];
        words.extend([
            "--bind-interfaces",
            "--log-facility=-",
            "--pid-file=",
            "--enable-tftp",
            &root,
            &leases,
        ]);
        words.extend(more);
        let child = self.start(&words);
        let said = BufReader::new(child.stderr.take().unwrap());
        let served = said
            .lines()
            .map_while(Result::ok)
            .any(|line| line.contains("TFTP root is"));
        assert!(served, "dnsmasq ended before it served");
    }

    /// Runs the generator; its exit status and report.
    fn load(&self, words: &[&str]) -> (Option<i32>, Value) {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.client(), PROGRAM]).args(words);
        let done = command.output().unwrap();
        let report = serde_json::from_slice(&done.stdout);
        (
            done.status.code(),
            report.unwrap_or_else(|_| panic!("{words:?}: {}", String::from_utf8_lossy(&done.stderr))),
        )
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        for child in &mut self.running {
            child.kill().ok();
            child.wait().ok();
        }
        for name in [self.server(), self.client()] {
            Command::new("ip").args(["netns", "del", &name]).output().ok();
        }
        std::fs::remove_dir_all(&self.folder).ok();
    }
}

fn text(path: &Path) -> String {
    path.display().to_string()
}

#[test]
fn every_client_gets_its_file_through_a_bad_network() {
    let mut lab = Lab::new("t");
    let bytes: Vec<u8> = (0..300_000u32).map(|n| (n * 7 % 251) as u8).collect();
    lab.file("loader", &bytes);
    lab.dnsmasq(&[]);
    let file = text(&lab.folder.join("files/loader"));
    let words = [
        "tftp",
        "10.78.0.1",
        "loader",
        "-n",
        "20",
        "--loss",
        "0.01",
        "--source",
        "10.79.1.1-10.79.1.20",
        "--compare",
        &file,
    ];
    let (status, report) = lab.load(&words);
    assert_eq!(status, Some(0), "{report}");
    assert_eq!(
        (report["transfers"].as_u64(), report["failed"].as_u64()),
        (Some(20), Some(0))
    );
    assert_eq!(report["bytes"].as_u64(), Some(20 * 300_000));
    assert!(report["lost_on_purpose"].as_u64().unwrap() > 0, "{report}");
    assert!(report["storm"].as_f64().unwrap() >= 1.0, "{report}");
}

#[test]
fn a_file_that_is_not_there_is_a_failure_with_the_words_of_the_server() {
    let mut lab = Lab::new("n");
    lab.dnsmasq(&[]);
    let (status, report) = lab.load(&["tftp", "10.78.0.1", "nothing", "-n", "3"]);
    assert_eq!(status, Some(1));
    let failures = report["failures"].as_object().unwrap();
    assert_eq!(failures.values().map(|count| count.as_u64().unwrap()).sum::<u64>(), 3);
    assert!(
        failures.keys().all(|why| why.starts_with("the server says error #")),
        "{report}"
    );
}

#[test]
fn a_storm_boots_through_a_do_it_yourself_server() {
    let mut lab = Lab::new("s");
    lab.file("snponly.efi", vec![1; 170_000]);
    lab.file("kernel", vec![2; 50_000]);
    lab.file("initrd", vec![3; 70_000]);
    lab.file("root", vec![4; 200_000]);
    lab.file(
        "boot.ipxe",
        "#!ipxe\nchain http://10.78.0.1/scripts/${net0/mac:hexhyp}.ipxe\n",
    );
    lab.file("meta-data", "instance-id: i\n");
    lab.file("vendor-data", "#cloud-config\n");
    lab.file("user-data", "#cloud-config\n");
    // The last machine is given the script of another one.
    for (machine, bootif) in [(0, 0), (1, 1), (2, 2), (3, 0)] {
        let script = format!(
            "#!ipxe\nkernel http://10.78.0.1/kernel root=live:http://10.78.0.1/root ds=nocloud;s=http://10.78.0.1/ \
             BOOTIF=01-52-54-00-00-00-0{bootif}\ninitrd http://10.78.0.1/initrd\nboot\n"
        );
        lab.file(&format!("scripts/52-54-00-00-00-0{machine}.ipxe"), script);
    }
    let web = text(&lab.folder.join("files"));
    lab.start(&["busybox", "httpd", "-f", "-p", "10.78.0.1:80", "-h", &web]);
    lab.dnsmasq(&[
        "--dhcp-range=10.79.2.1,10.79.2.200,255.255.0.0,12h",
        "--no-ping",
        "--dhcp-userclass=set:ipxe,iPXE",
        "--dhcp-boot=tag:ipxe,http://10.78.0.1/boot.ipxe",
        "--dhcp-boot=tag:!ipxe,snponly.efi",
    ]);
    let words = [
        "storm",
        "10.78.0.1",
        "--relay",
        "10.79.0.1",
        "--mac",
        "52:54:00:00:00:00",
        "--root-bytes",
        "100000",
        "-n",
        "4",
    ];
    let (status, report) = lab.load(&words);
    assert_eq!((status, report["ready"].as_u64()), (Some(1), Some(3)), "{report}");
    let failures: Vec<_> = report["failures"].as_object().unwrap().keys().collect();
    assert_eq!(failures.len(), 1);
    assert!(
        failures[0].starts_with("script: the script is for the machine"),
        "{report}"
    );
    assert_eq!(report["given_twice"].as_u64(), Some(0));
    let steps: Vec<_> = report["steps"]
        .as_array()
        .unwrap()
        .iter()
        .map(|step| step["step"].as_str().unwrap())
        .collect();
    let all = [
        "dhcp",
        "loader",
        "loader dhcp",
        "script",
        "kernel",
        "initrd",
        "root image",
        "answers",
        "ready",
    ];
    assert_eq!(steps, all);
    let documents = 15 + 14 + 14;
    let booted = 3 * (170_000 + 50_000 + 70_000 + 100_000 + documents);
    assert_eq!(report["bytes"].as_u64(), Some(booted + 170_000));
}
