//! What is wrong with bytes from the wire, and where.
use std::fmt;

/// Bytes that break their protocol's rules. `Copy` and without text of its own, so it costs nothing to count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Malformed {
    /// Offset of the offending field from the start of what was parsed, in octets.
    pub at: usize,
    /// What the field should have been; one of a small fixed set of texts, fit for the label of a counter.
    pub what: &'static str,
}

impl Malformed {
    pub(crate) const fn new(at: usize, what: &'static str) -> Malformed {
        Malformed { at, what }
    }
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (octet {})", self.what, self.at)
    }
}

impl std::error::Error for Malformed {}
