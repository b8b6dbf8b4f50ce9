//! One case and more for each getter.
use super::*;

#[track_caller]
fn with<R>(option: &[u8], read: impl FnOnce(Packet<'_>) -> R) -> R {
    let bytes = request(&[option, &[255]].concat());
    read(Packet::parse(&bytes).unwrap())
}

#[test]
fn header_fields_are_where_rfc_2131_has_them() {
    let mut bytes = request(&[255]);
    bytes[3] = 2;
    bytes[8..12].copy_from_slice(&[1, 2, 0x80, 0]);
    for (i, octet) in (12..28).enumerate() {
        bytes[octet] = i as u8;
    }
    let packet = Packet::parse(&bytes).unwrap();
    assert_eq!(
        (packet.op(), packet.htype(), packet.hlen(), packet.hops()),
        (1, 1, 6, 2)
    );
    assert_eq!(
        (packet.xid(), packet.secs(), packet.flags()),
        (0xdead_beef, 0x0102, 0x8000)
    );
    assert!(packet.broadcast());
    assert_eq!(packet.ciaddr(), Ipv4Addr::new(0, 1, 2, 3));
    assert_eq!(packet.yiaddr(), Ipv4Addr::new(4, 5, 6, 7));
    assert_eq!(packet.siaddr(), Ipv4Addr::new(8, 9, 10, 11));
    assert_eq!(packet.giaddr(), Ipv4Addr::new(12, 13, 14, 15));
}

#[test]
fn user_class_is_read_in_both_forms() {
    let table: &[(&[u8], &[&[u8]])] = &[
        (b"iPXE", &[b"iPXE"]),
        (b"\x04iPXE", &[b"iPXE"]),
        (b"\x04iPXE\x03foo", &[b"iPXE", b"foo"]),
        (b"\x04iPX", &[b"\x04iPX"]),
        (b"\x04iPXE\x00", &[b"\x04iPXE\x00"]),
        (b"\x01", &[b"\x01"]),
        (b"", &[]),
    ];
    for (value, classes) in table {
        with(&tlv(77, value), |packet| {
            let class = packet.user_class().unwrap();
            assert_eq!(class.classes().collect::<Vec<_>>(), *classes, "{value:?}");
            assert_eq!(class.raw(), *value);
            assert_eq!(packet.is_ipxe(), classes.contains(&&b"iPXE"[..]));
        });
    }
}

#[test]
fn several_architectures_are_all_read() {
    with(&tlv(93, &[0, 7, 0, 16, 0x12, 0x34]), |packet| {
        let archs = packet.archs().unwrap().unwrap();
        assert_eq!(
            archs.iter().collect::<Vec<_>>(),
            [Arch::EfiX64, Arch::HttpX64, Arch::Unknown(0x1234)]
        );
        assert_eq!(packet.arch(), Some(Ok(Arch::EfiX64)));
    });
    for bad in [&[][..], &[7], &[0, 7, 0]] {
        with(&tlv(93, bad), |packet| assert!(packet.arch().unwrap().is_err()));
    }
    with(&[], |packet| assert_eq!(packet.arch(), None));
}

#[test]
fn every_architecture_keeps_its_code() {
    for code in 0..=u16::MAX {
        assert_eq!(Arch::from_code(code).code(), code);
    }
}

#[test]
fn architectures_tell_loader_and_transport() {
    let table = [
        (0, false, false, Cpu::X86, "x86 BIOS"),
        (6, true, false, Cpu::X86, "x86 UEFI"),
        (7, true, false, Cpu::X64, "x64 UEFI"),
        (9, true, false, Cpu::X64, "x64 UEFI (9)"),
        (10, true, false, Cpu::Arm32, "ARM32 UEFI"),
        (11, true, false, Cpu::Arm64, "ARM64 UEFI"),
        (15, true, true, Cpu::X86, "x86 UEFI HTTP"),
        (16, true, true, Cpu::X64, "x64 UEFI HTTP"),
        (18, true, true, Cpu::Arm32, "ARM32 UEFI HTTP"),
        (19, true, true, Cpu::Arm64, "ARM64 UEFI HTTP"),
        (27, true, false, Cpu::Riscv64, "RISC-V 64 UEFI"),
        (28, true, true, Cpu::Riscv64, "RISC-V 64 UEFI HTTP"),
        (999, false, false, Cpu::Unknown, "architecture 999"),
    ];
    for (code, uefi, http, cpu, text) in table {
        let arch = Arch::from_code(code);
        assert_eq!(
            (arch.is_uefi(), arch.is_http(), arch.cpu(), &*arch.to_string()),
            (uefi, http, cpu, text)
        );
    }
}

#[test]
fn message_types_keep_their_code() {
    for code in 0..=255 {
        assert_eq!(MessageType::from_code(code).code(), code);
    }
    assert_eq!(MessageType::Discover.to_string(), "DISCOVER");
    assert_eq!(MessageType::Other(13).to_string(), "TYPE13");
}

#[test]
fn uuid_prints_both_ways() {
    let wire = [
        0x67, 0x45, 0x23, 0x01, 0xab, 0x89, 0xef, 0xcd, 0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef,
    ];
    with(&tlv(97, &[&[0], &wire[..]].concat()), |packet| {
        let uuid = packet.client_uuid().unwrap().unwrap();
        assert_eq!(uuid.0, wire);
        assert_eq!(uuid.smbios().to_string(), "01234567-89ab-cdef-0123-456789abcdef");
        assert_eq!(uuid.network().to_string(), "67452301-ab89-efcd-0123-456789abcdef");
        assert!(!uuid.is_unset());
    });
    assert!(ClientUuid([0; 16]).is_unset() && ClientUuid([255; 16]).is_unset());
    for bad in [&[0; 16][..], &[0; 18], &[1; 17]] {
        with(&tlv(97, bad), |packet| assert!(packet.client_uuid().unwrap().is_err()));
    }
}

#[test]
fn relay_agents_tell_port_switch_network_and_server() {
    let value = [
        &tlv(1, b"Gi0/7")[..],
        &tlv(2, b"rack3"),
        &tlv(0, b"zero"),
        &tlv(5, &[10, 9, 0, 1]),
        &tlv(11, &[10, 8, 0, 1]),
        &tlv(255, b"end"),
        &[9, 50, 1],
    ]
    .concat();
    with(&tlv(82, &value), |packet| {
        let relay = packet.relay_agent().unwrap();
        assert_eq!(relay.raw(), value);
        assert_eq!(relay.circuit_id(), Some(&b"Gi0/7"[..]));
        assert_eq!(relay.remote_id(), Some(&b"rack3"[..]));
        assert_eq!(relay.link_selection(), Some(Ok([10, 9, 0, 1].into())));
        assert_eq!(relay.server_id_override(), Some(Ok([10, 8, 0, 1].into())));
        assert_eq!(
            relay.sub_options().map(|entry| entry.0).collect::<Vec<_>>(),
            [1, 2, 0, 5, 11, 255]
        );
    });
    with(&tlv(82, &tlv(5, &[1, 2, 3])), |packet| {
        assert!(packet.relay_agent().unwrap().link_selection().unwrap().is_err());
    });
}

#[test]
fn names_are_read_as_far_as_they_are_names() {
    let table: &[(&[u8], Option<&str>)] = &[
        (b"\x00\0\0node1", Some("node1")),
        (b"\x00\0\0node1.lab.\0", Some("node1.lab")),
        (b"\x04\0\0\x05node1\x03lab\x00", Some("node1.lab")),
        (b"\x04\0\0\x05node1", Some("node1")),
        (b"\x04\0\0\x09node1", None),
        (b"\x04\0\0\xc0\x00", None),
        (b"\x04\0\0\x01a\x00\x01b", None),
        (b"\x00\0\0", Some("")),
    ];
    for (value, name) in table {
        with(&tlv(81, value), |packet| {
            let fqdn = packet.client_fqdn().unwrap().unwrap();
            assert_eq!(fqdn.name().as_deref(), *name, "{value:?}");
            assert_eq!(fqdn.flags(), value[0]);
        });
    }
}

#[test]
fn text_loses_its_trailing_nuls_and_nothing_else() {
    with(&tlv(12, b"node\0one\0\0"), |packet| {
        assert_eq!(packet.host_name().unwrap(), &b"node\0one"[..])
    });
    with(&tlv(12, b"\0\0"), |packet| {
        assert_eq!(packet.host_name().unwrap(), &b""[..])
    });
    with(&tlv(12, b"\xe9ab"), |packet| {
        assert_eq!(packet.host_name_lossy().unwrap(), "\u{fffd}ab")
    });
    let split = [tlv(60, b"PXE"), tlv(60, b"Client\0")].concat();
    with(&split, |packet| {
        assert_eq!(packet.vendor_class().unwrap(), &b"PXEClient"[..])
    });
}

#[test]
fn the_other_getters_read_their_options() {
    let options = [
        tlv(54, &[10, 0, 0, 1]),
        tlv(51, &[0, 1, 0x51, 0x80]),
        tlv(55, &[1, 3, 66]),
        tlv(57, &[5, 0xdc]),
        tlv(80, &[]),
        tlv(118, &[10, 2, 0, 0]),
        tlv(43, &[71, 4, 0, 1, 0, 2]),
    ];
    with(&options.concat(), |packet| {
        assert_eq!(packet.server_id(), Some(Ok(SERVER)));
        assert_eq!(packet.lease_time(), Some(Ok(86_400)));
        assert_eq!(packet.parameter_list().unwrap(), &[1, 3, 66][..]);
        assert!(packet.wants(66) && !packet.wants(67));
        assert_eq!(packet.max_size(), Some(Ok(1500)));
        assert!(packet.rapid_commit());
        assert_eq!(packet.subnet_selection(), Some(Ok([10, 2, 0, 0].into())));
        assert_eq!(pxe::boot_item(&packet.vendor_encapsulated().unwrap()), Some((1, 2)));
        assert!(!packet.is_ipxe());
    });
    with(&[], |packet| {
        assert!(!packet.rapid_commit() && packet.relay_agent().is_none())
    });
}
