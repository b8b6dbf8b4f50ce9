//! What the service counts.

use std::sync::atomic::AtomicU64;

/// Counts since the start. Each can be read at any time.
#[derive(Debug, Default)]
pub struct TftpCounters {
    /// Requests that were taken up or refused; repeated ones count once.
    pub requests: AtomicU64,
    /// Transfers under way.
    pub active: AtomicU64,
    /// Files that arrived.
    pub complete: AtomicU64,
    /// Clients that only wanted the size.
    pub probed: AtomicU64,
    /// Transfers that the client ended.
    pub aborted: AtomicU64,
    /// Transfers whose client fell silent.
    pub timed_out: AtomicU64,
    /// Transfers that we gave up: unreadable file, stop of the service, file sent three times over.
    pub failed: AtomicU64,
    /// Requests that got an error.
    pub refused: AtomicU64,
    /// Requests that were not answered since too many transfers ran, in all or for this client.
    pub turned_away: AtomicU64,
    /// Datagrams at the listening port that are no request.
    pub malformed: AtomicU64,
    /// Blocks that were sent again.
    pub retransmitted: AtomicU64,
    /// Payload bytes that were sent, repetitions included.
    pub bytes: AtomicU64,
}
