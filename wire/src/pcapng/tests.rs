use std::net::SocketAddr;

use proptest::prelude::*;

use super::datagram::{Segment, flags, read, tcp, udp};
use super::*;

fn address(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

fn blocks(file: &[u8]) -> Vec<Block<'_>> {
    Blocks::of(file).unwrap().map(Result::unwrap).collect()
}

#[test]
fn what_is_written_reads_back() {
    let mut file = Vec::new();
    section(&mut file, "a program", "a comment");
    interface(&mut file, RAW_IP, "provision");
    packet(&mut file, 0, 1_800_000_000_123_456_789, 100, b"12345", Some("asked"));
    local(&mut file, 7, b"ours");
    packet(&mut file, 0, 5, 0, b"", None);
    let read = blocks(&file);
    assert_eq!(read[0], Block::Section);
    let Block::Interface(interface) = read[1] else {
        panic!("{read:?}")
    };
    assert_eq!((interface.link_type, interface.name), (RAW_IP, Some("provision")));
    let Block::Packet(first) = read[2] else {
        panic!("{read:?}")
    };
    assert_eq!(first.nanoseconds(&interface), Some(1_800_000_000_123_456_789));
    assert_eq!(
        (first.bytes, first.original, first.comment),
        (&b"12345"[..], 100, Some("asked"))
    );
    let ours = Block::Other {
        kind: 0x8000_0007,
        body: b"ours",
    };
    assert_eq!(read[3], ours);
    assert!(matches!(read[4], Block::Packet(packet) if packet.bytes.is_empty() && packet.comment.is_none()));
}

/// The same file as a machine of the other byte order writes it: what `tshark -F pcapng` makes on s390x.
#[test]
fn the_other_byte_order_is_read() {
    let words: [u32; 7] = [0x0a0d_0d0a, 28, 0x1a2b_3c4d, 0x0001_0000, u32::MAX, u32::MAX, 28];
    let mut file: Vec<u8> = words.iter().flat_map(|word| word.to_be_bytes()).collect();
    let words: [u32; 5] = [1, 20, (u32::from(RAW_IP)) << 16, 0, 20];
    file.extend(words.iter().flat_map(|word| word.to_be_bytes()));
    let words: [u32; 9] = [6, 36, 0, 0, 1_000_000, 2, 2, 0x6162_0000, 36];
    file.extend(words.iter().flat_map(|word| word.to_be_bytes()));
    let read = blocks(&file);
    let (Block::Interface(interface), Block::Packet(packet)) = (read[1], read[2]) else {
        panic!("{read:?}")
    };
    assert_eq!((interface.link_type, interface.resolution), (RAW_IP, 6));
    assert_eq!(packet.bytes, b"ab");
    assert_eq!(
        packet.nanoseconds(&interface),
        Some(1_000_000_000),
        "microseconds unless it says otherwise"
    );
}

#[test]
fn a_file_that_breaks_off_gives_what_is_whole_and_then_says_where() {
    let mut file = Vec::new();
    section(&mut file, "", "");
    let whole = file.len();
    packet(&mut file, 0, 0, 0, b"123", None);
    for length in whole + 1..file.len() {
        let read: Vec<_> = Blocks::of(&file[..length]).unwrap().collect();
        assert_eq!(read.len(), 2, "cut at {length}");
        assert_eq!(read[1].unwrap_err().at, whole);
    }
    assert!(Blocks::of(b"GIF89a").is_err());
    assert!(Blocks::of(b"").is_err());
}

#[test]
fn a_packet_that_was_cut_says_how_long_it_was() {
    let packet = udp(address("10.0.0.1:67"), address("10.0.0.2:68"), b"begin", 500);
    assert_eq!(u16::from_be_bytes([packet[2], packet[3]]), 528);
    assert_eq!(read(&packet).unwrap().payload, b"begin");
}

fn ip(six: bool) -> impl Strategy<Value = SocketAddr> {
    (any::<u128>(), any::<u16>()).prop_map(move |(bits, port)| {
        let ip = match six {
            true => std::net::IpAddr::V6(bits.into()),
            false => std::net::IpAddr::V4((bits as u32).into()),
        };
        SocketAddr::new(ip, port)
    })
}

proptest! {
    #[test]
    fn a_payload_comes_out_of_its_packet(
        (from, to) in prop_oneof![(ip(false), ip(false)), (ip(true), ip(true))],
        payload in prop::collection::vec(any::<u8>(), 0..2000),
        sequence: u32,
    ) {
        let packet = udp(from, to, &payload, payload.len());
        let carried = read(&packet).unwrap();
        prop_assert_eq!((carried.from, carried.to, carried.is_tcp, carried.payload), (from, to, false, &payload[..]));
        let segment = Segment { sequence, acknowledged: 1, flags: flags::ACK };
        let packet = tcp(from, to, segment, &payload);
        let carried = read(&packet).unwrap();
        prop_assert_eq!((carried.from, carried.to, carried.is_tcp, carried.payload), (from, to, true, &payload[..]));
    }

    #[test]
    fn any_packet_with_any_comment_reads_back(
        bytes in prop::collection::vec(any::<u8>(), 0..300), comment in ".{0,40}", time: u64, kind in 0u32..1 << 31,
    ) {
        let mut file = Vec::new();
        section(&mut file, "", "");
        packet(&mut file, 3, time, 0, &bytes, Some(&comment));
        local(&mut file, kind, &bytes);
        let read = blocks(&file);
        let expected = Packet { interface: 3, time, original: bytes.len() as u32, bytes: &bytes, comment: Some(&comment) };
        prop_assert_eq!(read[1], Block::Packet(expected));
        let Block::Other { kind: found, body } = read[2] else { panic!("{read:?}") };
        prop_assert_eq!(found, kind | 1 << 31);
        prop_assert!(body.starts_with(&bytes) && body.len() < bytes.len() + 4);
    }

    #[test]
    fn no_file_makes_reading_panic_or_go_on_for_ever(
        mut file in prop::collection::vec(any::<u8>(), 0..400), flips in prop::collection::vec((0usize..400, any::<u8>()), 0..6),
        garbage: bool,
    ) {
        if !garbage {
            let payload = std::mem::take(&mut file);
            section(&mut file, "p", "c");
            interface(&mut file, RAW_IP, "n");
            packet(&mut file, 0, 1, 0, &payload, Some("c"));
            for (at, octet) in flips {
                if let Some(place) = file.get_mut(at) {
                    *place = octet;
                }
            }
        }
        if let Ok(blocks) = Blocks::of(&file) {
            let all: Vec<_> = blocks.collect();
            prop_assert!(all.len() <= file.len() / 12 + 1);
            for block in all.into_iter().flatten() {
                if let Block::Packet(packet) = block {
                    let _ = read(packet.bytes);
                }
            }
        }
        let _ = read(&file);
    }
}

#[test]
fn the_fuzzers_corpus_is_read_without_panic() {
    let corpus = concat!(env!("CARGO_MANIFEST_DIR"), "/fuzz/corpus/pcapng");
    let mut packets = 0;
    for entry in std::fs::read_dir(corpus).unwrap() {
        let file = std::fs::read(entry.unwrap().path()).unwrap();
        for block in Blocks::of(&file).unwrap().flatten() {
            if let Block::Packet(packet) = block {
                packets += usize::from(read(packet.bytes).is_some());
            }
        }
    }
    assert!(packets > 0);
}
