//! A file on its way to a client, written into the journal when it ends, however it ends.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Instant;

use bytes::Bytes;
use futures_util::Stream;
use model::event::{Outcome, Protocol, Role, Transfer, What};
use tokio::io::{AsyncRead, Take};
use tokio_util::io::ReaderStream;

use super::{Ends, HttpCounters, Shared, plain};

/// Bytes read at a time: large enough that the trips to the blocking pool do not show beside the copying.
const CHUNK: usize = 512 * 1024;

/// What is being sent to whom.
pub struct Tracked {
    shared: Shared,
    ends: Ends,
    path: String,
    role: Role,
    total: u64,
    wanted: u64,
    sent: u64,
    whole: bool,
    began: Instant,
}

impl Tracked {
    /// A transfer of `wanted` bytes of a file of `total`.
    pub fn new(shared: Shared, ends: Ends, path: String, role: Role, total: u64, wanted: u64) -> Self {
        let whole = total == wanted;
        Self {
            shared,
            ends,
            path,
            role,
            total,
            wanted,
            sent: 0,
            whole,
            began: Instant::now(),
        }
    }

    /// Writes down a transfer that has no body (HEAD, not found).
    pub fn ended(self, outcome: Outcome) {
        self.report(outcome);
        std::mem::forget(self);
    }

    fn report(&self, outcome: Outcome) {
        HttpCounters::count(&self.shared.counters.bytes, self.sent);
        let client = plain(self.ends.client.ip());
        let what = What::Transfer(Transfer {
            protocol: Protocol::Http,
            path: self.path.clone(),
            role: self.role,
            client,
            bytes: self.sent,
            total: self.total,
            duration_ms: self.began.elapsed().as_millis() as u64,
            outcome,
        });
        let subject = self.shared.journal.world().subject_at(client);
        self.shared.journal.observe(vec![self.shared.event(subject, what)]);
    }
}

impl Drop for Tracked {
    fn drop(&mut self) {
        self.report(if self.sent < self.wanted {
            Outcome::Aborted(format!(
                "the connection ended after {} of {} bytes",
                self.sent, self.wanted
            ))
        } else if self.whole {
            Outcome::Complete
        } else {
            Outcome::Partial
        });
    }
}

/// The body of an answer.
pub struct Body<R> {
    bytes: ReaderStream<Take<R>>,
    tracked: Tracked,
}

impl<R: AsyncRead> Body<R> {
    /// Streams a reader that ends after the wanted bytes.
    pub fn new(reader: Take<R>, tracked: Tracked) -> Self {
        Self {
            bytes: ReaderStream::with_capacity(reader, CHUNK),
            tracked,
        }
    }
}

impl<R: AsyncRead + Unpin> Stream for Body<R> {
    type Item = std::io::Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let next = Pin::new(&mut self.bytes).poll_next(cx);
        if let Poll::Ready(Some(Ok(bytes))) = &next {
            self.tracked.sent += bytes.len() as u64;
        }
        next
    }
}
