//! A second opinion: dhcproto must read what is written here, and write what is read here, for canonical messages.
use dhcproto::v4::{self, DhcpOption, OptionCode};
use dhcproto::{Decodable, Decoder, Encodable};

use super::*;

fn decode(bytes: &[u8]) -> v4::Message {
    v4::Message::decode(&mut Decoder::new(bytes)).unwrap()
}

#[test]
fn our_offer_means_the_same_to_dhcproto() {
    let bytes = request(&[&tlv(53, &[1])[..], &tlv(61, b"\x01abcdef"), &[255]].concat());
    let mut offer = Message::reply_to(&Packet::parse(&bytes).unwrap(), MessageType::Offer, SERVER);
    offer
        .yiaddr(ADDRESS)
        .subnet_mask([255, 255, 0, 0].into())
        .routers(&[SERVER])
        .dns_servers(&[SERVER, ADDRESS])
        .host_name("nid001")
        .mtu(9000)
        .lease_time(7200)
        .boot_server(SERVER)
        .boot_file("ipxe.efi")
        .domain_search(&SearchList::new(&["a.example", "b.example"]).unwrap())
        .static_routes(&RouteList::new(&[Route {
            network: [10, 17, 0, 0].into(),
            prefix: 16,
            gateway: SERVER,
        }]));
    let theirs = decode(&encoded(&offer, 548).0);
    assert_eq!((theirs.opcode(), theirs.xid()), (v4::Opcode::BootReply, 0xdead_beef));
    assert_eq!((theirs.yiaddr(), theirs.siaddr()), (ADDRESS, SERVER));
    assert_eq!(theirs.chaddr(), MAC.octets());
    assert_eq!(theirs.fname(), Some(&b"ipxe.efi\0"[..]));
    let expected = [
        DhcpOption::MessageType(v4::MessageType::Offer),
        DhcpOption::ServerIdentifier(SERVER),
        DhcpOption::ClientIdentifier(b"\x01abcdef".to_vec()),
        DhcpOption::SubnetMask([255, 255, 0, 0].into()),
        DhcpOption::Router(vec![SERVER]),
        DhcpOption::DomainNameServer(vec![SERVER, ADDRESS]),
        DhcpOption::Hostname("nid001".into()),
        DhcpOption::InterfaceMtu(9000),
        DhcpOption::AddressLeaseTime(7200),
        DhcpOption::TFTPServerName(b"10.0.0.1".to_vec()),
        DhcpOption::BootfileName(b"ipxe.efi".to_vec()),
    ];
    for option in expected {
        assert_eq!(theirs.opts().get(OptionCode::from(&option)), Some(&option));
    }
    let search = format!("{:?}", theirs.opts().get(OptionCode::DomainSearch));
    assert!(search.contains("a.example") && search.contains("b.example"), "{search}");
    assert!(theirs.opts().get(OptionCode::ClasslessStaticRoute).is_some());
}

#[test]
fn both_read_the_captures_alike() {
    for bytes in captures::ALL {
        let (ours, theirs) = (Packet::parse(bytes).unwrap(), decode(bytes));
        assert_eq!(
            (ours.xid(), ours.secs(), ours.flags()),
            (theirs.xid(), theirs.secs(), theirs.flags().into())
        );
        assert_eq!(ours.chaddr(), theirs.chaddr());
        assert_eq!(
            ours.message_type().unwrap().unwrap().code(),
            u8::from(theirs.opts().msg_type().unwrap())
        );
        let known = |code: &u8| theirs.opts().get(OptionCode::from(*code)).is_some();
        let lost: Vec<u8> = ours
            .options()
            .map(|option| option.0)
            .filter(|code| !known(code))
            .collect();
        // dhcproto gives up at a name in ASCII (RFC 4702 section 2.3.2), which udhcpc sends last.
        let expected: &[u8] = if ours.vendor_class().is_some_and(|class| class.starts_with(b"udhcp")) {
            &[81]
        } else {
            &[]
        };
        assert_eq!(lost, expected);
        for (code, option) in theirs.opts().iter() {
            let value = ours.option(u8::from(*code)).unwrap();
            // Their encoding of the option: code, length, value.
            assert_eq!(option.to_vec().unwrap()[2..], value[..], "option {code:?}");
        }
    }
}

#[test]
fn we_read_what_dhcproto_writes() {
    let mut theirs = v4::Message::default();
    theirs
        .set_xid(77)
        .set_chaddr(&MAC.octets())
        .set_opcode(v4::Opcode::BootRequest);
    theirs
        .opts_mut()
        .insert(DhcpOption::MessageType(v4::MessageType::Discover));
    theirs
        .opts_mut()
        .insert(DhcpOption::ClientIdentifier((0..=255).chain(0..=99).collect()));
    theirs.opts_mut().insert(DhcpOption::MaxMessageSize(1472));
    theirs.opts_mut().insert(DhcpOption::RequestedIpAddress(ADDRESS));
    let bytes = theirs.to_vec().unwrap();
    let ours = Packet::parse(&bytes).unwrap();
    assert_eq!((ours.xid(), ours.mac()), (77, Some(MAC)));
    assert_eq!(ours.client_id().unwrap(), (0..=255).chain(0..=99).collect::<Vec<u8>>());
    assert_eq!(ours.max_size(), Some(Ok(1472)));
    assert_eq!(ours.requested_address(), Some(Ok(ADDRESS)));
    assert_eq!(problems(&ours), [""; 0]);
}
