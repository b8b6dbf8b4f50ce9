//! How long to wait before repeating: RFC 6298's estimate with short bounds, or exactly what the client negotiated.

use std::time::Duration;

/// Wait before the first measurement, and the longest wait that back-off leads to.
const INITIAL: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(8);
/// Shortest wait. Firmware stalls for tens of milliseconds while it copies a window away, and a repetition too early costs a
/// whole window.
const SHORTEST: Duration = Duration::from_millis(100);

#[derive(Debug, Clone)]
pub(super) struct Pace {
    fixed: Option<Duration>,
    smoothed: Option<Duration>,
    variation: Duration,
    doublings: u32,
}

impl Pace {
    pub(super) fn new(fixed: Option<Duration>) -> Self {
        Self {
            fixed,
            smoothed: None,
            variation: Duration::ZERO,
            doublings: 0,
        }
    }

    /// Time until a repetition. A negotiated timeout holds without back-off: the client counts on it (RFC 2349).
    pub(super) fn wait(&self) -> Duration {
        if let Some(fixed) = self.fixed {
            return fixed;
        }
        let once = self
            .smoothed
            .map_or(INITIAL, |smoothed| (smoothed + 4 * self.variation).max(SHORTEST));
        once.saturating_mul(1 << self.doublings.min(8)).min(LONGEST)
    }

    /// The mean round-trip time so far.
    pub(super) fn round_trip(&self) -> Option<Duration> {
        self.smoothed
    }

    /// Takes in the round-trip time of a packet that was sent once (RFC 6298 §2; Karn: never of a repeated one).
    pub(super) fn measured(&mut self, sample: Duration) {
        match self.smoothed {
            None => {
                self.variation = sample / 2;
                self.smoothed = Some(sample);
            }
            Some(smoothed) => {
                self.variation = (3 * self.variation + smoothed.abs_diff(sample)) / 4;
                self.smoothed = Some((7 * smoothed + sample) / 8);
            }
        }
    }

    pub(super) fn timed_out(&mut self) {
        self.doublings = self.doublings.saturating_add(1);
    }

    pub(super) fn progressed(&mut self) {
        self.doublings = 0;
    }
}
