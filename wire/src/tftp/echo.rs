//! Whether an acknowledgement is news, or the echo of blocks that were under way when the sender went back.
//!
//! A client of EDK II's manner answers each block that it does not expect. For a window with a gap that is an ACK for every block
//! after the gap, and for a window that it had already, an ACK for every block.

use std::time::Duration;

/// How the sender went back the last time.
#[derive(Debug, Clone, Copy)]
struct Return {
    at: Duration,
    /// The last block that was acknowledged.
    acked: u64,
    /// The highest block that had been sent.
    highest: u64,
    /// The end of the window that was repeated.
    end: u64,
}

/// Remembers the last return; before the first, everything is news.
#[derive(Debug, Clone, Default)]
pub(super) struct Echo(Option<Return>);

impl Echo {
    /// The sender goes back to the block after `acked`, to repeat the window up to `end`.
    pub(super) fn went_back(&mut self, at: Duration, acked: u64, highest: u64, end: u64) {
        self.0 = Some(Return {
            at,
            acked,
            highest,
            end,
        });
    }

    /// Whether an ACK of `block`, with others under way after it, says that the next one is missing.
    pub(super) fn gap_is_news(&self, block: u64, now: Duration, round_trip: Option<Duration>) -> bool {
        let Some(last) = self.0 else { return true };
        // Of what was under way, only the block that was late moved the client.
        let is_later = block > last.acked + 1;
        // Whoever had it all says so at each block that comes once more.
        let had_all = block == last.highest;
        is_later && !had_all && now.saturating_sub(last.at) >= round_trip.unwrap_or_default() / 2
    }

    /// Whether another ACK of `acked` says that the window after it, of so many blocks, arrived without its first one.
    pub(super) fn repeat_is_news(&self, acked: u64, window: u64) -> bool {
        self.0.is_none_or(|last| acked >= last.end + window)
    }
}
