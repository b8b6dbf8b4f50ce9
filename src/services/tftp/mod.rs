//! The TFTP service: sockets, files and time around `wire::tftp`.
//!
//! Each transfer is a small task. The ports that transfers answer from (RFC 1350's transfer identifiers) are few, at the address
//! that the client asked, and shared: what is said to many clients in one moment leaves in one call.
//!
//! Invariant: an error goes to the one who asked, from the address that was asked; what is no request is never answered.
//! Invariant: nothing on the reactor waits for a disk; the same threads answer DHCP.
//! Invariant: every read request that gets a seat is reported exactly once, however it ends.

mod burst;
mod content;
mod counters;
mod ending;
mod inbox;
mod line;
mod listener;
mod outbox;
mod seats;
mod shelf;
mod transfer;
mod trunk;
mod trunks;

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use jiff::Timestamp;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use wire::tftp::{ErrorCode, Heard, Outcome, hear};

pub use counters::TftpCounters;
pub use listener::Listener;

use crate::pulse::Beat;
use listener::Arrival;
use seats::{Claim, Seats};
use shelf::Shelf;
use trunks::Trunks;

/// Who asks for what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// The file: a relative path without empty, `.` and `..` components.
    pub path: String,
    /// The client's address and port.
    pub client: SocketAddr,
    /// The address of ours that it asked.
    pub local: IpAddr,
}

/// What a client gets.
#[derive(Debug, Clone)]
pub enum Source {
    /// These bytes.
    Bytes(Bytes),
    /// A text that was made for this client from what the journal holds.
    Rendered {
        /// The text.
        text: Bytes,
        /// Position of the journal at which it was decided what to make.
        asked: u64,
        /// Position at which it was made.
        rendered: u64,
    },
    /// A file on disk.
    File {
        /// Where it is.
        path: PathBuf,
        /// Its size in bytes. A file of another size is not served: it is being written, or is not the one that was meant.
        len: u64,
    },
}

impl Source {
    /// Positions of the journal at which it was decided and made, for what was made from it.
    fn positions(&self) -> Option<(u64, u64)> {
        match self {
            Self::Rendered { asked, rendered, .. } => Some((*asked, *rendered)),
            Self::Bytes(_) | Self::File { .. } => None,
        }
    }
}

/// Why a client gets nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// There is no such file (code 1).
    NotFound,
    /// It may not have the file (code 2).
    Forbidden,
    /// Something else (code 0 with this text).
    Failed(String),
    /// The request itself was at fault (this code and text): a write, an unknown mode, a path that climbs.
    Request(ErrorCode, String),
}

impl Refusal {
    /// The number and the text of the error that the client is sent.
    pub fn as_error(&self) -> (ErrorCode, &str) {
        match self {
            Self::NotFound => (ErrorCode::NOT_FOUND, "no such file"),
            Self::Forbidden => (ErrorCode::ACCESS_VIOLATION, "not for you"),
            Self::Failed(why) => (ErrorCode::UNDEFINED, why),
            Self::Request(code, why) => (*code, why),
        }
    }
}

/// Says what a request gets. Called on a thread that may block.
pub type Resolve = Arc<dyn Fn(&Request) -> Result<Source, Refusal> + Send + Sync>;

/// Is told the end of every request. Called on the reactor: it must not block.
pub type Report = Arc<dyn Fn(Finished) + Send + Sync>;

/// Is shown every request with the first packet of its answer. Called on the reactor: it must not block.
pub type Show = Arc<dyn Fn(&Shown<'_>) + Send + Sync>;

/// A request and the beginning of its answer.
#[derive(Debug, Clone, Copy)]
pub struct Shown<'a> {
    /// The request as it came.
    pub request: &'a [u8],
    /// When it came.
    pub came: Timestamp,
    /// The client's address and port.
    pub client: SocketAddr,
    /// Our address and port that it asked.
    pub asked: SocketAddr,
    /// Our address and port that answered.
    pub answered: SocketAddr,
    /// The first packet of the answer.
    pub answer: &'a [u8],
    /// What the answer is of; `None` for an error.
    pub of: Option<Served<'a>>,
}

/// What an answer is of.
#[derive(Debug, Clone, Copy)]
pub struct Served<'a> {
    /// Length in bytes, as they travel.
    pub length: u64,
    /// The text as it travels, if it is in memory.
    pub text: Option<&'a [u8]>,
    /// Positions of the journal of a [`Source::Rendered`].
    pub positions: Option<(u64, u64)>,
    /// Largest block that the client may have, in bytes.
    pub block_size: u16,
    /// Largest window.
    pub window: u16,
}

/// How a request ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ending {
    /// It got an error instead of the file.
    Refused(Refusal),
    /// The transfer ran, and came to this.
    Transfer(Outcome),
}

/// The end of one request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finished {
    /// The file that was asked for.
    pub path: String,
    /// The client's address and port.
    pub client: SocketAddr,
    /// The address of ours that it asked.
    pub local: IpAddr,
    /// Bytes that the client acknowledged.
    pub bytes: u64,
    /// Bytes of the file as they travel (in netascii mode: after translation).
    pub total: u64,
    /// When the request came.
    pub started: Timestamp,
    /// Time from the request to the end.
    pub duration: Duration,
    /// Blocks that were sent more than once, counted each time.
    pub retransmitted: u64,
    /// How it ended.
    pub ending: Ending,
}

/// What the service will bear.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TftpLimits {
    /// Transfers at the same time. A request beyond that is not answered: firmware asks again, whereas an error would end its
    /// boot. Each takes one open file if what it sends is large.
    pub transfers: usize,
    /// Transfers at the same time to one client address.
    pub per_client: usize,
    /// Largest block in bytes; without it, what the path to the client carries in one packet.
    pub block_size: Option<u16>,
    /// Largest window in blocks.
    pub window: u16,
    /// How long running transfers may go on when the service is told to stop.
    pub grace: Duration,
}

impl Default for TftpLimits {
    /// 8192 transfers, 16 for one client, blocks as the path allows, windows of 64, 3 seconds of grace.
    fn default() -> Self {
        Self {
            transfers: 8192,
            per_client: 16,
            block_size: None,
            window: 64,
            grace: Duration::from_secs(3),
        }
    }
}

/// Everything that the service needs.
pub struct Tftp {
    /// Where it listens, each with the pulse of its loop.
    pub listeners: Vec<(Listener, Beat)>,
    /// Says what a request gets.
    pub resolve: Resolve,
    /// Is told the end of every request.
    pub report: Report,
    /// Is shown requests and answers, if anybody wants to see them.
    pub show: Option<Show>,
    /// Counts.
    pub counters: Arc<TftpCounters>,
    /// Bounds.
    pub limits: TftpLimits,
}

/// Why the service could not start, or stopped.
#[derive(Debug, thiserror::Error)]
pub enum TftpError {
    /// The socket could not be had.
    #[error("TFTP cannot listen on {address}: is another TFTP server running (ss -lunp), and is the address ours?")]
    Bind {
        /// The address that was wanted.
        address: SocketAddr,
        /// The system's reason.
        source: std::io::Error,
    },
    /// The socket broke.
    #[error("TFTP cannot receive on {address} any more")]
    Receive {
        /// The address that was listened on.
        address: SocketAddr,
        /// The system's reason.
        source: std::io::Error,
    },
}

/// What listeners and transfers share.
struct Context {
    resolve: Resolve,
    report: Report,
    show: Option<Show>,
    counters: Arc<TftpCounters>,
    limits: TftpLimits,
    seats: Arc<Seats>,
    shelf: Arc<Shelf>,
    trunks: Trunks,
    tasks: TaskTracker,
}

/// Serves until `cancel`; then takes no more requests, gives running transfers their grace, ends the rest with an error, and
/// returns.
///
/// # Errors
/// [`TftpError::Receive`] when a listening socket breaks for good.
pub async fn run(config: Tftp, cancel: CancellationToken) -> Result<(), TftpError> {
    let context = Arc::new(Context {
        seats: Seats::new(config.limits.transfers, config.limits.per_client),
        shelf: Arc::default(),
        trunks: Trunks::default(),
        resolve: config.resolve,
        report: config.report,
        show: config.show,
        counters: config.counters,
        limits: config.limits,
        tasks: TaskTracker::new(),
    });
    let _transfers_end_with_this_future = Stop(context.seats.clone());
    let mut listening = JoinSet::new();
    for (listener, beat) in config.listeners {
        listening.spawn(listen(listener, beat, context.clone()));
    }
    tokio::select! {
        () = cancel.cancelled() => {}
        Some(broken) = listening.join_next() => return broken.expect("a listener neither panics nor is cancelled here"),
    }
    listening.shutdown().await;
    context.tasks.close();
    if tokio::time::timeout(context.limits.grace, context.tasks.wait())
        .await
        .is_err()
    {
        context.seats.stop();
        context.tasks.wait().await;
    }
    Ok(())
}

/// Where a lock is held for a few lines that do not panic, what it guards is good whatever happened elsewhere.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Ends running transfers when it is dropped.
struct Stop(Arc<Seats>);

impl Drop for Stop {
    fn drop(&mut self) {
        self.0.stop();
    }
}

/// Takes requests from one socket. Never returns without an error.
async fn listen(listener: Listener, mut beat: Beat, context: Arc<Context>) -> Result<(), TftpError> {
    let address = listener.local_addr();
    let receiver = listener.into_receiver()?;
    tracing::info!(%address, "TFTP door is open");
    loop {
        tokio::select! {
            arrival = receiver.next() => admit(arrival?, &context),
            () = beat.answer() => {}
        }
    }
}

/// Judges one datagram and starts what it asks for.
fn admit(arrival: Arrival, context: &Arc<Context>) {
    let counters = &context.counters;
    match hear(&arrival.datagram) {
        Heard::Ignore(malformed) => {
            counters.malformed.fetch_add(1, Relaxed);
            tracing::debug!(client = %arrival.client, %malformed, "ignored a TFTP packet");
        }
        Heard::Refuse(refused) => {
            counters.requests.fetch_add(1, Relaxed);
            transfer::refuse(&arrival, refused, context);
        }
        Heard::Read(asked) => match context
            .seats
            .claim(arrival.client, arrival.local.ip(), &arrival.datagram)
        {
            Claim::Seat(seat) => {
                counters.requests.fetch_add(1, Relaxed);
                let serving = transfer::serve(context.clone(), seat, asked, arrival);
                context.tasks.spawn(serving);
            }
            // The answer to the first copy is under way.
            Claim::Duplicate => {}
            Claim::Full => {
                counters.turned_away.fetch_add(1, Relaxed);
            }
        },
    }
}
