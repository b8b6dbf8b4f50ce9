#![allow(clippy::unwrap_used)]
use super::*;

/// dnsmasq asks for a client's address; taken with tcpdump.
const CAPTURED_REQUEST: &str = "5254000f00014e0f8fdea5b3080600010800060400014e0f8fdea5b30a5b00010000000000000a5b003c";
/// The answer to OVMF's question for its server.
const CAPTURED_REPLY: &str = "5254000f00014e0f8fdea5b3080600010800060400024e0f8fdea5b30a5b00015254000f00010a5b003c";
/// dnsmasq makes sure that an address is free before it offers it: IPv4 and ICMP.
const CAPTURED_ECHO: &str =
    "45000030840740004001a1c90a5b00010a5b00460800740b83f400000000000000000000000000000000000000000000";

const OWN: Mac = Mac([0x52, 0x54, 0, 0, 0, 1]);
const OTHER: Mac = Mac([0x52, 0x54, 0, 0, 0, 2]);
const ADDRESS: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 7);

fn hex(text: &str) -> Vec<u8> {
    (0..text.len())
        .step_by(2)
        .map(|i| u8::from_str_radix(&text[i..i + 2], 16).unwrap())
        .collect()
}

#[test]
fn captured_arp_is_read_and_written_alike() {
    let bytes = hex(CAPTURED_REQUEST);
    let request = Arp::parse(&bytes).unwrap();
    assert_eq!(request.op, ArpOp::Request);
    assert_eq!(request.sender_mac, "4e:0f:8f:de:a5:b3".parse().unwrap());
    assert_eq!(request.sender_ip, Ipv4Addr::new(10, 91, 0, 1));
    assert_eq!(request.target_ip, Ipv4Addr::new(10, 91, 0, 60));
    // The capture is a unicast request of a kernel that renews its cache; ours is always broadcast.
    assert_eq!(request.frame()[6..], bytes[6..]);
    let bytes = hex(CAPTURED_REPLY);
    let reply = Arp::parse(&bytes).unwrap();
    assert_eq!(reply.op, ArpOp::Reply);
    assert_eq!(reply.frame(), bytes[..]);
}

#[test]
fn a_probe_claims_nothing() {
    let probe = Arp::probe(OWN, ADDRESS);
    let frame = probe.frame();
    assert_eq!(frame[..6], Mac::BROADCAST.octets());
    assert_eq!(Arp::parse(&frame), Ok(probe));
    assert_eq!((probe.sender_ip, probe.target_mac), (Ipv4Addr::UNSPECIFIED, Mac::ZERO));
}

#[test]
fn who_has_or_wants_the_address_is_a_conflict() {
    let said = |op, sender_mac, sender_ip, target_ip| Arp {
        op,
        sender_mac,
        sender_ip,
        target_mac: Mac::ZERO,
        target_ip,
    };
    let (none, elsewhere) = (Ipv4Addr::UNSPECIFIED, Ipv4Addr::new(10, 0, 0, 8));
    let table = [
        (said(ArpOp::Reply, OTHER, ADDRESS, none), true),
        (said(ArpOp::Request, OTHER, ADDRESS, elsewhere), true),
        (said(ArpOp::Request, OTHER, ADDRESS, ADDRESS), true),
        (said(ArpOp::Request, OTHER, none, ADDRESS), true),
        (said(ArpOp::Request, OWN, none, ADDRESS), false),
        (said(ArpOp::Request, OTHER, elsewhere, ADDRESS), false),
        (said(ArpOp::Reply, OTHER, elsewhere, ADDRESS), false),
        (said(ArpOp::Request, OTHER, none, elsewhere), false),
    ];
    for (packet, expected) in table {
        assert_eq!(packet.claims(ADDRESS, OWN), expected, "{packet:?}");
    }
}

#[test]
fn what_is_no_arp_is_refused_with_its_place() {
    let good = hex(CAPTURED_REPLY);
    for length in 0..42 {
        assert_eq!(Arp::parse(&good[..length]).unwrap_err().at, length);
    }
    for (at, expected) in [
        (12, 12),
        (13, 12),
        (15, 14),
        (16, 14),
        (18, 14),
        (19, 14),
        (20, 20),
        (21, 20),
    ] {
        let mut bad = good.clone();
        bad[at] ^= 0x40;
        assert_eq!(Arp::parse(&bad).unwrap_err().at, expected);
    }
    let padded = [&good[..], &[0; 18]].concat();
    assert_eq!(Arp::parse(&padded), Arp::parse(&good));
}

#[test]
fn captured_echo_is_read_and_written_alike() {
    let datagram = hex(CAPTURED_ECHO);
    let (from, message) = ipv4_payload(&datagram, 1).unwrap();
    assert_eq!(from, Ipv4Addr::new(10, 91, 0, 1));
    let echo = Echo::parse(message).unwrap();
    assert_eq!(
        echo,
        Echo {
            is_reply: false,
            id: 0x83f4,
            sequence: 0,
            data: &[0; 20]
        }
    );
    let mut out = vec![1, 2, 3];
    echo.encode(&mut out);
    assert_eq!(out, message);
}

#[test]
fn echoes_of_any_length_come_back() {
    for length in 0..70 {
        let data: Vec<u8> = (0..length).map(|i| 203_u8.wrapping_mul(i)).collect();
        let echo = Echo {
            is_reply: length % 2 == 0,
            id: 7,
            sequence: 0xffff,
            data: &data,
        };
        let mut out = Vec::new();
        echo.encode(&mut out);
        assert_eq!(Echo::parse(&out), Ok(echo));
        out[4] ^= 1;
        assert_eq!(Echo::parse(&out).unwrap_err().what, "the ICMP checksum is wrong");
    }
}

#[test]
fn what_is_no_echo_is_refused() {
    assert!(Echo::parse(&[8, 0, 0]).is_err());
    // Destination unreachable.
    assert_eq!(Echo::parse(&[3, 1, 0, 0, 0, 0, 0, 0]).unwrap_err().at, 0);
}

#[test]
fn datagrams_that_contradict_themselves_are_refused() {
    let good = hex(CAPTURED_ECHO);
    assert_eq!(ipv4_payload(&good, 17).unwrap_err().at, 9);
    assert!(ipv4_payload(&good[..19], 1).is_err());
    for (at, octet, expected) in [
        (0, 0x65, 0),
        (0, 0x44, 0),
        (3, 200, 2),
        (3, 10, 2),
        (6, 0x20, 6),
        (7, 1, 6),
    ] {
        let mut bad = good.clone();
        bad[at] = octet;
        assert_eq!(ipv4_payload(&bad, 1).unwrap_err().at, expected, "octet {at}");
    }
    let padded = [&good[..], &[9; 6]].concat();
    assert_eq!(ipv4_payload(&padded, 1), ipv4_payload(&good, 1));
}

proptest::proptest! {
    #[test]
    fn no_octets_make_the_readers_panic(bytes: Vec<u8>) {
        let _ = (Arp::parse(&bytes), Echo::parse(&bytes), ipv4_payload(&bytes, 1));
    }
}

#[test]
fn the_fuzzers_corpus_is_read_without_panic() {
    let corpus = concat!(env!("CARGO_MANIFEST_DIR"), "/fuzz/corpus/neighbours");
    let mut understood = 0;
    for entry in std::fs::read_dir(corpus).unwrap() {
        let bytes = std::fs::read(entry.unwrap().path()).unwrap();
        let router = crate::ra::parse(&bytes).is_ok_and(|message| message.is_some());
        understood += usize::from(Arp::parse(&bytes).is_ok() || ipv4_payload(&bytes, 1).is_ok() || router);
    }
    assert!(understood >= 5, "the seeds are captures");
}
