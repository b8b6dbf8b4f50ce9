//! The recorder: a field problem becomes a file that Wireshark opens, and the file becomes a test.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

use crate::dhcp::clients::{Dhclient, udhcpc};
use crate::support::client::{require, succeed};
use crate::support::segment::{Segment, Station};
use crate::support::server::{PROGRAM, Served};

const NODE: &str = "52:54:00:00:00:01";
const OTHER: &str = "52:54:00:00:00:02";
const STRANGER: &str = "52:54:00:00:00:99";

const CLUSTER: &str = r#"
cluster: test
domain: test.example
networks:
  lab: { prefix: 10.77.0.0/24, router: 10.77.0.1, pool: 10.77.0.100-10.77.0.109, router_advertisements: false }
profiles:
  shelled: { boot: shell }
nodes:
  nid001: { mac: "52:54:00:00:00:01", address: 10.77.0.11, image: tiny }
  nid002: { mac: "52:54:00:00:00:02", address: 10.77.0.12 }
"#;

/// A server with an image of three small files, that has found its network silent.
fn served(cluster: &str) -> (Segment, Served) {
    let segment = Segment::new("10.77.0.1/24");
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("cluster.yaml"), cluster).unwrap();
    crate::support::image::tiny(folder.path());
    let served = Served::start_in(&segment, folder);
    served.until_served();
    (segment, served)
}

fn fetched(station: &Station, words: &[&str]) -> String {
    require("curl", "curl");
    station.succeed(&[&["curl", "-sS", "--max-time", "20"], words].concat())
}

/// A boot of nid001 as far as curl and udhcpc can play one: two leases, a script over TFTP and one over HTTP, a kernel.
fn boot(segment: &Segment) -> Station {
    let station = segment.plug(NODE);
    let lease = udhcpc(&station, &["-V", "PXEClient:Arch:00007:UNDI:003000", "-x", "0x5d:0007"]).unwrap();
    assert_eq!(lease["ip"], "10.77.0.11");
    let told = udhcpc(&station, &["-x", "hostname:nid001"]).unwrap();
    assert_eq!(told["ip"], "10.77.0.11");
    station.succeed(&["ip", "addr", "add", "10.77.0.11/24", "dev", "eth0"]);
    let script = fetched(
        &station,
        &[
            "--tftp-blksize",
            "1024",
            "tftp://10.77.0.1/grub/script/52:54:00:00:00:01",
        ],
    );
    assert!(script.contains("images/tiny/vmlinuz"), "{script}");
    fetched(&station, &["-o", "/dev/null", "tftp://10.77.0.1/images/tiny/vmlinuz"]);
    let script = fetched(&station, &[&format!("http://10.77.0.1/boot/nid001/script?mac={NODE}")]);
    assert!(script.contains("images/tiny/vmlinuz"), "{script}");
    let hook = script
        .split("bellwether.hook=")
        .nth(1)
        .unwrap()
        .split("/failed")
        .next()
        .unwrap();
    fetched(&station, &["-X", "POST", "-d", "fine", &format!("{hook}/progress")]);
    fetched(
        &station,
        &["-o", "/dev/null", "http://10.77.0.1/images/tiny/initrd.img"],
    );
    station
}

/// A capture in the server's folder.
fn capture(served: &Served, words: &[&str]) -> PathBuf {
    let path = served.folder().join(format!("{}.pcap", words.join("")));
    let output = served.cli(&[&["capture"], words].concat());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    std::fs::write(&path, output.stdout).unwrap();
    path
}

/// What tshark makes of a field of each packet that a filter lets through.
fn tshark(file: &Path, filter: &str, fields: &[&str]) -> Vec<String> {
    require("tshark", "tshark");
    let mut words = vec![
        "tshark",
        "-n",
        "-r",
        file.to_str().unwrap(),
        "-Y",
        filter,
        "-T",
        "fields",
    ];
    words.extend(fields.iter().flat_map(|field| ["-e", *field]));
    let output = succeed(&words);
    String::from_utf8(output.stdout)
        .unwrap()
        .lines()
        .map(String::from)
        .collect()
}

/// Puts a capture among those of the past, if that is wanted: answers that were changed on purpose take new ones.
fn remember(file: &Path, name: &str) {
    if std::env::var_os("BELLWETHER_WRITE_CAPTURES").is_some() {
        std::fs::copy(file, past().join(format!("{name}.pcap"))).unwrap();
    }
}

/// The captures of the past.
fn past() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/captures")
}

/// Replays a file with a program that has no state at all.
fn replay(file: &Path, words: &[&str]) -> (Output, Value) {
    let output = Command::new(PROGRAM)
        .args(["--output", "json", "replay"])
        .arg(file)
        .args(words)
        .env("BELLWETHER_STATE", "/nonexistent")
        .output()
        .unwrap();
    let value = serde_json::from_slice(&output.stdout).unwrap_or_default();
    (output, value)
}

#[test]
fn a_boot_opens_in_wireshark_and_replays_to_the_same_answers() {
    let (segment, served) = served(CLUSTER);
    let station = boot(&segment);
    let file = capture(&served, &["nid001"]);

    let dhcp = tshark(&file, "dhcp", &["dhcp.option.dhcp", "dhcp.hw.mac_addr", "dhcp.ip.your"]);
    let lease = ["1", "2", "3", "5"].map(|kind| kind.to_string());
    let kinds: Vec<_> = dhcp
        .iter()
        .map(|line| line.split('\t').next().unwrap().to_string())
        .collect();
    assert_eq!(kinds, [&lease[..], &lease[..]].concat(), "{dhcp:#?}");
    assert!(dhcp.iter().all(|line| line.contains(NODE)), "{dhcp:#?}");
    assert!(dhcp[3].ends_with("10.77.0.11"), "{dhcp:#?}");
    let requests = tshark(&file, "tftp.opcode == 1", &["tftp.source_file"]);
    assert_eq!(requests, ["grub/script/52:54:00:00:00:01", "images/tiny/vmlinuz"]);
    let sizes = tshark(&file, "tftp.opcode == 6", &["tftp.option.value"]);
    assert!(sizes[1].contains("100000"), "{sizes:?}");
    let uris = tshark(&file, "http.request", &["http.request.method", "http.request.uri"]);
    let hook = format!("POST\t/boot/hook/nid001/{}/progress", "x".repeat(32));
    let script = format!("GET\t/boot/nid001/script?mac={NODE}");
    assert_eq!(uris, [&script, &hook, "GET\t/images/tiny/initrd.img"]);
    let answers = tshark(&file, "http.response", &["http.response.code"]);
    assert_eq!(answers, ["200", "200", "200"]);
    let faults = "ip.checksum.status == 0 or udp.checksum.status == 0 or tcp.checksum.status == 0 or _ws.malformed";
    let checked = ["ip", "udp", "tcp"].map(|layer| format!("{layer}.check_checksum:TRUE"));
    let mut words = vec!["tshark", "-n", "-r", file.to_str().unwrap(), "-Y", faults];
    words.extend(checked.iter().flat_map(|choice| ["-o", choice]));
    assert_eq!(String::from_utf8_lossy(&succeed(&words).stdout), "");
    let comments = tshark(&file, "frame.comment", &["frame.comment"]);
    assert!(
        comments[0].starts_with("on lab: answered; the address is reserved for the node"),
        "{comments:?}"
    );
    require("tcpdump", "tcpdump");
    let dump = succeed(&["tcpdump", "-n", "-r", file.to_str().unwrap()]);
    let dump = String::from_utf8_lossy(&dump.stdout).into_owned();
    assert_eq!(dump.matches("BOOTP/DHCP").count(), 8, "{dump}");

    // What a capture never holds: a token, the key that they are made of.
    let bytes = std::fs::read(&file).unwrap();
    let script = fetched(&station, &[&format!("http://10.77.0.1/boot/nid001/script?mac={NODE}")]);
    let token = script
        .split("/boot/hook/nid001/")
        .nth(1)
        .unwrap()
        .split('/')
        .next()
        .unwrap();
    assert_eq!(token.len(), 32);
    assert!(
        !bytes.windows(32).any(|window| window == token.as_bytes()),
        "a token is in the capture"
    );

    let (output, value) = replay(&file, &[]);
    assert!(
        output.status.success(),
        "{value:#} {}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert_eq!((&value["same"], &value["differ"]), (&7.into(), &0.into()), "{value:#}");
    let unknown: Vec<_> = value["questions"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|q| q["verdict"] == "unknown")
        .collect();
    assert_eq!(unknown.len(), 2, "the callback and the file: {value:#}");
    let text = Command::new(PROGRAM).arg("replay").arg(&file).output().unwrap();
    let text = String::from_utf8(text.stdout).unwrap();
    assert!(
        text.contains("DISCOVER of 52:54:00:00:00:01 as PXEClient:Arch:00007"),
        "{text}"
    );
    assert!(text.contains("7 same, 0 differ, 2 not replayed"), "{text}");
    remember(&file, "boot");
}

#[test]
fn another_cluster_file_makes_the_replay_differ_and_it_says_where() {
    let (segment, served) = served(CLUSTER);
    boot(&segment);
    let file = capture(&served, &["nid001"]);
    let other = served.folder().join("other.yaml");
    let text = CLUSTER
        .replace("router: 10.77.0.1,", "router: 10.77.0.254,")
        .replace("image: tiny", "profile: shelled");
    std::fs::write(&other, text).unwrap();
    let (output, value) = replay(&file, &["--config", other.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(1), "{value:#}");
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(error.contains("6 of 9 answers differ"), "{error} {value:#}");
    let questions = value["questions"].as_array().unwrap();
    let offer = questions[0]["difference"].as_str().unwrap();
    assert!(offer.contains("-  3 routers                  10.77.0.1\n"), "{offer}");
    assert!(offer.contains("+  3 routers                  10.77.0.254\n"), "{offer}");
    let script = questions.iter().find(|q| q["protocol"] == "HTTP").unwrap()["difference"]
        .as_str()
        .unwrap();
    assert!(script.lines().any(|line| line.starts_with("-kernel ")), "{script}");
    let kernel = questions.iter().find(|q| q["asked"] == "images/tiny/vmlinuz").unwrap();
    assert_eq!(kernel["verdict"], "same", "{kernel:#}");
}

#[test]
fn addresses_of_the_pool_replay_although_promises_are_in_no_journal() {
    let (segment, served) = served(CLUSTER);
    let others: Vec<_> = (0..5).map(|n| segment.plug(&format!("52:54:00:00:01:0{n}"))).collect();
    for station in &others {
        assert!(udhcpc(station, &[]).is_some());
    }
    let stranger = segment.plug(STRANGER);
    let mut client = Dhclient::new();
    client.bind(&stranger);
    let lease = client.bind(&stranger);
    stranger.succeed(&[
        "ip",
        "addr",
        "add",
        &format!("{}/24", lease["new_ip_address"]),
        "dev",
        "eth0",
    ]);
    client.release(&stranger);
    served.until("the lease is given back", || !served.events("dhcp.released").is_empty());
    let file = capture(&served, &[STRANGER]);
    let macs = tshark(&file, "dhcp", &["dhcp.hw.mac_addr"]);
    assert!(!macs.is_empty() && macs.iter().all(|mac| mac == STRANGER), "{macs:?}");
    let (output, value) = replay(&file, &[]);
    assert!(
        output.status.success(),
        "{value:#} {}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(value["same"].as_u64() >= Some(5) && value["unknown"] == 0, "{value:#}");
    let asked: Vec<_> = value["questions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|q| q["then"].as_str().unwrap())
        .collect();
    assert!(asked.contains(&"the address is probed"), "{asked:?}");
    remember(&file, "pool");
}

#[test]
fn what_cannot_be_captured_or_replayed_says_why() {
    let (segment, served) = served(CLUSTER);
    let failure = |words: &[&str]| {
        let output = served.cli(words);
        assert!(!output.status.success(), "{words:?}");
        String::from_utf8(output.stderr).unwrap()
    };
    let quiet = failure(&["capture", "nid002"]);
    assert!(quiet.contains("no packet of nid002 is kept"), "{quiet}");
    assert!(failure(&["capture", "nobody"]).contains("nobody is neither a node nor a MAC"));
    let station = segment.plug(OTHER);
    // Patient, so that it asks once however busy the machine is.
    assert!(udhcpc(&station, &["-T", "20"]).is_some());
    let bare = capture(&served, &["nid002", "--packets-only"]);
    let kinds = tshark(&bare, "dhcp", &["dhcp.option.dhcp"]);
    assert_eq!(kinds, ["1", "2", "3", "5"], "DISCOVER, OFFER, REQUEST, ACK");
    let (output, _) = replay(&bare, &[]);
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("without --packets-only"));
    let foreign = served.folder().join("foreign.pcapng");
    succeed(&[
        "tshark",
        "-r",
        bare.to_str().unwrap(),
        "-w",
        foreign.to_str().unwrap(),
        "-F",
        "pcapng",
    ]);
    let (output, _) = replay(&foreign, &[]);
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.code() == Some(2), "{error}");
    let boot = capture(&served, &["nid002", "--last-boot"]);
    assert!(replay(&boot, &[]).0.status.success());
    served.reload(&format!("{CLUSTER}recorder: {{ size: off }}\n"));
    let off = || String::from_utf8(served.cli(&["capture", "nid002"]).stderr).unwrap();
    served.until("the recorder is off", || off().contains("the recorder is off"));
}

/// Each file in `tests/captures` was a problem once.
#[test]
fn the_captures_of_the_past_are_answered_as_they_were() {
    let mut count = 0;
    for entry in std::fs::read_dir(past()).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "pcap") {
            count += 1;
            let (output, value) = replay(&path, &[]);
            assert!(output.status.success(), "{}: {value:#}", path.display());
        }
    }
    assert!(count > 0);
}
