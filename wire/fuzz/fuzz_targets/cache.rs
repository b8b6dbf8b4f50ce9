//! What clients and upstreams of the package cache write: paths, ranges, conditions, dates, release files, indices, and the
//! seal of a file on disk. The first byte chooses which.
#![no_main]
use libfuzzer_sys::fuzz_target;
use model::cache::{
    Asked, ContentRange, Listed, TAIL, Upstreams, canonical, choose, digest_in_path, holds, http_date, packages,
    parse_http_date, plausible, seal, unseal,
};
use wire::range::{Wanted, wanted};

fuzz_target!(|bytes: &[u8]| {
    let Some((&which, rest)) = bytes.split_first() else { return };
    if which % 8 == 7 {
        return sealed(rest);
    }
    let Ok(text) = std::str::from_utf8(rest) else { return };
    match which % 8 {
        0 => {
            if let Ok(path) = canonical(text) {
                assert_eq!(canonical(&path).as_ref(), Ok(&path), "one spelling for one path");
                assert!(path.starts_with('/') && !path.split('?').next().unwrap_or_default().split('/').any(|p| p == ".."));
                assert!(digest_in_path(&path).is_none_or(|digest| digest.len() == 64));
            }
        }
        1 => {
            let (length, header) = text.split_once(' ').unwrap_or(("100", text));
            let length = length.parse().unwrap_or(100);
            if let Wanted::Part(part) = wanted(Some(header), length) {
                assert!(part.start < part.end && part.end <= length);
            }
            if let Some(range) = ContentRange::parse(header) {
                assert!(range.start < range.end && range.total.is_none_or(|total| range.end <= total));
            }
        }
        2 => {
            if let Some(at) = parse_http_date(text) {
                assert_eq!(parse_http_date(&http_date(at)), Some(at));
            }
            let asked = Asked { if_none_match: Some(text), if_modified_since: Some(text) };
            holds(asked, Some("\"a\""), Some("Sun, 06 Nov 1994 08:49:37 GMT"));
        }
        3 => {
            let listed = Listed::parse(text);
            let digest = listed.digest("main/binary-amd64/Packages");
            assert!(digest.is_none_or(|digest| digest.len() == 64));
        }
        4 => {
            let index = packages(text);
            let names: Vec<String> = index.iter().take(3).map(|package| package.name.to_string()).collect();
            let (chosen, missing) = choose(&index, &names, true);
            assert!(missing.is_empty(), "{missing:?}");
            assert!(chosen.len() <= index.len());
        }
        5 => {
            let declared = model::cluster::Cache {
                hosts: vec!["*.example".into(), "mirror.example:8080".into()],
                ..Default::default()
            };
            let upstreams = Upstreams::new(&declared, [("debian", "http://mirror.example/debian")]);
            for target in [upstreams.by_path(text), upstreams.by_text(text)].into_iter().flatten() {
                // A key is a URL below something declared, whoever asks for what.
                let rest = target.key.split_once("://").map(|(_, rest)| rest).unwrap_or_default();
                let authority = rest.split('/').next().unwrap_or_default();
                assert!(
                    authority == "mirror.example" || authority == "mirror.example:8080" || authority.ends_with(".example"),
                    "{target:?}"
                );
            }
        }
        _ => {
            plausible("/dists/x/InRelease", text.as_bytes());
            plausible(text, text.as_bytes());
        }
    }
});

/// The end of a file: what is taken for whole is just as long as it says.
fn sealed(bytes: &[u8]) {
    for length in [bytes.len() as u64, bytes.len() as u64 + 1000] {
        match unseal(bytes, length) {
            Ok(Some(meta)) => {
                assert!(meta.length + TAIL as u64 <= length);
                let again = seal(&meta);
                assert_eq!(unseal(&again, meta.length + again.len() as u64), Ok(Some(meta)));
            }
            Ok(None) => {}
            Err(more) => assert!(more as u64 <= length, "{more} of {length}"),
        }
    }
}
