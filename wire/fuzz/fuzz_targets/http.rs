//! What nodes write into URLs and bodies of callbacks: the target of a boot script, a range, `phone_home`'s form, a report.
//! The first byte chooses which.
#![no_main]
use libfuzzer_sys::fuzz_target;
use model::boot::{Client, single_slashes};
use model::hook::{form, printable};
use wire::range::{Wanted, wanted};

fuzz_target!(|bytes: &[u8]| {
    let Some((&which, rest)) = bytes.split_first() else { return };
    match which % 4 {
        0 => {
            let target = String::from_utf8_lossy(rest);
            if let Some(client) = Client::asking_for(&target, [10, 77, 0, 11].into()) {
                assert!(client.name.as_ref().is_none_or(|name| !name.contains('/')));
                assert!(client.uuid.as_ref().is_none_or(|uuid| (1..=256).contains(&uuid.chars().count())));
            }
            if let Some(clean) = single_slashes(&target) {
                assert!(clean.len() < target.len() && single_slashes(&clean).is_none());
            }
        }
        1 => {
            let text = String::from_utf8_lossy(rest);
            let (length, header) = text.split_once(' ').unwrap_or(("100", &text));
            let length = length.parse().unwrap_or(100);
            if let Wanted::Part(part) = wanted(Some(header), length) {
                assert!(part.start < part.end && part.end <= length);
            }
        }
        2 => {
            let (name, keys) = form(rest);
            assert!(keys.len() <= 8 && keys.iter().chain([&name]).all(|text| !text.contains(['\n', '\x1b'])));
        }
        _ => {
            let text = printable(rest, 256);
            assert!(text.len() <= 3 * 256 && !text.contains('\x1b'));
        }
    }
});
