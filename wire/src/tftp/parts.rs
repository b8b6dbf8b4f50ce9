//! How much of a window leaves at once.
//!
//! A client throws away what comes after a gap, so on a bad link most of a large window is sent for nothing. After a gap the window leaves
//! in parts with a round trip between them: a quarter of a whole window, then half as much at once as before, and a quarter more
//! after each window without a gap.

use std::time::Duration;

/// Blocks that leave at once however many gaps there were.
const LEAST: u64 = 4;
/// Bounds of the pause between parts: a report of a gap is to come before more is sent for nothing.
const SHORTEST: Duration = Duration::from_millis(1);
const LONGEST: Duration = Duration::from_millis(20);

#[derive(Debug, Clone)]
pub(super) struct Parts {
    window: u64,
    /// Blocks in a part.
    size: u64,
    /// The last block that may leave before the pause.
    end: u64,
    resume: Option<Duration>,
}

impl Parts {
    /// Whole windows of so many blocks.
    pub(super) fn new(window: u16) -> Self {
        let window = u64::from(window);
        Self {
            window,
            size: window,
            end: window,
            resume: None,
        }
    }

    /// The last block that may leave now.
    pub(super) fn end(&self) -> u64 {
        self.end
    }

    /// The client has everything up to here.
    pub(super) fn acknowledged(&mut self, acked: u64) {
        self.end = self.end.max(acked + self.size);
    }

    /// All that had left was acknowledged.
    pub(super) fn went_well(&mut self) {
        self.size = (self.size + (self.size / 4).max(1)).min(self.window);
    }

    /// The sender goes back to the block after this one.
    pub(super) fn went_back(&mut self, acked: u64) {
        // A whole window with a gap costs most; after a part with one the parts are nearly right.
        let less = if self.size == self.window { 4 } else { 2 };
        self.size = (self.size / less).max(LEAST.min(self.window));
        self.end = acked + self.size;
        self.resume = None;
    }

    /// When the next part leaves, if nothing comes before.
    pub(super) fn pause(&mut self, now: Duration, round_trip: Option<Duration>) -> Duration {
        *self
            .resume
            .get_or_insert_with(|| now + round_trip.unwrap_or_default().clamp(SHORTEST, LONGEST))
    }

    /// There is nothing to wait with.
    pub(super) fn no_pause(&mut self) {
        self.resume = None;
    }

    /// Lets the next part leave if its time has come.
    pub(super) fn go_on(&mut self, now: Duration) {
        if self.resume.is_some_and(|resume| resume <= now) {
            self.resume = None;
            self.end += self.size;
        }
    }
}
