//! Any datagram can be heard and read; what is understood is written alike; no client makes a transfer exceed its budget.
#![no_main]
use std::time::Duration;

use libfuzzer_sys::fuzz_target;
use wire::tftp::{Heard, Limits, Next, Packet, Transfer, Transmit, clean_path, hear};

fuzz_target!(|bytes: &[u8]| {
    if let Ok(packet) = Packet::parse(bytes) {
        assert_eq!(Packet::parse(&packet.encode()), Ok(packet));
    }
    if let Ok(path) = clean_path(bytes) {
        assert!(path.split('/').all(|part| !matches!(part, "" | "." | "..")));
    }
    // The first datagram asks (its length is the first byte), the rest is what the client says next: a length and a packet each;
    // a length of 0 is silence.
    let Some((request, mut rest)) = piece(bytes) else {
        return;
    };
    let Heard::Read(request) = hear(request) else { return };
    let length = request.path.len() as u64 * 300;
    let mut now = Duration::ZERO;
    let mut transfer = Transfer::start(&request, length, Limits::default(), now);
    loop {
        while let Next::Send(transmit) = transfer.poll(now) {
            if let Transmit::Data { offset, len, .. } = transmit {
                assert!(offset + len as u64 <= length && len <= usize::from(transfer.block_size()));
            }
        }
        assert!(transfer.spent() <= transfer.budget() && transfer.acknowledged() <= length);
        let Some((packet, after)) = piece(rest) else { return };
        rest = after;
        now += Duration::from_millis(1);
        if packet.is_empty()
            && let Next::Wait(deadline) = transfer.poll(now)
        {
            now = deadline;
            transfer.on_timeout(now);
        } else {
            transfer.on_packet(packet, now);
        }
    }
});

fn piece(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (&length, rest) = bytes.split_first()?;
    rest.split_at_checked(length.into())
}
