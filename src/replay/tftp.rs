//! TFTP again: the judgement on a request, the text that is made for it, and the first packet of the answer.

use std::net::IpAddr;
use std::time::Duration;

use model::boot::{Client, Site, autoexec, grub};
use wire::tftp::{self, Heard, Limits, Mode, Next, Transfer, Transmit, hear, netascii};

use super::{Answer, Replayed, Stage, blotted, compare, plain};
use crate::capture::Packet;
use crate::recorder::{Found, TftpSaid, redact};
use crate::scripts::{chosen, granted, grub_text, grub_under_ipxe};

/// Bytes of a file that are not in the capture stand as these.
const ABSENT: u8 = 0;

pub(super) fn replay(
    stage: &mut Stage<'_>,
    question: &Packet,
    said: &TftpSaid<'_>,
    answer: Option<&Packet>,
) -> Replayed {
    let heard = hear(&question.bytes);
    let asked = match &heard {
        Heard::Read(request) => plain(&request.path),
        Heard::Refuse(refused) => plain(&refused.path),
        Heard::Ignore(malformed) => malformed.to_string(),
    };
    let then_text = match &said.found {
        Found::Text { text, .. } => text.as_deref(),
        Found::File(_) | Found::Refused => None,
    };
    let then = match answer {
        Some(answer) => packet(&answer.bytes, answer.whole as usize, then_text),
        None => Answer {
            words: "an answer that is not in the capture".to_string(),
            bytes: Vec::new(),
            text: String::new(),
        },
    };
    let now = answer.and_then(|_| match (&heard, &said.found) {
        (Heard::Refuse(refused), _) => Some(packet(&refused.encode(), refused.encode().len(), None)),
        // That there was no such file is the disk's word, not a decision.
        (_, Found::Refused) | (Heard::Ignore(_), _) => None,
        (Heard::Read(request), Found::File(length)) => Some(first(request, *length, said, None)),
        (Heard::Read(_), Found::Text { text: None, .. }) => None,
        (Heard::Read(request), Found::Text { rendered, .. }) => {
            let text = blotted(&text(stage, question, said, *rendered, &request.path)?);
            let mut travels = text.into_bytes();
            if request.mode == Mode::Netascii {
                let plain = std::mem::take(&mut travels);
                netascii::encode(&plain, &mut travels);
            }
            Some(first(request, travels.len() as u64, said, Some(&travels)))
        }
    });
    compare(question, "TFTP", asked, then, now)
}

/// The text that is made now.
fn text(
    stage: &mut Stage<'_>,
    question: &Packet,
    said: &TftpSaid<'_>,
    rendered: Option<u64>,
    path: &str,
) -> Option<String> {
    let server = question.to.ip().to_canonical();
    let IpAddr::V4(address) = server else { return None };
    let site = Site {
        address,
        http_port: said.http_port,
    };
    let mac = match grub::asked(path) {
        Some(grub::Asked::Config) => return Some(grub::config().text),
        Some(grub::Asked::Script(mac)) => mac,
        None => return (path == "autoexec.ipxe").then(|| autoexec(site).text),
    };
    let client = Client {
        mac,
        address: Some(question.from.ip().to_canonical()),
        ..Client::default()
    };
    let before = stage.worlds.at(said.world)?;
    if let Some(text) = grub_under_ipxe(&before, &client) {
        return Some(text);
    }
    let after = stage.worlds.at(rendered?)?;
    let granted = match chosen(&before, &client) {
        None => None,
        Some((identified, resolved)) => Some(granted(&after, &identified.node, resolved).ok()?),
    };
    Some(grub_text(&stage.key, site, server, mac, granted.as_ref()))
}

/// The first packet of a transfer.
fn first(request: &tftp::Request, length: u64, said: &TftpSaid<'_>, text: Option<&[u8]>) -> Answer {
    let limits = Limits {
        block_size: said.block_size,
        window: said.window,
        ..Limits::default()
    };
    let mut transfer = Transfer::start(request, length, limits, Duration::ZERO);
    let (bytes, whole) = match transfer.poll(Duration::ZERO) {
        Next::Send(Transmit::Control(control)) => {
            let whole = control.len();
            (control, whole)
        }
        Next::Send(Transmit::Data { header, len, .. }) => match text {
            Some(text) => {
                let block = [&header[..], &text[..len.min(text.len())]].concat();
                let whole = block.len();
                (block, whole)
            }
            None => (header.to_vec(), 4 + len),
        },
        Next::Wait(_) | Next::Done(_) => (Vec::new(), 0),
    };
    let mut bytes = bytes;
    redact::tokens(&mut bytes);
    let text = text.map(String::from_utf8_lossy);
    packet(&bytes, whole, text.as_deref())
}

/// A packet with the text that it begins.
fn packet(bytes: &[u8], whole: usize, text: Option<&str>) -> Answer {
    let words = match tftp::Packet::parse(bytes) {
        Ok(tftp::Packet::OptionAck(wanted)) => match wanted.size {
            Some(size) => format!("options, {size} bytes"),
            None => "options".to_string(),
        },
        Ok(tftp::Packet::Data { block, .. }) => format!("block {block}, {} bytes", whole.saturating_sub(4)),
        Ok(tftp::Packet::Error { code, message }) => {
            format!("error {}: {}", code.0, plain(&String::from_utf8_lossy(message)))
        }
        Ok(_) | Err(_) => "no packet".to_string(),
    };
    let mut compared = bytes.to_vec();
    // An answer whose end is not in the capture is compared by its length.
    compared.resize(whole.max(bytes.len()), ABSENT);
    compared.extend_from_slice(text.unwrap_or_default().as_bytes());
    Answer {
        bytes: compared,
        text: format!("{words}\n{}", text.unwrap_or_default()),
        words,
    }
}
