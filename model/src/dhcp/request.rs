//! DHCPREQUEST: a lease is taken, checked, renewed, or refused (RFC 2131 section 4.3.2).

use std::net::Ipv4Addr;

use jiff::SignedDuration;
use wire::dhcp4::MessageType;

use super::address::{Declared, Pick};
use super::grounds::Stage as Promised;
use super::{Asked, Decision, Effect, Offers, Reason};
use crate::event::{Stage, What};
use crate::world::Step;

/// A request that comes again within this time is a lost ACK, not a renewal: it is answered again, but nothing new is
/// written, so that a client that repeats itself does not fill the disk.
const REPEATED_WITHIN: SignedDuration = SignedDuration::from_secs(10);

/// In which of its states the client asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// It answers our offer.
    Selecting,
    /// It started and remembers an address.
    InitReboot,
    /// It uses the address and wants to keep it (RENEWING, REBINDING).
    Bound,
}

pub(super) fn decide(asked: &Asked<'_>, offers: &mut Offers) -> Decision {
    let packet = asked.rx.packet;
    let requested = packet.requested_address().and_then(Result::ok);
    let ciaddr = Some(packet.ciaddr()).filter(|address| !address.is_unspecified());
    let (state, address) = match (packet.server_id().and_then(Result::ok), requested, ciaddr) {
        (Some(server), ..) if server != asked.server_id() && !asked.is_ours(server) => {
            return elsewhere(asked, offers, server);
        }
        (Some(_), Some(address), _) | (Some(_), None, Some(address)) => (State::Selecting, address),
        (None, Some(address), None) => (State::InitReboot, address),
        (None, _, Some(address)) => (State::Bound, address),
        (_, None, None) => return Decision::silent(Reason::NothingRequested),
    };
    let prefix = asked.network().prefix;
    if offers.of(asked.question.mac, prefix) == Some((address, Promised::Committing)) {
        return Decision::silent(Reason::Committing);
    }
    match judge(asked, offers, state, address) {
        Ok(pick) => grant(asked, offers, pick),
        Err(why) if state == State::Selecting || may_refuse(asked) => refuse(asked, offers, address, why),
        Err(_) => Decision::silent(Reason::NotAuthoritative),
    }
}

/// Whether the client may have the address, in the state in which it is.
fn judge(asked: &Asked<'_>, offers: &Offers, state: State, address: Ipv4Addr) -> Result<Pick, Reason> {
    let network = asked.network();
    let mac = asked.question.mac;
    if !network.prefix.contains(&address) {
        return Err(Reason::WrongNetwork);
    }
    let declared = asked.declared(offers);
    let pick = |why| Pick {
        address,
        reserved: false,
        why,
    };
    let pool_reason = match declared {
        Declared::Address(reserved) if reserved == address => {
            return Ok(Pick {
                address,
                reserved: true,
                why: Reason::Reserved,
            });
        }
        Declared::Address(_) => Reason::OtherReserved,
        Declared::Nothing(why) => why,
    };
    let is_free = asked.is_free(address, offers);
    if is_free && offers.of(mac, network.prefix) == Some((address, Promised::Offered)) {
        return Ok(pick(pool_reason));
    }
    let own_lease = asked.world.leases.at(address).is_some_and(|lease| lease.mac == mac);
    let may_keep = own_lease && !asked.in_conflict(address) && !asked.is_reserved_for_other(address);
    match state {
        // A running machine keeps its address although the file gives it another now; it changes when it starts anew.
        State::Bound if may_keep => Ok(pick(Reason::Kept)),
        _ if pool_reason == Reason::OtherReserved => Err(Reason::OtherReserved),
        State::InitReboot if !own_lease => Err(Reason::NoSuchLease),
        // We forgot what we offered, or another server gave what the client now uses: as good as an offer if it is free.
        _ if is_free => Ok(pick(pool_reason)),
        _ => Err(Reason::Taken),
    }
}

/// Whether an answer of ours that refuses is the last word: not if other servers share the network and we know nothing
/// of the client.
fn may_refuse(asked: &Asked<'_>) -> bool {
    !asked.network().beside_other_servers
        || asked.question.node.is_some()
        || asked
            .world
            .leases
            .of_on(asked.question.mac, &asked.network().name)
            .is_some()
}

fn grant(asked: &Asked<'_>, offers: &mut Offers, pick: Pick) -> Decision {
    let network = asked.network();
    let filled = asked.settings(MessageType::Ack, Some(pick.address));
    if is_repeated(asked, pick.address) {
        return Decision {
            effect: Effect::Reply(Box::new(asked.reply(filled.message, None))),
            events: Vec::new(),
            why: Reason::Repeated,
        };
    }
    let mac = asked.question.mac;
    if !offers.promise(mac, network.prefix, pick.address, Promised::Committing, asked.now) && !pick.reserved {
        return asked.ignored(Reason::TooManyOffers);
    }
    let leased = What::DhcpLeased {
        ask: asked.question.ask(network),
        address: pick.address,
        until: asked.now + SignedDuration::from_secs(i64::from(network.lease_seconds)),
        boot_file: filled.boot_file,
        reserved: pick.reserved,
    };
    Decision {
        effect: Effect::Reply(Box::new(asked.reply(filled.message, Some(pick.address)))),
        events: vec![asked.event(leased)],
        why: pick.why,
    }
}

/// Whether the very same lease was given to the very same software a moment ago.
fn is_repeated(asked: &Asked<'_>, address: Ipv4Addr) -> bool {
    let question = &asked.question;
    let now = asked.now;
    let full = SignedDuration::from_secs(i64::from(asked.network().lease_seconds));
    let fresh = asked.world.leases.at(address).is_some_and(|lease| {
        let left = lease.until.duration_since(now);
        lease.mac == question.mac
            && lease.node.as_deref() == question.node.map(|node| &*node.name)
            && (full - REPEATED_WITHIN < left && left <= full)
    });
    let same_software = match question.node {
        // Firmware, loader and system of one boot follow each other within seconds, and each lease is a step of it.
        Some(node) => asked.world.state(&node.name).boot.as_ref().is_some_and(|boot| {
            let mark = boot.mark(step(question.stage));
            mark.is_some_and(|mark| now.duration_since(mark.last) < REPEATED_WITHIN)
        }),
        None => asked
            .world
            .machines
            .get(&question.mac)
            .is_some_and(|machine| machine.stage == question.stage),
    };
    fresh && same_software
}

/// The step of a boot that a lease is.
fn step(stage: Stage) -> Step {
    match stage {
        Stage::Firmware | Stage::HttpFirmware => Step::Dhcp,
        Stage::Ipxe => Step::LoaderDhcp,
        Stage::Os => Step::OsDhcp,
    }
}

fn refuse(asked: &Asked<'_>, offers: &mut Offers, address: Ipv4Addr, why: Reason) -> Decision {
    let network = asked.network();
    offers.withdraw(asked.question.mac, network.prefix);
    let text = match why {
        Reason::WrongNetwork => format!("{address} is not in network {} ({})", network.name, network.prefix),
        why => format!("{address}: {}", why.text()),
    };
    let message = asked.refusal(why.text());
    let refused = What::DhcpRefused {
        ask: asked.question.ask(network),
        why: text,
    };
    Decision {
        effect: Effect::Reply(Box::new(asked.reply(message, None))),
        events: vec![asked.event(refused)],
        why,
    }
}

fn elsewhere(asked: &Asked<'_>, offers: &mut Offers, server: Ipv4Addr) -> Decision {
    let network = asked.network();
    offers.withdraw(asked.question.mac, network.prefix);
    let elsewhere = What::DhcpElsewhere {
        ask: asked.question.ask(network),
        server,
        address: None,
    };
    Decision {
        effect: Effect::Silent,
        events: vec![asked.event(elsewhere)],
        why: Reason::Elsewhere,
    }
}
