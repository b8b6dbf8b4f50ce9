//! A conversation of any datagrams with the decider of DHCP: it never panics, its answers fit and can be read, no address is
//! given to two machines, and what is reserved is its node's.
//!
//! The input is messages, each behind one byte (how it came in, and how long ago the last one was) and two of its length.
#![no_main]
use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::sync::LazyLock;

use jiff::{SignedDuration, Timestamp};
use libfuzzer_sys::fuzz_target;
use model::Mac;
use model::dhcp::{Effect, Link, Offers, Received, conflict, decide};
use model::event::{NewEvent, Subject, What};
use model::world::World;
use wire::dhcp4::{Packet, code};

const SERVER: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 1);
const RESERVED: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 11);
const NODE: Mac = Mac([0x52, 0x54, 0, 0, 0, 1]);
const CLUSTER: &str = "
cluster: fuzz
networks:
  lab: { prefix: 10.77.0.0/24, router: 10.77.0.1, pool: 10.77.0.200-10.77.0.203 }
  far: { prefix: 10.88.0.0/24, pool: 10.88.0.200-10.88.0.201 }
nodes:
  n1: { mac: \"52:54:00:00:00:01\", address: 10.77.0.11 }
  n2: { mac: \"52:54:00:00:00:02\" }
";

fn start() -> Timestamp {
    Timestamp::from_second(1_800_000_000).expect("in range")
}

static WORLD: LazyLock<World> = LazyLock::new(|| {
    let mut world = World::default();
    let applied = What::ClusterApplied {
        digest: "0".repeat(64),
        nodes: 2,
        text: CLUSTER.to_string(),
    };
    put(&mut world, NewEvent::new(start(), "fuzz", Subject::Cluster, applied));
    assert_eq!(world.cluster.nodes.len(), 2);
    let served = What::NetworkServed {
        interface: "eth0".into(),
        address: SERVER,
        http_port: 80,
    };
    put(&mut world, NewEvent::new(start(), "fuzz", Subject::Network("lab".into()), served));
    world
});

fn put(world: &mut World, event: NewEvent) {
    let seq = world.seq + 1;
    world.apply(&event.numbered(seq));
}

fuzz_target!(|bytes: &[u8]| {
    let (mut world, mut offers, mut now) = (WORLD.clone(), Offers::default(), start());
    let mut rest = bytes;
    for _ in 0..24 {
        let [how, high, low, tail @ ..] = rest else { break };
        let length = usize::from(u16::from_be_bytes([*high, *low])).min(tail.len());
        let (message, after) = tail.split_at(length);
        rest = after;
        now += SignedDuration::from_secs(1 << (how >> 4));
        let Ok(packet) = Packet::parse(message) else { continue };
        let link = Link {
            network: (how & 1 == 0).then(|| "lab".to_string()),
            address: SERVER,
            http_port: 80,
            mtu: 1500,
        };
        let received = Received {
            packet: &packet,
            link: &link,
            src: SocketAddrV4::new([10, 88, 0, 1].into(), 67),
            unicast: how & 2 != 0,
            port4011: how & 4 != 0,
        };
        let mut decision = decide(&world, &mut offers, now, &received);
        if let Effect::Probe(probe) = &decision.effect {
            if how & 8 == 0 {
                offers.probed(probe.address, now);
            } else {
                offers.block(probe.address, now);
                put(&mut world, conflict(now, &probe.network, probe.address, None));
            }
            decision = decide(&world, &mut offers, now, &received);
        }
        for event in decision.events {
            put(&mut world, event);
        }
        if let Effect::Reply(reply) = decision.effect {
            if let Some(address) = reply.durable {
                let lease = world.leases.at(address).expect("what is acknowledged is written down");
                assert_eq!(Some(lease.mac), packet.mac());
                offers.settle(address);
            }
            let mut out = Vec::new();
            reply.message.encode(reply.budget, &mut out);
            assert!(out.len() <= reply.budget.max(300));
            let answer = Packet::parse(&out).expect("an answer can be read");
            assert!(answer.has(code::MESSAGE_TYPE));
        }
    }
    let mut holders = HashMap::new();
    for lease in world.leases.iter().filter(|lease| lease.is_active(now)) {
        assert!(holders.insert(lease.address, lease.mac).is_none());
        assert!(lease.address != RESERVED || lease.mac == NODE, "{lease:?}");
        assert!(lease.address != SERVER, "{lease:?}");
    }
});
