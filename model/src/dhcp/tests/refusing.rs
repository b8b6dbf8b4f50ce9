//! Requests that are refused, and questions that are left alone.

use wire::dhcp4::{MessageType, code};

use super::stand::*;
use crate::cluster::DhcpMode;
use crate::dhcp::{Destination, Reason};
use crate::event::{Subject, What};

#[test]
fn a_client_that_took_another_servers_offer_is_noted_and_its_promise_dropped() {
    let mut stand = Stand::new();
    let address = stand.offered(STRANGER);
    let decision = stand.ask(
        &Ask::new(MessageType::Request, STRANGER)
            .requested(ip("10.77.0.50"))
            .server(ip("10.77.0.9")),
    );
    assert!(is_silent(&decision));
    assert!(matches!(decision.events[0].what, What::DhcpElsewhere { server, .. } if server == ip("10.77.0.9")));
    let other = wire::Mac([2, 0, 0, 0, 0, 1]);
    let offer = stand.ask(&discover(other).requested(address));
    assert_eq!(reply(&offer).message.header.yiaddr, address);
}

#[test]
fn an_address_of_another_network_is_refused_by_broadcast() {
    let mut stand = Stand::new();
    for ask in [init_reboot(NID1, ip("192.168.1.5")), rebinding(NID1, ip("192.168.1.5"))] {
        let nak = stand.ask(&ask);
        assert_eq!((kind(&nak), nak.why), (MessageType::Nak, Reason::WrongNetwork));
        assert_eq!(reply(&nak).destination, Destination::Broadcast);
        assert_eq!(address_in(&nak, code::SERVER_ID), Some(SERVER));
    }
    assert_eq!(stand.kinds(), ["dhcp.refused", "dhcp.refused"]);
}

#[test]
fn a_remembered_address_is_confirmed_if_it_is_still_the_clients() {
    let mut stand = Stand::new();
    let address = stand.leased(STRANGER);
    stand.pass(4000);
    assert_eq!(kind(&stand.ask(&init_reboot(STRANGER, address))), MessageType::Ack);
    assert_eq!(kind(&stand.ask(&init_reboot(NID1, ip("10.77.0.11")))), MessageType::Ack);
}

#[test]
fn a_remembered_address_that_is_not_the_clients_is_refused() {
    let mut stand = Stand::new();
    let taken = stand.leased(STRANGER);
    let other = wire::Mac([2, 0, 0, 0, 0, 1]);
    for (ask, why) in [
        (init_reboot(other, taken), Reason::NoSuchLease),
        (init_reboot(other, ip("10.77.0.101")), Reason::NoSuchLease),
        (init_reboot(other, ip("10.77.0.11")), Reason::NoSuchLease),
        (init_reboot(NID1, ip("10.77.0.101")), Reason::OtherReserved),
        (selecting(other, taken), Reason::Taken),
        (selecting(other, ip("10.77.0.11")), Reason::Taken),
        (selecting(other, ip("10.77.0.200")), Reason::Taken),
        (selecting(NID1, ip("10.77.0.101")), Reason::OtherReserved),
        (renewing(other, taken), Reason::Taken),
        (renewing(other, ip("10.77.0.11")), Reason::Taken),
    ] {
        let nak = stand.ask(&ask);
        assert_eq!(
            (kind(&nak), nak.why),
            (MessageType::Nak, why),
            "{:?}",
            ask.message.get(50)
        );
    }
}

#[test]
fn beside_other_servers_we_refuse_nobody_we_know_nothing_of() {
    let mut stand = Stand::lab(|lab| lab.beside_other_servers = true);
    let decision = stand.ask(&init_reboot(STRANGER, ip("10.77.0.101")));
    assert_eq!((is_silent(&decision), decision.why), (true, Reason::NotAuthoritative));
    let decision = stand.ask(&init_reboot(STRANGER, ip("192.168.0.1")));
    assert_eq!(decision.why, Reason::NotAuthoritative);
    assert_eq!(
        kind(&stand.ask(&init_reboot(NID1, ip("10.77.0.101")))),
        MessageType::Nak
    );
}

#[test]
fn a_running_machine_of_a_server_that_is_gone_keeps_its_address_if_it_is_free() {
    let mut stand = Stand::new();
    let ack = stand.ask(&rebinding(STRANGER, ip("10.77.0.103")));
    assert_eq!(kind(&ack), MessageType::Ack);
    let nak = stand.ask(&rebinding(wire::Mac([2, 0, 0, 0, 0, 1]), ip("10.77.0.103")));
    assert_eq!(kind(&nak), MessageType::Nak);
}

#[test]
fn a_running_node_keeps_its_address_until_it_starts_anew() {
    let mut stand = Stand::new();
    let old = stand.leased(NID1);
    let mut nodes = nodes();
    nodes[0].nics[0].address = Some(ip("10.77.0.50"));
    stand.world.cluster = cluster(networks(), nodes).into();
    let ack = stand.ask(&renewing(NID1, old));
    assert_eq!((kind(&ack), ack.why), (MessageType::Ack, Reason::Kept));
    let nak = stand.ask(&init_reboot(NID1, old));
    assert_eq!((kind(&nak), nak.why), (MessageType::Nak, Reason::OtherReserved));
    assert_eq!(stand.leased(NID1), ip("10.77.0.50"));
}

#[test]
fn a_lease_ends_at_its_renewal_once_its_address_is_reserved_for_another() {
    let mut stand = Stand::new();
    let address = stand.leased(STRANGER);
    let mut nodes = nodes();
    nodes[1].nics[0].address = Some(address);
    stand.world.cluster = cluster(networks(), nodes).into();
    let held = stand.ask(&discover(NID2));
    assert_eq!(held.why, Reason::ReservationHeld);
    let nak = stand.ask(&renewing(STRANGER, address));
    assert_eq!((kind(&nak), nak.why), (MessageType::Nak, Reason::Taken));
}

#[test]
fn nothing_is_answered_before_the_network_was_listened_to() {
    let mut stand = Stand::new();
    stand.world.networks.clear();
    let decision = stand.ask(&discover(NID1));
    assert_eq!((is_silent(&decision), decision.why), (true, Reason::NetworkNotServed));
}

#[test]
fn a_network_with_another_server_is_left_to_it_and_the_journal_names_it() {
    let mut stand = Stand::new();
    let refused = What::NetworkRefused {
        server: ip("10.77.0.9"),
        interface: "eth0".into(),
    };
    stand.commit(vec![stand.event(Subject::Network("lab".into()), refused)]);
    let decision = stand.ask(&discover(NID1));
    assert_eq!((is_silent(&decision), decision.why), (true, Reason::NetworkRefused));
    let What::DhcpIgnored { why, .. } = &decision.events[0].what else {
        panic!("{:?}", decision.events)
    };
    assert_eq!(why, "network lab is left to the DHCP server 10.77.0.9");
}

#[test]
fn observe_answers_nobody_and_writes_down_who_asked() {
    let mut stand = Stand::lab(|lab| lab.dhcp = DhcpMode::Observe);
    let decision = stand.ask(&discover(NID1));
    assert_eq!((is_silent(&decision), decision.why), (true, Reason::Observed));
    assert_eq!(stand.kinds(), ["dhcp.ignored"]);
}

#[test]
fn off_does_not_even_write_it_down() {
    let mut stand = Stand::lab(|lab| lab.dhcp = DhcpMode::Off);
    let decision = stand.ask(&discover(NID1));
    assert_eq!((decision.why, decision.events.len()), (Reason::ModeOff, 0));
}

#[test]
fn what_makes_no_sense_is_left_alone_for_a_reason() {
    let mut bootp = discover(NID1);
    bootp.bootp = true;
    let mut answer = discover(NID1);
    answer.message.header.op = 2;
    let mut no_mac = discover(NID1);
    no_mac.message.header.hlen = 0;
    for (ask, why) in [
        (bootp, Reason::Bootp),
        (answer, Reason::NotAQuestion),
        (no_mac, Reason::NoHardwareAddress),
        (Ask::new(MessageType::Other(13), NID1), Reason::NotUnderstood),
        (Ask::new(MessageType::Ack, NID1), Reason::NotAQuestion),
        (
            discover(NID1).option(code::MESSAGE_TYPE, &[1, 1]),
            Reason::NotUnderstood,
        ),
        (discover(wire::Mac::BROADCAST), Reason::NoHardwareAddress),
        (Ask::new(MessageType::Request, NID1), Reason::NothingRequested),
        (Ask::new(MessageType::Inform, NID1), Reason::NothingRequested),
        (Ask::new(MessageType::Decline, NID1), Reason::NothingRequested),
    ] {
        let mut stand = Stand::new();
        let decision = stand.ask(&ask);
        assert_eq!((is_silent(&decision), decision.why), (true, why));
        assert!(decision.events.is_empty());
    }
}

#[test]
fn what_clients_say_of_themselves_is_kept_short_and_printable() {
    let mut stand = Stand::new();
    let ask = discover(STRANGER)
        .option(code::HOST_NAME, b"evil\x1b[2Jname\0")
        .option(code::VENDOR_CLASS, &[b'x'; 255]);
    stand.ask(&ask);
    let What::DhcpOffered { ask, .. } = &stand.journal.last().unwrap().what else {
        panic!()
    };
    assert_eq!(ask.hostname.as_deref(), Some("evil\u{fffd}[2Jname"));
    assert_eq!(ask.vendor_class.as_ref().unwrap().len(), 128);
}

#[test]
fn every_reason_has_its_own_number_label_and_text() {
    let mut labels: Vec<_> = Reason::ALL.iter().map(|reason| reason.label()).collect();
    let mut texts: Vec<_> = Reason::ALL.iter().map(|reason| reason.text()).collect();
    for (number, reason) in Reason::ALL.iter().enumerate() {
        assert_eq!(*reason as usize, number);
    }
    labels.sort_unstable();
    labels.dedup();
    texts.sort_unstable();
    texts.dedup();
    assert_eq!((labels.len(), texts.len()), (Reason::ALL.len(), Reason::ALL.len()));
}
