//! Clients behind a relay agent.

use std::collections::HashSet;
use std::net::{Ipv4Addr, UdpSocket};
use std::process::{Child, Stdio};
use std::time::Duration;

use nix::sys::socket::{setsockopt, sockopt};
use wire::Mac;
use wire::dhcp4::{Message, Packet};

use super::clients::{Udhcpc, udhcpc};
use super::served;
use crate::support::client::require;
use crate::support::segment::{Segment, Station};
use crate::support::server::Served;

/// A relay agent between two segments; ends with the value.
struct Relay {
    agent: Child,
    _station: Station,
}

impl Relay {
    fn between(near: &Segment, far: &Segment, options: &[&str]) -> Self {
        require("dhcrelay", "isc-dhcp-relay");
        let station = near.plug("52:54:00:00:00:fe");
        far.ip(&format!(
            "link add relay type veth peer name eth1 netns {}",
            station.name
        ));
        far.ip("link set relay master br0 up");
        for line in [
            "addr add 10.77.0.2/24 dev eth0",
            "addr add 10.88.0.1/24 dev eth1",
            "link set eth1 up",
        ] {
            station.succeed(&[&["ip"][..], &line.split(' ').collect::<Vec<_>>()].concat());
        }
        station.succeed(&["sysctl", "-qw", "net.ipv4.ip_forward=1"]);
        near.ip("route add 10.88.0.0/24 via 10.77.0.2");
        let agent = station
            .command("dhcrelay")
            .args(["-4", "-d", "--no-pid"])
            .args(options)
            .args(["-id", "eth1", "-iu", "eth0", "10.77.0.1"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        Self {
            agent,
            _station: station,
        }
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.agent.kill().ok();
        self.agent.wait().ok();
    }
}

#[test]
fn a_node_behind_a_relay_agent_gets_its_address_and_renews_it_without_the_agent() {
    let (near, served) = served();
    let far = Segment::new("10.88.0.254/24");
    let _relay = Relay::between(&near, &far, &[]);
    let station = far.plug("52:54:00:00:00:02");
    let client = Udhcpc::start(&station, &[]);
    let bound = client.told.wait("bound");
    assert_eq!(
        (bound["ip"].as_str(), bound["hostname"].as_str()),
        ("10.88.0.12", "nid002")
    );
    let offer = &served.events("dhcp.offered")[0]["body"]["ask"];
    assert_eq!(
        (offer["network"].as_str(), offer["relay"].as_str()),
        (Some("far"), Some("10.88.0.1"))
    );
    // The renewal goes straight to the server.
    station.succeed(&["ip", "addr", "add", "10.88.0.12/24", "dev", "eth0"]);
    station.succeed(&["ip", "route", "add", "default", "via", "10.88.0.1"]);
    client.signal("USR1");
    client.told.wait("renew");
    let lease = served.events("dhcp.leased").pop().unwrap();
    assert_eq!(lease["body"]["ask"]["relay"], serde_json::Value::Null);
    assert_eq!(lease["body"]["ask"]["network"], "far");
}

#[test]
fn what_a_relay_agent_adds_comes_back_to_it() {
    let (near, _served) = served();
    let far = Segment::new("10.88.0.254/24");
    // It adds option 82, and drops every answer that does not bring its own back.
    let _relay = Relay::between(&near, &far, &["-a", "-D"]);
    let bound = udhcpc(&far.plug("52:54:00:00:00:02"), &[]).unwrap();
    assert_eq!(bound["ip"], "10.88.0.12");
}

#[test]
fn an_address_in_use_behind_a_relay_agent_is_found_by_the_probe() {
    let (near, served) = served();
    let far = Segment::new("10.88.0.254/24");
    let _relay = Relay::between(&near, &far, &[]);
    let squatter = far.plug("52:54:00:00:00:77");
    squatter.succeed(&["ip", "addr", "add", "10.88.0.150/24", "dev", "eth0"]);
    squatter.succeed(&["ip", "route", "add", "default", "via", "10.88.0.1"]);
    let bound = udhcpc(&far.plug("52:54:00:00:00:99"), &["-r", "10.88.0.150", "-t", "8"]).unwrap();
    assert_ne!(bound["ip"], "10.88.0.150");
    let conflict = &served.events("dhcp.conflict")[0]["body"];
    assert_eq!(
        (conflict["address"].as_str(), conflict["found_by"].as_str()),
        (Some("10.88.0.150"), Some("probe"))
    );
}

#[test]
fn behind_a_relay_agent_on_our_own_link_an_address_in_use_is_found_by_arp() {
    let (near, served) = served();
    let squatter = near.plug("52:54:00:00:00:77");
    squatter.succeed(&["ip", "addr", "add", "10.77.0.104/24", "dev", "eth0"]);
    squatter.succeed(&["sysctl", "-qw", "net.ipv4.icmp_echo_ignore_all=1"]);
    let agent = near.plug("52:54:00:00:00:fe");
    agent.succeed(&["ip", "addr", "add", "10.77.0.2/24", "dev", "eth0"]);
    let socket = agent.within(|| UdpSocket::bind(("10.77.0.2", 67)).unwrap());
    socket.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    let mut message = Message::discover(1, Mac([0x52, 0x54, 0, 0, 0, 0x99]));
    message.header.giaddr = Ipv4Addr::new(10, 77, 0, 2);
    message.requested_address(Ipv4Addr::new(10, 77, 0, 104));
    let (mut question, mut answer) = (Vec::new(), [0; 2048]);
    message.encode(1400, &mut question);
    socket.send_to(&question, "10.77.0.1:67").unwrap();
    let length = socket.recv(&mut answer).unwrap();
    let offered = Packet::parse(&answer[..length]).unwrap().yiaddr();
    assert!(offered.octets()[3] >= 100 && offered.octets()[3] != 104, "{offered}");
    let conflict = &served.events("dhcp.conflict")[0]["body"];
    assert_eq!(
        (
            conflict["address"].as_str(),
            conflict["mac"].as_str(),
            conflict["found_by"].as_str()
        ),
        (Some("10.77.0.104"), Some("52:54:00:00:00:77"), Some("probe"))
    );
}

#[test]
fn each_of_hundreds_of_questions_that_wait_together_is_answered() {
    const ASKED: u32 = 400;
    let segment = Segment::new("10.77.0.1/24");
    let agent = segment.plug("52:54:00:00:00:fe");
    agent.succeed(&["ip", "addr", "add", "10.77.0.2/24", "dev", "eth0"]);
    agent.succeed(&["ip", "addr", "add", "10.88.0.1/32", "dev", "lo"]);
    segment.ip("route add 10.88.0.0/16 via 10.77.0.2");
    let served = Served::start(
        &segment,
        "cluster: test
networks:
  far: { prefix: 10.88.0.0/16 }
nodes:
  n[001-400]: { mac: \"52:54:00:00:01:00+\", address: 10.88.1.0+ }
",
    );
    let socket = agent.within(|| UdpSocket::bind((Ipv4Addr::new(10, 88, 0, 1), 67)).unwrap());
    socket.set_read_timeout(Some(Duration::from_secs(2))).unwrap();
    // Room for all answers, so that none is lost at this end.
    setsockopt(&socket, sockopt::RcvBufForce, &(4 << 20)).unwrap();
    let first = u64::from_be_bytes([0, 0, 0x52, 0x54, 0, 0, 1, 0]);
    let mut bytes = Vec::new();
    // While it stands still they come together, as they do when it is busy.
    served.signal("STOP");
    for number in 0..ASKED {
        let [_, _, mac @ ..] = (first + u64::from(number)).to_be_bytes();
        let mut message = Message::discover(number, Mac(mac));
        message.header.giaddr = Ipv4Addr::new(10, 88, 0, 1);
        message.encode(1400, &mut bytes);
        socket.send_to(&bytes, (Ipv4Addr::new(10, 77, 0, 1), 67)).unwrap();
    }
    served.signal("CONT");
    let (mut answered, mut buffer) = (HashSet::new(), [0; 2048]);
    while answered.len() < ASKED as usize
        && let Ok(length) = socket.recv(&mut buffer)
    {
        answered.insert(Packet::parse(&buffer[..length]).unwrap().xid());
    }
    let missing: Vec<u32> = (0..ASKED).filter(|number| !answered.contains(number)).collect();
    assert!(missing.is_empty(), "not answered: {missing:?}");
}
