//! Consoles behind telnet, against a console server that we did not write: ser2net.

use std::process::Stdio;

use super::consoles::{Person, open};
use super::emulators::{Running, cluster, echo};
use crate::support::segment::Segment;
use crate::support::server::Served;

fn ser2net(segment: &Segment, folder: &std::path::Path) -> Running {
    let file = folder.join("ser2net.yaml");
    let config = "connection: &n1\n  accepter: telnet,tcp,127.0.0.1,7001\n  connector: tcp,127.0.0.1,7002\n";
    std::fs::write(&file, config).unwrap();
    let mut command = segment.command("ser2net");
    command.arg("-n").arg("-c").arg(file).stderr(Stdio::null());
    Running(command.spawn().unwrap())
}

#[test]
fn a_console_server_is_spoken_to_in_telnet_and_nothing_of_it_is_seen() {
    let segment = Segment::new("10.77.0.1/24");
    let folder = tempfile::tempdir().unwrap();
    let _machine = echo(&segment, 7002);
    let ser2net_runs = ser2net(&segment, folder.path());
    let node = "  n1: { mac: 52:54:00:00:00:01, console_via: 'telnet:127.0.0.1:7001' }\n";
    let server = Served::start_with(&segment, &cluster("", node), &[]);
    server.until("the console is open", || open(&server, "n1"));
    let mut person = Person::at(&server, &["n1"]);
    person.sees("connected");
    // Every octet but those of a break gets there and back as it is.
    person.types("one\r\ntwo\rthree ");
    person.sees("one\r\ntwo\rthree ");
    person.types("&B");
    person.types("after the break \u{ff}.\r\n");
    person.sees("after the break \u{ff}.");
    let log = server.text(&["console", "log", "n1", "--raw"]);
    assert!(
        log.ends_with("one\r\ntwo\rthree after the break \u{ff}.\r\n"),
        "{log:?}"
    );
    assert!(!log.contains("no break"));
    // One that goes away and comes back is taken up again.
    drop(ser2net_runs);
    person.sees("disconnected");
    let _ser2net = ser2net(&segment, folder.path());
    person.types("x");
    server.until("the console is open again", || open(&server, "n1"));
}
