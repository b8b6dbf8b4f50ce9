//! DHCP against the clients, relay agents and rival servers that are out there, each in a network namespace.

pub mod clients;
mod leasing;
mod relaying;
pub mod rivals;

use crate::support::segment::Segment;
use crate::support::server::Served;

/// The reserved address of [`NODE`].
const RESERVED: &str = "10.77.0.11";
/// nid001.
const NODE: &str = "52:54:00:00:00:01";
/// Nobody's.
const STRANGER: &str = "52:54:00:00:00:99";

/// One node, a pool of ten, a network behind a relay agent; `lab` is put into the declaration of the network.
fn cluster(lab: &str) -> String {
    format!(
        "cluster: test
domain: lab.example
networks:
  lab:
    prefix: 10.77.0.0/24
    router: 10.77.0.254
    pool: 10.77.0.100-10.77.0.109
    lease: 1h
    ntp: 10.77.0.5
    mtu: 1400
    routes: [{{ to: 10.0.0.0/8, via: 10.77.0.253 }}]
    router_advertisements: false
{lab}
  far: {{ prefix: 10.88.0.0/24, pool: 10.88.0.100-10.88.0.199, lease: 1h }}
nodes:
  nid001:
    nics:
      - {{ mac: \"{NODE}\", network: lab, address: {RESERVED} }}
  nid002:
    nics:
      - {{ mac: \"52:54:00:00:00:02\", network: far, address: 10.88.0.12 }}
"
    )
}

/// A segment with a server that has found it silent.
fn served() -> (Segment, Served) {
    let segment = Segment::new("10.77.0.1/24");
    let served = Served::start(&segment, &cluster(""));
    served.until("the network is served", || is(&served, "lab", "served"));
    (segment, served)
}

/// Whether a network is in a state.
fn is(served: &Served, network: &str, state: &str) -> bool {
    let status = served.json(&["status"]);
    let networks = status["networks"].as_array().unwrap();
    networks
        .iter()
        .any(|n| n["name"] == network && n["serving"]["state"] == state)
}
