//! powerman: `pm` of Debian against our face, and against powermand beside it.

use std::io::{Read as _, Write as _};

use super::{client, cluster};
use crate::bmc::{Running, bmcs, until};
use crate::support::segment::Segment;
use crate::support::server::Served;

const PASSWORD: [(&str, &str); 1] = [("BMC_PASSWORD", "lab")];

const NODES: &str = "  nid[001-016]: { mac: 52:54:00:00:00:01+, bmc: { address: 127.6.0.1+ }, groups: [left] }\n";

/// `pm` with these words, against a port.
fn pm(segment: &Segment, port: u16, words: &[&str]) -> (String, Option<i32>) {
    let server = format!("127.0.0.1:{port}");
    client(segment, &[&["pm", "-h", &server], words].concat())
}

/// powermand with its own virtual power controller, on 10111.
fn powermand(segment: &Segment, folder: &std::path::Path) -> Running {
    let config = folder.join("powerman.conf");
    let text = "listen \"127.0.0.1:10111\"\ninclude \"/etc/powerman/vpc.dev\"\n\
        device \"test0\" \"vpc\" \"/usr/sbin/vpcd |&\"\nnode \"nid[001-016]\" \"test0\" \"[0-15]\"\n\
        alias \"left\" \"nid[001-016]\"\n";
    std::fs::write(&config, text).unwrap();
    let mut command = segment.command("powermand");
    command.arg("-f").arg("-c").arg(config);
    let log = std::fs::File::create(folder.join("powermand.log")).unwrap();
    Running(command.stdout(log.try_clone().unwrap()).stderr(log).spawn().unwrap())
}

/// Without what is said on the way: devices differ.
fn without_telemetry((text, status): (String, Option<i32>)) -> (String, Option<i32>) {
    let lines = text
        .lines()
        .filter(|line| !line.starts_with("send(") && !line.starts_with("recv("));
    (lines.map(|line| format!("{line}\n")).collect(), status)
}

#[test]
fn pm_prints_and_ends_as_it_does_against_powermand() {
    let segment = Segment::new("10.77.0.1/24");
    let _bmcs = bmcs(&segment, &["127.6.0.1", "16"]);
    let folder = tempfile::tempdir().unwrap();
    let _powermand = powermand(&segment, folder.path());
    let text =
        cluster("  powerman: { listen: 127.0.0.1 }\n", NODES).replace("nodes:\n", "groups: { left: {} }\nnodes:\n");
    let server = Served::start_with(&segment, &text, &PASSWORD);
    for port in [10101, 10111] {
        until("both answer", || pm(&segment, port, &["-q"]).1 == Some(0));
    }
    let steps: &[&[&str]] = &[
        &["-q"],
        &["-l"],
        &["-x", "-l"],
        &["-1", "nid[001-004]"],
        &["-q"],
        &["-T", "-q"],
        &["-Q", "nid[003-006]"],
        &["-Q", "nid003,nid[005-006]", "nid001"],
        &["-Q", "left"],
        &["-x", "-Q", "nid[003-005]"],
        &["-0", "nid001"],
        &["-q"],
        &["-c", "nid002"],
        &["-r", "nid003"],
        &["-b"],
        &["-f", "nid[007-008]"],
        &["-b"],
        &["-B", "nid007", "nid009"],
        &["-u", "nid007"],
        &["-b"],
        // Several orders, one after the other, and one that ends them.
        &["-0", "nid002", "-1", "nid016", "-q"],
        &["-1", "nosuch[1-3]"],
        &["-1", "nid001,nosuch", "-q"],
        &["-q"],
    ];
    for words in steps {
        let ours = pm(&segment, 10101, words);
        let theirs = pm(&segment, 10111, words);
        assert_eq!(without_telemetry(ours), without_telemetry(theirs), "{words:?}");
    }
    let (said, _) = pm(&segment, 10101, &["-T", "-Q", "nid016"]);
    assert_eq!(
        said,
        "send(nid016): 'power status'\nrecv(nid016): 'on'\non:      nid016\noff:     \nunknown: \n"
    );
    assert_eq!(
        pm(&segment, 10101, &["-d", "nid016"]),
        (
            "nid016: state=connected reconnects=000 actions=001 type=ipmi hosts=nid016\n".into(),
            Some(0)
        )
    );
    assert_eq!(
        pm(&segment, 10101, &["-P", "nid[001-002]"]),
        ("nid001: 24\nnid002: 24\n".into(), Some(0))
    );
    assert_eq!(pm(&segment, 10101, &["-Q", "@left!nid[002-016]"]).1, Some(0));
    // Who did what.
    let events = server.events("power");
    assert!(
        !events.is_empty() && events.iter().all(|event| event["actor"] == "powerman:127.0.0.1"),
        "{events:?}"
    );
}

#[test]
fn a_dead_bmc_is_told_by_name_and_delays_no_other() {
    let segment = Segment::new("10.77.0.1/24");
    let _bmcs = bmcs(&segment, &["127.6.1.1", "4"]);
    let _full = bmcs(&segment, &["127.6.1.9", "--fault", "full"]);
    let nodes = "  n[1-4]: { mac: 52:54:00:00:00:01+, bmc: { address: 127.6.1.1+ } }\n\
        \x20 full: { mac: 52:54:00:00:01:01, bmc: { address: 127.6.1.9 } }\n\
        \x20 dead: { mac: 52:54:00:00:01:02, bmc: { address: 127.6.1.66 } }\n\
        \x20 bare: { mac: 52:54:00:00:01:03 }\n";
    let server = Served::start_with(
        &segment,
        &cluster("  powerman: { listen: 127.0.0.1 }\n", nodes),
        &PASSWORD,
    );
    let pm = |words: &[&str]| pm(&segment, 10101, words);
    until("the face answers", || pm(&["-Q", "n[1-4]"]).1 == Some(0));
    let (said, status) = pm(&["-1", "n[1-4],dead,full,bare"]);
    assert_eq!(status, Some(210), "{said}");
    let lines: Vec<_> = said.lines().collect();
    assert_eq!(
        (lines.len(), lines.last()),
        (4, Some(&"Command completed with errors")),
        "{said}"
    );
    assert!(
        said.contains("full: ") && said.contains("no room for one more session"),
        "{said}"
    );
    assert!(said.contains("bare: no BMC is declared\n"), "{said}");
    assert!(said.contains("dead: the BMC at 127.6.1.66 cannot be reached"), "{said}");
    let (said, status) = pm(&["-q"]);
    assert_eq!(status, Some(211));
    assert!(
        said.ends_with("on:      n[1-4]\noff:     \nunknown: dead,full\nQuery completed with errors\n"),
        "{said}"
    );
    // What BMCs of nodes are there is no question that can fail.
    let (said, status) = pm(&["-d"]);
    assert!(status == Some(0) && said.contains("dead: state=disconnected"), "{said}");
    let failed = server.events("bmc.failed");
    assert!(
        !failed.is_empty() && failed.iter().all(|event| event["actor"] == "powerman:127.0.0.1"),
        "{failed:?}"
    );
}

#[test]
fn a_conversation_by_hand_is_worded_as_powermand_words_it() {
    let segment = Segment::new("10.77.0.1/24");
    let _bmcs = bmcs(&segment, &["127.6.2.1", "3"]);
    let nodes = "  nid[1-3]: { mac: 52:54:00:00:00:01+, bmc: { address: 127.6.2.1+ } }\n";
    let text = cluster("  powerman: { listen: '10.77.0.1:10101', allow: [10.77.0.2] }\n", nodes);
    let (friend, stranger) = (segment.plug("52:54:00:00:01:01"), segment.plug("52:54:00:00:01:02"));
    friend.succeed(&["ip", "addr", "add", "10.77.0.2/24", "dev", "eth0"]);
    stranger.succeed(&["ip", "addr", "add", "10.77.0.3/24", "dev", "eth0"]);
    let server = Served::start_with(&segment, &text, &PASSWORD);
    let connect = || std::net::TcpStream::connect("10.77.0.1:10101").ok();
    server.until("the face is open", || friend.within(connect).is_some());
    // Whoever is not allowed in is shown the door without a word.
    let mut turned_away = stranger.within(connect).unwrap();
    assert!(!matches!(turned_away.read(&mut [0; 10]), Ok(1..)));
    let mut stream = friend.within(connect).unwrap();
    let mut until_prompt = |sent: &str| {
        stream.write_all(sent.as_bytes()).unwrap();
        let (mut said, mut octet) = (Vec::new(), [0]);
        while !said.ends_with(b"powerman> ") && stream.read(&mut octet).unwrap() == 1 {
            said.push(octet[0]);
        }
        String::from_utf8(said).unwrap()
    };
    assert_eq!(until_prompt(""), "001 2.3.27\r\npowerman> ");
    // Debian's powermand ends at this.
    assert!(
        until_prompt("on nid[3-1]\r\n").starts_with("205 Hostlist error: nid[3-1]: the range goes from 3 down to 1")
    );
    assert_eq!(until_prompt("on nid[1-4]\r\n"), "209 No such nodes: nid4\r\npowerman> ");
    assert_eq!(until_prompt("exprange\r\n"), "105 Hostrange expansion ON\r\npowerman> ");
    assert_eq!(
        until_prompt("status nid[1-2]\r\n"),
        "303 nid1: off\r\n303 nid2: off\r\n103 Query complete\r\npowerman> "
    );
    assert_eq!(until_prompt("nodes\r\nexprange\r\n").matches("307 ").count(), 3);
    assert_eq!(until_prompt(""), "105 Hostrange expansion OFF\r\npowerman> ");
    assert!(until_prompt("on nid1\r\noff nid1\r\n").starts_with("208 Command in progress\r\n102 Command completed"));
    assert_eq!(until_prompt("quit\r\n"), "101 Goodbye\r\n");
    let events = server.events("power");
    assert_eq!(events.len(), 1, "{events:?}");
    assert_eq!(events[0]["actor"], "powerman:10.77.0.2");
    // It is closed and opened elsewhere while the server runs.
    server.reload(&text.replace("10.77.0.1:10101", "10.77.0.1:10102"));
    server.until("it moved", || {
        friend.within(|| std::net::TcpStream::connect("10.77.0.1:10102").is_ok()) && friend.within(connect).is_none()
    });
}

#[test]
fn the_light_is_seen_over_both_protocols() {
    let segment = Segment::new("10.77.0.1/24");
    let _bmcs = bmcs(&segment, &["127.6.4.1", "2"]);
    let nodes = "  ipmi: { mac: 52:54:00:00:00:01, bmc: { address: 127.6.4.1 } }\n\
        \x20 redfish: { mac: 52:54:00:00:00:02, bmc: { address: 127.6.4.2, protocol: redfish } }\n";
    let text = cluster("  powerman: { listen: 127.0.0.1 }\n", nodes);
    let _server = Served::start_with(&segment, &text, &PASSWORD);
    let pm = |words: &[&str]| pm(&segment, 10101, words);
    until("both answer", || pm(&["-q"]).1 == Some(0));
    let shines = |on: &str, off: &str| (format!("on:      {on}\noff:     {off}\nunknown: \n"), Some(0));
    assert_eq!(pm(&["-b"]), shines("", "ipmi,redfish"));
    for (order, expected) in [("-f", shines("ipmi,redfish", "")), ("-u", shines("", "ipmi,redfish"))] {
        assert_eq!(pm(&[order, "ipmi,redfish"]).1, Some(0));
        assert_eq!(pm(&["-b"]), expected);
    }
    let (told, _) = pm(&["-d"]);
    assert!(
        told.contains("type=ipmi hosts=ipmi") && told.contains("type=redfish hosts=redfish"),
        "{told}"
    );
}

#[test]
fn a_powermand_above_and_programs_with_libpowerman_use_it_as_one_of_theirs() {
    let segment = Segment::new("10.77.0.1/24");
    let _bmcs = bmcs(&segment, &["127.6.3.1", "3"]);
    let nodes = "  nid[1-3]: { mac: 52:54:00:00:00:01+, bmc: { address: 127.6.3.1+ } }\n";
    let _server = Served::start_with(
        &segment,
        &cluster("  powerman: { listen: 127.0.0.1 }\n", nodes),
        &PASSWORD,
    );
    until("the face answers", || pm(&segment, 10101, &["-q"]).1 == Some(0));
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("powerman.conf");
    let text = "listen \"127.0.0.1:10111\"\ninclude \"/etc/powerman/powerman.dev\"\n\
        device \"below\" \"powerman\" \"127.0.0.1:10101\"\nnode \"nid[1-3]\" \"below\" \"nid[1-3]\"\n";
    std::fs::write(&config, text).unwrap();
    let mut command = segment.command("powermand");
    command.arg("-f").arg("-c").arg(config);
    let log = std::fs::File::create(folder.path().join("log")).unwrap();
    let _above = Running(command.stdout(log.try_clone().unwrap()).stderr(log).spawn().unwrap());
    until("the one above answers", || pm(&segment, 10111, &["-q"]).1 == Some(0));
    assert_eq!(
        pm(&segment, 10111, &["-1", "nid[1-2]"]),
        ("Command completed successfully\n".into(), Some(0))
    );
    let states = ("on:      nid[1-2]\noff:     nid3\nunknown: \n".to_string(), Some(0));
    assert_eq!(pm(&segment, 10111, &["-q"]), states);
    // As fence agents do it.
    let program = r"
import ctypes
pm = ctypes.CDLL('libpowerman.so.0')
handle, state = ctypes.c_void_p(), ctypes.c_int()
assert pm.pm_connect(b'127.0.0.1:10101', None, ctypes.byref(handle), 0) == 0
def on(node):
    assert pm.pm_node_status(handle, node, ctypes.byref(state)) == 0
    return state.value
before = [on(b'nid1'), on(b'nid3')]
assert pm.pm_node_off(handle, b'nid1') == 0
assert pm.pm_node_on(handle, b'nid3') == 0
print(before, [on(b'nid1'), on(b'nid3')], pm.pm_node_on(handle, b'nosuch'))
pm.pm_disconnect(handle)
";
    let told = client(&segment, &["python3", "-c", program]);
    // Off is 1 and on is 2 there, and 209 that there is no such node.
    assert_eq!(told, ("[2, 1] [1, 2] 209\n".into(), Some(0)));
}
