//! Boot files beside another server's addresses: ProxyDHCP on port 67, boot server on port 4011 (PXE 2.1 section 2.2).

use wire::dhcp4::MessageType;

use super::{Asked, Decision, Effect, Reason};
use crate::event::{Stage, What};

/// A network on which another server gives the addresses.
pub(super) fn decide(asked: &Asked<'_>) -> Decision {
    if asked.rx.port4011 {
        return boot_server(asked);
    }
    match asked.question.kind {
        MessageType::Discover if asked.question.stage != Stage::Os => {}
        MessageType::Request => return taken(asked).unwrap_or_else(|| Decision::silent(Reason::ProxyOnly)),
        _ => return Decision::silent(Reason::ProxyOnly),
    }
    let Some(filled) = asked.boot_only(MessageType::Offer) else {
        return asked.ignored(Reason::NoBootFile);
    };
    let offered = What::DhcpOffered {
        ask: asked.question.ask(asked.network()),
        address: None,
        boot_file: filled.boot_file,
    };
    Decision {
        effect: Effect::Reply(Box::new(asked.reply(filled.message, None))),
        events: vec![asked.event(offered)],
        why: Reason::BootFileOnly,
    }
}

/// A node takes an address of the other server: noted, so that it is known by it when it asks for a file.
fn taken(asked: &Asked<'_>) -> Option<Decision> {
    let packet = asked.rx.packet;
    let server = packet.server_id()?.ok().filter(|server| *server != asked.server_id())?;
    let address = packet.requested_address()?.ok()?;
    asked.question.node?;
    let elsewhere = What::DhcpElsewhere {
        ask: asked.question.ask(asked.network()),
        server,
        address: Some(address),
    };
    Some(Decision {
        effect: Effect::Silent,
        events: vec![asked.event(elsewhere)],
        why: Reason::Elsewhere,
    })
}

/// The second conversation: a client that has its address asks a boot server for its file.
pub(super) fn boot_server(asked: &Asked<'_>) -> Decision {
    if !matches!(
        asked.question.kind,
        MessageType::Request | MessageType::Inform | MessageType::Discover
    ) || asked.question.stage == Stage::Os
    {
        return Decision::silent(Reason::NotUnderstood);
    }
    let Some(filled) = asked.boot_only(MessageType::Ack) else {
        return asked.ignored(Reason::NoBootFile);
    };
    let informed = What::DhcpInformed {
        ask: asked.question.ask(asked.network()),
        boot_file: filled.boot_file,
    };
    Decision {
        effect: Effect::Reply(Box::new(asked.reply(filled.message, None))),
        events: vec![asked.event(informed)],
        why: Reason::BootFileOnly,
    }
}
