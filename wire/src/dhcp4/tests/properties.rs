//! What holds for any octets and any values.
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;

use super::*;

/// Calls everything that reads.
pub(super) fn read_everything(bytes: &[u8]) {
    let Ok(packet) = Packet::parse(bytes) else { return };
    // Nothing is found twice, so the work is bounded by the datagram.
    assert!(packet.options().count() <= bytes.len() / 2);
    assert!(packet.anomalies().count() <= 3 + 3 + 256);
    let _ = (
        packet.sname(),
        packet.file(),
        packet.mac(),
        packet.message_type(),
        packet.requested_address(),
    );
    let _ = (
        packet.server_id(),
        packet.lease_time(),
        packet.subnet_selection(),
        packet.max_size(),
    );
    let _ = (
        packet.client_id(),
        packet.parameter_list(),
        packet.host_name_lossy(),
        packet.vendor_class(),
    );
    let _ = (
        packet
            .client_uuid()
            .map(|uuid| uuid.map(|uuid| uuid.smbios().to_string())),
        packet.rapid_commit(),
    );
    let _ = (
        packet.is_ipxe(),
        packet.user_class().map(|class| class.classes().count()),
    );
    let _ = packet
        .archs()
        .map(|archs| archs.map(|archs| (archs.first(), archs.iter().count())));
    let _ = packet.client_fqdn().map(|fqdn| fqdn.map(|fqdn| fqdn.name()));
    let _ = packet.vendor_encapsulated().map(|value| pxe::boot_item(&value));
    if let Some(relay) = packet.relay_agent() {
        let _ = (
            relay.circuit_id(),
            relay.remote_id(),
            relay.link_selection(),
            relay.server_id_override(),
        );
    }
    let reply = Message::reply_to(&packet, MessageType::Offer, SERVER);
    let limit = budget(&packet, 1500);
    let (out, dropped) = encoded(&reply, limit);
    assert!(out.len() <= limit && out.len() >= 300);
    let answer = Packet::parse(&out).unwrap();
    for code in [61, 82, 97] {
        // What was not dropped comes back octet for octet.
        assert!(dropped.contains(&code) || answer.option(code) == packet.option(code));
    }
    let _ = reply_destination(&packet, MessageType::Offer, ADDRESS);
}

proptest! {
    #[test]
    fn no_octets_make_the_reader_panic(bytes in vec(any::<u8>(), 0..700)) {
        read_everything(&bytes);
    }

    #[test]
    fn no_options_make_the_reader_panic(options in vec(any::<u8>(), 0..600), overload in 0u8..5, fields in vec(any::<u8>(), 192)) {
        let mut bytes = request(&[&tlv(52, &[overload])[..], &options].concat());
        bytes[44..236].copy_from_slice(&fields);
        read_everything(&bytes);
    }

    #[test]
    fn no_damage_to_a_real_message_makes_the_reader_panic(
        which in 0..captures::ALL.len(), cut in 0usize..500, damage in vec((0usize..500, any::<u8>()), 0..6),
    ) {
        let mut bytes = captures::ALL[which].to_vec();
        bytes.truncate(bytes.len().min(cut.max(236)));
        for (at, octet) in damage {
            let at = at % bytes.len();
            bytes[at] = octet;
        }
        read_everything(&bytes);
    }

    #[test]
    fn what_is_written_is_read_again(
        options in btree_map(1u8..=254, vec(any::<u8>(), 0..300), 0..12),
        limit in 300usize..2000, header in vec(any::<u8>(), 32),
    ) {
        let mut message = Message::from_client(MessageType::Other(header[0]), 99, MAC);
        message.header.op = header[1] % 2 + 1;
        message.header.secs = u16::from_be_bytes([header[2], header[3]]);
        message.header.siaddr = Ipv4Addr::new(header[4], header[5], header[6], header[7]);
        for (code, value) in &options {
            if *code != 53 {
                message.option(*code, value);
            }
        }
        let (out, dropped) = encoded(&message, limit);
        prop_assert!(out.len() <= limit);
        let packet = Packet::parse(&out).unwrap();
        prop_assert_eq!(packet.message_type(), Some(Ok(MessageType::from_code(header[0]))));
        prop_assert_eq!((packet.op(), packet.secs()), (message.header.op, message.header.secs));
        prop_assert_eq!(packet.siaddr(), message.header.siaddr);
        for (code, value) in message.options() {
            if dropped.contains(&code) {
                prop_assert!(!packet.has(code));
            } else {
                prop_assert_eq!(packet.option(code).unwrap(), value, "option {}", code);
            }
        }
        let framing = ["the options lack their End", "an option lacks its length", "an option is longer than what is left"];
        prop_assert!(packet.anomalies().all(|problem| !framing.contains(&problem.what)));
    }

    #[test]
    fn nothing_is_dropped_while_it_fits(options in btree_map(1u8..=254, vec(any::<u8>(), 0..100), 0..8)) {
        let mut message = Message::from_client(MessageType::Discover, 99, MAC);
        for (code, value) in &options {
            message.option(*code, value);
        }
        let (out, dropped) = encoded(&message, 1472);
        prop_assert!(dropped.is_empty());
        prop_assert!(!Packet::parse(&out).unwrap().has(52));
    }

    #[test]
    fn search_lists_decode_to_their_names(names in vec("[a-c]{1,3}(\\.[a-c]{1,2}){0,3}", 0..12)) {
        let list = SearchList::new(&names).unwrap();
        prop_assert_eq!(decode_names(list.as_bytes()), names);
    }
}

fn decode_names(list: &[u8]) -> Vec<String> {
    let mut names = Vec::new();
    let mut at = 0;
    while at < list.len() {
        let (mut labels, mut read, mut end) = (Vec::new(), at, None);
        loop {
            match list[read] {
                0 => break,
                high @ 0xc0.. => {
                    end = end.or(Some(read + 2));
                    let target = usize::from(high & 0x3f) << 8 | usize::from(list[read + 1]);
                    assert!(target < read, "pointers go backwards");
                    read = target;
                }
                length => {
                    let label = &list[read + 1..read + 1 + usize::from(length)];
                    labels.push(String::from_utf8(label.to_vec()).unwrap());
                    read += 1 + usize::from(length);
                }
            }
        }
        at = end.unwrap_or(read + 1);
        names.push(labels.join("."));
    }
    names
}

#[test]
fn the_fuzzers_corpus_is_read_without_panic() {
    let corpus = concat!(env!("CARGO_MANIFEST_DIR"), "/fuzz/corpus/dhcp4_packet");
    let mut replayed = 0;
    for entry in std::fs::read_dir(corpus).unwrap() {
        read_everything(&std::fs::read(entry.unwrap().path()).unwrap());
        replayed += 1;
    }
    assert!(replayed >= captures::ALL.len(), "the captures are the seeds");
}
