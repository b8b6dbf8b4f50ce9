#![allow(clippy::unwrap_used)]
use super::*;

/// iPXE solicits; taken with tcpdump.
const IPXE: &str = "8500d921000000000101525400b10001";
/// OVMF solicits and does not say who it is.
const OVMF: &str = "85007bb800000000";
/// dnsmasq advertises a prefix, DHCPv6 and itself.
const DNSMASQ: &str = "860008f0400007080000000000000000030440c0ffffffffffffffff00000000fd91000000000000000000000000000005010000000005dc01014e0f8fdea5b3";

const MAC: Mac = Mac([0x52, 0x54, 0, 0xb1, 0, 1]);

fn hex(text: &str) -> Vec<u8> {
    (0..text.len())
        .step_by(2)
        .map(|i| u8::from_str_radix(&text[i..i + 2], 16).unwrap())
        .collect()
}

#[test]
fn captured_messages_are_understood() {
    assert_eq!(
        parse(&hex(IPXE)),
        Ok(Some(RouterMessage::Solicitation { from: Some(MAC) }))
    );
    assert_eq!(parse(&hex(OVMF)), Ok(Some(RouterMessage::Solicitation { from: None })));
    let from = Some("4e:0f:8f:de:a5:b3".parse().unwrap());
    for (flags, dhcp) in [(0, false), (0x80, true), (0x40, true), (0x3f, false)] {
        let mut bytes = hex(DNSMASQ);
        bytes[5] |= flags;
        let expected = RouterMessage::Advertisement {
            from,
            lifetime: 1800,
            dhcp,
            prefix: true,
        };
        assert_eq!(parse(&bytes), Ok(Some(expected)));
    }
}

#[test]
fn our_advertisement_offers_nothing() {
    let message = advertisement(MAC);
    let nothing = RouterMessage::Advertisement {
        from: Some(MAC),
        lifetime: 0,
        dhcp: false,
        prefix: false,
    };
    assert_eq!(parse(&message), Ok(Some(nothing)));
    assert_eq!(message.len(), 24);
}

#[test]
fn the_checksum_is_that_of_a_captured_message() {
    let captured = hex(IPXE);
    let mut ours = captured.clone();
    ours[2..4].fill(0xaa);
    seal(&mut ours, "fe80::5054:ff:feb1:1".parse().unwrap(), ALL_ROUTERS);
    assert_eq!(ours, captured);
    seal(&mut [1, 2, 3], ALL_NODES, ALL_ROUTERS);
}

#[test]
fn other_messages_are_none_of_our_business() {
    for other in [&[][..], &[128, 0, 0, 0], &[135; 24], &[136; 32]] {
        assert_eq!(parse(other), Ok(None));
    }
}

#[test]
fn messages_cut_short_are_refused_with_their_place() {
    let table: &[(&[u8], usize)] = &[
        (&[133, 0, 0, 0, 0, 0, 0], 7),
        (&[134, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], 15),
        (&[133, 1, 0, 0, 0, 0, 0, 0], 1),
        (&[133, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0], 8),
        (&[133, 0, 0, 0, 0, 0, 0, 0, 1], 8),
        (&[133, 0, 0, 0, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 0, 0], 8),
    ];
    for (bytes, at) in table {
        assert_eq!(parse(bytes).unwrap_err().at, *at, "{bytes:?}");
    }
}

proptest::proptest! {
    #[test]
    fn no_octets_make_the_reader_panic(kind in 132u8..136, rest: Vec<u8>) {
        let _ = parse(&[&[kind, 0][..], &rest].concat());
    }
}
