//! What firmware and worse really send: every case must leave all other options readable.
use super::*;

/// What a boot server decides upon, as a client would send it.
fn needed() -> Vec<u8> {
    [
        tlv(53, &[1]),
        tlv(60, b"PXEClient:Arch:00007:UNDI:003016"),
        tlv(61, &[1, 0x52, 0x54, 0, 0xaa, 0xbb, 0xcc]),
        tlv(77, b"iPXE"),
        tlv(82, &[1, 2, b'p', b'1']),
        tlv(93, &[0, 7]),
        tlv(94, &[1, 3, 0]),
        tlv(97, &[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16]),
        tlv(175, &[0xb1, 1, 1]),
    ]
    .concat()
}

#[track_caller]
fn check_needed(packet: &Packet<'_>) {
    assert_eq!(packet.message_type(), Some(Ok(MessageType::Discover)));
    assert_eq!(packet.vendor_class().unwrap(), &b"PXEClient:Arch:00007:UNDI:003016"[..]);
    assert_eq!(packet.client_id().unwrap(), &[1, 0x52, 0x54, 0, 0xaa, 0xbb, 0xcc][..]);
    assert!(packet.user_class().unwrap().contains(b"iPXE"));
    assert_eq!(packet.relay_agent().unwrap().circuit_id(), Some(&b"p1"[..]));
    assert_eq!(packet.arch(), Some(Ok(Arch::EfiX64)));
    assert_eq!(packet.option(94).unwrap(), &[1, 3, 0][..]);
    assert_eq!(
        packet.client_uuid(),
        Some(Ok(ClientUuid([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16])))
    );
    assert!(packet.is_ipxe() && packet.has(175));
    assert_eq!(packet.mac(), Some(MAC));
}

#[test]
fn a_bad_option_hides_no_other_wherever_it_stands() {
    let table: &[(&str, Vec<u8>, &[&str])] = &[
        ("nothing", vec![], &[]),
        ("Latin-1 host name", tlv(12, b"\xe9ab"), &[]),
        (
            "subnet mask of 3",
            tlv(1, &[255, 255, 255]),
            &["an option of 4 octets has another length"],
        ),
        (
            "requested address of 0",
            tlv(50, &[]),
            &["an option of 4 octets has another length"],
        ),
        (
            "server identifier of 5",
            tlv(54, &[1, 2, 3, 4, 5]),
            &["an option of 4 octets has another length"],
        ),
        (
            "maximum size of 1",
            tlv(57, &[2]),
            &["an option of 2 octets has another length"],
        ),
        ("host name of 0", tlv(12, &[]), &[]),
        ("unknown option", tlv(224, &[1, 2, 3]), &[]),
        ("name in wire form that is none", tlv(81, &[4, 0, 0, 63, b'a']), &[]),
        ("short name", tlv(81, &[4]), &["option 81 is shorter than 3 octets"]),
        ("padding", vec![0; 9], &[]),
        ("overload of 0", tlv(52, &[0]), &["option 52 is none of 1, 2, 3"]),
        ("overload of 4", tlv(52, &[4]), &["option 52 is none of 1, 2, 3"]),
        ("rapid commit with value", tlv(80, &[1]), &["option 80 carries a value"]),
        (
            "router list of 6",
            tlv(3, &[1, 2, 3, 4, 5, 6]),
            &["a list of addresses is no multiple of 4 octets"],
        ),
    ];
    for (name, bad, expected) in table {
        for place in 0..=9 {
            // Cut the good options at every boundary and put the bad one there.
            let good = needed();
            let mut cut = 0;
            for _ in 0..place {
                cut += 2 + usize::from(good[cut + 1]);
            }
            let bytes = request(&[&good[..cut], bad, &good[cut..], &[255]].concat());
            let packet = Packet::parse(&bytes).unwrap();
            check_needed(&packet);
            assert_eq!(&problems(&packet), expected, "{name} at {place}");
        }
    }
}

#[test]
fn an_over_long_tail_costs_itself_only() {
    for tail in [&[12, 200, b'a'][..], &[12], &[12, 1]] {
        let bytes = request(&[&needed()[..], tail].concat());
        let packet = Packet::parse(&bytes).unwrap();
        check_needed(&packet);
        assert_eq!(packet.host_name(), None);
        assert_eq!(packet.anomalies().count(), 1);
    }
}

#[test]
fn a_missing_end_is_reported_and_harmless() {
    let bytes = request(&needed());
    let packet = Packet::parse(&bytes).unwrap();
    check_needed(&packet);
    assert_eq!(problems(&packet), ["the options lack their End"]);
}

#[test]
fn what_follows_the_end_is_no_option() {
    let bytes = request(&[&needed()[..], &[255], &tlv(12, b"ghost")].concat());
    let packet = Packet::parse(&bytes).unwrap();
    check_needed(&packet);
    assert_eq!(packet.host_name(), None);
}

#[test]
fn names_without_nul_are_whole() {
    let mut bytes = request(&[&needed()[..], &[255]].concat());
    bytes[SNAME].fill(b's');
    bytes[FILE].fill(b'f');
    let packet = Packet::parse(&bytes).unwrap();
    check_needed(&packet);
    assert_eq!(packet.sname(), [b's'; 64]);
    assert_eq!(packet.file(), [b'f'; 128]);
    bytes[SNAME.start + 3] = 0;
    assert_eq!(Packet::parse(&bytes).unwrap().sname(), b"sss");
}

#[test]
fn options_go_on_in_file_and_then_in_sname() {
    for overload in 1..=3u8 {
        let mut bytes = request(&[&tlv(52, &[overload])[..], &tlv(15, b"main"), &[255]].concat());
        let good = needed();
        let (file, sname) = (good.len() - 30, 30);
        assert!(file < 128 && sname < 64);
        match overload {
            1 => bytes[FILE][..good.len()].copy_from_slice(&good),
            2 => bytes[SNAME][..5].copy_from_slice(&tlv(12, b"abc")),
            _ => {
                bytes[FILE][..good.len()].copy_from_slice(&good);
                bytes[FILE.start + good.len()] = 255;
                bytes[SNAME][..5].copy_from_slice(&tlv(12, b"abc"));
            }
        }
        let packet = Packet::parse(&bytes).unwrap();
        let codes: Vec<u8> = packet.options().map(|(code, _)| code).collect();
        let expected: &[u8] = match overload {
            1 => &[52, 15, 53, 60, 61, 77, 82, 93, 94, 97, 175],
            2 => &[52, 15, 12],
            _ => &[52, 15, 53, 60, 61, 77, 82, 93, 94, 97, 175, 12],
        };
        assert_eq!(codes, expected);
        if overload & 1 != 0 {
            check_needed(&packet);
            assert!(packet.file().is_empty());
        }
        assert!(packet.sname().is_empty());
    }
}

#[test]
fn an_option_does_not_reach_out_of_its_field() {
    let mut bytes = request(&[&tlv(52, &[3])[..], &needed(), &[255]].concat());
    // 126 octets of value would end in the option field.
    bytes[FILE.end - 3..FILE.end].copy_from_slice(&[12, 126, b'x']);
    let sname = tlv(15, b"ok");
    bytes[SNAME][..4].copy_from_slice(&sname);
    bytes[SNAME.start + 4] = 255;
    let packet = Packet::parse(&bytes).unwrap();
    check_needed(&packet);
    assert_eq!(packet.host_name(), None);
    assert_eq!(packet.option(15).unwrap(), &b"ok"[..]);
    assert_eq!(problems(&packet), ["an option is longer than what is left"]);
}

#[test]
fn overload_inside_an_overloaded_field_starts_no_second_walk() {
    let mut bytes = request(&[&tlv(52, &[1])[..], &[255]].concat());
    bytes[FILE][..3].copy_from_slice(&tlv(52, &[3]));
    let packet = Packet::parse(&bytes).unwrap();
    assert_eq!(packet.options().count(), 2);
}

#[test]
fn split_options_are_joined_across_fields() {
    let mut bytes = request(
        &[
            &tlv(52, &[1])[..],
            &tlv(61, b"ab"),
            &tlv(12, b"x"),
            &tlv(61, b"cd"),
            &[255],
        ]
        .concat(),
    );
    bytes[FILE][..3].copy_from_slice(&tlv(61, b"e"));
    let packet = Packet::parse(&bytes).unwrap();
    assert_eq!(packet.client_id().unwrap(), &b"abcde"[..]);
    assert_eq!(packet.options().filter(|(code, _)| *code == 61).count(), 3);
}

#[test]
fn a_number_given_twice_counts_once_and_is_reported() {
    let bytes = request(
        &[
            &tlv(53, &[1])[..],
            &tlv(50, &[10, 0, 0, 1]),
            &tlv(50, &[10, 0, 0, 2]),
            &[255],
        ]
        .concat(),
    );
    let packet = Packet::parse(&bytes).unwrap();
    assert_eq!(packet.requested_address(), Some(Ok([10, 0, 0, 1].into())));
    assert_eq!(problems(&packet), ["an option of 4 octets has another length"]);
}

#[test]
fn a_number_in_pieces_is_one_number() {
    let bytes = request(&[&tlv(50, &[10, 0])[..], &tlv(50, &[0, 9]), &[255]].concat());
    let packet = Packet::parse(&bytes).unwrap();
    assert_eq!(packet.requested_address(), Some(Ok([10, 0, 0, 9].into())));
    assert_eq!(packet.anomalies().count(), 0);
}

#[test]
fn a_broken_value_says_where_it_is() {
    let bytes = request(&[&tlv(53, &[1])[..], &tlv(50, &[10, 0, 0]), &[255]].concat());
    let problem = Packet::parse(&bytes).unwrap().requested_address().unwrap().unwrap_err();
    assert_eq!(problem.at, HEADER + 4 + 3);
    assert_eq!(
        problem.to_string(),
        "the requested address is not 4 octets long (octet 243)"
    );
}

#[test]
fn bootp_without_options_is_read() {
    let bare = &request(&[])[..HEADER];
    let zeros = [bare, &[0; 64]].concat();
    for bytes in [bare, &zeros] {
        let packet = Packet::parse(bytes).unwrap();
        assert!(!packet.has_options());
        assert_eq!(packet.mac(), Some(MAC));
        assert_eq!(
            (
                packet.message_type(),
                packet.options().count(),
                packet.anomalies().count()
            ),
            (None, 0, 0)
        );
        assert_eq!(budget(&packet, 1500), 300);
    }
}

#[test]
fn what_is_no_message_is_refused_with_its_place() {
    let whole = request(&[255]);
    for length in 0..HEADER {
        assert_eq!(Packet::parse(&whole[..length]).unwrap_err().at, length);
    }
    let mut other = whole;
    other[HEADER] = b'C';
    assert_eq!(Packet::parse(&other).unwrap_err().at, HEADER);
}

#[test]
fn a_hardware_address_is_never_longer_than_its_field() {
    for hlen in [0, 5, 6, 7, 16, 17, 255] {
        let mut bytes = request(&[255]);
        bytes[2] = hlen;
        let packet = Packet::parse(&bytes).unwrap();
        assert_eq!(packet.chaddr().len(), usize::from(hlen).min(16));
        assert_eq!(packet.mac().is_some(), hlen == 6);
        assert_eq!(packet.anomalies().count(), usize::from(hlen > 16));
        let reply = Message::reply_to(&packet, MessageType::Offer, SERVER);
        assert!(reply.header.hlen <= 16);
    }
}

#[test]
fn infiniband_has_no_mac() {
    let mut bytes = request(&[255]);
    (bytes[1], bytes[2]) = (32, 0);
    let packet = Packet::parse(&bytes).unwrap();
    assert_eq!((packet.mac(), packet.chaddr()), (None, &[][..]));
}
