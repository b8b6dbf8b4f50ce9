//! One connection: one request, answered in a bounded time. Pelagos speaks HTTP/1.0, so its clients expect no second one.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use axum::body::Body;
use axum::http::Request;
use hyper::body::Incoming;
use hyper_util::rt::{TokioIo, TokioTimer};
use tower::ServiceExt as _;

use super::{ACTOR, routes};
use crate::faces::Guest;

/// A request and its answer take no longer.
const VISIT: Duration = Duration::from_secs(60);
/// A client that has not finished its request's head by then is let go.
const HEAD: Duration = Duration::from_secs(15);
/// Most octets of a request's head.
const HEAD_SIZE: usize = 32 << 10;

/// Where a client came in, and who he is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    /// Our end.
    pub local: SocketAddr,
    /// His address.
    pub peer: IpAddr,
}

impl Place {
    /// Who acts, as the journal names him.
    pub fn actor(self) -> String {
        format!("{ACTOR}:{}", self.peer)
    }
}

/// Answers a guest.
pub(in crate::faces) async fn serve(guest: Guest) {
    let Guest {
        stream,
        peer,
        token_from,
        engine,
        cancel,
    } = guest;
    let Ok(local) = stream.local_addr() else { return };
    let place = Place {
        local,
        peer: peer.ip().to_canonical(),
    };
    let router = routes::router(engine.pelagos, engine.secrets, token_from);
    let service = hyper::service::service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(place);
        router.clone().oneshot(request.map(Body::new))
    });
    let connection = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD)
        .max_headers(64)
        .max_buf_size(HEAD_SIZE)
        .keep_alive(false)
        .title_case_headers(true)
        .serve_connection(TokioIo::new(stream), service);
    tokio::select! {
        () = cancel.cancelled() => {}
        // Whoever broke off or was too slow is told nothing.
        _ = tokio::time::timeout(VISIT, connection) => {}
    }
}
