//! A clock that jumps while the server runs, and between two runs of it.

use std::time::Duration;

use super::{Book, CLUSTER, Crowd, behind_relay, is_remembered};
use crate::support::client::succeed;
use crate::support::server::Served;

/// The library that lies about the time.
fn faketime() -> String {
    let found = succeed(&["sh", "-c", "dpkg -L libfaketime | grep 'libfaketime.so.1$'"]);
    String::from_utf8(found.stdout).unwrap().trim().to_string()
}

#[test]
fn a_clock_that_jumps_back_and_forth_costs_no_address() {
    let (segment, relay) = behind_relay();
    let folder = tempfile::tempdir().unwrap();
    let time = folder.path().join("time");
    std::fs::write(&time, "+0").unwrap();
    let library = faketime();
    let variables = [
        ("LD_PRELOAD", library.as_str()),
        ("FAKETIME_TIMESTAMP_FILE", time.to_str().unwrap()),
        ("FAKETIME_NO_CACHE", "1"),
        // Timers go on: what jumps is the time of day.
        ("DONT_FAKE_MONOTONIC", "1"),
    ];
    let served = Served::start_with(&segment, CLUSTER, &variables);
    let crowd = Crowd::begin(&relay);
    crowd.until_more(100, Duration::from_secs(30));
    let before = std::mem::take(&mut crowd.book.lock().unwrap().given);
    // Half an hour ahead, two days back, and right again: no lease of an hour that was given by then may be taken for over.
    for jump in ["+30m", "-2d", "+0"] {
        std::fs::write(&time, jump).unwrap();
        crowd.until_more(120, Duration::from_secs(30));
        assert!(served.cli(&["status"]).status.success(), "{jump}");
        assert!(served.cli(&["why", "n1"]).status.success(), "{jump}");
    }
    crowd.book.lock().unwrap().given.extend(before.clone());
    let book = crowd.end();
    book.is_without_doubles();
    let served = Served::start_in(&segment, served.kill());
    is_remembered(
        &served,
        &Book {
            given: before,
            ..Book::default()
        },
    );
}
