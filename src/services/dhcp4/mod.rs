//! DHCPv4 on the wire: sockets around the decisions of [`model::dhcp`].
//!
//! Promise: a lease is durable before it is acknowledged, and one that is waiting for the disk holds nobody else up.
//! Promise: a network is answered only after it was listened to; another server that answers there is named, and
//! Bellwether keeps silent.
//! Invariant: one task decides, one message after the other, each on the latest picture of the cluster.

mod counters;
mod ears;
mod port;
mod probes;
mod quiet;
mod server;
mod survey;
mod watch;

pub use counters::Dhcp4Counters;
pub use survey::{Survey, interface_of, survey};

use std::io;
use std::sync::Arc;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use wire::dhcp4::PXE_PORT;

use crate::journal::Journal;
use crate::pulse::Beat;
use crate::recorder::Recorder;
use port::Port;
use server::Server;

/// Datagrams, or sounds of the wire, taken before anything else gets its turn.
const AT_A_TIME: usize = 64;
/// The largest message that is read: no client sends more than fits an Ethernet frame, jumbo frames included.
const LARGEST: usize = 9216;

/// What the DHCP service works with.
#[derive(Debug)]
pub struct Dhcp4 {
    /// Where leases are kept, and the picture of the cluster.
    pub journal: Journal,
    /// Server port, 67 unless moved.
    pub port: u16,
    /// Port of the HTTP door, for the URLs in answers.
    pub http_port: u16,
    /// What is counted.
    pub counters: Arc<Dhcp4Counters>,
    /// Keeps questions and answers.
    pub recorder: Recorder,
}

/// Why the DHCP service cannot start or go on.
#[derive(Debug, thiserror::Error)]
pub enum Dhcp4Error {
    /// The port is taken or not allowed.
    #[error(
        "DHCP cannot listen on port {port}: is another DHCP server running (ss -lunp sport = :{port}), and may we open it (CAP_NET_BIND_SERVICE)?"
    )]
    Bind {
        /// The port.
        port: u16,
        /// Cause.
        #[source]
        source: io::Error,
    },
    /// The socket broke.
    #[error("DHCP cannot receive on port {port}")]
    Receive {
        /// The port.
        port: u16,
        /// Cause.
        #[source]
        source: io::Error,
    },
}

/// Serves DHCP until cancelled, and answers `beat` between two turns.
///
/// # Errors
/// [`Dhcp4Error::Bind`] at the start, [`Dhcp4Error::Receive`] when the socket breaks for good.
pub async fn run(config: Dhcp4, mut beat: Beat, cancel: CancellationToken) -> Result<(), Dhcp4Error> {
    let port = config.port;
    let main = Port::bind(port).map_err(|source| Dhcp4Error::Bind { port, source })?;
    // Firmware asks there only if it was told to, by a ProxyDHCP offer; leases do not depend on it.
    let second = Port::bind(PXE_PORT)
        .inspect_err(|error| tracing::warn!(%error, "port {PXE_PORT} is taken: no boot server there for PXE clients"))
        .ok();
    let (ears, mut heard) = mpsc::channel(1024);
    let mut world = config.journal.watch();
    let mut waiting = FuturesUnordered::new();
    let mut buffer = vec![0; LARGEST];
    let mut second_buffer = vec![0; LARGEST];
    let mut server = Server::new(config, main, second, ears);
    server.look();
    tracing::info!(port, "DHCP door is open");
    loop {
        waiting.extend(server.begin_write());
        server.send_some();
        let deadline = server.next_send().into_iter().fold(server.deadline(), Instant::min);
        let (main, second) = server.ports();
        tokio::select! {
            () = cancel.cancelled() => return Ok(()),
            () = beat.answer() => {}
            arrival = main.receive(&mut buffer) => {
                server.received(&buffer, arrival.map_err(|source| Dhcp4Error::Receive { port, source })?, false);
                // A datagram that was taken from the kernel is always decided.
                for _ in 1..AT_A_TIME {
                    let Some(arrival) = main.try_receive(&mut buffer) else { break };
                    server.received(&buffer, arrival, false);
                }
            }
            arrival = receive(second.as_deref(), &mut second_buffer) => {
                let arrival = arrival.map_err(|source| Dhcp4Error::Receive { port: PXE_PORT, source })?;
                server.received(&second_buffer, arrival, true);
            }
            Some(done) = waiting.next() => server.written(done),
            Some(sound) = heard.recv() => {
                server.heard(sound);
                for _ in 1..AT_A_TIME {
                    let Ok(sound) = heard.try_recv() else { break };
                    server.heard(sound);
                }
            }
            Ok(()) = world.changed() => {
                let cluster = world.borrow_and_update().cluster.clone();
                server.cluster_changed(&cluster);
            }
            () = tokio::time::sleep_until(deadline) => server.tick(),
        }
    }
}

async fn receive(port: Option<&Port>, buffer: &mut [u8]) -> io::Result<port::Arrival> {
    match port {
        Some(port) => port.receive(buffer).await,
        None => std::future::pending().await,
    }
}
