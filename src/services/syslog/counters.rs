//! What the syslog door counts.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::telemetry::Sample;

/// A count that only grows.
#[derive(Debug, Default)]
pub struct Count(AtomicU64);

impl Count {
    /// Counts further.
    pub fn add(&self, more: u64) {
        self.0.fetch_add(more, Ordering::Relaxed);
    }

    /// The count since the start.
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// What became of datagrams.
#[derive(Debug, Default)]
pub struct SyslogCounters {
    /// All that came.
    pub datagrams: Count,
    /// Of machines that install nothing.
    pub unknown: Count,
    /// Over the limit of their sender.
    pub limited: Count,
    /// Handed on to a log.
    pub lines: Count,
    /// That the log could not take.
    pub dropped: Count,
    /// That went into the journal.
    pub notable: Count,
}

impl SyslogCounters {
    /// As metrics.
    pub fn samples(&self) -> Vec<Sample> {
        let sample = |name, help, count: &Count| Sample::of(name, help, &count.0);
        vec![
            sample("syslog_datagrams", "Datagrams at the syslog door", &self.datagrams),
            sample(
                "syslog_unknown",
                "Datagrams of machines that install nothing",
                &self.unknown,
            ),
            sample(
                "syslog_limited",
                "Datagrams over the limit of their sender",
                &self.limited,
            ),
            sample("syslog_lines", "Lines for the logs of installations", &self.lines),
            sample("syslog_dropped", "Lines that could not be written", &self.dropped),
            sample("syslog_notable", "Lines that went into the journal", &self.notable),
        ]
    }
}
