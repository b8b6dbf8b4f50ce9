//! A network whose DHCP server we are (RFC 2131 section 4.3).

use wire::dhcp4::MessageType;

use super::address::Pick;
use super::grounds::Stage as Promised;
use super::{Asked, CONFLICT_HOLDS, Decision, Effect, Offers, Probe, Reason, request};
use crate::event::What;

pub(super) fn decide(asked: &Asked<'_>, offers: &mut Offers) -> Decision {
    match asked.question.kind {
        MessageType::Discover => discover(asked, offers),
        MessageType::Request => request::decide(asked, offers),
        MessageType::Decline => decline(asked, offers),
        MessageType::Release => release(asked, offers),
        MessageType::Inform => inform(asked),
        MessageType::Offer | MessageType::Ack | MessageType::Nak => Decision::silent(Reason::NotAQuestion),
        MessageType::Other(_) => Decision::silent(Reason::NotUnderstood),
    }
}

/// Offers an address. Nothing is written down but that it was offered.
fn discover(asked: &Asked<'_>, offers: &mut Offers) -> Decision {
    let mac = asked.question.mac;
    let network = asked.network();
    let promised = offers.of(mac, network.prefix).map(|(_, stage)| stage);
    let requested = asked.rx.packet.requested_address().and_then(Result::ok);
    let pick = match asked.pick(offers, requested) {
        Ok(pick) => pick,
        Err(why) => return asked.ignored(why),
    };
    if must_probe(asked, offers, pick) {
        if promised == Some(Promised::Probing) {
            return Decision::silent(Reason::Probing);
        }
        if !offers.promise(mac, network.prefix, pick.address, Promised::Probing, asked.now) {
            return asked.ignored(Reason::TooManyOffers);
        }
        return Decision {
            effect: Effect::Probe(Probe {
                address: pick.address,
                network: network.name.clone(),
                mac,
                on_link: asked.place.on_link || asked.is_attached(),
            }),
            events: Vec::new(),
            why: Reason::Probing,
        };
    }
    let room = offers.promise(mac, network.prefix, pick.address, Promised::Offered, asked.now);
    // A reserved address needs no place in the table: nobody else can be offered it.
    if !room && !pick.reserved {
        return asked.ignored(Reason::TooManyOffers);
    }
    let filled = asked.settings(MessageType::Offer, Some(pick.address));
    let offered = What::DhcpOffered {
        ask: asked.question.ask(network),
        address: Some(pick.address),
        boot_file: filled.boot_file,
    };
    Decision {
        effect: Effect::Reply(Box::new(asked.reply(filled.message, None))),
        events: vec![asked.event(offered)],
        why: pick.why,
    }
}

/// A reserved address is the node's whatever the wire says, and a machine that has a lease may answer for its own
/// address; any other is probed unless that was done a moment ago.
fn must_probe(asked: &Asked<'_>, offers: &Offers, pick: Pick) -> bool {
    let own_lease = asked
        .world
        .leases
        .at(pick.address)
        .is_some_and(|lease| lease.mac == asked.question.mac && lease.is_active(asked.now));
    !pick.reserved && !own_lease && !offers.is_probed(pick.address)
}

/// The client found that somebody uses its address (section 4.3.3). Only whoever was given an address can say so.
fn decline(asked: &Asked<'_>, offers: &mut Offers) -> Decision {
    let packet = asked.rx.packet;
    let mac = asked.question.mac;
    if let Some(Ok(server)) = packet.server_id()
        && server != asked.server_id()
        && !asked.is_ours(server)
    {
        return Decision::silent(Reason::Elsewhere);
    }
    let Some(Ok(address)) = packet.requested_address() else {
        return Decision::silent(Reason::NothingRequested);
    };
    let leased = asked.world.leases.at(address).is_some_and(|lease| lease.mac == mac);
    let promised = offers
        .of(mac, asked.network().prefix)
        .is_some_and(|(a, _)| a == address);
    if !leased && !promised {
        return Decision::silent(Reason::NotHolder);
    }
    offers.block(address, asked.now);
    let declined = What::DhcpConflict {
        address,
        mac: Some(mac),
        until: asked.now + CONFLICT_HOLDS,
        found_by: "declined".to_string(),
    };
    Decision {
        effect: Effect::Silent,
        events: vec![asked.event(declined)],
        why: Reason::Declined,
    }
}

/// The client needs its address no longer (section 4.3.4).
fn release(asked: &Asked<'_>, offers: &mut Offers) -> Decision {
    let mac = asked.question.mac;
    let address = asked.rx.packet.ciaddr();
    offers.withdraw(mac, asked.network().prefix);
    if asked.world.leases.at(address).is_none_or(|lease| lease.mac != mac) {
        return Decision::silent(Reason::NotHolder);
    }
    Decision {
        effect: Effect::Silent,
        events: vec![asked.event(What::DhcpReleased { address, mac })],
        why: Reason::Released,
    }
}

/// The client has an address by other means and wants the rest (section 4.3.5): no address, no lease time.
fn inform(asked: &Asked<'_>) -> Decision {
    if asked.rx.packet.ciaddr().is_unspecified() {
        return Decision::silent(Reason::NothingRequested);
    }
    let filled = asked.settings(MessageType::Ack, None);
    let informed = What::DhcpInformed {
        ask: asked.question.ask(asked.network()),
        boot_file: filled.boot_file,
    };
    Decision {
        effect: Effect::Reply(Box::new(asked.reply(filled.message, None))),
        events: vec![asked.event(informed)],
        why: Reason::Informed,
    }
}
