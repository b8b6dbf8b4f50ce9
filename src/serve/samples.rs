//! Counters of services, as metrics.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::console::Consoles;
use crate::faces::Faces;
use crate::http::HttpCounters;
use crate::journal::Journal;
use crate::services::tftp::TftpCounters;
use crate::telemetry::Sample;

/// Those of the journal.
pub(super) fn journal(journal: &Journal) -> Vec<Sample> {
    let counts = journal.counters().read();
    [
        ("journal_events", "Events written", counts.events),
        (
            "journal_transactions",
            "Transactions that they took",
            counts.transactions,
        ),
        (
            "journal_commit_microseconds",
            "Time that the transactions took",
            counts.commit_micros,
        ),
        (
            "journal_observations_dropped",
            "Observations that the journal could not take",
            counts.observations_dropped,
        ),
        (
            "journal_errors",
            "Transactions and snapshots that failed",
            counts.errors,
        ),
    ]
    .map(plain)
    .into()
}

/// A count without a label.
fn plain((name, help, value): (&'static str, &'static str, u64)) -> Sample {
    Sample {
        name,
        help,
        label: None,
        value,
    }
}

/// Those of the faces.
pub(super) fn faces(faces: &Faces) -> Vec<Sample> {
    let of = |name, help, face: &str, counter: &AtomicU64| Sample {
        name,
        help,
        label: Some(("face", face.to_string())),
        value: counter.load(Ordering::Relaxed),
    };
    let guests = (faces.counters())
        .map(|(face, counters)| of("face_guests", "Clients that came in at a face", face, &counters.guests));
    let refused = (faces.counters()).map(|(face, counters)| {
        of(
            "face_refused",
            "Clients that a face turned away",
            face,
            &counters.refused,
        )
    });
    guests.chain(refused).collect()
}

/// Those of the consoles.
pub(super) fn consoles(consoles: &Consoles) -> Vec<Sample> {
    let octets = consoles.status().iter().map(|(_, status)| status.octets).sum();
    let counts = [
        ("console_octets", "Octets that machines said on their consoles", octets),
        (
            "console_octets_lost",
            "Octets of consoles that could not be written down",
            consoles.logs().lost(),
        ),
    ];
    counts.map(plain).into()
}

/// Those of the nodes' HTTP door.
pub(super) fn http(counters: &HttpCounters) -> Vec<Sample> {
    vec![
        Sample::of("http_requests", "Requests of nodes", &counters.requests),
        Sample::of(
            "http_refused",
            "Answers with a status of 400 or more",
            &counters.refused,
        ),
        Sample::of("http_bytes", "Bytes of files sent", &counters.bytes),
        Sample::of(
            "http_malformed",
            "Connections that broke the protocol",
            &counters.malformed,
        ),
        Sample::of(
            "http_turned_away",
            "Connections closed at once, of clients that had too many",
            &counters.turned_away,
        ),
    ]
}

/// Those of TFTP.
pub(super) fn tftp(counters: &TftpCounters) -> Vec<Sample> {
    let outcome =
        |word: &str, counter| Sample::of("tftp_transfers", "Requests by their end", counter).labelled("outcome", word);
    vec![
        outcome("complete", &counters.complete),
        outcome("probed", &counters.probed),
        outcome("aborted", &counters.aborted),
        outcome("timed-out", &counters.timed_out),
        outcome("failed", &counters.failed),
        outcome("refused", &counters.refused),
        outcome("turned-away", &counters.turned_away),
        Sample::of("tftp_malformed", "Datagrams that are no request", &counters.malformed),
        Sample::of("tftp_retransmitted", "Blocks sent again", &counters.retransmitted),
        Sample::of("tftp_bytes", "Payload bytes sent", &counters.bytes),
    ]
}
