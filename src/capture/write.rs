//! A capture as a file.

use std::collections::HashMap;

use jiff::Timestamp;
use model::dhcp::Reason;
use model::event::What;
use model::world::World;
use serde_json::Value;
use wire::pcapng::datagram::{Segment, flags, tcp, udp};
use wire::pcapng::{self, LARGEST_BLOCK, RAW_IP};

use super::{BLOCK, Capture, MAGIC, Note, Packet, part};
use crate::recorder::{Effect, Role, Said, Transport, redact};

/// Where the conversation of one request begins, for TCP's numbers: the same everywhere, since nobody knows the true ones.
const CLIENT: u32 = 1_000;
const SERVER: u32 = 2_000;

/// Writes a capture.
pub fn write(capture: &Capture) -> Vec<u8> {
    let mut out = Vec::new();
    let about = &capture.about;
    let program = format!("bellwether {}", about.version);
    let comment = format!(
        "What {} asked and was answered. IP and TCP headers are made again: their addresses, ports and payloads are true, \
         nothing else. Tokens in URLs are blotted out. `bellwether replay` derives every answer anew from this file.",
        about.machine
    );
    pcapng::section(&mut out, &program, &comment);
    pcapng::interface(&mut out, RAW_IP, "bellwether");
    own(&mut out, part::ABOUT, &json(about));
    if let Some(past) = &capture.past {
        let world = snapshot(&past.world);
        for piece in world.chunks(LARGEST_BLOCK / 2) {
            own(&mut out, part::WORLD, piece);
        }
        for event in &past.events {
            let mut text = json(event);
            // What machines say in their own words may repeat a URL of ours.
            if matches!(event.what, What::InstallerSaid { .. } | What::HookCalled { .. }) {
                redact::tokens(&mut text);
            }
            own(&mut out, part::EVENT, &text);
        }
    }
    let mut talks = HashMap::new();
    for packet in &capture.packets {
        match packet.transport {
            Transport::Udp => {
                let bytes = udp(packet.from, packet.to, &packet.bytes, packet.whole as usize);
                put(&mut out, packet, &bytes);
            }
            Transport::Http => message(&mut out, packet, talks.entry(packet.question).or_default()),
        }
    }
    out
}

/// The world as text, without the tokens that machines may have repeated in their own words.
fn snapshot(world: &World) -> Vec<u8> {
    let text = world.to_snapshot();
    let Ok(mut value) = serde_json::from_str::<Value>(&text) else {
        return text.into_bytes();
    };
    for spoken in ["nodes", "deployments"] {
        if let Some(value) = value.get_mut(spoken) {
            blot(value);
        }
    }
    json(&value)
}

fn blot(value: &mut Value) {
    match value {
        Value::String(text) => {
            let mut octets = std::mem::take(text).into_bytes();
            redact::tokens(&mut octets);
            *text = String::from_utf8_lossy(&octets).into_owned();
        }
        Value::Array(all) => all.iter_mut().for_each(blot),
        Value::Object(all) => all.values_mut().for_each(blot),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// How far the conversation of a request has come.
#[derive(Debug, Default)]
struct Talk {
    begun: bool,
    /// Octets of the request.
    asked: u32,
}

/// A request or an answer of HTTP, with the segments of TCP without which it cannot be read.
fn message(out: &mut Vec<u8>, packet: &Packet, talk: &mut Talk) {
    let (client, server) = match packet.role {
        Role::Question => (packet.from, packet.to),
        Role::Answer => (packet.to, packet.from),
    };
    let at = nanoseconds(packet.at);
    let bare = |out: &mut Vec<u8>, from, to, sequence, acknowledged, flags| {
        let segment = Segment {
            sequence,
            acknowledged,
            flags,
        };
        let bytes = tcp(from, to, segment, &[]);
        pcapng::packet(out, 0, at, bytes.len(), &bytes, None);
    };
    if !talk.begun {
        talk.begun = true;
        bare(out, client, server, CLIENT - 1, 0, flags::SYN);
        bare(out, server, client, SERVER - 1, CLIENT, flags::SYN | flags::ACK);
        bare(out, client, server, CLIENT, SERVER, flags::ACK);
    }
    let length = packet.bytes.len() as u32;
    let (sequence, acknowledged) = match packet.role {
        Role::Question => {
            talk.asked = length;
            (CLIENT, SERVER)
        }
        Role::Answer => (SERVER, CLIENT + talk.asked),
    };
    let segment = Segment {
        sequence,
        acknowledged,
        flags: flags::PSH | flags::ACK,
    };
    let bytes = tcp(packet.from, packet.to, segment, &packet.bytes);
    put(out, packet, &bytes);
    if packet.role == Role::Answer {
        let (asked, answered) = (CLIENT + talk.asked, SERVER + length);
        bare(out, server, client, answered, asked, flags::FIN | flags::ACK);
        bare(out, client, server, asked, answered + 1, flags::FIN | flags::ACK);
        bare(out, server, client, answered + 1, asked + 1, flags::ACK);
    }
}

/// A packet with its note.
fn put(out: &mut Vec<u8>, packet: &Packet, bytes: &[u8]) {
    let cut = (packet.whole as usize).saturating_sub(packet.bytes.len());
    let comment = packet.said.as_ref().and_then(comment);
    // A cut message of HTTP is a whole packet: what is missing would have come in further ones.
    let original = match packet.transport {
        Transport::Udp => bytes.len() + cut,
        Transport::Http => bytes.len(),
    };
    pcapng::packet(out, 0, nanoseconds(packet.at), original, bytes, comment.as_deref());
    let note = Note {
        question: packet.question,
        answer: packet.role == Role::Answer,
        whole: packet.whole,
        said: packet.said.clone(),
    };
    own(out, part::NOTE, &json(&note));
}

/// What is said of a question, for a person who looks at it in Wireshark.
fn comment(said: &Said<'_>) -> Option<String> {
    let Said::Dhcp(said) = said else { return None };
    let why = Reason::ALL.iter().find(|why| why.label() == said.why)?.text();
    let on = said.network.as_deref().unwrap_or("no declared network");
    let did = match said.effect {
        Effect::Silent => "no answer",
        Effect::Probe => "the address is probed before it is offered",
        Effect::Reply => "answered",
    };
    Some(format!("on {on}: {did}; {why}"))
}

fn own(out: &mut Vec<u8>, part: u8, content: &[u8]) {
    pcapng::local(out, BLOCK, &[MAGIC, &[part, b' '], content].concat());
}

fn json(value: &impl serde::Serialize) -> Vec<u8> {
    serde_json::to_vec(value).expect("plain data with text keys always serialises")
}

/// Times before 1970 are those of a clock that is wrong.
fn nanoseconds(at: Timestamp) -> u64 {
    u64::try_from(at.as_nanosecond()).unwrap_or(0)
}
