//! What a machine says on its console: any octets, in any pieces, become lines without control characters; and whatever they were, the
//! next line that matters is heard.
#![no_main]
use jiff::{SignedDuration, Timestamp};
use libfuzzer_sys::fuzz_target;
use model::console::{Listener, Transcript};

const START: Timestamp = Timestamp::UNIX_EPOCH;
const PANIC: &[u8] = b"\nKernel panic - not syncing: VFS\n";

fuzz_target!(|bytes: &[u8]| {
    let Some((&size, octets)) = bytes.split_first() else {
        return;
    };
    let (mut listener, mut transcript) = (Listener::default(), Transcript::default());
    let mut lines = String::new();
    for piece in octets.chunks(usize::from(size) + 1) {
        for said in listener.hear(piece, START) {
            assert!(!said.line.contains(char::is_control), "{:?}", said.line);
        }
        transcript.hear(piece, START, |_, line| {
            assert!(!line.is_empty() && !line.contains(char::is_control), "{line:?}");
            lines.push_str(line);
        });
    }
    assert!(lines.len() <= octets.len());
    let said = listener.hear(PANIC, START + Listener::PAUSE);
    assert!(said.iter().any(|said| said.rule.name == "kernel-panic"));

    // How it came in pieces does not matter.
    let (mut whole, mut at_once) = (String::new(), Transcript::default());
    at_once.hear(octets, START + SignedDuration::from_secs(1), |_, line| {
        whole.push_str(line)
    });
    assert_eq!(whole, lines);
    assert_eq!(
        at_once.rest().map(|(_, text)| text),
        transcript.rest().map(|(_, text)| text)
    );
});
