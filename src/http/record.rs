//! Requests and answers on their way into the recorder.
//!
//! Kept are the request line, the headers that matter in a boot, the status, and the body of scripts and of refusals. What a
//! client sends in a body, what is in documents of settings, and files are not kept.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::body::{Body, HttpBody as _, to_bytes};
use axum::extract::{Extension, Request, State};
use axum::http::{HeaderMap, HeaderName, Version, header};
use axum::middleware::Next;
use axum::response::Response;
use jiff::Timestamp;
use model::Mac;
use model::boot::Client;
use model::world::World;

use super::boot::Rendered;
use super::{Ends, Shared, plain};
use crate::recorder::{HttpSaid, Owner, Packet, Role, Said, Transport, redact};

/// Headers that are kept; what is not here may hold a secret.
const KEPT: [HeaderName; 13] = [
    header::HOST,
    header::USER_AGENT,
    header::ACCEPT,
    header::RANGE,
    header::IF_RANGE,
    header::CONTENT_TYPE,
    header::CONTENT_LENGTH,
    header::CONTENT_RANGE,
    header::ACCEPT_RANGES,
    header::ETAG,
    header::LOCATION,
    header::CONNECTION,
    header::CACHE_CONTROL,
];
/// In the place of `content-length` where the body is not kept: who reads the capture would wait for it.
const NOT_KEPT: &str = "x-not-kept";
/// Longest body that is kept, in bytes; scripts have some 2,000.
const BODY: u64 = 8 << 10;

/// Keeps a request and its answer.
pub(super) async fn record(
    State(shared): State<Arc<Shared>>,
    Extension(ends): Extension<Ends>,
    request: Request,
    next: Next,
) -> Response {
    // Whoever watches the server asks for these every few seconds.
    let is_watch = matches!(request.uri().path(), "/metrics" | "/healthz");
    if is_watch || !shared.recorder.is_on() {
        return next.run(request).await;
    }
    let came = Timestamp::now();
    let uri = request.uri();
    let is_script = uri.path().ends_with("/script") || uri.path() == "/autoexec.ipxe";
    let mac = Client::saying(None, uri.query().unwrap_or_default(), ends.client.ip()).mac;
    let question = request_head(&request);
    let world = shared.journal.world();
    let (head, body) = next.run(request).await.into_parts();
    let length = body.size_hint().exact();
    let is_kept = (is_script || head.status.as_u16() >= 400) && length.is_some_and(|length| length <= BODY);
    let mut answer = answer_head(&head, length, is_kept);
    let start = answer.len();
    let body = match length {
        Some(length @ 1..) if is_kept => match to_bytes(body, BODY as usize).await {
            Ok(bytes) => {
                debug_assert_eq!(bytes.len() as u64, length);
                answer.extend_from_slice(&bytes);
                redact::tokens(&mut answer[start..]);
                Body::from(bytes)
            }
            // A body in memory, which has a length, cannot break off.
            Err(_) => Body::empty(),
        },
        _ => body,
    };
    let rendered = head.extensions.get::<Rendered>();
    let said = Said::Http(HttpSaid {
        world: rendered.map_or(world.seq, |rendered| rendered.asked),
        rendered: rendered.map(|rendered| rendered.rendered),
        http_port: shared.port,
    });
    let number = shared.recorder.question();
    let (owner, mac) = owner(&world, ends.client, mac);
    let owner = owner.as_ref().map_or(Owner::Stranger, Owner::Node);
    let whole = start as u64 + length.unwrap_or(0);
    let ask = Packet {
        at: came,
        question: number,
        role: Role::Question,
        transport: Transport::Http,
        from: ends.client,
        to: ends.local,
        mac,
        bytes: &question,
        whole: question.len(),
    };
    let reply = Packet {
        at: Timestamp::now(),
        role: Role::Answer,
        from: ends.local,
        to: ends.client,
        bytes: &answer,
        whole: usize::try_from(whole).unwrap_or(usize::MAX).max(answer.len()),
        ..ask
    };
    shared.recorder.keep(owner, &ask, Some(&said));
    shared.recorder.keep(owner, &reply, None);
    Response::from_parts(head, body)
}

/// Whose request it is: by address, else by the MAC that the loader says.
fn owner(world: &World, client: SocketAddr, mac: Option<Mac>) -> (Option<Arc<str>>, Option<Mac>) {
    let address = plain(client.ip());
    let leased = match address {
        std::net::IpAddr::V4(address) => world.leases.at(address).map(|lease| lease.mac),
        std::net::IpAddr::V6(_) => None,
    };
    let mac = mac.or(leased);
    let node = (world.node_at(address)).or_else(|| mac.and_then(|mac| world.cluster.by_mac(mac)));
    (node.map(|node| node.name.clone()), mac)
}

fn request_head(request: &Request) -> Vec<u8> {
    let mut head = Vec::with_capacity(256);
    let target = request.uri().path_and_query().map_or("/", |target| target.as_str());
    let mut target = target.as_bytes().to_vec();
    redact::path(&mut target);
    head.extend_from_slice(request.method().as_str().as_bytes());
    head.push(b' ');
    head.extend_from_slice(&target);
    head.extend_from_slice(version(request.version()));
    headers(&mut head, request.headers(), false);
    head.extend_from_slice(b"\r\n");
    head
}

fn answer_head(head: &axum::http::response::Parts, length: Option<u64>, is_kept: bool) -> Vec<u8> {
    let mut out = Vec::with_capacity(512);
    let line = format!(
        "HTTP/1.1 {} {}\r\n",
        head.status.as_u16(),
        head.status.canonical_reason().unwrap_or_default()
    );
    out.extend_from_slice(line.as_bytes());
    headers(&mut out, &head.headers, is_kept);
    if let Some(length) = length.filter(|_| !head.headers.contains_key(header::CONTENT_LENGTH)) {
        let name = if is_kept { "content-length" } else { NOT_KEPT };
        out.extend_from_slice(format!("{name}: {length}\r\n").as_bytes());
    }
    out.extend_from_slice(b"\r\n");
    out
}

fn version(version: Version) -> &'static [u8] {
    match version {
        Version::HTTP_10 => b" HTTP/1.0\r\n",
        _ => b" HTTP/1.1\r\n",
    }
}

/// The headers that matter, without the end of the head.
fn headers(out: &mut Vec<u8>, headers: &HeaderMap, body_is_kept: bool) {
    for (name, value) in headers.iter().filter(|(name, _)| KEPT.contains(name)) {
        let start = out.len();
        match *name == header::CONTENT_LENGTH && !body_is_kept {
            true => out.extend_from_slice(NOT_KEPT.as_bytes()),
            false => out.extend_from_slice(name.as_str().as_bytes()),
        }
        out.extend_from_slice(b": ");
        out.extend_from_slice(value.as_bytes());
        out.extend_from_slice(b"\r\n");
        redact::tokens(&mut out[start..]);
    }
}
