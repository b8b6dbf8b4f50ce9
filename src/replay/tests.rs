use std::borrow::Cow;
use std::net::SocketAddr;

use jiff::{SignedDuration, Timestamp};
use model::event::{NewEvent, Subject, What};
use model::world::World;
use wire::Mac;
use wire::dhcp4::Message;

use super::*;
use crate::capture::{About, Past};
use crate::recorder::{DhcpSaid, Effect, HttpSaid, Transport};

const CLUSTER: &str = "cluster: test
networks:
  lab: { prefix: 10.77.0.0/24, pool: 10.77.0.100-10.77.0.109 }
nodes:
  nid001: { mac: \"52:54:00:00:00:01\", address: 10.77.0.11, boot: shell }
";

fn start() -> Timestamp {
    "2026-11-21T12:00:00Z".parse().unwrap()
}

fn event(seq: Seq, subject: Subject, what: What) -> model::event::Event {
    let at = start() + SignedDuration::from_secs(i64::try_from(seq).unwrap());
    NewEvent::new(at, "test", subject, what).numbered(seq)
}

fn applied(seq: Seq, text: &str) -> model::event::Event {
    let what = What::ClusterApplied {
        digest: String::new(),
        nodes: 1,
        text: text.to_string(),
    };
    event(seq, Subject::Cluster, what)
}

fn served(seq: Seq) -> model::event::Event {
    let what = What::NetworkServed {
        interface: "eth0".into(),
        address: [10, 77, 0, 1].into(),
        http_port: 80,
    };
    event(seq, Subject::Network("lab".into()), what)
}

/// The world of position 1 has the cluster; the network is served from position 3 on.
fn capture(packets: Vec<Packet>) -> Capture {
    let mut world = World::default();
    world.apply(&applied(1, CLUSTER));
    Capture {
        about: About {
            version: "0.1.0".into(),
            machine: "nid001".into(),
            at: start(),
        },
        packets,
        past: Some(Past {
            world,
            events: vec![served(3), applied(5, &CLUSTER.replace("10.77.0.11", "10.77.0.22"))],
        }),
    }
}

/// A DISCOVER of nid001 that was decided at a position of the journal, with this reason and effect.
fn discover(question: u64, world: Seq, why: &'static str, effect: Effect) -> Packet {
    let mut bytes = Vec::new();
    Message::discover(7, Mac([0x52, 0x54, 0, 0, 0, 1])).encode(548, &mut bytes);
    let said = DhcpSaid {
        world,
        network: Some(Cow::Borrowed("lab")),
        address: [10, 77, 0, 1].into(),
        http_port: 80,
        mtu: 1500,
        unicast: false,
        port4011: false,
        grounds: Cow::Owned(Vec::new()),
        why: Cow::Borrowed(why),
        effect,
    };
    Packet {
        at: start() + SignedDuration::from_secs(60),
        question,
        role: Role::Question,
        transport: Transport::Udp,
        from: "0.0.0.0:68".parse().unwrap(),
        to: "255.255.255.255:67".parse().unwrap(),
        whole: bytes.len() as u32,
        bytes,
        said: Some(Said::Dhcp(said)),
    }
}

fn verdicts(capture: &Capture) -> Vec<(Verdict, Option<String>)> {
    let replayed = replay(capture, None).unwrap();
    replayed.into_iter().map(|one| (one.verdict, one.now)).collect()
}

#[test]
fn each_question_is_decided_in_the_world_of_its_moment() {
    // In any order, since questions of different protocols overlap.
    let capture = capture(vec![
        discover(1, 6, "reserved", Effect::Reply),
        discover(2, 2, "network-not-served", Effect::Silent),
        discover(3, 4, "reserved", Effect::Reply),
        discover(4, 0, "reserved", Effect::Reply),
        discover(5, 3, "pool", Effect::Reply),
    ]);
    let found = verdicts(&capture);
    assert!(
        found[0].0 == Verdict::Same && found[0].1.as_ref().unwrap().contains("10.77.0.22"),
        "{found:?}"
    );
    assert_eq!(found[1], (Verdict::Same, Some("no answer".to_string())));
    assert!(
        found[2].0 == Verdict::Same && found[2].1.as_ref().unwrap().contains("10.77.0.11"),
        "{found:?}"
    );
    assert_eq!(found[3], (Verdict::Unknown, None), "the capture begins later");
    assert_eq!(found[4].0, Verdict::Differs, "another reason is another answer");
}

#[test]
fn one_octet_makes_a_difference_and_it_is_shown() {
    let question = discover(1, 4, "reserved", Effect::Reply);
    let right = replay(&capture(vec![question.clone()]), None).unwrap();
    assert_eq!(right[0].then, "an answer that is not in the capture");
    // The answer of now is the answer of then, once it is put there.
    let answer = |bytes: Vec<u8>| Packet {
        role: Role::Answer,
        from: "10.77.0.1:67".parse().unwrap(),
        to: SocketAddr::from(([255, 255, 255, 255], 68)),
        whole: bytes.len() as u32,
        bytes,
        said: None,
        ..question.clone()
    };
    let offer = {
        let mut asked = Vec::new();
        Message::discover(7, Mac([0x52, 0x54, 0, 0, 0, 1])).encode(548, &mut asked);
        let asked = wire::dhcp4::Packet::parse(&asked).unwrap();
        let mut offer = Message::reply_to(&asked, wire::dhcp4::MessageType::Offer, [10, 77, 0, 1].into());
        offer.yiaddr([10, 77, 0, 12].into());
        let mut bytes = Vec::new();
        offer.encode(548, &mut bytes);
        bytes
    };
    let wrong = replay(&capture(vec![question.clone(), answer(offer)]), None).unwrap();
    assert_eq!(wrong[0].verdict, Verdict::Differs);
    let difference = wrong[0].difference.as_ref().unwrap();
    assert!(
        difference.contains("-yiaddr                       10.77.0.12\n"),
        "{difference}"
    );
    assert!(
        difference.contains("+yiaddr                       10.77.0.11\n"),
        "{difference}"
    );
}

#[test]
fn a_callback_is_shown_and_not_replayed() {
    let said = Said::Http(HttpSaid {
        world: 4,
        rendered: None,
        http_port: 80,
    });
    let (asked, answered) = (
        b"POST /boot/hook/nid001/x/ready HTTP/1.1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nok\n",
    );
    let ask = Packet {
        transport: Transport::Http,
        bytes: asked.to_vec(),
        whole: asked.len() as u32,
        said: Some(said),
        ..discover(1, 4, "", Effect::Silent)
    };
    let answer = Packet {
        role: Role::Answer,
        bytes: answered.to_vec(),
        whole: answered.len() as u32,
        said: None,
        ..ask.clone()
    };
    let replayed = replay(&capture(vec![ask, answer]), None).unwrap();
    assert_eq!(replayed[0].asked, "POST /boot/hook/nid001/x/ready");
    assert_eq!(
        (replayed[0].verdict, replayed[0].then.as_str()),
        (Verdict::Unknown, "200 OK, 3 bytes")
    );
}

#[test]
fn without_a_world_nothing_is_replayed() {
    let mut capture = capture(Vec::new());
    capture.past = None;
    assert_eq!(replay(&capture, None), Err(ReplayError::NoWorld));
}
