//! Requests and answers on their way into the recorder.
//!
//! Kept are the request line, the headers that matter in a boot, the status, and the body of scripts and of refusals. What a
//! client sends in a body, what is in documents of settings, and files are not kept.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::body::{Body, Bytes, HttpBody as _, to_bytes};
use axum::extract::{Extension, Request, State};
use axum::http::response::Parts;
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
    let uri = request.uri();
    let is_script = uri.path().ends_with("/script") || uri.path() == "/autoexec.ipxe";
    let question = Question::of(&shared, ends, &request);
    let answer = next.run(request).await;
    question.answered(&shared, answer, is_script).await
}

/// A request that waits for its answer.
pub(super) struct Question {
    ends: Ends,
    came: Timestamp,
    mac: Option<Mac>,
    head: Vec<u8>,
    world: Arc<World>,
}

impl Question {
    /// What is kept of a request, whatever its body.
    pub(super) fn of<B>(shared: &Shared, ends: Ends, request: &http::Request<B>) -> Self {
        let query = request.uri().query().unwrap_or_default();
        Self {
            ends,
            came: Timestamp::now(),
            mac: Client::saying(None, query, ends.client.ip()).mac,
            head: request_head(request),
            world: shared.journal.world(),
        }
    }

    /// Keeps it with its answer, and with the body of a script or of a refusal.
    pub(super) async fn answered(self, shared: &Shared, answer: Response, is_script: bool) -> Response {
        let (head, body) = answer.into_parts();
        let length = body.size_hint().exact();
        let is_kept = (is_script || head.status.as_u16() >= 400) && length.is_some_and(|length| length <= BODY);
        let (body, kept) = match length {
            Some(1..) if is_kept => {
                // A body in memory, which has a length, cannot break off.
                let bytes = to_bytes(body, BODY as usize).await.unwrap_or_default();
                (Body::from(bytes.clone()), Some(bytes))
            }
            _ => (body, is_kept.then(Bytes::new)),
        };
        self.keep(shared, &head, length, kept.as_deref());
        Response::from_parts(head, body)
    }

    /// The answer's body has `length` bytes if that is known, and is `body` if it is kept.
    fn keep(self, shared: &Shared, head: &Parts, length: Option<u64>, body: Option<&[u8]>) {
        let mut answer = answer_head(head, length, body.is_some());
        let start = answer.len();
        answer.extend_from_slice(body.unwrap_or_default());
        redact::tokens(&mut answer[start..]);
        let rendered = head.extensions.get::<Rendered>();
        let said = Said::Http(HttpSaid {
            world: rendered.map_or(self.world.seq, |rendered| rendered.asked),
            rendered: rendered.map(|rendered| rendered.rendered),
            http_port: shared.port,
        });
        let number = shared.recorder.question();
        let (owner, mac) = owner(&self.world, self.ends.client, self.mac);
        let owner = owner.as_ref().map_or(Owner::Stranger, Owner::Node);
        let whole = start as u64 + length.unwrap_or(0);
        let ask = Packet {
            at: self.came,
            question: number,
            role: Role::Question,
            transport: Transport::Http,
            from: self.ends.client,
            to: self.ends.local,
            mac,
            bytes: &self.head,
            whole: self.head.len(),
        };
        let reply = Packet {
            at: Timestamp::now(),
            role: Role::Answer,
            from: self.ends.local,
            to: self.ends.client,
            bytes: &answer,
            whole: usize::try_from(whole).unwrap_or(usize::MAX).max(answer.len()),
            ..ask
        };
        shared.recorder.keep(owner, &ask, Some(&said));
        shared.recorder.keep(owner, &reply, None);
    }
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

fn request_head<B>(request: &http::Request<B>) -> Vec<u8> {
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

fn answer_head(head: &Parts, length: Option<u64>, is_kept: bool) -> Vec<u8> {
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
