//! DHCP again.

use std::net::SocketAddr;

use model::dhcp::{Decision, Effect, Link, Offers, Reason, Received, decide, describe_packet};
use wire::dhcp4::{MessageType, Packet as Message};

use super::{Answer, Replayed, Stage, compare, plain};
use crate::capture::Packet;
use crate::recorder::{self, DhcpSaid};

pub(super) fn replay(
    stage: &mut Stage<'_>,
    question: &Packet,
    said: &DhcpSaid<'_>,
    answer: Option<&Packet>,
) -> Replayed {
    let then = then(said, answer);
    let message = Message::parse(&question.bytes);
    let asked = message.as_ref().map_or_else(|malformed| malformed.to_string(), asked);
    let now = match (message, stage.worlds.at(said.world), question.from) {
        (Ok(message), Some(world), SocketAddr::V4(src)) if !question.is_cut() => {
            let link = Link {
                network: said.network.as_deref().map(String::from),
                address: said.address,
                http_port: said.http_port,
                mtu: said.mtu,
            };
            let rx = Received {
                packet: &message,
                link: &link,
                src,
                unicast: said.unicast,
                port4011: said.port4011,
            };
            let mut offers = Offers::of_grounds(&said.grounds, question.at);
            Some(now(decide(&world, &mut offers, question.at, &rx)))
        }
        _ => None,
    };
    // An answer that was cut, or that never left since its lease could not be written, is compared by its reason alone.
    let (then, now) = match answer.filter(|answer| !answer.is_cut()) {
        None if said.effect == recorder::Effect::Reply => (by_reason(then), now.map(by_reason)),
        _ => (then, now),
    };
    compare(question, "DHCP", asked, then, now)
}

fn asked(message: &Message<'_>) -> String {
    let kind = match message.message_type() {
        Some(Ok(kind)) => kind.to_string(),
        _ => "BOOTP".to_string(),
    };
    let who = message
        .mac()
        .map_or_else(|| "a machine without a MAC".to_string(), |mac| mac.to_string());
    let class = message.vendor_class();
    let class = class.map(|class| format!(" as {}", plain(&String::from_utf8_lossy(&class))));
    format!("{kind} of {who}{}", class.unwrap_or_default())
}

fn then(said: &DhcpSaid<'_>, answer: Option<&Packet>) -> Answer {
    let why = Reason::ALL.iter().find(|why| why.label() == said.why);
    let why = why.map_or(&*said.why, |why| why.text());
    match (answer, said.effect) {
        (Some(answer), _) => reply(&answer.bytes, &answer.to.to_string(), &said.why, why),
        (None, recorder::Effect::Reply) => silent("an answer that is not in the capture", &said.why, why),
        (None, recorder::Effect::Probe) => silent("the address is probed", &said.why, why),
        (None, recorder::Effect::Silent) => silent("no answer", &said.why, why),
    }
}

fn now(decision: Decision) -> Answer {
    let (label, why) = (decision.why.label(), decision.why.text());
    match decision.effect {
        Effect::Silent => silent("no answer", label, why),
        Effect::Probe(_) => silent("the address is probed", label, why),
        Effect::Reply(said) => {
            let mut bytes = Vec::with_capacity(said.budget);
            said.message.encode(said.budget, &mut bytes);
            reply(&bytes, &said.destination.address().to_string(), label, why)
        }
    }
}

fn silent(words: &str, label: &str, why: &str) -> Answer {
    Answer {
        words: words.to_string(),
        bytes: label.as_bytes().to_vec(),
        text: format!("{words}\nreason: {why}\n"),
    }
}

fn reply(bytes: &[u8], to: &str, label: &str, why: &str) -> Answer {
    let read = Message::parse(bytes);
    let words = read.as_ref().map_or_else(|malformed| malformed.to_string(), answered);
    let described = read
        .as_ref()
        .map_or_else(|malformed| malformed.to_string(), describe_packet);
    Answer {
        words,
        bytes: [bytes, to.as_bytes(), label.as_bytes()].concat(),
        text: format!("reason: {why}\nto {to}\n{described}"),
    }
}

fn answered(message: &Message<'_>) -> String {
    let kind = match message.message_type() {
        Some(Ok(kind)) => kind,
        _ => return "an answer without a type".to_string(),
    };
    match kind {
        MessageType::Nak => kind.to_string(),
        _ => {
            let file = message.option(wire::dhcp4::code::BOOT_FILE);
            let file = file.map(|file| format!(", {}", plain(&String::from_utf8_lossy(&file))));
            format!("{kind} {}{}", message.yiaddr(), file.unwrap_or_default())
        }
    }
}

fn by_reason(answer: Answer) -> Answer {
    let reason = answer.text.lines().find(|line| line.starts_with("reason: "));
    let text = reason.unwrap_or_default().to_string();
    Answer {
        bytes: text.clone().into_bytes(),
        text: format!("{text}\n"),
        ..answer
    }
}
