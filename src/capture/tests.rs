use std::borrow::Cow;

use jiff::Timestamp;
use model::dhcp::{Ground, PromiseStage};
use model::event::{NewEvent, Subject, What};
use model::world::World;
use wire::Mac;

use super::*;
use crate::recorder::{DhcpSaid, Effect, Found, HttpSaid, TftpSaid};

const CLUSTER: &str = "cluster: test\nnodes:\n  nid001: { mac: \"52:54:00:00:00:01\" }\n";

fn past() -> Past {
    let at: Timestamp = "2026-11-21T12:00:00Z".parse().unwrap();
    let event = |seq, subject, what| NewEvent::new(at, "test", subject, what).numbered(seq);
    let applied = What::ClusterApplied {
        digest: "0".repeat(64),
        nodes: 1,
        text: CLUSTER.to_string(),
    };
    let mut world = World::default();
    world.apply(&event(1, Subject::Cluster, applied));
    let called = What::HookCalled {
        hook: "ready".into(),
        detail: "zeros at the end are no part of it".into(),
        host_keys: Vec::new(),
        deployment: None,
    };
    Past {
        world,
        events: (2..6)
            .map(|seq| event(seq, Subject::Node("nid001".into()), called.clone()))
            .collect(),
    }
}

fn packet(question: u64, role: Role, transport: Transport, bytes: &[u8], said: Option<Said<'static>>) -> Packet {
    let (client, server) = ("10.77.0.11:2070".parse().unwrap(), "10.77.0.1:69".parse().unwrap());
    Packet {
        at: Timestamp::from_nanosecond(1_800_000_000_123_456_789 + i128::from(question)).unwrap(),
        question,
        role,
        transport,
        from: if role == Role::Question { client } else { server },
        to: if role == Role::Question { server } else { client },
        bytes: bytes.to_vec(),
        whole: bytes.len() as u32,
        said,
    }
}

fn capture() -> Capture {
    let dhcp = Said::Dhcp(DhcpSaid {
        world: 3,
        network: Some(Cow::Borrowed("lab")),
        address: [10, 77, 0, 1].into(),
        http_port: 8080,
        mtu: 1500,
        unicast: true,
        port4011: false,
        grounds: Cow::Owned(vec![
            Ground::Taken([10, 77, 0, 100].into()),
            Ground::Own {
                mac: Mac([2; 6]),
                network: [10, 77, 0, 0].into(),
                prefix: 24,
                address: [10, 77, 0, 101].into(),
                stage: PromiseStage::Offered,
            },
            Ground::Full,
        ]),
        why: Cow::Borrowed("pool"),
        effect: Effect::Reply,
    });
    let tftp = Said::Tftp(TftpSaid {
        world: 4,
        http_port: 80,
        block_size: 1468,
        window: 64,
        found: Found::Text {
            text: Some(Cow::Borrowed("set default=0\n")),
            length: 14,
            rendered: Some(5),
        },
    });
    let http = Said::Http(HttpSaid {
        world: 4,
        rendered: None,
        http_port: 80,
    });
    let mut cut = packet(2, Role::Answer, Transport::Udp, &[0, 3, 0, 1], None);
    cut.whole = 516;
    Capture {
        about: About {
            version: "0.1.0".into(),
            machine: "nid001".into(),
            at: "2026-11-21T12:00:00Z".parse().unwrap(),
        },
        packets: vec![
            packet(1, Role::Question, Transport::Udp, b"question", Some(dhcp)),
            packet(1, Role::Answer, Transport::Udp, b"", None),
            packet(2, Role::Question, Transport::Udp, b"asked", Some(tftp)),
            cut,
            packet(
                3,
                Role::Question,
                Transport::Http,
                b"GET / HTTP/1.1\r\n\r\n",
                Some(http),
            ),
            packet(3, Role::Answer, Transport::Http, b"HTTP/1.1 200 OK\r\n\r\n", None),
        ],
        past: Some(past()),
    }
}

#[test]
fn a_capture_reads_back_as_it_was_written() {
    let capture = capture();
    let read = read(&write(&capture)).unwrap();
    assert_eq!(read.about, capture.about);
    assert_eq!(read.packets, capture.packets);
    assert!(read.packets[3].is_cut() && !read.packets[2].is_cut());
    let past = read.past.unwrap();
    assert_eq!(past.events, capture.past.as_ref().unwrap().events);
    assert_eq!(past.world.to_snapshot(), capture.past.unwrap().world.to_snapshot());
    assert!(past.world.cluster.node("nid001").is_some());
}

#[test]
fn a_token_that_a_machine_repeats_in_its_own_words_is_blotted_out() {
    let mut capture = capture();
    let past = capture.past.as_mut().unwrap();
    let token = "0123456789abcdef0123456789abcdef";
    let said = |seq| {
        let what = What::HookCalled {
            hook: "failed".into(),
            detail: format!("cannot fetch http://10.77.0.1/install/nid001/{token}/preseed"),
            host_keys: vec![token.to_string()],
            deployment: None,
        };
        NewEvent::new(Timestamp::UNIX_EPOCH, "http", Subject::Node("nid001".into()), what).numbered(seq)
    };
    past.world.apply(&said(2));
    past.events = vec![said(3)];
    assert!(past.world.to_snapshot().contains(token));
    let file = write(&capture);
    assert!(!file.windows(32).any(|window| window == token.as_bytes()));
    assert!(read(&file).is_ok());
}

#[test]
fn a_world_larger_than_a_block_reads_back() {
    let mut capture = capture();
    let past = capture.past.as_mut().unwrap();
    let text = format!("{CLUSTER}# {}\n", "ü".repeat(1_500_000));
    let applied = What::ClusterApplied {
        digest: String::new(),
        nodes: 1,
        text: text.clone(),
    };
    past.world
        .apply(&NewEvent::new(Timestamp::UNIX_EPOCH, "test", Subject::Cluster, applied).numbered(1));
    let read = read(&write(&capture)).unwrap();
    assert!(read.past.unwrap().world.applied.unwrap().text == text);
}

#[test]
fn a_file_of_another_program_is_refused_and_says_why() {
    let mut file = Vec::new();
    wire::pcapng::section(&mut file, "another", "");
    assert!(matches!(read(&file), Err(CaptureError::Foreign)));
    assert!(matches!(read(b"\xd4\xc3\xb2\xa1"), Err(CaptureError::File(_))));
}

#[test]
fn a_damaged_capture_is_an_error_or_a_capture_and_never_a_panic() {
    let mut capture = capture();
    capture.past.as_mut().unwrap().events.truncate(1);
    let file = write(&capture);
    for at in 0..file.len() {
        for value in [0, 0xff, file[at] ^ 1] {
            let mut damaged = file.clone();
            damaged[at] = value;
            if let Ok(read) = read(&damaged) {
                let _ = crate::replay::replay(&read, None);
            }
        }
        let _ = read(&file[..at]);
    }
}
