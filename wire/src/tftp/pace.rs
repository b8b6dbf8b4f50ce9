//! How long to wait before repeating: RFC 6298's estimate with short bounds.
//!
//! A negotiated timeout (RFC 2349) is the wait until there is a measurement, and the longest wait after that. It is not kept to
//! the letter on a fast link: curl asks for 6 seconds and U-Boot for 5 with every transfer, and each lost packet would cost that.

use std::time::Duration;

/// Wait before the first measurement, and the longest wait that back-off leads to.
const INITIAL: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(8);
/// Shortest wait. Firmware stalls for tens of milliseconds while it copies a window away, and a repetition too early costs a
/// whole window.
const SHORTEST: Duration = Duration::from_millis(100);
/// Round trips beyond that. Where thousands of clients take turns, a block of each is under way for tens of milliseconds. A wait of a few of
/// those is a timer that has to be put off for every few blocks, and a lost one is noticed late there anyway.
const ROUND_TRIPS: u32 = 4;

#[derive(Debug, Clone)]
pub(super) struct Pace {
    initial: Duration,
    longest: Duration,
    smoothed: Option<Duration>,
    variation: Duration,
    doublings: u32,
}

impl Pace {
    pub(super) fn new(negotiated: Option<Duration>) -> Self {
        Self {
            initial: negotiated.unwrap_or(INITIAL),
            longest: negotiated.unwrap_or(LONGEST),
            smoothed: None,
            variation: Duration::ZERO,
            doublings: 0,
        }
    }

    /// Time until a repetition.
    pub(super) fn wait(&self) -> Duration {
        let once = self.smoothed.map_or(self.initial, |smoothed| {
            (smoothed + 4 * self.variation).max(SHORTEST + ROUND_TRIPS * smoothed)
        });
        once.saturating_mul(1 << self.doublings.min(8)).min(self.longest)
    }

    /// The mean round-trip time so far.
    pub(super) fn round_trip(&self) -> Option<Duration> {
        self.smoothed
    }

    /// Takes in the round-trip time of a packet that was sent once (RFC 6298 §2; Karn: never of a repeated one). Only this ends
    /// the back-off: on a link slower than the wait, every packet would be sent several times otherwise.
    pub(super) fn measured(&mut self, sample: Duration) {
        self.doublings = 0;
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
}
