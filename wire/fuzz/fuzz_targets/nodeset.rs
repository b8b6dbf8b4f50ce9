//! Any text can be read as a node set; what is wrong points into it; what is expanded is folded and expanded to the same names.
#![no_main]
use std::collections::BTreeSet;

use libfuzzer_sys::fuzz_target;
use model::nodeset::{NodeSet, NodeSetError, fold};

/// Names that are expanded here: sets of a million are right, and take a second each.
const MANY: u128 = 2_000;

fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let points = |error: &NodeSetError| assert!(text.get(error.span.clone()).is_some(), "{error:?}");
    let set: NodeSet = match text.parse() {
        Ok(set) => set,
        Err(error) => return points(&error),
    };
    if set.written() > MANY {
        return;
    }
    let members = |group: &str| (group.len() < 4).then(|| vec![group.to_string(), "n1".to_string()]);
    if let Err(error) = set.expand(&members, &|| vec!["n1".into(), "n02".into(), "m".into()]) {
        points(&error);
    }
    let names = match set.names() {
        Ok(names) => names,
        Err(error) => return points(&error),
    };
    let unique: BTreeSet<&String> = names.iter().collect();
    assert_eq!(unique.len(), names.len(), "each name once");
    if names.is_empty() {
        return;
    }
    let folded: NodeSet = fold(&names).parse().expect("what is folded can be read");
    let again = folded.names().expect("names only");
    assert_eq!(again.iter().collect::<BTreeSet<_>>(), unique, "{}", fold(&names));
});
