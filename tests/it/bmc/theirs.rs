//! Our client against the BMCs of others.

use super::emulators::{IpmiSim, PASSWORD, cluster, fakebmc};
use crate::support::segment::Segment;
use crate::support::server::Served;

fn served(segment: &Segment, cluster: &str) -> Served {
    Served::start_with(segment, cluster, &[("BMC_PASSWORD", PASSWORD)])
}

#[test]
fn ipmi_sim_is_switched_and_told_what_to_boot() {
    let segment = Segment::new("10.77.0.1/24");
    let simulator = IpmiSim::start(&segment, 9623);
    let defaults = "port: 9623, quirks: [nobootcheck]";
    let cluster = cluster(
        defaults,
        "  n1: { mac: 52:54:00:00:00:01, bmc: { address: 127.0.0.1 } }\n",
    );
    let server = served(&segment, &cluster);
    server.until("the simulator answers", || {
        server.cli(&["power", "status", "n1"]).status.success()
    });
    assert_eq!(server.text(&["power", "status", "n1"]), "off      n1\n");
    assert_eq!(server.text(&["power", "on", "n1"]), "n1           on\n");
    assert_eq!(server.text(&["power", "on", "n1"]), "n1           on (it was on)\n");
    assert_eq!(server.text(&["power", "reset", "n1"]), "n1           on\n");
    assert_eq!(
        server.text(&["bmc", "boot", "pxe", "n1", "--uefi"]),
        "n1: boots pxe next (UEFI)\n"
    );
    assert_eq!(server.text(&["power", "cycle", "n1"]), "n1           on\n");
    let info = server.json(&["bmc", "info", "n1"]);
    assert_eq!(info[0]["info"]["protocol"], "ipmi");
    assert_eq!(info[0]["info"]["firmware"], "9.08");
    server.text(&["bmc", "identify", "n1", "--seconds", "5"]);
    assert!(server.text(&["bmc", "log", "n1"]).contains("the log is empty"));
    assert_eq!(server.text(&["power", "off", "n1"]), "n1           off\n");
    let events = simulator.events();
    for wanted in ["power 1", "reset 1", "boot pxe", "power 0", "identify 5 0"] {
        assert!(events.iter().any(|event| event == wanted), "{wanted}: {events:?}");
    }
    // What was done is in the journal with who did it, what was only looked at is not, and the password is nowhere.
    let events = server.text(&["--output", "json", "events", "n1"]);
    let kinds: Vec<_> = (events.lines())
        .map(|line| {
            serde_json::from_str::<serde_json::Value>(line).unwrap()["kind"]
                .as_str()
                .unwrap()
                .to_string()
        })
        .collect();
    assert_eq!(kinds, ["power", "power", "bmc.boot", "power", "power"]);
    assert!(!events.contains(PASSWORD) && !server.log().contains(PASSWORD));
}

#[test]
fn a_bmc_without_a_cycle_is_switched_off_and_on() {
    let segment = Segment::new("10.77.0.1/24");
    let _bmc = fakebmc(&segment, 9624);
    let cluster = cluster(
        "port: 9624",
        "  n1: { mac: 52:54:00:00:00:01, bmc: { address: 127.0.0.1 } }\n",
    );
    let server = served(&segment, &cluster);
    server.until("the emulator answers", || {
        server.cli(&["power", "status", "n1"]).status.success()
    });
    assert_eq!(server.text(&["power", "cycle", "n1"]), "n1           on (it was off)\n");
    assert_eq!(
        server.text(&["power", "cycle", "n1"]),
        "n1           on (off and on: the BMC has no power cycle)\n"
    );
    assert_eq!(
        server.text(&["bmc", "boot", "pxe", "n1"]),
        "n1: boots pxe next (UEFI)\n"
    );
    assert_eq!(
        server.text(&["power", "soft", "n1", "--grace", "20s"]),
        "n1           off\n"
    );
}

#[test]
fn what_cannot_be_done_says_why_and_the_node_remembers_it() {
    let segment = Segment::new("10.77.0.1/24");
    let _simulator = IpmiSim::start(&segment, 9625);
    let cluster = cluster(
        "port: 9625",
        "  n1: { mac: 52:54:00:00:00:01, bmc: { address: 127.0.0.1, user: nobody } }\n\
         \x20 n2: { mac: 52:54:00:00:00:02, bmc: { address: 127.0.0.2 } }\n\
         \x20 n3: { mac: 52:54:00:00:00:03 }\n\
         \x20 n4: { mac: 52:54:00:00:00:04, bmc: { address: 127.0.0.4, password_from: \"env:NOT_THERE\" } }\n",
    );
    let server = served(&segment, &cluster);
    let failed = |words: &[&str]| {
        let output = server.cli(words);
        assert_eq!(output.status.code(), Some(1), "{words:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    server.until("the simulator answers", || {
        failed(&["power", "on", "n1"]).contains("refuses")
    });
    let said = failed(&["power", "on", "*"]);
    for wanted in [
        "the BMC at 127.0.0.1:9625: it refuses the session",
        "the BMC at 127.0.0.2:9625 cannot be reached: Connection refused",
        "n3           failed: no BMC is declared",
        "the environment variable NOT_THERE",
    ] {
        assert!(said.contains(wanted), "{wanted}\n{said}");
    }
    let why = server.json(&["why", "n2"]);
    assert_eq!(why["rule"], "bmc-failed", "{why}");
    let look = failed(&["power", "status", "*"]);
    assert!(look.starts_with("unknown  "), "{look}");
}
