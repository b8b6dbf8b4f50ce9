//! What the DHCP service counts.

use std::sync::atomic::{AtomicU64, Ordering};

use model::dhcp::Reason;
use wire::dhcp4::MessageType;

use crate::telemetry::Sample;

/// What the DHCP service counted since it started.
#[derive(Debug)]
pub struct Dhcp4Counters {
    /// Messages received, by type; the first for those without a readable type.
    received: [AtomicU64; 9],
    /// Messages sent, by type.
    sent: [AtomicU64; 9],
    decided: [AtomicU64; Reason::ALL.len()],
    /// Datagrams that are no DHCP message.
    pub malformed: AtomicU64,
    /// Faults inside messages that were passed over.
    pub anomalies: AtomicU64,
    /// Events that were not written down, since there were too many of their kind.
    pub suppressed: AtomicU64,
    /// Options that found no room in an answer.
    pub dropped_options: AtomicU64,
    /// Answers that the kernel did not take.
    pub send_errors: AtomicU64,
    /// Answers that found no room among those that wait to leave.
    pub unsent: AtomicU64,
    /// Leases that could not be made durable, so that no answer was given.
    pub commit_errors: AtomicU64,
    /// Addresses asked for on the wire.
    pub probes: AtomicU64,
    /// Questions of strangers that found no room among those that wait for the wire's answer.
    pub unprobed: AtomicU64,
    /// Addresses that somebody had.
    pub conflicts: AtomicU64,
    /// Answers of other DHCP servers heard.
    pub foreign: AtomicU64,
    /// Frames and echoes that found no room among those that wait to be looked at.
    pub unheard: AtomicU64,
}

const TYPES: [&str; 9] = [
    "other", "discover", "offer", "request", "decline", "ack", "nak", "release", "inform",
];

impl Default for Dhcp4Counters {
    fn default() -> Self {
        let none = || std::array::from_fn(|_| AtomicU64::new(0));
        Self {
            received: none(),
            sent: none(),
            decided: std::array::from_fn(|_| AtomicU64::new(0)),
            malformed: AtomicU64::new(0),
            anomalies: AtomicU64::new(0),
            suppressed: AtomicU64::new(0),
            dropped_options: AtomicU64::new(0),
            send_errors: AtomicU64::new(0),
            unsent: AtomicU64::new(0),
            commit_errors: AtomicU64::new(0),
            probes: AtomicU64::new(0),
            unprobed: AtomicU64::new(0),
            conflicts: AtomicU64::new(0),
            foreign: AtomicU64::new(0),
            unheard: AtomicU64::new(0),
        }
    }
}

pub(super) fn add(counter: &AtomicU64, count: u64) {
    counter.fetch_add(count, Ordering::Relaxed);
}

fn slot(kind: Option<MessageType>) -> usize {
    let code = kind.map_or(0, |kind| usize::from(kind.code()));
    if code < TYPES.len() { code } else { 0 }
}

impl Dhcp4Counters {
    pub(super) fn received(&self, kind: Option<MessageType>) {
        add(&self.received[slot(kind)], 1);
    }

    pub(super) fn sent(&self, kind: Option<MessageType>) {
        add(&self.sent[slot(kind)], 1);
    }

    pub(super) fn decided(&self, why: Reason) {
        add(&self.decided[why as usize], 1);
    }

    /// How many questions were answered for a reason.
    pub fn reason(&self, why: Reason) -> u64 {
        self.decided[why as usize].load(Ordering::Relaxed)
    }

    /// All of them, for the metrics.
    pub fn samples(&self) -> Vec<Sample> {
        let mut samples = Vec::with_capacity(64);
        for (kind, counter) in TYPES.iter().zip(&self.received) {
            samples.push(Sample::of("dhcp_received", "DHCP messages received", counter).labelled("type", *kind));
        }
        for (kind, counter) in TYPES.iter().zip(&self.sent) {
            samples.push(Sample::of("dhcp_sent", "DHCP messages sent", counter).labelled("type", *kind));
        }
        for why in Reason::ALL {
            let counter = &self.decided[why as usize];
            samples.push(
                Sample::of(
                    "dhcp_decisions",
                    "DHCP questions by why they got their answer, or none",
                    counter,
                )
                .labelled("reason", why.label()),
            );
        }
        for (name, help, counter) in [
            ("dhcp_malformed", "Datagrams that are no DHCP message", &self.malformed),
            (
                "dhcp_anomalies",
                "Faults in DHCP messages that were passed over",
                &self.anomalies,
            ),
            (
                "dhcp_suppressed",
                "Events not written down since there were too many",
                &self.suppressed,
            ),
            (
                "dhcp_dropped_options",
                "Options that found no room in an answer",
                &self.dropped_options,
            ),
            ("dhcp_send_errors", "Answers that could not be sent", &self.send_errors),
            (
                "dhcp_unsent",
                "Answers that found no room among those that wait to leave",
                &self.unsent,
            ),
            (
                "dhcp_commit_errors",
                "Leases that could not be made durable",
                &self.commit_errors,
            ),
            (
                "dhcp_probes",
                "Addresses asked for on the wire before they were offered",
                &self.probes,
            ),
            (
                "dhcp_unprobed",
                "Questions that found no room among those that wait for the wire's answer",
                &self.unprobed,
            ),
            (
                "dhcp_conflicts",
                "Addresses that somebody used without a lease",
                &self.conflicts,
            ),
            ("dhcp_foreign", "Answers of other DHCP servers heard", &self.foreign),
            (
                "dhcp_unheard",
                "Frames and echoes heard that found no room among those that wait to be looked at",
                &self.unheard,
            ),
        ] {
            samples.push(Sample::of(name, help, counter));
        }
        samples
    }
}
