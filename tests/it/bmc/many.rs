//! A thousand BMCs at once, some of them dead, and what goes wrong with real ones.

use std::time::Instant;

use super::emulators::until;
use super::virtuals::bmcs;
use crate::support::segment::Segment;
use crate::support::server::Served;

const PASSWORD: [(&str, &str); 1] = [("BMC_PASSWORD", "lab")];

fn cluster(nodes: &str) -> String {
    super::emulators::cluster("", nodes).replace("user: root", "user: admin")
}

#[test]
fn a_thousand_are_asked_at_once_and_the_dead_delay_nobody() {
    let segment = Segment::new("10.77.0.1/24");
    let _bmcs = bmcs(&segment, &["127.1.0.1", "1000", "--dead-each", "20"]);
    // Without consoles, which would open and close sockets of their own meanwhile.
    let nodes = "  nid[0001-1000]: { mac: 52:54:00:00:00:01+, console_via: \"off\", bmc: { address: 127.1.0.1+ } }\n";
    let cluster = cluster(nodes);
    let server = Served::start_with(&segment, &cluster, &PASSWORD);
    until("the first BMC answers", || {
        server.cli(&["power", "status", "nid0001"]).status.success()
    });
    let before = descriptors(&server);
    let began = Instant::now();
    let output = server.cli(&["--output", "json", "power", "status", "*"]);
    println!("1,000 BMCs, 50 of them dead: {:.1} s", began.elapsed().as_secs_f64());
    let results: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let results = results.as_array().unwrap();
    let live = results.iter().filter(|line| line["power"] == "off").count();
    let dead: Vec<_> = results.iter().filter(|line| line["ok"] == false).collect();
    assert_eq!((live, dead.len()), (950, 50));
    assert!(
        dead.iter()
            .all(|line| line["error"].as_str().unwrap().ends_with("it does not answer"))
    );
    server.until("the sockets are closed", || descriptors(&server) <= before + 4);
}

fn descriptors(server: &Served) -> usize {
    std::fs::read_dir(format!("/proc/{}/fd", server.pid())).unwrap().count()
}

#[test]
fn every_fault_of_real_bmcs_is_met() {
    let faults = [
        "slow",
        "lossy",
        "no-cycle",
        "hides-suites",
        "busy",
        "forgets-boot",
        "opensesspriv",
        "sloppy",
        "full",
    ];
    let segment = Segment::new("10.77.0.1/24");
    let mut running = Vec::new();
    let mut nodes = String::new();
    for (n, fault) in faults.iter().enumerate() {
        let address = format!("127.2.0.{}", n + 1);
        running.push(bmcs(&segment, &[&address, "--fault", fault]));
        let quirk = if *fault == "opensesspriv" {
            ", quirks: [opensesspriv]"
        } else {
            ""
        };
        nodes.push_str(&format!(
            "  {fault}: {{ mac: 52:54:00:00:00:0{}, bmc: {{ address: {address}{quirk} }} }}\n",
            n + 1
        ));
    }
    let server = Served::start_with(&segment, &cluster(&nodes), &PASSWORD);
    until("all but one answer", || {
        server.cli(&["power", "status", "*!full"]).status.success()
    });
    for fault in faults.iter().filter(|fault| **fault != "full") {
        assert_eq!(server.text(&["power", "on", fault]), format!("{fault:<12} on\n"));
    }
    for fault in ["lossy", "busy", "hides-suites", "opensesspriv", "sloppy"] {
        assert_eq!(
            server.text(&["bmc", "boot", "pxe", fault]),
            format!("{fault}: boots pxe next (UEFI)\n")
        );
    }
    let cycled = server.text(&["power", "cycle", "no-cycle"]);
    assert_eq!(cycled, "no-cycle     on (off and on: the BMC has no power cycle)\n");
    let forgets = server.cli(&["bmc", "boot", "pxe", "forgets-boot"]);
    let said = String::from_utf8(forgets.stdout).unwrap();
    assert!(
        !forgets.status.success() && said.contains("reads nothing back"),
        "{said}"
    );
    let full = String::from_utf8(server.cli(&["power", "on", "full"]).stdout).unwrap();
    assert!(full.contains("it has no room for one more session"), "{full}");
    let stranger = server.json(&["bmc", "sensors", "no-cycle"]);
    assert_eq!(stranger[0]["sensors"][1]["value"], 5700.0, "{stranger}");
}
