//! Sums of times that cannot fail.
//!
//! Our own clock is never near the end of time, but events may come from somebody else's capture, and any time that can be written can
//! stand in them.

use jiff::{SignedDuration, Timestamp};

/// So long after a time; the last time there is, where that is later.
pub(crate) fn after(time: Timestamp, span: SignedDuration) -> Timestamp {
    time.saturating_add(span).unwrap_or(Timestamp::MAX)
}
