//! Deployments that drive themselves, against virtual BMCs. Whole machines are in `deploys`.

use std::collections::HashMap;

use super::virtuals::bmcs;
use crate::support::image;
use crate::support::segment::Segment;
use crate::support::server::Served;

const VARIABLES: [(&str, &str); 1] = [("BMC_PASSWORD", "lab")];

const CLUSTER: &str = r#"
cluster: rack
networks:
  lan: { prefix: 10.77.0.0/24 }
defaults:
  bmc: { user: admin, password_from: "env:BMC_PASSWORD" }
profiles:
  disk: { via: image, image: tiny, attempts: 2, disk: { min_size: 3 GB } }
nodes:
  n[01-10]: { mac: 52:54:00:00:00:01+, address: 10.77.0.11+, profile: disk, bmc: { address: 127.4.0.1+ } }
  dead: { mac: 52:54:00:00:01:01, address: 10.77.0.31, profile: disk, bmc: { address: 127.4.1.1 } }
  bare: { mac: 52:54:00:00:01:02, address: 10.77.0.32, profile: disk }
"#;

fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("cluster.yaml"), CLUSTER).unwrap();
    image::for_disks(folder.path());
    folder
}

/// How often each node was switched, by the journal.
fn switched(server: &Served) -> HashMap<String, usize> {
    let mut counts = HashMap::new();
    for event in server.events("power") {
        let node = event["subject"]
            .as_str()
            .unwrap()
            .trim_start_matches("node:")
            .to_string();
        assert_eq!(event["actor"], "conductor");
        *counts.entry(node).or_default() += 1;
    }
    counts
}

#[test]
fn ten_deployments_switch_their_machines_on_although_the_server_is_killed_in_the_middle() {
    let segment = Segment::new("10.77.0.1/24");
    let _bmcs = bmcs(&segment, &["127.4.0.1", "10", "--fault", "slow"]);
    let server = Served::start_in_with(&segment, folder(), &VARIABLES);
    server.until("the BMCs answer", || {
        server.cli(&["power", "status", "n[01-10]"]).status.success()
    });
    server.text(&["deploy", "n[01-10]", "--yes", "--no-wait", "--frozen", "60s"]);
    let folder = server.kill();
    let server = Served::start_in_with(&segment, folder, &VARIABLES);
    server.until("all are switched on", || switched(&server).len() == 10);
    assert_eq!(server.text(&["power", "status", "n[01-10]"]), "on       n[01-10]\n");
    // Each was told to boot from the network before, and switched once: the killed server may have begun with one more.
    let boots = server.events("bmc.boot").len();
    assert!((10..=20).contains(&boots), "{boots}");
    assert!(
        switched(&server).values().all(|times| *times <= 2),
        "{:?}",
        switched(&server)
    );
    let deployments = server.json(&["deployments", "n01"]);
    assert_eq!(
        deployments[0]["waits"]["what"], "its firmware to ask the network",
        "{deployments}"
    );
    // Dismissed: nothing is done to it any more, and its state is a defined one.
    server.text(&["dismiss", "n01"]);
    assert_eq!(server.json(&["deployments", "n01"])[0]["phase"], "dismissed");
    assert_eq!(
        server
            .events("power")
            .iter()
            .filter(|event| event["subject"] == "node:n01")
            .count(),
        switched(&server)["n01"]
    );
}

#[test]
fn a_dead_bmc_and_none_at_all_are_waited_for_with_a_reason() {
    let segment = Segment::new("10.77.0.1/24");
    let server = Served::start_in_with(&segment, folder(), &VARIABLES);
    server.text(&["deploy", "dead,bare", "--yes", "--no-wait"]);
    let waits = |node: &str| {
        server.json(&["deployments", node])[0]["waits"]["what"]
            .as_str()
            .unwrap()
            .to_string()
    };
    server.until("the BMC was asked", || waits("dead").contains("cannot be reached"));
    assert_eq!(waits("bare"), "the node to be switched on");
    assert_eq!(server.json(&["why", "dead"])["rule"], "armed");
    assert!(server.events("power").is_empty());
    // Nobody asks it again at once.
    assert_eq!(server.events("bmc.failed").len(), 1);
}
