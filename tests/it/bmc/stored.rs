//! Passwords in the server's store.

use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Command, Stdio};

use super::emulators::{PASSWORD, cluster};
use super::virtuals::bmcs;
use crate::support::segment::Segment;
use crate::support::server::{PROGRAM, Served};

/// Puts a secret into the store, as a script does.
fn set(server: &Served, name: &str, secret: &str) -> (bool, String) {
    let mut process = Command::new(PROGRAM)
        .arg("--state")
        .arg(server.folder())
        .args(["secret", "set", name])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    process.stdin.take().unwrap().write_all(secret.as_bytes()).unwrap();
    let output = process.wait_with_output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8(said).unwrap())
}

#[test]
fn a_password_of_the_store_opens_a_bmc_and_is_shown_nowhere() {
    let segment = Segment::new("10.77.0.1/24");
    let _bmcs = bmcs(&segment, &["127.8.0.1", "1", "--password-from", "env:BMC_PASSWORD"]);
    let nodes = "  n1: { mac: 52:54:00:00:00:01, bmc: { address: 127.8.0.1 }, console_via: off }\n";
    let declared = cluster("", nodes)
        .replace("user: root", "user: admin")
        .replace("env:BMC_PASSWORD", "store:rack.bmc");
    let server = Served::start(&segment, &declared);
    let refused = server.cli(&["power", "status", "n1"]);
    let said = String::from_utf8_lossy(&refused.stdout).into_owned();
    assert!(
        said.contains("there is no secret rack.bmc in the store: bellwether secret set rack.bmc"),
        "{said}"
    );
    let (done, said) = set(&server, "rack.bmc", &format!("{PASSWORD}\n"));
    assert!(done && said.contains("password_from: store:rack.bmc"), "{said}");
    assert!(server.text(&["power", "status", "n1"]).contains("off"));
    assert_eq!(server.json(&["secret", "list"])[0]["name"], "rack.bmc");
    let kept = server.events("secret.kept");
    assert_eq!(kept.len(), 1);
    assert!(kept[0]["actor"].as_str().unwrap().starts_with("cli:"));
    let file = server.folder().join("secrets/rack.bmc");
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(!server.text(&["events"]).contains(PASSWORD) && !server.log().contains(PASSWORD));
    // What is no secret or no name changes nothing.
    for (name, secret) in [("..", "x"), ("a/b", "x"), ("empty", "\n"), ("long", &*"x".repeat(5000))] {
        assert!(!set(&server, name, secret).0, "{name}");
    }
    assert_eq!(server.json(&["secret", "list"]).as_array().unwrap().len(), 1);
    server.text(&["secret", "remove", "rack.bmc"]);
    assert!(!server.cli(&["power", "status", "n1"]).status.success());
    assert!(!server.cli(&["secret", "remove", "rack.bmc"]).status.success());
    assert_eq!(server.events("secret.removed").len(), 1);
}
