//! Real firmware and clients; see `../fixtures/README.md`.
use super::*;

macro_rules! fixture {
    ($name:literal) => {
        include_bytes!(concat!("../fixtures/", $name, ".bin")).as_slice()
    };
}

const UUID: &str = "01234567-89ab-cdef-0123-456789abcdef";

pub(super) const ALL: [&[u8]; 10] = [
    fixture!("ovmf-pxe-discover"),
    fixture!("ovmf-pxe-request"),
    fixture!("ovmf-http-discover"),
    fixture!("ipxe-bios-discover"),
    fixture!("ipxe-bios-request"),
    fixture!("ipxe-efi-discover"),
    fixture!("udhcpc-discover"),
    fixture!("dhclient-discover"),
    fixture!("dnsmasq-offer"),
    fixture!("dnsmasq-http-offer"),
];

#[test]
fn real_messages_have_no_anomaly() {
    for bytes in ALL {
        assert_eq!(problems(&Packet::parse(bytes).unwrap()), [""; 0]);
    }
}

#[test]
fn ovmf_asks_for_pxe() {
    let packet = Packet::parse(fixture!("ovmf-pxe-discover")).unwrap();
    assert_eq!(packet.message_type(), Some(Ok(MessageType::Discover)));
    assert_eq!(packet.mac(), Some("52:54:00:0f:00:01".parse().unwrap()));
    assert_eq!(packet.vendor_class().unwrap(), &b"PXEClient:Arch:00007:UNDI:003000"[..]);
    assert_eq!(packet.arch(), Some(Ok(Arch::EfiX64)));
    assert_eq!(packet.client_uuid().unwrap().unwrap().smbios().to_string(), UUID);
    assert!(packet.broadcast() && !packet.is_ipxe() && packet.client_id().is_none());
    assert_eq!(
        reply_destination(&packet, MessageType::Offer, ADDRESS),
        Destination::Broadcast
    );
}

#[test]
fn ovmf_takes_an_offer() {
    let packet = Packet::parse(fixture!("ovmf-pxe-request")).unwrap();
    assert_eq!(packet.message_type(), Some(Ok(MessageType::Request)));
    assert_eq!(packet.server_id(), Some(Ok([10, 91, 0, 1].into())));
    assert_eq!(packet.requested_address(), Some(Ok([10, 91, 0, 60].into())));
}

#[test]
fn ovmf_asks_for_http_boot() {
    let packet = Packet::parse(fixture!("ovmf-http-discover")).unwrap();
    assert_eq!(
        packet.vendor_class().unwrap(),
        &b"HTTPClient:Arch:00016:UNDI:003000"[..]
    );
    assert!(packet.arch().unwrap().unwrap().is_http());
    assert!(packet.client_uuid().unwrap().unwrap().is_unset());
}

#[test]
fn ipxe_is_known_under_either_firmware() {
    for (bytes, arch) in [
        (fixture!("ipxe-bios-discover"), Arch::BiosX86),
        (fixture!("ipxe-efi-discover"), Arch::EfiX64),
    ] {
        let packet = Packet::parse(bytes).unwrap();
        assert!(packet.is_ipxe() && packet.ipxe().is_some());
        assert!(packet.user_class().unwrap().contains(b"iPXE"));
        assert_eq!(packet.arch(), Some(Ok(arch)));
        assert_eq!(packet.client_uuid().unwrap().unwrap().smbios().to_string(), UUID);
        assert_eq!(packet.client_id().unwrap()[1..], packet.mac().unwrap().octets());
        // Feature 19, HTTP, has the value 1.
        let features = packet.ipxe().unwrap();
        assert_eq!(SubOptions::framed(&features).get(19), Some(&[1][..]));
        assert!(matches!(
            reply_destination(&packet, MessageType::Offer, ADDRESS),
            Destination::Hardware(..)
        ));
    }
}

#[test]
fn installed_systems_ask_without_pxe() {
    let udhcpc = Packet::parse(fixture!("udhcpc-discover")).unwrap();
    assert_eq!(udhcpc.vendor_class().unwrap(), &b"udhcp 1.35.0"[..]);
    assert_eq!(udhcpc.client_fqdn().unwrap().unwrap().name().unwrap(), "cap-host");
    assert_eq!(udhcpc.host_name_lossy().unwrap(), "cap-host");
    assert_eq!(udhcpc.max_size(), Some(Ok(576)));
    let dhclient = Packet::parse(fixture!("dhclient-discover")).unwrap();
    assert_eq!(dhclient.host_name_lossy().unwrap(), "cap-dhclient");
    assert!(dhclient.wants(code::STATIC_ROUTES) && dhclient.arch().is_none() && dhclient.vendor_class().is_none());
    assert_eq!(budget(&dhclient, 1500), 548);
}

#[test]
fn another_servers_offer_can_be_read() {
    let offer = Packet::parse(fixture!("dnsmasq-offer")).unwrap();
    assert_eq!((offer.op(), offer.message_type()), (2, Some(Ok(MessageType::Offer))));
    assert_eq!(offer.server_id(), Some(Ok([10, 91, 0, 1].into())));
    assert_eq!(offer.boot_file().unwrap(), &b"snponly.efi"[..], "sent with a NUL");
    let http = Packet::parse(fixture!("dnsmasq-http-offer")).unwrap();
    assert_eq!(http.vendor_class().unwrap(), &b"HTTPClient"[..]);
    assert_eq!(http.boot_file().unwrap(), &b"http://10.91.0.1/x.efi"[..]);
}
