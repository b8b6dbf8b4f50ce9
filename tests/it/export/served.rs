//! Exports of the cluster that is in force.

use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use serde_json::Value;

use super::{CLUSTER, all, out};
use crate::support::client::{require, succeed};
use crate::support::segment::Segment;
use crate::support::server::{PROGRAM, Served};

#[test]
fn what_is_in_force_is_exported_and_is_an_inventory_in_two_lines() {
    require("ansible-inventory", "ansible-core");
    let segment = Segment::new("10.20.0.1/20");
    let served = Served::start(&segment, &std::fs::read_to_string(CLUSTER).unwrap());
    for format in ["dnsmasq", "powerman", "ansible", "prometheus"] {
        let offline = out(&[PROGRAM, "export", format, "@compute", "--cluster", CLUSTER]);
        assert_eq!(served.text(&["export", format, "@compute"]), offline);
    }
    let several = served.json(&["export", "bind"]);
    assert_eq!(several["files"].as_array().unwrap().len(), 6);
    assert!(!several["notes"].as_array().unwrap().is_empty());

    // Its two lines, and where the server is.
    let script = served.folder().join("inventory");
    let text = format!(
        "#!/bin/sh\nexec {PROGRAM} --state {} export ansible \"$@\"\n",
        served.folder().display()
    );
    std::fs::write(&script, text).unwrap();
    std::fs::set_permissions(&script, PermissionsExt::from_mode(0o755)).unwrap();
    let script = script.to_str().unwrap();
    let answer = all(&["env", "LC_ALL=C.UTF-8", "ansible-inventory", "-i", script, "--list"]);
    assert!(!answer.contains("WARNING"), "{answer}");
    let list: Value = serde_json::from_str(&out(&[
        "env",
        "LC_ALL=C.UTF-8",
        "ansible-inventory",
        "-i",
        script,
        "--list",
    ]))
    .unwrap();
    assert_eq!(
        list["compute"]["hosts"],
        serde_json::json!(["nid001", "nid002", "store"])
    );
    let one: Value = serde_json::from_str(&out(&[
        "env",
        "LC_ALL=C.UTF-8",
        "ansible-inventory",
        "-i",
        script,
        "--host",
        "nid002",
    ]))
    .unwrap();
    assert_eq!(one["ansible_host"], "10.20.0.12");

    // As Prometheus would ask for it.
    let socket = served.folder().join("control.sock");
    let url = "http://localhost/v1/export/prometheus/bellwether.json?nodes=nid001";
    let answer = succeed(&["curl", "-sS", "-i", "--unix-socket", socket.to_str().unwrap(), url]);
    let answer = String::from_utf8(answer.stdout).unwrap();
    assert!(answer.contains("content-type: application/json"), "{answer}");
    assert_eq!(answer.matches("targets").count(), 1, "{answer}");
}

#[test]
fn what_cannot_be_exported_is_refused_with_a_reason() {
    let folder = tempfile::tempdir().unwrap();
    let bare = folder.path().join("bare.yaml");
    std::fs::write(&bare, "cluster: bare\nnodes: { n1: { mac: 52:54:00:00:00:01 } }\n").unwrap();
    let bare = bare.to_str().unwrap();
    for (words, reason) in [
        (&["bind", "--cluster", bare][..], "`domain:`"),
        (&["hosts", "n2", "--cluster", bare], "did you mean"),
        (&["hosts", "--list", "--cluster", bare], "--list and --host"),
        (&["floppy", "--cluster", bare], "possible values"),
    ] {
        let output = Command::new(PROGRAM).arg("export").args(words).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{words:?}");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(said.contains(reason), "{words:?}: {said}");
    }
}
