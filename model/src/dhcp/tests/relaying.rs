//! Questions from other networks.

use wire::dhcp4::{MessageType, code};

use super::stand::*;
use crate::dhcp::{Destination, Effect, Reason};
use crate::event::What;

#[test]
fn the_relay_agents_address_chooses_the_network_and_gets_the_answer() {
    let mut stand = Stand::new();
    let offer = stand.ask(&discover(NID3).giaddr(ip("10.88.0.1")));
    assert_eq!(reply(&offer).message.header.yiaddr, ip("10.88.0.13"));
    assert_eq!(reply(&offer).destination, Destination::Relay(ip("10.88.0.1")));
    let What::DhcpOffered { ask, .. } = &offer.events[0].what else {
        panic!()
    };
    assert_eq!((ask.network.as_str(), ask.relay), ("far", Some(ip("10.88.0.1"))));
}

#[test]
fn link_selection_goes_before_subnet_selection_and_both_before_the_relay_agent() {
    let mut stand = Stand::new();
    let relay = ip("10.77.0.2");
    let by_link = discover(NID3)
        .giaddr(relay)
        .option(code::RELAY_AGENT, &[5, 4, 10, 88, 0, 0])
        .option(code::SUBNET_SELECTION, &[10, 77, 0, 0]);
    let by_subnet = discover(NID3)
        .giaddr(relay)
        .option(code::SUBNET_SELECTION, &[10, 88, 0, 0]);
    for ask in [by_link, by_subnet] {
        let offer = stand.ask(&ask);
        assert_eq!(reply(&offer).message.header.yiaddr, ip("10.88.0.13"));
        assert_eq!(reply(&offer).destination, Destination::Relay(relay));
    }
}

#[test]
fn a_relay_agent_from_nowhere_is_left_alone() {
    let mut stand = Stand::new();
    assert_eq!(
        stand.ask(&discover(NID3).giaddr(ip("172.16.0.1"))).why,
        Reason::RelayUnknown
    );
    let elsewhere = discover(NID3)
        .giaddr(ip("10.77.0.2"))
        .option(code::RELAY_AGENT, &[5, 4, 172, 16, 0, 0]);
    assert_eq!(stand.ask(&elsewhere).why, Reason::RelayUnknown);
}

#[test]
fn the_relay_agents_address_is_not_given_away() {
    let mut stand = Stand::new();
    let relay = ip("10.88.0.150");
    let offer = stand.ask(&discover(STRANGER).giaddr(relay).requested(relay));
    assert_ne!(reply(&offer).message.header.yiaddr, relay);
}

#[test]
fn an_address_behind_a_relay_agent_is_probed_from_afar() {
    let mut stand = Stand::new();
    let decision = stand.decide(&discover(STRANGER).giaddr(ip("10.88.0.1")));
    assert!(matches!(decision.effect, Effect::Probe(probe) if !probe.on_link && probe.network == "far"));
}

#[test]
fn an_address_on_our_own_link_is_asked_for_there_although_a_relay_agent_is_between() {
    let mut stand = Stand::new();
    let decision = stand.decide(&discover(STRANGER).giaddr(ip("10.77.0.2")));
    assert!(matches!(decision.effect, Effect::Probe(probe) if probe.on_link && probe.network == "lab"));
}

#[test]
fn the_server_identifier_is_the_one_that_the_relay_agent_wants() {
    let mut stand = Stand::new();
    let relay = ip("10.88.0.1");
    let overridden = |ask: Ask| ask.giaddr(relay).option(code::RELAY_AGENT, &[11, 4, 10, 88, 0, 1]);
    let offer = stand.ask(&overridden(discover(NID3)));
    assert_eq!(address_in(&offer, code::SERVER_ID), Some(relay));
    let request = Ask::new(MessageType::Request, NID3)
        .requested(ip("10.88.0.13"))
        .server(relay);
    assert_eq!(kind(&stand.ask(&overridden(request))), MessageType::Ack);
}

#[test]
fn a_renewal_is_understood_without_its_relay_agent() {
    let mut stand = Stand::new();
    let relay = ip("10.88.0.1");
    stand.ask(&discover(NID3).giaddr(relay));
    stand.ask(&selecting(NID3, ip("10.88.0.13")).giaddr(relay));
    let ack = stand.ask(&renewing(NID3, ip("10.88.0.13")));
    assert_eq!(kind(&ack), MessageType::Ack);
    assert_eq!(reply(&ack).destination, Destination::Client(ip("10.88.0.13")));
    // On a link where nothing is served it works as well.
    stand.link.network = None;
    assert_eq!(kind(&stand.ask(&renewing(NID3, ip("10.88.0.13")))), MessageType::Ack);
    assert_eq!(stand.ask(&discover(NID3)).why, Reason::LinkUnknown);
}

#[test]
fn a_refusal_is_broadcast_by_the_relay_agent() {
    let mut stand = Stand::new();
    let nak = stand.ask(&init_reboot(NID3, ip("192.168.0.1")).giaddr(ip("10.88.0.1")));
    assert_eq!(kind(&nak), MessageType::Nak);
    assert_eq!(reply(&nak).destination, Destination::Relay(ip("10.88.0.1")));
    assert_eq!(reply(&nak).message.header.flags & 0x8000, 0x8000);
}
