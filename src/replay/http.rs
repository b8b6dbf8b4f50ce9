//! Boot scripts over HTTP again.

use std::net::IpAddr;

use axum::http::Uri;
use model::boot::{Client, Site, autoexec};

use super::{Answer, Replayed, Stage, blotted, compare, plain};
use crate::capture::Packet;
use crate::recorder::HttpSaid;
use crate::scripts::{chosen, granted, ipxe_text};

pub(super) fn replay(stage: &mut Stage<'_>, question: &Packet, said: &HttpSaid, answer: Option<&Packet>) -> Replayed {
    let (head, _) = split(&question.bytes);
    let line = head.lines().next().unwrap_or_default();
    let mut words = line.split(' ');
    let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let asked = plain(&format!("{method} {target}"));
    let then = answer
        .filter(|answer| !answer.is_cut())
        .map(|answer| split(&answer.bytes));
    let is_ok = |head: &str| head.split(' ').nth(1) == Some("200");
    let now = target
        .parse::<Uri>()
        .ok()
        .filter(|_| method == "GET" && then.as_ref().is_some_and(|(head, _)| is_ok(head)))
        .and_then(|uri| script(stage, question, said, &uri));
    let (status, body) = match (then, answer) {
        (Some((head, body)), _) => (status(&head), body),
        (None, Some(answer)) => (status(&split(&answer.bytes).0), String::new()),
        (None, None) => ("an answer that is not in the capture".to_string(), String::new()),
    };
    let of = |text: String, status: String| Answer {
        words: match text.len() {
            0 => status,
            length => format!("{status}, {length} bytes"),
        },
        bytes: text.clone().into_bytes(),
        text,
    };
    let now = now.map(|text| of(blotted(&text), "200 OK".to_string()));
    compare(question, "HTTP", asked, of(body, status), now)
}

/// The script that is given now, for a path that is one's.
fn script(stage: &mut Stage<'_>, question: &Packet, said: &HttpSaid, uri: &Uri) -> Option<String> {
    let address = match question.to.ip().to_canonical() {
        IpAddr::V4(address) => address,
        IpAddr::V6(_) => return None,
    };
    let site = Site {
        address,
        http_port: said.http_port,
    };
    if uri.path() == "/autoexec.ipxe" {
        return Some(autoexec(site).text);
    }
    let client = Client::asking_for(uri.path_and_query()?.as_str(), question.from.ip())?;
    let before = stage.worlds.at(said.world)?;
    let after = stage.worlds.at(said.rendered?)?;
    let granted = match chosen(&before, &client) {
        None => None,
        Some((identified, resolved)) => Some(granted(&after, &identified.node, resolved).ok()?),
    };
    Some(ipxe_text(&stage.key, site, client.mac, granted.as_ref()))
}

/// Head and body of a message.
fn split(message: &[u8]) -> (String, String) {
    let text = String::from_utf8_lossy(message);
    match text.split_once("\r\n\r\n") {
        Some((head, body)) => (head.to_string(), body.to_string()),
        None => (text.into_owned(), String::new()),
    }
}

/// `200 OK`.
fn status(head: &str) -> String {
    let line = head.lines().next().unwrap_or_default();
    plain(line.split_once(' ').map_or(line, |(_, status)| status))
}
