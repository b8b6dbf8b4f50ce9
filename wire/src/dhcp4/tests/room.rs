//! What happens when there is more to say than room.
use super::*;

fn ack() -> Message {
    let bytes = request(&[&tlv(53, &[3])[..], &[255]].concat());
    let mut reply = Message::reply_to(&Packet::parse(&bytes).unwrap(), MessageType::Ack, SERVER);
    reply
        .yiaddr(ADDRESS)
        .lease_time(3600)
        .subnet_mask([255, 255, 255, 0].into());
    reply
}

#[test]
fn the_budget_is_what_client_and_network_both_take() {
    let table: &[(Option<u16>, u16, usize)] = &[
        (None, 1500, 548),
        (Some(576), 1500, 548),
        (Some(100), 1500, 548),
        (Some(1500), 1500, 1472),
        (Some(1472), 1500, 1444),
        (Some(65_535), 1500, 1472),
        (Some(65_535), 9000, 8972),
        (Some(1500), 1400, 1372),
        (Some(1500), 68, 548),
    ];
    for (taken, mtu, expected) in table {
        let size = taken.map_or(vec![], |taken| tlv(57, &taken.to_be_bytes()));
        let bytes = request(&[&tlv(53, &[1])[..], &size, &[255]].concat());
        assert_eq!(budget(&Packet::parse(&bytes).unwrap(), *mtu), *expected);
    }
}

#[test]
fn a_short_boot_file_is_in_header_and_option() {
    for length in [1, 126, 127] {
        let name = "b".repeat(length);
        let (out, dropped) = encoded(ack().boot_file(&name), 548);
        let packet = Packet::parse(&out).unwrap();
        assert_eq!(packet.file(), name.as_bytes());
        assert_eq!(packet.option(67).unwrap(), name.as_bytes());
        assert!(dropped.is_empty());
        assert_eq!(out[FILE.end - 1], 0, "old boot ROMs look for the NUL");
    }
}

#[test]
fn a_long_boot_url_is_in_the_option_alone_and_whole() {
    for length in [128, 255, 256, 280] {
        let url = "u".repeat(length);
        let (out, dropped) = encoded(ack().boot_file(&url), 548);
        let packet = Packet::parse(&out).unwrap();
        assert_eq!(packet.option(67).unwrap(), url.as_bytes());
        assert!(packet.file().is_empty() && dropped.is_empty());
        assert_eq!(
            packet.options().filter(|option| option.0 == 67).count(),
            length.div_ceil(255)
        );
    }
}

#[test]
fn a_long_option_is_split_and_joined_again() {
    for length in [0, 1, 254, 255, 256, 509, 510, 511, 765, 766] {
        let value: Vec<u8> = (0..length).map(|i| i as u8).collect();
        let (out, dropped) = encoded(ack().option(224, &value), 1472);
        let packet = Packet::parse(&out).unwrap();
        assert_eq!(packet.option(224).unwrap(), value);
        assert!(dropped.is_empty());
        assert_eq!(problems(&packet), [""; 0]);
    }
}

#[test]
fn what_exceeds_the_options_goes_to_sname_and_then_to_file() {
    let mut reply = ack();
    // 240 + 6 + 6 + 6 + 6 + 202 + 42 leaves 39 of 547; then there are 63 in sname and 127 in file.
    reply
        .option(224, &[1; 200])
        .option(225, &[2; 40])
        .option(226, &[3; 60])
        .option(227, &[4; 125]);
    let (out, dropped) = encoded(&reply, 548);
    assert_eq!(dropped, [0; 0]);
    let packet = Packet::parse(&out).unwrap();
    assert_eq!(packet.option(52).unwrap(), &[3][..]);
    assert_eq!(
        packet.options().map(|option| option.0).collect::<Vec<_>>(),
        [53, 52, 54, 51, 1, 224, 225, 227, 226]
    );
    assert_eq!(packet.option(226).unwrap(), &[3; 60][..]);
    assert_eq!(packet.option(227).unwrap(), &[4; 125][..]);
    assert_eq!(problems(&packet), [""; 0]);
    assert!(out.len() <= 548);
}

#[test]
fn the_boot_file_keeps_its_header_field() {
    let mut reply = ack();
    reply
        .boot_file("ipxe.efi")
        .option(224, &[1; 200])
        .option(225, &[2; 40])
        .option(226, &[3; 60])
        .option(227, &[4; 125]);
    let (out, dropped) = encoded(&reply, 548);
    assert_eq!(dropped, [227]);
    let packet = Packet::parse(&out).unwrap();
    assert_eq!(packet.file(), b"ipxe.efi");
    assert_eq!(packet.option(52).unwrap(), &[2][..]);
}

#[test]
fn comfort_is_dropped_before_what_a_machine_needs() {
    let mut reply = ack();
    let servers = [SERVER; 14];
    reply
        .ntp_servers(&servers)
        .domain_search(&SearchList::new(&["a".repeat(60), "b".repeat(60)]).unwrap())
        .domain_name(&"d".repeat(100))
        .boot_server(SERVER)
        .boot_file(&"u".repeat(200))
        .vendor_class("HTTPClient")
        .dns_servers(&[SERVER])
        .routers(&[SERVER]);
    let (out, dropped) = encoded(&reply, 548);
    let packet = Packet::parse(&out).unwrap();
    for needed in [53, 54, 51, 1, 3, 6, 60, 66, 67] {
        assert!(packet.has(needed), "option {needed}");
    }
    assert_eq!(dropped, [119]);
    assert!(out.len() <= 548);
}

#[test]
fn the_relay_agents_option_keeps_its_room_and_its_place() {
    let relay = [&[1, 60][..], &[b'p'; 60]].concat();
    let bytes = request(&[&tlv(53, &[1])[..], &tlv(82, &relay), &[255]].concat());
    let mut reply = Message::reply_to(&Packet::parse(&bytes).unwrap(), MessageType::Offer, SERVER);
    reply.boot_file("x").option(224, &[1; 200]).option(225, &[2; 200]);
    let (out, dropped) = encoded(&reply, 548);
    assert_eq!(dropped, [225]);
    let packet = Packet::parse(&out).unwrap();
    assert_eq!(packet.relay_agent().unwrap().raw(), relay);
    assert_eq!(packet.options().last().unwrap().0, 82);
    assert!(!packet.has(52), "no field was needed in the end");
    assert_eq!(problems(&packet), [""; 0]);
}

#[test]
fn a_relay_agents_option_beyond_all_room_is_left_out_and_reported() {
    let huge = [7; 250];
    let options = [&tlv(53, &[1])[..], &tlv(82, &huge), &tlv(82, &huge), &[255]].concat();
    let bytes = request(&options);
    let reply = Message::reply_to(&Packet::parse(&bytes).unwrap(), MessageType::Offer, SERVER);
    let (out, dropped) = encoded(&reply, 548);
    assert_eq!(dropped, [82]);
    assert_eq!(Packet::parse(&out).unwrap().server_id(), Some(Ok(SERVER)));
}

#[test]
fn the_budget_holds_with_a_relay_agents_option_of_any_length() {
    let fields = [
        tlv(54, &[10; 4]),
        tlv(51, &[9; 4]),
        tlv(224, &[1; 40]),
        tlv(225, &[2; 100]),
    ]
    .concat();
    for length in 0..=320 {
        let value = vec![7; length];
        let relay: Vec<u8> = value.chunks(255).flat_map(|piece| tlv(82, piece)).collect();
        let bytes = request(&[&tlv(53, &[1])[..], &relay, &fields, &[255]].concat());
        let packet = Packet::parse(&bytes).unwrap();
        let mut reply = Message::reply_to(&packet, MessageType::Offer, SERVER);
        for (code, value) in packet.options().filter(|option| !matches!(option.0, 53 | 82)) {
            reply.option(code, value);
        }
        let (out, dropped) = encoded(&reply, 548);
        assert!(
            out.len() <= 548,
            "{} octets beside {length} of the relay agent",
            out.len()
        );
        let read = Packet::parse(&out).unwrap();
        assert_eq!(problems(&read), [""; 0]);
        assert_eq!(read.has(82), length > 0 && !dropped.contains(&82));
    }
}

#[test]
fn a_bootp_reply_has_300_octets_and_no_overload() {
    let bytes = request(&[]);
    let packet = Packet::parse(&bytes[..HEADER]).unwrap();
    let mut reply = Message::bootp_reply_to(&packet);
    reply
        .yiaddr(ADDRESS)
        .boot_file("b")
        .subnet_mask([255, 0, 0, 0].into())
        .option(224, &[9; 60])
        .option(225, &[9; 10]);
    let (out, dropped) = encoded(&reply, budget(&packet, 1500));
    assert_eq!((out.len(), dropped), (300, vec![224]));
    let reply = Packet::parse(&out).unwrap();
    assert_eq!(reply.options().map(|option| option.0).collect::<Vec<_>>(), [1, 67, 225]);
}

#[test]
fn the_buffer_is_used_again() {
    let mut out = Vec::with_capacity(1500);
    let place = out.as_ptr();
    ack().boot_file(&"long".repeat(60)).encode(1472, &mut out);
    ack().encode(1472, &mut out);
    assert_eq!((out.len(), out.as_ptr()), (300, place));
    assert_eq!(out, encoded(&ack(), 1472).0, "nothing of the first message shows");
}
