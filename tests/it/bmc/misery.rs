//! What the server does when BMCs are as bad as they are: deployments that drive themselves, asserted on the journal.

use std::time::{Duration, Instant};

use serde_json::Value;

use super::emulators::Running;
use crate::support::image;
use crate::support::segment::Segment;
use crate::support::server::{PROGRAM, Served};

const VARIABLES: [(&str, &str); 1] = [("BMC_PASSWORD", "lab")];

/// Virtual BMCs with a fault, and what they logged.
struct Bad {
    _running: Running,
    log: tempfile::NamedTempFile,
}

impl Bad {
    fn start(segment: &Segment, words: &[&str]) -> Self {
        let log = tempfile::NamedTempFile::new().unwrap();
        let mut command = segment.command(PROGRAM);
        command
            .args(["lab", "bmcs"])
            .args(words)
            .stdin(std::process::Stdio::null())
            .stdout(std::process::Stdio::null())
            .stderr(log.reopen().unwrap());
        Self {
            _running: Running(command.spawn().unwrap()),
            log,
        }
    }

    fn logged(&self, what: &str) -> usize {
        std::fs::read_to_string(self.log.path()).unwrap().matches(what).count()
    }
}

/// A node for each fault and protocol, called `FAULT-i` and `FAULT-r`, and the BMCs to it.
struct Room {
    server: Served,
    bad: Vec<(String, Bad)>,
}

impl Room {
    fn new(segment: &Segment, faults: &[&str]) -> Self {
        let mut nodes = String::new();
        let mut bad = Vec::new();
        for (n, fault) in faults.iter().enumerate() {
            for (m, protocol) in ["ipmi", "redfish"].into_iter().enumerate() {
                let address = format!("127.6.{}.{}", n + 1, m + 1);
                let name = format!("{fault}-{}", &protocol[..1]);
                nodes.push_str(&format!(
                    "  {name}: {{ mac: 52:54:00:00:0{n}:0{m}, address: 10.77.0.{}, profile: disk, \
                     bmc: {{ address: {address}, protocol: {protocol} }} }}\n",
                    20 + 2 * n + m
                ));
                let fault = if *fault == "good" { "" } else { fault };
                bad.push((name, Bad::start(segment, &[&address, "--fault", fault])));
            }
        }
        let folder = tempfile::tempdir().unwrap();
        let cluster = format!(
            "cluster: rack\nnetworks:\n  lan: {{ prefix: 10.77.0.0/24 }}\ndefaults:\n  bmc: {{ user: admin, \
             password_from: \"env:BMC_PASSWORD\" }}\nprofiles:\n  disk: {{ via: image, image: tiny, disk: \
             {{ min_size: 3 GB }} }}\nnodes:\n{nodes}"
        );
        std::fs::write(folder.path().join("cluster.yaml"), cluster).unwrap();
        image::for_disks(folder.path());
        let server = Served::start_in_with(segment, folder, &VARIABLES);
        let room = Self { server, bad };
        if faults.contains(&"good") {
            room.server.until("the good ones answer", || {
                room.server.cli(&["power", "status", "good-i,good-r"]).status.success()
            });
        }
        room
    }

    fn bmc(&self, node: &str) -> &Bad {
        &self.bad.iter().find(|(name, _)| name == node).unwrap().1
    }

    /// Events of a kind about a node, oldest first.
    fn events(&self, kind: &str, node: &str) -> Vec<Value> {
        let mut events = self.server.events(kind);
        events.retain(|event| event["subject"] == format!("node:{node}"));
        events
    }

    /// Waits for such an event; its place in the journal and what it says.
    fn first(&self, kind: &str, node: &str) -> (u64, Value) {
        self.patiently(&format!("{node}: {kind}"), || !self.events(kind, node).is_empty());
        let event = self.events(kind, node).remove(0);
        (event["seq"].as_u64().unwrap(), event["body"].clone())
    }

    fn patiently(&self, what: &str, so: impl FnMut() -> bool) {
        patiently(&self.server, what, so);
    }
}

/// Some BMCs are waited for longer than a test usually waits.
fn patiently(server: &Served, what: &str, mut so: impl FnMut() -> bool) {
    let began = Instant::now();
    while !so() {
        let waited = began.elapsed();
        assert!(
            waited < Duration::from_secs(150),
            "waited {waited:?} until {what}\n{}",
            server.log()
        );
        std::thread::park_timeout(Duration::from_millis(200));
    }
}

#[test]
fn a_room_of_bad_bmcs_delays_no_good_one_and_each_has_its_reason() {
    let segment = Segment::new("10.77.0.1/24");
    let faults = [
        "hangs",
        "full",
        "wrong-password",
        "forgets-boot",
        "late-power",
        "busy",
        "good",
    ];
    let room = Room::new(&segment, &faults);
    room.server.text(&["deploy", "*", "--yes", "--no-wait"]);
    for protocol in ["i", "r"] {
        let node = |fault: &str| format!("{fault}-{protocol}");
        let (good, _) = room.first("power", &node("good"));
        // Who hangs is given up, after the good ones were switched on.
        let (gave_up, why) = room.first("bmc.failed", &node("hangs"));
        assert!(good < gave_up, "{good} {gave_up}");
        let why = why["why"].as_str().unwrap();
        assert!(why.contains("does not answer") || why.contains("timed out"), "{why}");
        // No room: a reason, and nothing else is asked in that round.
        let (_, why) = room.first("bmc.failed", &node("full"));
        let why = why["why"].as_str().unwrap();
        assert!(why.contains("no room") || why.contains("places for sessions"), "{why}");
        // A lost boot flag is told, and the machine switched all the same.
        let (_, body) = room.first("bmc.failed", &node("forgets-boot"));
        assert_eq!(body["order"], "boot pxe");
        room.first("power", &node("forgets-boot"));
        // Slow and busy ones get there.
        for fault in ["late-power", "busy"] {
            room.first("power", &node(fault));
            assert_eq!(room.events("bmc.failed", &node(fault)), [] as [Value; 0]);
            assert_eq!(room.events("bmc.boot", &node(fault)).len(), 1);
        }
        room.first("bmc.failed", &node("wrong-password"));
        for fault in ["hangs", "full", "wrong-password"] {
            assert_eq!(room.events("bmc.failed", &node(fault)).len(), 1, "{fault}");
            assert!(room.events("power", &node(fault)).is_empty());
            let waits = &room.server.json(&["deployments", &node(fault)])[0]["waits"];
            assert!(waits["what"].as_str().unwrap().contains("BMC"), "{waits}");
        }
    }
    // A wrong password was tried once, not once for each way to log in: accounts are locked for that.
    assert_eq!(room.bmc("wrong-password-r").logged("a login was refused"), 1);
}

#[test]
fn a_cycle_that_is_refused_is_helped_and_one_that_is_ignored_is_told() {
    let segment = Segment::new("10.77.0.1/24");
    let room = Room::new(&segment, &["no-cycle", "ignores-power", "good"]);
    room.server
        .text(&["power", "on", "no-cycle-i,no-cycle-r,good-i,good-r"]);
    room.server.text(&["deploy", "*", "--yes", "--no-wait"]);
    for protocol in ["i", "r"] {
        let node = |fault: &str| format!("{fault}-{protocol}");
        for fault in ["no-cycle", "good"] {
            room.patiently("it is switched over", || room.events("power", &node(fault)).len() == 2);
            let over = &room.events("power", &node(fault))[1];
            assert_eq!(
                (&over["actor"], &over["body"]["action"]),
                (&"conductor".into(), &"reset".into())
            );
        }
        // It says yes and nothing comes of it: told after a minute and a half, and no power event claims otherwise.
        let (_, body) = room.first("bmc.failed", &node("ignores-power"));
        let why = body["why"].as_str().unwrap();
        assert!(
            why.ends_with("took the command, but the machine is still off after 90 s"),
            "{why}"
        );
        assert!(room.events("power", &node("ignores-power")).is_empty());
        let waits = room.server.json(&["deployments", &node("ignores-power")])[0]["waits"].clone();
        assert!(waits["what"].as_str().unwrap().contains("still off"), "{waits}");
        // It took a minute and a half to fail, and is left alone for a minute from then on.
        let began = format!("switched for its deployment node=\"{}\"", node("ignores-power"));
        assert_eq!(room.server.log().matches(&began).count(), 1);
    }
}

#[test]
fn a_bmc_that_leaks_sessions_is_used_up_over_ipmi_and_still_asked_over_redfish() {
    let segment = Segment::new("10.77.0.1/24");
    let room = Room::new(&segment, &["leaks", "good"]);
    let status = |node: &str| room.server.cli(&["power", "status", node]);
    let mut said = String::new();
    // Four places, one of which the console has.
    room.patiently("it is full", || {
        let output = status("leaks-i");
        said = String::from_utf8(output.stdout).unwrap();
        !output.status.success()
    });
    assert!(said.contains("it has no room for one more session"), "{said}");
    // Sixteen sessions, and then the password goes along with each request.
    for _ in 0..20 {
        assert_eq!(
            String::from_utf8(status("leaks-r").stdout).unwrap(),
            "off      leaks-r\n"
        );
    }
    room.server
        .text(&["deploy", "leaks-i,leaks-r,good-i", "--yes", "--no-wait"]);
    room.first("power", "leaks-r");
    room.first("power", "good-i");
    let (_, body) = room.first("bmc.failed", "leaks-i");
    assert!(body["why"].as_str().unwrap().contains("no room"), "{body}");
    assert!(room.events("power", "leaks-i").is_empty());
    // Starting the BMC anew frees all of them, for whoever is let in.
    room.server.text(&["bmc", "restart", "leaks-r"]);
    for _ in 0..3 {
        assert!(status("leaks-r").status.success());
    }
}

#[test]
fn a_bmc_that_hangs_in_the_middle_of_a_console_is_taken_up_again() {
    let segment = Segment::new("10.77.0.1/24");
    let _bad = Bad::start(
        &segment,
        &["127.6.1.1", "--fault", "hangs-on-console", "--chatter", "20"],
    );
    let _good = Bad::start(&segment, &["127.6.1.2", "--chatter", "20"]);
    let cluster = super::emulators::cluster(
        "",
        "  n[1-2]: { mac: 52:54:00:00:00:01+, bmc: { address: 127.6.1.1+ } }\n",
    )
    .replace("user: root", "user: admin");
    let server = Served::start_with(&segment, &cluster, &VARIABLES);
    server.until("the consoles are open", || {
        let list = server.json(&["console", "list"]);
        let consoles = list["consoles"].as_array().unwrap();
        consoles.iter().filter(|console| console["state"] == "open").count() == 2
    });
    server.text(&["power", "on", "*"]);
    let lines = |node: &str| -> Vec<u64> {
        let log = server.text(&["console", "log", node]);
        let numbers = log
            .lines()
            .filter_map(|line| line.split_whitespace().nth(1)?.parse().ok());
        numbers.collect()
    };
    let gap = |numbers: &[u64]| numbers.windows(2).position(|pair| pair[1] > pair[0] + 1);
    // It fell silent, was given up, started anew, and its console goes on.
    patiently(&server, "the console goes on after it fell silent", || {
        let numbers = lines("n1");
        gap(&numbers).is_some_and(|at| numbers.len() > at + 10)
    });
    let good = lines("n2");
    assert!(
        gap(&good).is_none() && good.len() > 100,
        "the other console misses nothing"
    );
}
