//! Any datagram can be read, answered within the client's budget, and the answer read again.
#![no_main]
use std::net::Ipv4Addr;

use libfuzzer_sys::fuzz_target;
use wire::dhcp4::{Message, MessageType, Packet, budget, code, pxe, reply_destination};

fuzz_target!(|bytes: &[u8]| {
    let Ok(packet) = Packet::parse(bytes) else { return };
    assert!(packet.options().count() <= bytes.len() / 2);
    assert!(packet.anomalies().count() <= 262);
    let _ = (
        packet.sname(),
        packet.file(),
        packet.mac(),
        packet.message_type(),
        packet.requested_address(),
    );
    let _ = (
        packet.host_name_lossy(),
        packet.vendor_class(),
        packet.client_uuid(),
        packet.boot_file(),
    );
    let _ = packet
        .archs()
        .map(|archs| archs.map(|archs| (archs.first(), archs.iter().count())));
    let _ = packet.client_fqdn().map(|fqdn| fqdn.map(|fqdn| fqdn.name()));
    let _ = packet.user_class().map(|class| class.classes().count());
    let _ = packet.vendor_encapsulated().map(|value| pxe::boot_item(&value));
    if let Some(relay) = packet.relay_agent() {
        let _ = (
            relay.circuit_id(),
            relay.remote_id(),
            relay.link_selection(),
            relay.server_id_override(),
        );
    }

    // Whatever the request carried, it can be sent on: the odder, the better for the packing.
    let server = Ipv4Addr::new(10, 0, 0, 1);
    let mut reply = Message::reply_to(&packet, MessageType::Offer, server);
    for (code, value) in packet.options().filter(|option| option.0 != code::MESSAGE_TYPE) {
        reply.option(code, value);
    }
    let limit = budget(&packet, 1500);
    let mut out = Vec::new();
    let dropped = reply.encode(limit, &mut out);
    assert!((300..=limit).contains(&out.len()));
    let answer = Packet::parse(&out).expect("a written message can be read");
    for (code, value) in reply.options() {
        match dropped.codes().any(|gone| gone == code) {
            true => assert!(!answer.has(code)),
            false => assert_eq!(answer.option(code).as_deref(), Some(value)),
        }
    }
    let _ = reply_destination(&packet, MessageType::Offer, server);
});
