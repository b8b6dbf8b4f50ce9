//! The door of a face: listens where it is declared, lets in whom it may, and gives every guest a task of his own.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use model::cluster::Face;
use socket2::TcpKeepalive;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Guests at once at one face.
const GUESTS: usize = 1024;
/// A place that is taken is tried again after so long.
const AGAIN: Duration = Duration::from_secs(10);
/// A guest whose host is silent for two minutes is gone.
const KEEPALIVE: TcpKeepalive = TcpKeepalive::new()
    .with_time(Duration::from_secs(60))
    .with_interval(Duration::from_secs(15))
    .with_retries(4);
/// How long guests may take to go.
const GRACE: Duration = Duration::from_secs(2);

/// What a door counts.
#[derive(Debug, Default)]
pub struct DoorCounters {
    /// Guests that came in.
    pub guests: AtomicU64,
    /// That were turned away: not allowed, or the house was full.
    pub refused: AtomicU64,
}

/// Keeps a face open until cancelled. A place that cannot be had is told once and tried again: a face that is closed is no
/// reason for machines not to boot.
pub async fn keep<F, Fut>(
    name: &'static str,
    face: Face,
    counters: Arc<DoorCounters>,
    cancel: CancellationToken,
    guest: F,
) where
    F: Fn(TcpStream, SocketAddr, CancellationToken) -> Fut + Send,
    Fut: Future<Output = ()> + Send + 'static,
{
    let Some(listener) = bind(name, &face, &cancel).await else {
        return;
    };
    tracing::info!(face = name, listen = %face.listen, "a face is open");
    let places = Arc::new(Semaphore::new(GUESTS));
    let tasks = TaskTracker::new();
    loop {
        let accepted = tokio::select! {
            () = cancel.cancelled() => break,
            accepted = listener.accept() => accepted,
        };
        let Ok((stream, peer)) = accepted else {
            // Out of files, most of all: whoever waits goes on waiting.
            tokio::time::sleep(Duration::from_millis(50)).await;
            continue;
        };
        let place = match face.allows(peer.ip()) {
            true => places.clone().try_acquire_owned().ok(),
            false => None,
        };
        let Some(place) = place else {
            counters.refused.fetch_add(1, Ordering::Relaxed);
            tracing::debug!(face = name, %peer, "a guest is turned away");
            continue;
        };
        counters.guests.fetch_add(1, Ordering::Relaxed);
        stream.set_nodelay(true).ok();
        // Somebody who looks on says nothing for days: whether he is there still is for the network to find out.
        socket2::SockRef::from(&stream).set_tcp_keepalive(&KEEPALIVE).ok();
        let visit = guest(stream, peer, cancel.child_token());
        tasks.spawn(async move {
            visit.await;
            drop(place);
        });
    }
    tasks.close();
    tokio::time::timeout(GRACE, tasks.wait()).await.ok();
}

async fn bind(name: &'static str, face: &Face, cancel: &CancellationToken) -> Option<TcpListener> {
    let mut told = false;
    loop {
        match TcpListener::bind(face.listen).await {
            Ok(listener) => return Some(listener),
            Err(error) if !told => {
                told = true;
                tracing::error!(face = name, listen = %face.listen, %error, "a face cannot be opened; tried again every {} s", AGAIN.as_secs());
            }
            Err(_) => {}
        }
        tokio::select! {
            () = cancel.cancelled() => return None,
            () = tokio::time::sleep(AGAIN) => {}
        }
    }
}
