//! A file on its way to a client, written into the journal when it ends, however it ends.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::sync::Arc;
use std::time::Instant;

use axum::body::Body;
use model::event::{Outcome, Protocol, Role, Transfer, What};

use super::lane::{Lane, SLICE, warm};
use super::{Ends, HttpCounters, Shared, plain};

/// What is being sent to whom.
pub struct Tracked {
    shared: Arc<Shared>,
    ends: Ends,
    path: String,
    role: Role,
    total: u64,
    wanted: u64,
    sent: u64,
    whole: bool,
    began: Instant,
    /// How it ended, where that is not told by what was sent.
    ended: Option<Outcome>,
}

impl Tracked {
    /// A transfer of `wanted` bytes of a file of `total`.
    pub fn new(shared: Arc<Shared>, ends: Ends, path: String, role: Role, total: u64, wanted: u64) -> Self {
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
            ended: None,
        }
    }

    /// Writes down a transfer that has no body (HEAD, not found).
    pub fn ended(mut self, outcome: Outcome) {
        self.ended = Some(outcome);
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
        let ended = self.ended.take();
        self.report(if let Some(outcome) = ended {
            outcome
        } else if self.sent < self.wanted {
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

/// The body of an answer: a part of a file, which must have it, on its way through the lane of its connection.
pub fn body(file: Arc<File>, part: Range<u64>, lane: Arc<Lane>, tracked: Tracked) -> Body {
    let state = Some((part, tracked));
    Body::from_stream(futures_util::stream::unfold(state, move |state| {
        let (file, lane) = (file.clone(), lane.clone());
        async move {
            let (left, mut tracked) = state.filter(|(left, _)| !left.is_empty())?;
            let slice = left.start..left.end.min(left.start + SLICE as u64);
            if let Err(error) = warm(&file, slice.clone()).await {
                tracing::warn!(path = tracked.path, %error, "a file cannot be read to its end");
                return Some((Err::<_, io::Error>(error), None));
            }
            tracked.sent += slice.end - slice.start;
            let piece = lane.piece(&file, slice.clone());
            Some((Ok(piece), Some((slice.end..left.end, tracked))))
        }
    }))
}
