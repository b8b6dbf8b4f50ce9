//! Any file can be read as a capture: it ends, and what carries a payload gives it within its bounds.
#![no_main]

use libfuzzer_sys::fuzz_target;
use wire::pcapng::{Block, Blocks, datagram};

fuzz_target!(|file: &[u8]| {
    let Ok(blocks) = Blocks::of(file) else { return };
    let mut count = 0;
    for block in blocks {
        count += 1;
        if let Ok(Block::Packet(packet)) = block
            && let Some(carried) = datagram::read(packet.bytes)
        {
            assert!(carried.payload.len() < packet.bytes.len());
            let again = datagram::udp(carried.from, carried.to, carried.payload, carried.payload.len());
            assert_eq!(datagram::read(&again).map(|again| again.payload), Some(carried.payload));
        }
    }
    assert!(count <= file.len() / 12 + 1);
});
