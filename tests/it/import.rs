//! Other programs' files become a cluster file that the program itself takes.

use std::io::Write as _;
use std::process::{Command, Output, Stdio};

use crate::support::server::PROGRAM;

const FIXTURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/model/src/import/fixtures");

fn bellwether(words: &[&str]) -> Output {
    Command::new(PROGRAM).args(words).output().unwrap()
}

fn text(octets: &[u8]) -> String {
    String::from_utf8_lossy(octets).into_owned()
}

#[test]
fn every_sample_is_imported_checked_and_exported() {
    let folder = tempfile::tempdir().unwrap();
    for (format, file) in [
        ("ansible", "ansible.ini"),
        ("bluebanquise", "bluebanquise.yaml"),
        ("conman", "conman.conf"),
        ("dhcpd", "dhcpd.conf"),
        ("dnsmasq", "dnsmasq.conf"),
        ("kea", "kea-dhcp4.conf"),
        ("openchami-nodes", "openchami-nodes.yaml"),
        ("pelagos", "pelagos.json"),
        ("powerman", "powerman.conf"),
    ] {
        let source = format!("{FIXTURES}/{file}");
        let written = folder.path().join(format!("{format}.yaml"));
        let written = written.to_str().unwrap();
        let imported = bellwether(&["import", format, &source, "--write", written, "--name", "old"]);
        let said = text(&imported.stderr);
        assert!(imported.status.success(), "{format}: {said}");
        assert!(said.contains(&format!("{file}:")), "every note has its place: {said}");
        let checked = bellwether(&["check", written]);
        assert!(checked.status.success(), "{format}: {}", text(&checked.stderr));
        let cluster = std::fs::read_to_string(written).unwrap();
        for note in said.lines() {
            assert!(cluster.contains(note), "{format}: the file lacks {note}");
        }
        assert!(bellwether(&["export", "hosts", "--cluster", written]).status.success());
        // What is there is not overwritten.
        let again = bellwether(&["import", format, &source, "--write", written]);
        assert_eq!(again.status.code(), Some(2), "{}", text(&again.stderr));
    }
}

#[test]
fn two_files_are_put_together_and_standard_input_is_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let leases = folder.path().join("hosts");
    std::fs::write(&leases, "52:54:00:00:00:01,10.0.0.1,n1\n").unwrap();
    let mut child = Command::new(PROGRAM)
        .args(["--output", "json", "import", "dnsmasq", leases.to_str().unwrap(), "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let more = b"dhcp-host=52:54:00:00:00:02,n2,10.0.0.2\ndhcp-host=52:54:00:00:00:03,n1,10.0.0.1\n";
    child.stdin.take().unwrap().write_all(more).unwrap();
    let output = child.wait_with_output().unwrap();
    let value: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&value["nodes"], &value["networks"]), (&2.into(), &1.into()), "{value}");
    let why = value["notes"][0]["why"].as_str().unwrap();
    assert!(
        why.contains("contradiction") && why.contains("52:54:00:00:00:01, not 52:54:00:00:00:03"),
        "{why}"
    );
}

#[test]
fn what_cannot_be_read_is_a_failure_with_its_name() {
    let folder = tempfile::tempdir().unwrap();
    let noise = folder.path().join("noise");
    std::fs::write(&noise, [0xff, 0x00, 0xfe, b'{', b'\n']).unwrap();
    for format in [
        "pelagos",
        "kea",
        "dhcpd",
        "dnsmasq",
        "powerman",
        "conman",
        "bluebanquise",
        "openchami-nodes",
    ] {
        let output = bellwether(&["import", format, noise.to_str().unwrap()]);
        assert_eq!(output.status.code(), Some(1), "{format}: {}", text(&output.stdout));
        assert!(text(&output.stderr).contains("nothing of"), "{format}");
    }
    let missing = bellwether(&["import", "kea", "/no/such/file"]);
    assert_eq!(missing.status.code(), Some(1));
    assert!(text(&missing.stderr).contains("/no/such/file"));
}
