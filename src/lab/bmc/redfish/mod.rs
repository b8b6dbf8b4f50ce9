//! The Redfish door of a BMC: JSON over HTTPS, with sessions and passwords, on the state that IPMI shows too.
//!
//! As far as clients in use need it: the root, one system, one manager, one chassis, sensors, the event log, sessions.
//! What a question means is in [`service`], what is shown in [`tree`] and [`machine`].
//!
//! Invariant: connections, heads, bodies, sessions and the time for each are bounded; what comes over the wire is an answer
//! or a refusal, never a panic.

mod answer;
mod certificate;
mod machine;
mod service;
mod sessions;
mod tree;
mod wanted;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, Response};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_rustls::TlsAcceptor;

use self::answer::Refusal;
use self::service::{Question, Service};
use super::{Identity, LineFaults, Panel};
use crate::lab::LabError;

/// Connections at once; further ones wait in the queue of the socket.
const CONNECTIONS: usize = 32;
/// Most octets of a question's head.
const HEAD: usize = 16 * 1024;
/// Most octets of its body.
const BODY: usize = 64 * 1024;
/// How long a head, a body or a handshake may take, and a connection be still.
const PATIENCE: Duration = Duration::from_secs(20);
/// How long one that hangs keeps a question: longer than anybody waits.
const HANGS: Duration = Duration::from_secs(300);

/// Opens the door and serves it in the background for as long as the program runs.
///
/// # Errors
/// The address is taken or not allowed, or no certificate can be made.
pub(super) async fn open(
    address: SocketAddr,
    identity: Identity,
    faults: LineFaults,
    panel: Panel,
) -> Result<(), LabError> {
    let config = certificate::made(address.ip(), &identity.name)?;
    let listener = TcpListener::bind(address).await;
    let listener = listener.map_err(LabError::io(format!("open the Redfish of a BMC on {address}")))?;
    let service = Arc::new(Service::new(identity, faults, panel));
    tokio::spawn(accept(listener, TlsAcceptor::from(config), service));
    Ok(())
}

async fn accept(listener: TcpListener, tls: TlsAcceptor, service: Arc<Service>) {
    let slots = Arc::new(Semaphore::new(CONNECTIONS));
    loop {
        let slot = slots
            .clone()
            .acquire_owned()
            .await
            .expect("the semaphore is never closed");
        match listener.accept().await {
            Ok((stream, _)) => {
                let (tls, service) = (tls.clone(), service.clone());
                tokio::spawn(async move {
                    connection(stream, tls, service).await;
                    drop(slot);
                });
            }
            // Out of file descriptors, or whoever came has gone: neither is a reason to stop.
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }
}

async fn connection(stream: TcpStream, tls: TlsAcceptor, service: Arc<Service>) {
    stream.set_nodelay(true).ok();
    // Whoever speaks no TLS, or takes too long over it, has nothing to ask.
    let Ok(Ok(stream)) = tokio::time::timeout(PATIENCE, tls.accept(stream)).await else {
        return;
    };
    let answer = service_fn(move |request| answer(request, service.clone()));
    let served = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(PATIENCE)
        .max_headers(64)
        .max_buf_size(HEAD)
        .serve_connection(TokioIo::new(stream), answer)
        .await;
    if let Err(error) = served {
        tracing::debug!(%error, "a connection to a virtual BMC broke");
    }
}

async fn answer(request: Request<Incoming>, service: Arc<Service>) -> Result<Response<Full<Bytes>>, hyper::Error> {
    let is_head = request.method() == Method::HEAD;
    let (head, body) = request.into_parts();
    let body = tokio::time::timeout(PATIENCE, Limited::new(body, BODY).collect()).await;
    let faults = service.faults();
    if faults.own.hangs {
        tokio::time::sleep(HANGS).await;
    }
    if !faults.slow.is_zero() {
        tokio::time::sleep(faults.slow).await;
    }
    let Ok(Ok(body)) = body else {
        return Ok(Refusal::TooLong.answer().response(is_head));
    };
    let question = Question {
        method: head.method,
        path: head.uri.path().to_string(),
        query: head.uri.query().map(str::to_string),
        headers: head.headers,
        body: body.to_bytes(),
    };
    Ok(service.answer(&question).await.response(is_head))
}
