//! Which address, and what comes with it.

use wire::Mac;
use wire::dhcp4::{MessageType, code};

use super::stand::*;
use crate::dhcp::{Destination, Effect, Offers, Reason};
use crate::event::What;

fn mac(n: u8) -> Mac {
    Mac([2, 0, 0, 0, 1, n])
}

#[test]
fn a_node_gets_the_address_reserved_for_the_nic_that_asks() {
    let mut stand = Stand::new();
    assert_eq!(stand.leased(NID1), ip("10.77.0.11"));
    assert_eq!(stand.leased(NID1_B), ip("10.77.0.12"));
    assert_eq!(
        stand.kinds(),
        ["dhcp.offered", "dhcp.leased", "dhcp.offered", "dhcp.leased"]
    );
}

#[test]
fn an_offer_writes_no_lease_and_an_acknowledgement_waits_for_one() {
    let mut stand = Stand::new();
    let offer = stand.ask(&discover(NID1));
    assert_eq!(reply(&offer).durable, None);
    assert!(stand.world.leases.is_empty());
    let ack = stand.ask(&selecting(NID1, ip("10.77.0.11")));
    assert_eq!(reply(&ack).durable, Some(ip("10.77.0.11")));
    let lease = stand.world.leases.at(ip("10.77.0.11")).unwrap();
    assert_eq!((lease.node.as_deref(), lease.reserved), (Some("nid001"), true));
}

#[test]
fn the_answer_carries_every_setting_of_the_network() {
    let mut stand = Stand::new();
    let ack = stand.ask(&selecting(NID1, ip("10.77.0.11")));
    assert_eq!(address_in(&ack, code::SUBNET_MASK), Some(ip("255.255.255.0")));
    assert_eq!(address_in(&ack, code::BROADCAST_ADDRESS), Some(ip("10.77.0.255")));
    assert_eq!(address_in(&ack, code::ROUTERS), Some(ip("10.77.0.254")));
    assert_eq!(address_in(&ack, code::NTP_SERVERS), Some(ip("10.77.0.5")));
    assert_eq!(address_in(&ack, code::SERVER_ID), Some(SERVER));
    assert_eq!(text_in(&ack, code::HOST_NAME).as_deref(), Some("nid001"));
    assert_eq!(text_in(&ack, code::DOMAIN_NAME).as_deref(), Some("lab.example"));
    let message = &reply(&ack).message;
    assert_eq!(message.get(code::INTERFACE_MTU), Some(&9000u16.to_be_bytes()[..]));
    assert_eq!(message.get(code::LEASE_TIME), Some(&3600u32.to_be_bytes()[..]));
    assert_eq!(message.get(code::RENEWAL_TIME), Some(&1800u32.to_be_bytes()[..]));
    assert_eq!(message.get(code::REBINDING_TIME), Some(&3150u32.to_be_bytes()[..]));
    assert_eq!(message.get(code::DOMAIN_SEARCH), Some(&b"\x03lab\x07example\0"[..]));
}

#[test]
fn static_routes_come_with_the_default_route_since_they_replace_it() {
    let mut stand = Stand::new();
    let ack = stand.ask(&selecting(NID1, ip("10.77.0.11")));
    let routes: &[u8] = &[8, 10, 10, 77, 0, 253, 0, 10, 77, 0, 254];
    assert_eq!(reply(&ack).message.get(code::STATIC_ROUTES), Some(routes));
}

#[test]
fn a_name_server_is_always_named() {
    let mut stand = Stand::new();
    let offer = stand.ask(&discover(NID1));
    assert_eq!(address_in(&offer, code::DNS_SERVERS), Some(SERVER));
    let far = stand.ask(&discover(NID3).giaddr(ip("10.88.0.1")));
    assert_eq!(address_in(&far, code::DNS_SERVERS), Some(ip("10.88.0.53")));
}

#[test]
fn what_the_client_must_get_back_comes_back_byte_for_byte() {
    let mut stand = Stand::new();
    let mut uuid = vec![0; 17];
    uuid[5] = 9;
    let ask = discover(NID1)
        .option(code::CLIENT_ID, &[255, 1, 2, 3, 0])
        .option(code::CLIENT_UUID, &uuid)
        .option(code::RELAY_AGENT, &[1, 2, 7, 7, 151, 1, 0])
        .giaddr(ip("10.77.0.2"));
    let offer = stand.ask(&ask);
    for code in [code::CLIENT_ID, code::CLIENT_UUID, code::RELAY_AGENT] {
        assert_eq!(reply(&offer).message.get(code), ask.message.get(code), "option {code}");
    }
}

#[test]
fn a_stranger_gets_a_pool_address_and_no_name() {
    let mut stand = Stand::new();
    let offer = stand.ask(&discover(STRANGER));
    assert_eq!(offer.why, Reason::Pool);
    let address = reply(&offer).message.header.yiaddr;
    assert!(stand.world.cluster.networks[0].in_pool(address));
    assert_eq!(text_in(&offer, code::HOST_NAME), None);
}

#[test]
fn a_pool_address_is_probed_before_it_is_offered_and_not_again_within_a_minute() {
    let mut stand = Stand::new();
    let probe = stand.decide(&discover(STRANGER));
    let Effect::Probe(probe) = probe.effect else {
        panic!("{probe:?}")
    };
    assert!(probe.on_link);
    // The client asks again while the wire is being asked.
    let again = stand.decide(&discover(STRANGER));
    assert_eq!((is_silent(&again), again.why), (true, Reason::Probing));
    stand.offers.probed(probe.address, stand.now);
    assert_eq!(
        reply(&stand.ask(&discover(STRANGER))).message.header.yiaddr,
        probe.address
    );
    stand.pass(30);
    assert!(matches!(stand.decide(&discover(STRANGER)).effect, Effect::Reply(_)));
    stand.pass(31);
    assert!(matches!(stand.decide(&discover(STRANGER)).effect, Effect::Probe(_)));
}

#[test]
fn an_address_that_answers_the_probe_is_passed_over_for_ten_minutes() {
    let mut stand = Stand::new();
    let first = stand.offered(STRANGER);
    let mut stand = Stand::new();
    stand.in_use.push(first);
    let second = stand.offered(STRANGER);
    assert_ne!(second, first);
    assert!(stand.kinds().contains(&"dhcp.conflict"));
    stand.in_use.clear();
    stand.pass(601);
    assert_eq!(
        stand.offered(STRANGER),
        first,
        "the place in the pool that its MAC falls on"
    );
}

#[test]
fn reserved_addresses_are_not_probed() {
    let mut stand = Stand::new();
    assert!(matches!(stand.decide(&discover(NID1)).effect, Effect::Reply(_)));
}

#[test]
fn a_machine_with_a_lease_is_not_probed_out_of_its_own_address() {
    let mut stand = Stand::new();
    let address = stand.leased(STRANGER);
    stand.pass(300);
    stand.in_use.push(address);
    assert_eq!(stand.offered(STRANGER), address);
}

#[test]
fn a_machine_gets_the_pool_address_that_it_had() {
    let mut stand = Stand::new();
    let wanted = ip("10.77.0.107");
    let offer = stand.ask(&discover(STRANGER).requested(wanted));
    assert_eq!(reply(&offer).message.header.yiaddr, wanted);
    stand.ask(&selecting(STRANGER, wanted));
    stand.pass(100_000);
    assert_eq!(stand.offered(STRANGER), wanted);
}

#[test]
fn no_address_is_offered_to_two_machines_at_once() {
    let mut stand = Stand::new();
    let wanted = ip("10.77.0.105");
    let first = stand.ask(&discover(mac(1)).requested(wanted));
    let second = stand.ask(&discover(mac(2)).requested(wanted));
    assert_eq!(reply(&first).message.header.yiaddr, wanted);
    assert_ne!(reply(&second).message.header.yiaddr, wanted);
    stand.pass(61);
    let third = stand.ask(&discover(mac(3)).requested(wanted));
    assert_eq!(
        reply(&third).message.header.yiaddr,
        wanted,
        "an offer that nobody took is over"
    );
}

#[test]
fn the_pool_never_gives_away_what_belongs_to_somebody() {
    let mut networks = networks();
    // 10.77.0.0 to .15: network address, ourselves, router, a reserved address of each kind.
    networks[0].pool = vec![crate::cluster::Range {
        first: ip("10.77.0.0"),
        last: ip("10.77.0.15"),
    }];
    networks[0].router = Some(ip("10.77.0.3"));
    let mut stand = Stand::with(networks, nodes());
    let mut given: Vec<_> = (0..16)
        .filter_map(|n| match stand.ask(&discover(mac(n))).effect {
            Effect::Reply(reply) => Some(reply.message.header.yiaddr.octets()[3]),
            _ => None,
        })
        .collect();
    given.sort_unstable();
    assert_eq!(given, [2, 4, 5, 6, 7, 8, 9, 10, 13]);
}

#[test]
fn known_node_still_boots_when_the_pool_is_exhausted() {
    let mut stand = Stand::new();
    for n in 0..10 {
        stand.leased(mac(n));
    }
    let eleventh = stand.ask(&discover(mac(10)));
    assert_eq!((is_silent(&eleventh), eleventh.why), (true, Reason::PoolExhausted));
    assert_eq!(stand.journal.last().unwrap().what.kind(), "dhcp.ignored");
    assert_eq!(stand.leased(NID1), ip("10.77.0.11"));
}

#[test]
fn known_node_still_boots_when_the_table_of_offers_is_full() {
    let mut stand = Stand::new();
    stand.offers = Offers::new(1);
    stand.offered(mac(1));
    let second = stand.ask(&discover(mac(2)));
    assert_eq!((is_silent(&second), second.why), (true, Reason::TooManyOffers));
    assert_eq!(stand.leased(NID1), ip("10.77.0.11"));
}

#[test]
fn a_full_pool_gives_the_address_whose_lease_ended_first() {
    let mut stand = Stand::new();
    let mut order = Vec::new();
    for n in 0..10 {
        order.push(stand.leased(mac(n)));
        stand.pass(10);
    }
    stand.pass(3600);
    assert_eq!(stand.offered(mac(20)), order[0]);
    assert_eq!(stand.offered(mac(21)), order[1]);
}

#[test]
fn a_pool_that_was_full_is_used_again_a_second_after_an_address_came_free() {
    let mut stand = Stand::new();
    let given: Vec<_> = (0..10).map(|n| stand.leased(mac(n))).collect();
    assert_eq!(stand.ask(&discover(mac(20))).why, Reason::PoolExhausted);
    stand.ask(&Ask::new(MessageType::Release, mac(4)).ciaddr(given[4]).unicast());
    stand.pass(1);
    assert_eq!(stand.offered(mac(20)), given[4]);
}

#[test]
fn a_node_without_an_address_gets_one_from_the_pool_and_its_name() {
    let mut stand = Stand::new();
    let offer = stand.ask(&discover(NID2));
    assert_eq!(offer.why, Reason::NoReservation);
    assert_eq!(text_in(&offer, code::HOST_NAME).as_deref(), Some("nid002"));
}

#[test]
fn a_node_in_the_wrong_network_gets_a_pool_address_there_and_the_reason_tells() {
    let mut stand = Stand::new();
    let offer = stand.ask(&discover(NID3));
    assert_eq!(offer.why, Reason::DeclaredElsewhere);
    assert!(stand.world.cluster.networks[0].in_pool(reply(&offer).message.header.yiaddr));
}

#[test]
fn a_network_without_a_pool_leaves_strangers_alone() {
    let mut stand = Stand::lab(|lab| lab.pool.clear());
    let decision = stand.ask(&discover(STRANGER));
    assert_eq!((is_silent(&decision), decision.why), (true, Reason::NoPool));
    assert_eq!(stand.leased(NID1), ip("10.77.0.11"));
}

#[test]
fn a_node_is_recognised_by_its_uuid_in_either_order_of_octets() {
    for order in [
        [0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88],
        [0x44, 0x33, 0x22, 0x11, 0x66, 0x55, 0x88, 0x77],
    ] {
        let mut stand = Stand::new();
        let mut uuid = vec![0];
        uuid.extend_from_slice(&order);
        uuid.extend_from_slice(&[0x99, 0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff, 0x00]);
        let offer = stand.ask(&discover(STRANGER).option(code::CLIENT_UUID, &uuid));
        assert_eq!(reply(&offer).message.header.yiaddr, ip("10.77.0.14"));
        assert_eq!(offer.why, Reason::Reserved);
    }
}

#[test]
fn a_node_is_recognised_by_its_client_identifier() {
    let mut stand = Stand::new();
    let offer = stand.ask(&discover(STRANGER).option(code::CLIENT_ID, b"\0nid5"));
    assert_eq!(reply(&offer).message.header.yiaddr, ip("10.77.0.15"));
}

#[test]
fn a_node_stays_the_same_node_when_its_client_identifier_changes() {
    let mut stand = Stand::new();
    for id in [&[1, 0x52, 0x54, 0, 0, 0, 2][..], &[255, 9, 9, 9, 9, 0, 1], b"\0hello"] {
        let offer = stand.ask(&discover(NID2).option(code::CLIENT_ID, id));
        let address = reply(&offer).message.header.yiaddr;
        stand.ask(&selecting(NID2, address).option(code::CLIENT_ID, id));
    }
    assert_eq!(stand.world.leases.len(), 1);
}

#[test]
fn a_second_unknown_nic_of_a_node_does_not_take_the_first_ones_address() {
    let mut stand = Stand::new();
    let of = |ask: Ask| ask.option(code::CLIENT_ID, b"\0nid5");
    let reserved = ip("10.77.0.15");
    let first = stand.ask(&of(discover(mac(1))));
    assert_eq!(reply(&first).message.header.yiaddr, reserved);
    // Neither while it is offered to the first, nor when the first has it.
    assert_eq!(stand.ask(&of(discover(mac(2)))).why, Reason::ReservationHeld);
    stand.ask(&of(selecting(mac(1), reserved)));
    let second = stand.ask(&of(discover(mac(2))));
    assert_eq!(second.why, Reason::ReservationHeld);
    assert_ne!(reply(&second).message.header.yiaddr, reserved);
}

#[test]
fn an_address_is_offered_to_nobody_else_however_long_its_lease_takes_to_be_written() {
    let mut stand = Stand::new();
    let address = stand.offered(mac(1));
    let slow = stand.decide(&selecting(mac(1), address));
    stand.pass(600);
    let offer = stand.ask(&discover(mac(2)).requested(address));
    assert_ne!(reply(&offer).message.header.yiaddr, address);
    stand.commit(slow.events);
    stand.offers.settle(address);
    assert_eq!(stand.world.leases.at(address).unwrap().mac, mac(1));
}

#[test]
fn a_lease_that_stands_in_the_world_goes_before_an_offer() {
    let mut stand = Stand::new();
    let address = stand.offered(mac(1));
    // Given by another server that shares the journal.
    let (mut other, now) = (Stand::new(), stand.now);
    other.now = now;
    other.ask(&discover(mac(2)).requested(address));
    let leased = other.ask(&selecting(mac(2), address));
    stand.commit(leased.events);
    let nak = stand.ask(&selecting(mac(1), address));
    assert_eq!((kind(&nak), nak.why), (MessageType::Nak, Reason::Taken));
}

#[test]
fn a_replaced_nic_gets_its_predecessors_address_at_once() {
    let mut stand = Stand::new();
    assert_eq!(stand.leased(NID1), ip("10.77.0.11"));
    let mut nodes = nodes();
    let new = mac(50);
    nodes[0].nics[0].mac = Some(new);
    stand.world.cluster = cluster(networks(), nodes).into();
    assert_eq!(stand.leased(new), ip("10.77.0.11"));
}

#[test]
fn nodes_that_swapped_addresses_wait_for_each_other() {
    let mut stand = Stand::new();
    stand.leased(NID1);
    stand.leased(NID1_B);
    let mut nodes = nodes();
    nodes[0].nics[0].address = Some(ip("10.77.0.12"));
    nodes[0].nics[1].address = Some(ip("10.77.0.11"));
    stand.world.cluster = cluster(networks(), nodes).into();
    let offer = stand.ask(&discover(NID1));
    assert_eq!(offer.why, Reason::ReservationHeld);
    stand.pass(3601);
    assert_eq!(stand.offered(NID1), ip("10.77.0.12"));
}

#[test]
fn a_declined_address_is_in_conflict_for_ten_minutes() {
    let mut stand = Stand::new();
    let address = stand.leased(STRANGER);
    let decline = Ask::new(MessageType::Decline, STRANGER)
        .requested(address)
        .server(SERVER);
    let decision = stand.ask(&decline);
    assert_eq!(decision.why, Reason::Declined);
    assert!(matches!(&decision.events[0].what, What::DhcpConflict { found_by, .. } if found_by == "declined"));
    assert!(stand.world.leases.is_empty());
    assert_ne!(stand.offered(STRANGER), address);
    stand.pass(601);
    let wanted = stand.ask(&discover(mac(1)).requested(address));
    assert_eq!(reply(&wanted).message.header.yiaddr, address);
}

#[test]
fn a_node_that_declined_its_own_address_boots_with_one_from_the_pool() {
    let mut stand = Stand::new();
    let address = stand.leased(NID1);
    stand.ask(&Ask::new(MessageType::Decline, NID1).requested(address).server(SERVER));
    let offer = stand.ask(&discover(NID1));
    assert_eq!(offer.why, Reason::ReservationInConflict);
    stand.pass(601);
    assert_eq!(stand.offered(NID1), address);
}

#[test]
fn nobody_can_decline_or_release_what_another_holds() {
    let mut stand = Stand::new();
    let address = stand.leased(NID1);
    let decline = stand.ask(
        &Ask::new(MessageType::Decline, STRANGER)
            .requested(address)
            .server(SERVER),
    );
    let release = stand.ask(&Ask::new(MessageType::Release, STRANGER).ciaddr(address).unicast());
    assert_eq!((decline.why, release.why), (Reason::NotHolder, Reason::NotHolder));
    assert!(decline.events.is_empty() && release.events.is_empty());
}

#[test]
fn a_released_address_is_free_for_others() {
    let mut stand = Stand::new();
    let address = stand.leased(STRANGER);
    let decision = stand.ask(&Ask::new(MessageType::Release, STRANGER).ciaddr(address).unicast());
    assert!(is_silent(&decision));
    assert_eq!(stand.kinds().last(), Some(&"dhcp.released"));
    let offer = stand.ask(&discover(mac(1)).requested(address));
    assert_eq!(reply(&offer).message.header.yiaddr, address);
}

#[test]
fn inform_gets_settings_without_an_address_or_a_lease() {
    let mut stand = Stand::new();
    let ack = stand.ask(&Ask::new(MessageType::Inform, NID1).ciaddr(ip("10.77.0.200")).unicast());
    let message = &reply(&ack).message;
    assert_eq!((kind(&ack), ack.why), (MessageType::Ack, Reason::Informed));
    assert!(message.header.yiaddr.is_unspecified());
    assert_eq!(message.header.ciaddr, ip("10.77.0.200"));
    for code in [code::LEASE_TIME, code::RENEWAL_TIME, code::REBINDING_TIME] {
        assert_eq!(message.get(code), None);
    }
    assert_eq!(address_in(&ack, code::DNS_SERVERS), Some(SERVER));
    assert_eq!(reply(&ack).destination, Destination::Client(ip("10.77.0.200")));
    assert_eq!(stand.kinds(), ["dhcp.informed"]);
}

#[test]
fn a_renewal_makes_the_lease_last_longer() {
    let mut stand = Stand::new();
    let address = stand.leased(NID1);
    let before = stand.world.leases.at(address).unwrap().until;
    stand.pass(1800);
    let ack = stand.ask(&renewing(NID1, address));
    assert_eq!(kind(&ack), MessageType::Ack);
    assert_eq!(reply(&ack).destination, Destination::Client(address));
    assert!(stand.world.leases.at(address).unwrap().until > before);
}

#[test]
fn a_lost_acknowledgement_is_sent_again_without_a_second_lease() {
    let mut stand = Stand::new();
    let address = stand.leased(STRANGER);
    stand.pass(2);
    let again = stand.ask(&selecting(STRANGER, address));
    assert_eq!((kind(&again), again.why), (MessageType::Ack, Reason::Repeated));
    assert!(again.events.is_empty());
    stand.pass(10);
    assert_eq!(stand.ask(&selecting(STRANGER, address)).events.len(), 1);
}

#[test]
fn firmware_and_loader_of_one_boot_are_two_leases_however_fast_they_follow() {
    let mut stand = Stand::new();
    let address = ip("10.77.0.11");
    let firmware = |ask: Ask| ask.firmware(wire::dhcp4::Arch::EfiX64);
    for _ in 0..2 {
        stand.ask(&firmware(discover(NID1)));
        stand.ask(&firmware(selecting(NID1, address)));
        stand.pass(1);
        stand.ask(&discover(NID1).ipxe());
        let ack = stand.ask(&selecting(NID1, address).ipxe());
        assert_eq!((ack.why, ack.events.len()), (Reason::Reserved, 1));
        stand.pass(100);
    }
}

#[test]
fn a_request_that_is_being_written_down_is_not_written_twice() {
    let mut stand = Stand::new();
    let address = stand.offered(NID1);
    let first = stand.decide(&selecting(NID1, address));
    assert_eq!(reply(&first).durable, Some(address));
    let second = stand.decide(&selecting(NID1, address));
    assert_eq!((is_silent(&second), second.why), (true, Reason::Committing));
}

#[test]
fn answers_go_where_rfc_2131_sends_them() {
    let mut stand = Stand::new();
    let address = ip("10.77.0.11");
    assert_eq!(
        reply(&stand.ask(&discover(NID1))).destination,
        Destination::Hardware(address, NID1)
    );
    let mut ask = discover(NID1);
    ask.message.header.flags = 0x8000;
    assert_eq!(reply(&stand.ask(&ask)).destination, Destination::Broadcast);
    // An address of another network would carry the answer to a third party.
    let ask = discover(NID1).ciaddr(ip("8.8.8.8"));
    assert_eq!(reply(&stand.ask(&ask)).destination, Destination::Broadcast);
}
