//! What replies carry and where they go.
use super::*;

fn discover(options: &[u8]) -> Vec<u8> {
    request(&[&tlv(53, &[1]), options, &[255]].concat())
}

#[test]
fn a_reply_belongs_to_its_request() {
    let id = [255, 0, 1, 2, 3];
    let relay = [1, 2, b'p', b'1', 9, 99];
    let uuid = [0; 17];
    let mut bytes = discover(&[tlv(61, &id), tlv(82, &relay), tlv(97, &uuid)].concat());
    bytes[10] = 0x80;
    bytes[24..28].copy_from_slice(&[10, 5, 0, 1]);
    let packet = Packet::parse(&bytes).unwrap();
    let mut offer = Message::reply_to(&packet, MessageType::Offer, SERVER);
    offer.yiaddr(ADDRESS).lease_time(3600);
    let (out, dropped) = encoded(&offer, 548);
    assert!(dropped.is_empty());
    assert_eq!(out.len(), 300);
    let reply = Packet::parse(&out).unwrap();
    assert_eq!(problems(&reply), [""; 0]);
    assert_eq!(
        (reply.op(), reply.xid(), reply.flags(), reply.mac()),
        (2, 0xdead_beef, 0x8000, Some(MAC))
    );
    assert_eq!((reply.giaddr(), reply.yiaddr()), ([10, 5, 0, 1].into(), ADDRESS));
    assert_eq!(reply.server_id(), Some(Ok(SERVER)));
    assert_eq!(reply.client_id().unwrap(), &id[..]);
    assert_eq!(reply.option(97).unwrap(), &uuid[..]);
    let codes: Vec<u8> = reply.options().map(|(code, _)| code).collect();
    assert_eq!(codes, [53, 54, 61, 51, 97, 82], "82 is last (RFC 3046 section 2.2)");
    assert_eq!(reply.relay_agent().unwrap().raw(), relay);
}

#[test]
fn every_setter_writes_its_option() {
    let bytes = discover(&[]);
    let packet = Packet::parse(&bytes).unwrap();
    let mut reply = Message::reply_to(&packet, MessageType::Ack, SERVER);
    let routes = RouteList::new(&[Route {
        network: [10, 17, 0, 0].into(),
        prefix: 16,
        gateway: SERVER,
    }]);
    reply
        .yiaddr(ADDRESS)
        .subnet_mask([255, 255, 255, 0].into())
        .routers(&[SERVER])
        .dns_servers(&[SERVER, ADDRESS])
        .host_name("nid001")
        .domain_name("lab.example")
        .mtu(9000)
        .broadcast_address([10, 0, 0, 255].into())
        .ntp_servers(&[SERVER])
        .pxe(&pxe::Vendor::boot_file_only())
        .lease_time(3600)
        .renewal_time(1800)
        .rebinding_time(3150)
        .vendor_class("PXEClient")
        .boot_server(SERVER)
        .boot_file("ipxe.efi")
        .domain_search(&SearchList::new(&["lab.example"]).unwrap())
        .static_routes(&routes)
        .message("hello")
        .option(77, b"x");
    let (out, dropped) = encoded(&reply, 548);
    assert!(dropped.is_empty());
    let reply = Packet::parse(&out).unwrap();
    assert_eq!(problems(&reply), [""; 0]);
    let expected: &[(u8, &[u8])] = &[
        (1, &[255, 255, 255, 0]),
        (3, &[10, 0, 0, 1]),
        (6, &[10, 0, 0, 1, 10, 0, 0, 77]),
        (12, b"nid001"),
        (15, b"lab.example"),
        (26, &[0x23, 0x28]),
        (28, &[10, 0, 0, 255]),
        (42, &[10, 0, 0, 1]),
        (43, &[6, 1, 8, 255]),
        (51, &[0, 0, 0x0e, 0x10]),
        (53, &[5]),
        (54, &[10, 0, 0, 1]),
        (56, b"hello"),
        (58, &[0, 0, 0x07, 0x08]),
        (59, &[0, 0, 0x0c, 0x4e]),
        (60, b"PXEClient"),
        (66, b"10.0.0.1"),
        (67, b"ipxe.efi"),
        (77, b"x"),
        (119, b"\x03lab\x07example\x00"),
        (121, &[16, 10, 17, 10, 0, 0, 1]),
    ];
    for (code, value) in expected {
        assert_eq!(reply.option(*code).as_deref(), Some(*value), "option {code}");
    }
    assert_eq!(reply.options().count(), expected.len());
    assert_eq!((reply.file(), reply.siaddr()), (&b"ipxe.efi"[..], SERVER));
}

#[test]
fn a_later_value_replaces_an_earlier_one() {
    let bytes = discover(&tlv(61, b"xyz"));
    let mut reply = Message::reply_to(&Packet::parse(&bytes).unwrap(), MessageType::Ack, SERVER);
    reply
        .host_name("a-long-name")
        .domain_name("b")
        .host_name("c")
        .boot_file(&"u".repeat(200))
        .boot_file("short");
    reply.routers(&[SERVER]).routers(&[]);
    assert_eq!(reply.get(12), Some(&b"c"[..]));
    assert_eq!(reply.get(15), Some(&b"b"[..]));
    assert_eq!(reply.get(61), Some(&b"xyz"[..]));
    assert_eq!(reply.get(67), Some(&b"short"[..]));
    assert_eq!(reply.get(3), None);
    assert_eq!(
        reply.options().map(|option| option.0).collect::<Vec<_>>(),
        [53, 54, 61, 67, 12, 15]
    );
}

#[test]
fn framing_codes_cannot_be_set() {
    let bytes = discover(&[]);
    let mut reply = Message::reply_to(&Packet::parse(&bytes).unwrap(), MessageType::Ack, SERVER);
    reply.option(0, b"x").option(255, b"x").option(52, &[3]);
    assert_eq!(reply.options().count(), 2);
}

#[test]
fn search_list_is_that_of_rfc_3397() {
    let list = SearchList::new(&["eng.apple.com", "marketing.apple.com."]).unwrap();
    assert_eq!(list.as_bytes(), b"\x03eng\x05apple\x03com\x00\x09marketing\xc0\x04");
    let list = SearchList::new(&["Lab.example", "lab.EXAMPLE", "a"]).unwrap();
    assert_eq!(list.as_bytes(), b"\x03Lab\x07example\x00\xc0\x00\x01a\x00");
}

#[test]
fn what_is_no_name_is_no_search_list() {
    for name in ["", ".", "a..b", ".a", "a.."] {
        assert_eq!(SearchList::new(&[name]), Err(NameError::Empty(name.into())));
    }
    let long = "a".repeat(64);
    assert_eq!(SearchList::new(&[&long]), Err(NameError::TooLong(long.clone())));
    let many = ["abcdefg"; 32].join(".");
    assert_eq!(SearchList::new(&[&many]), Err(NameError::TooLong(many.clone())));
}

#[test]
fn routes_are_those_of_rfc_3442() {
    let table: &[([u8; 4], u8, &[u8])] = &[
        ([0, 0, 0, 0], 0, &[0]),
        ([10, 0, 0, 0], 8, &[8, 10]),
        ([10, 0, 0, 0], 24, &[24, 10, 0, 0]),
        ([10, 17, 0, 0], 16, &[16, 10, 17]),
        ([10, 27, 129, 0], 24, &[24, 10, 27, 129]),
        ([10, 229, 0, 128], 25, &[25, 10, 229, 0, 128]),
        ([10, 198, 122, 47], 32, &[32, 10, 198, 122, 47]),
        ([10, 255, 255, 255], 9, &[9, 10, 128]),
        ([1, 2, 3, 4], 99, &[32, 1, 2, 3, 4]),
    ];
    for (network, prefix, expected) in table {
        let list = RouteList::new(&[Route {
            network: (*network).into(),
            prefix: *prefix,
            gateway: SERVER,
        }]);
        assert_eq!(list.as_bytes(), [expected, &SERVER.octets()[..]].concat());
    }
}

#[test]
fn pxe_menus_are_those_of_the_specification() {
    let mut vendor = pxe::Vendor::default();
    vendor.discovery_control(3);
    vendor.boot_servers(&[(1, &[SERVER])]).unwrap();
    vendor.menu(&[(0, "Local"), (1, "Net")]).unwrap();
    vendor.prompt(5, "Boot").unwrap();
    vendor.boot_item(1, 0);
    let expected = b"\x06\x01\x03\x08\x07\0\x01\x01\x0a\0\0\x01\x09\x0e\0\0\x05Local\0\x01\x03Net\x0a\x05\x05Boot\x47\x04\0\x01\0\0\xff";
    assert_eq!(vendor.to_bytes(), expected);
    assert_eq!(pxe::boot_item(&vendor.to_bytes()), Some((1, 0)));
    let before = vendor.to_bytes();
    assert_eq!(vendor.prompt(1, &"x".repeat(255)).err(), Some(pxe::TooLong));
    assert_eq!(vendor.to_bytes(), before);
}

#[test]
fn replies_go_where_rfc_2131_section_4_1_sends_them() {
    use Destination::*;
    use MessageType::{Ack, Nak, Offer};
    let (relay, client): (Ipv4Addr, Ipv4Addr) = ([10, 5, 0, 1].into(), [10, 0, 0, 9].into());
    let none = Ipv4Addr::UNSPECIFIED;
    let table = [
        // giaddr, ciaddr, broadcast, kind, yiaddr, destination
        (relay, none, false, Offer, ADDRESS, Relay(relay)),
        (relay, client, true, Ack, ADDRESS, Relay(relay)),
        (relay, none, false, Nak, none, Relay(relay)),
        (none, client, false, Ack, client, Client(client)),
        (none, client, true, Ack, client, Client(client)),
        (none, client, false, Ack, none, Client(client)),
        (none, none, true, Offer, ADDRESS, Broadcast),
        (none, none, false, Offer, ADDRESS, Hardware(ADDRESS, MAC)),
        (none, none, false, Offer, none, Broadcast),
        (none, client, false, Nak, none, Broadcast),
        (none, none, false, Nak, none, Broadcast),
    ];
    for row @ (giaddr, ciaddr, broadcast, kind, yiaddr, expected) in table {
        let mut bytes = request(&[255]);
        bytes[10] = if broadcast { 0x80 } else { 0 };
        bytes[12..16].copy_from_slice(&ciaddr.octets());
        bytes[24..28].copy_from_slice(&giaddr.octets());
        let packet = Packet::parse(&bytes).unwrap();
        assert_eq!(reply_destination(&packet, kind, yiaddr), expected, "{row:?}");
        let flags = Message::reply_to(&packet, kind, SERVER).header.flags;
        assert_eq!(
            flags & 0x8000 != 0,
            broadcast || (kind == Nak && giaddr == relay),
            "{row:?}"
        );
    }
}

#[test]
fn only_an_ack_confirms_the_address_in_use() {
    let mut bytes = request(&[255]);
    bytes[12..16].copy_from_slice(&[10, 0, 0, 9]);
    let packet = Packet::parse(&bytes).unwrap();
    for (kind, ciaddr) in [
        (MessageType::Ack, [10, 0, 0, 9]),
        (MessageType::Offer, [0; 4]),
        (MessageType::Nak, [0; 4]),
    ] {
        assert_eq!(
            Message::reply_to(&packet, kind, SERVER).header.ciaddr,
            Ipv4Addr::from(ciaddr)
        );
    }
}

#[test]
fn without_a_usable_hardware_address_replies_are_broadcast() {
    let mut bytes = request(&[255]);
    (bytes[1], bytes[2]) = (32, 0);
    let packet = Packet::parse(&bytes).unwrap();
    assert_eq!(
        reply_destination(&packet, MessageType::Offer, ADDRESS),
        Destination::Broadcast
    );
}

#[test]
fn a_server_can_ask_like_a_client() {
    let (out, dropped) = encoded(&Message::discover(7, MAC), 548);
    assert!(dropped.is_empty());
    let packet = Packet::parse(&out).unwrap();
    assert_eq!((packet.op(), packet.xid(), packet.mac()), (1, 7, Some(MAC)));
    assert_eq!(packet.message_type(), Some(Ok(MessageType::Discover)));
    assert!(packet.broadcast() && packet.wants(code::BOOT_FILE));
    assert_eq!(packet.client_id().unwrap(), &[1, 0x52, 0x54, 0, 0xaa, 0xbb, 0xcc][..]);
    assert_eq!(problems(&packet), [""; 0]);
}
