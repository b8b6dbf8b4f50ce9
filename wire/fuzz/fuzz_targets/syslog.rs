//! Whatever comes over port 514 is a message of one line.
#![no_main]

use libfuzzer_sys::fuzz_target;
use wire::syslog::parse;

fuzz_target!(|data: &[u8]| {
    let message = parse(data);
    assert!(message.facility < 24 && message.severity < 8);
    assert!(!message.line().contains(|c: char| c.is_control()));
});
