//! The accept loop: connections in, requests to the router.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{Request, Uri};
use futures_util::FutureExt as _;
use futures_util::future::Either;
use hyper::body::Incoming;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;

use super::boot::{asks_for_script, script_at_once};
use super::guests::Guests;
use super::lane::{Lane, Wire};
use super::{Ends, HttpCounters, Shared};
use crate::pulse::Beat;

/// Connections at once. A rack of 1,000 nodes opens some 2 each; beyond this, newcomers wait in the listen queue.
const CONNECTIONS: usize = 16_384;
/// Connections of one client at once: a browser has 6, a proxy of a site some hundred.
const CONNECTIONS_EACH: usize = 2048;
/// Most bytes of a request's head; iPXE's longest has some 600.
const HEAD: usize = 64 * 1024;
/// A client that has not finished its request's head by then is let go.
const HEAD_TIMEOUT: Duration = Duration::from_secs(30);

/// Why the door cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    /// The address is taken or not allowed.
    #[error("cannot listen for HTTP on {address}: is another server there? (ss -ltnp sport = :{port})", port = address.port())]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Cause.
        #[source]
        source: std::io::Error,
    },
}

/// What is behind the door.
#[derive(Clone)]
pub struct Inside {
    /// Answers what is asked.
    pub router: Router,
    /// Scripts are answered from here, before the router.
    pub scripts: Option<Arc<Shared>>,
}

impl From<Router> for Inside {
    fn from(router: Router) -> Self {
        Self { router, scripts: None }
    }
}

/// Serves until cancelled, and answers `beat` between two connections; transfers under way get `drain` to end.
///
/// # Errors
/// If the address cannot be bound.
pub async fn serve(
    address: SocketAddr,
    inside: impl Into<Inside>,
    counters: Arc<HttpCounters>,
    mut beat: Beat,
    cancel: CancellationToken,
) -> Result<(), HttpError> {
    let listener = listen(address).map_err(|source| HttpError::Listen { address, source })?;
    tracing::info!(%address, "HTTP door is open");
    let inside = inside.into();
    let slots = Arc::new(Semaphore::new(CONNECTIONS));
    let guests = Guests::new(CONNECTIONS_EACH);
    loop {
        // With every place taken the loop waits, but lives.
        let slot = tokio::select! {
            slot = slots.clone().acquire_owned() => slot.expect("the semaphore is never closed"),
            () = beat.answer() => continue,
            () = cancel.cancelled() => return Ok(()),
        };
        let accepted = tokio::select! {
            () = cancel.cancelled() => return Ok(()),
            () = beat.answer() => continue,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, client)) => {
                let Some(guest) = guests.admit(client.ip()) else {
                    HttpCounters::count(&counters.turned_away, 1);
                    continue;
                };
                let (inside, counters, cancel) = (inside.clone(), counters.clone(), cancel.clone());
                tokio::spawn(async move {
                    connection(stream, client, inside, counters, cancel).await;
                    drop((guest, slot));
                });
            }
            // Out of file descriptors or a connection that was reset while queued: neither is a reason to stop.
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }
}

fn listen(address: SocketAddr) -> std::io::Result<TcpListener> {
    let socket = socket2::Socket::new(socket2::Domain::for_address(address), socket2::Type::STREAM, None)?;
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(4096)?;
    TcpListener::from_std(socket.into())
}

async fn connection(
    stream: TcpStream,
    client: SocketAddr,
    inside: Inside,
    counters: Arc<HttpCounters>,
    cancel: CancellationToken,
) {
    let Ok(local) = stream.local_addr() else { return };
    stream.set_nodelay(true).ok();
    let ends = Ends { client, local };
    let lane = Arc::new(Lane::default());
    let wire = Wire::new(stream, lane.clone());
    let counted = counters.clone();
    let service = hyper::service::service_fn(move |mut request: Request<Incoming>| {
        if let Some(uri) = single_slashes(request.uri()) {
            *request.uri_mut() = uri;
        }
        HttpCounters::count(&counted.requests, 1);
        let counted = counted.clone();
        let scripts = inside.scripts.as_ref().zip(asks_for_script(&request));
        let way = match scripts.map(|(shared, node)| (shared.clone(), node.to_string())) {
            Some((shared, node)) => Either::Left(async move { script_at_once(&shared, ends, node, request).await }),
            None => {
                request.extensions_mut().insert(ends);
                request.extensions_mut().insert(lane.clone());
                let answer = inside.router.clone().oneshot(request.map(Body::new));
                Either::Right(answer.map(|answer| answer.unwrap_or_else(|never| match never {})))
            }
        };
        way.map(move |answer| {
            if answer.status().as_u16() >= 400 {
                HttpCounters::count(&counted.refused, 1);
            }
            Ok::<_, Infallible>(answer)
        })
    });
    let connection = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_headers(64)
        .max_buf_size(HEAD)
        .serve_connection(TokioIo::new(wire), service);
    tokio::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = cancel.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended
        && error.is_parse()
    {
        HttpCounters::count(&counters.malformed, 1);
    }
}

/// The same URI with each slash once, if that is another. What a proxy is asked for is another server's path.
fn single_slashes(uri: &Uri) -> Option<Uri> {
    let target = uri.path_and_query().filter(|_| uri.scheme().is_none())?;
    model::boot::single_slashes(target.as_str())?.parse().ok()
}
