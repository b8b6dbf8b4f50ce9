//! Whatever a console server sends is data or demands, and never makes more than it is, wherever it is cut. The first octet
//! says where.
#![no_main]

use libfuzzer_sys::fuzz_target;
use wire::telnet::Telnet;

fuzz_target!(|data: &[u8]| {
    let Some((&cut, octets)) = data.split_first() else { return };
    let hears = |parts: &[&[u8]]| {
        let (mut telnet, mut said, mut reply) = (Telnet::default(), Vec::new(), Vec::new());
        for part in parts {
            telnet.hear(part, &mut said, &mut reply);
        }
        (said, reply)
    };
    let whole = hears(&[octets]);
    assert!(whole.0.len() + whole.1.len() <= octets.len());
    let (before, after) = octets.split_at(usize::from(cut) % (octets.len() + 1));
    assert_eq!(hears(&[before, after]), whole);
});
