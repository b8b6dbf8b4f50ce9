//! What must never happen, whatever clients send.

use std::collections::HashMap;
use std::net::Ipv4Addr;

use proptest::prelude::*;
use wire::Mac;
use wire::dhcp4::MessageType;

use super::stand::*;
use crate::dhcp::{Effect, Reason};

/// One thing that happens.
#[derive(Debug, Clone)]
enum Step {
    Discover(u8, Option<u8>),
    /// Takes what it was offered last.
    Take(u8),
    Request(u8, u8),
    InitReboot(u8, u8),
    Renew(u8, u8),
    Release(u8),
    Decline(u8),
    Pass(u16),
    Restart,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let client = 0..12u8;
    let address = 95..112u8;
    let step = prop_oneof![
        6 => (client.clone(), prop::option::of(address.clone())).prop_map(|(c, a)| Step::Discover(c, a)),
        6 => client.clone().prop_map(Step::Take),
        1 => (client.clone(), address.clone()).prop_map(|(c, a)| Step::Request(c, a)),
        1 => (client.clone(), address.clone()).prop_map(|(c, a)| Step::InitReboot(c, a)),
        2 => (client.clone(), address.clone()).prop_map(|(c, a)| Step::Renew(c, a)),
        1 => client.clone().prop_map(Step::Release),
        1 => client.prop_map(Step::Decline),
        2 => (0..5000u16).prop_map(Step::Pass),
        1 => Just(Step::Restart),
    ];
    prop::collection::vec(step, 1..120)
}

/// The first are declared, the others are not.
fn mac(client: u8) -> Mac {
    match client {
        0 => NID1,
        1 => NID1_B,
        2 => NID2,
        3 => NID3,
        n => Mac([2, 0, 0, 0, 0, n]),
    }
}

fn lab(last: u8) -> Ipv4Addr {
    Ipv4Addr::new(10, 77, 0, last)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn no_address_is_ever_held_by_two_machines(steps in steps()) {
        let mut stand = Stand::new();
        // What each client was told by an ACK, and until when it may use it.
        let mut held: HashMap<Ipv4Addr, (Mac, jiff::Timestamp)> = HashMap::new();
        let mut offered: HashMap<u8, Ipv4Addr> = HashMap::new();
        for step in steps {
            let (client, ask) = match step {
                Step::Discover(client, wanted) => {
                    let ask = discover(mac(client));
                    (client, wanted.map(|a| ask.clone().requested(lab(a))).unwrap_or(ask))
                }
                Step::Take(client) => match offered.get(&client) {
                    Some(address) => (client, selecting(mac(client), *address)),
                    None => continue,
                },
                Step::Request(client, address) => (client, selecting(mac(client), lab(address))),
                Step::InitReboot(client, address) => (client, init_reboot(mac(client), lab(address))),
                Step::Renew(client, address) => (client, renewing(mac(client), lab(address))),
                Step::Release(client) | Step::Decline(client) => {
                    let Some(address) = held.iter().find(|(_, (m, _))| *m == mac(client)).map(|(a, _)| *a) else {
                        continue;
                    };
                    held.remove(&address);
                    let kind = if matches!(step, Step::Release(_)) { MessageType::Release } else { MessageType::Decline };
                    (client, Ask::new(kind, mac(client)).ciaddr(address).requested(address))
                }
                Step::Pass(seconds) => {
                    stand.pass(i64::from(seconds));
                    continue;
                }
                Step::Restart => {
                    stand.offers = Default::default();
                    continue;
                }
            };
            let decision = stand.ask(&ask);
            let Effect::Reply(reply) = &decision.effect else { continue };
            let address = reply.message.header.yiaddr;
            match kind(&decision) {
                MessageType::Ack => {
                    let now = stand.now;
                    if let Some((holder, until)) = held.get(&address) {
                        prop_assert!(*holder == mac(client) || *until <= now, "{address} has two holders");
                    }
                    let lease = stand.world.leases.at(address).unwrap();
                    prop_assert_eq!(lease.mac, mac(client));
                    // A machine that takes another address gives up the one before.
                    held.retain(|_, (m, _)| *m != mac(client));
                    held.insert(address, (mac(client), lease.until));
                    if let Some(owner) = stand.world.cluster.by_address(address) {
                        prop_assert!(owner.nic(mac(client)).is_some_and(|nic| nic.address == Some(address)));
                    }
                }
                MessageType::Offer => {
                    prop_assert!(held.get(&address).is_none_or(|(m, until)| *m == mac(client) || *until <= stand.now));
                    prop_assert!(offered.iter().all(|(c, a)| *c == client || *a != address
                        || stand.offers.of(mac(*c), "10.77.0.0/24".parse().unwrap()).map(|o| o.0) != Some(address)));
                    offered.insert(client, address);
                }
                _ => {}
            }
            prop_assert_ne!(decision.why, Reason::NetworkNotServed);
        }
    }
}
