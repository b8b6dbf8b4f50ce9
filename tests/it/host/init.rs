//! From nothing to a machine that has an address.

use std::path::Path;
use std::process::Output;

use super::lease;
use crate::dhcp::rivals::Dnsmasq;
use crate::support::client::said;
use crate::support::segment::Segment;
use crate::support::server::{PROGRAM, Served};

fn init(segment: &Segment, file: &Path, words: &[&str]) -> Output {
    segment
        .command(PROGRAM)
        .arg("init")
        .arg(file)
        .args(words)
        .stdin(std::process::Stdio::null())
        .output()
        .unwrap()
}

#[test]
fn the_file_that_init_writes_is_fine_and_serves_a_real_client() {
    let segment = Segment::new("10.77.0.1/24");
    let station = segment.plug("52:54:00:00:00:99");
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("cluster.yaml");
    let made = init(&segment, &file, &["--yes", "--name", "home"]);
    assert!(made.status.success(), "{}", said(&made));
    let checked = segment.command(PROGRAM).arg("check").arg(&file).output().unwrap();
    assert!(
        checked.status.success() && said(&checked).contains("is fine"),
        "{}",
        said(&checked)
    );
    let served = Served::start_in(&segment, folder);
    served.until_served();
    let address = lease(&station);
    let last: u8 = address.strip_prefix("10.77.0.").unwrap().parse().unwrap();
    assert!((100..200).contains(&last), "{address}");
}

#[test]
fn beside_another_server_it_proposes_to_leave_the_addresses_to_that_one() {
    let segment = Segment::new("10.77.0.1/24");
    let _rival = Dnsmasq::rival(&segment);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("c.yaml");
    let made = init(&segment, &file, &["--yes"]);
    assert!(made.status.success(), "{}", said(&made));
    let text = std::fs::read_to_string(&file).unwrap();
    assert!(
        text.contains("dhcp: proxy") && text.contains("10.77.0.9") && !text.contains("pool:"),
        "{text}"
    );
}

#[test]
fn on_the_only_way_out_it_says_what_serving_there_means() {
    let segment = Segment::new("10.77.0.1/24");
    let _station = segment.plug("52:54:00:00:00:99");
    segment.ip("route add default via 10.77.0.254");
    let folder = tempfile::tempdir().unwrap();
    let made = init(&segment, &folder.path().join("c.yaml"), &["--yes"]);
    assert!(
        said(&made).contains("br0 is this host's own way out"),
        "{}",
        said(&made)
    );
    let text = std::fs::read_to_string(folder.path().join("c.yaml")).unwrap();
    assert!(text.contains("router: 10.77.0.254"), "{text}");
}

#[test]
fn nothing_is_overwritten_and_nothing_wrong_is_written() {
    let segment = Segment::new("10.77.0.1/24");
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("c.yaml");
    for (words, complaint) in [
        (&[][..], "no terminal"),
        (&["--yes", "--interface", "eth7"], "no Ethernet interface eth7"),
        (&["--yes", "--pool", "10.99.0.1-10.99.0.9"], "does not fit"),
        (&["--yes", "--name", "not a name"], "does not fit"),
        (&["--yes", "--prefix", "10.99.0.0/24"], "is not in 10.99.0.0/24"),
    ] {
        let refused = init(&segment, &file, words);
        assert_eq!(refused.status.code(), Some(2), "{words:?}: {}", said(&refused));
        assert!(said(&refused).contains(complaint), "{words:?}: {}", said(&refused));
        assert!(!file.exists());
    }
    std::fs::write(&file, "mine").unwrap();
    let refused = init(&segment, &file, &["--yes"]);
    assert!(said(&refused).contains("is there already"), "{}", said(&refused));
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "mine");
    assert!(init(&segment, &file, &["--yes", "--force"]).status.success());
}

#[test]
fn on_a_terminal_it_asks_and_an_empty_line_takes_what_was_found() {
    crate::support::client::require("script", "bsdutils");
    let segment = Segment::new("10.77.0.1/24");
    let _station = segment.plug("52:54:00:00:00:99");
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("c.yaml");
    let command = format!("{PROGRAM} init {}", file.display());
    // `script` gives the program a terminal. Asked are: interface, name, DHCP, pool.
    let mut child = segment
        .command("script")
        .args(["-qec", &command, "/dev/null"])
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    std::io::Write::write_all(child.stdin.as_mut().unwrap(), b"br0\nshelf\n\n10.77.0.50-10.77.0.59\n").unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", said(&output));
    let text = std::fs::read_to_string(&file).unwrap();
    assert!(
        text.contains("cluster: shelf") && text.contains("pool: 10.77.0.50-10.77.0.59"),
        "{text}"
    );
}
