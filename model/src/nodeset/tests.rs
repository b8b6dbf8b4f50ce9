use proptest::prelude::*;

use super::*;

fn set(text: &str) -> NodeSet {
    text.parse().unwrap_or_else(|e: NodeSetError| panic!("{text}: {e}"))
}

/// The names of a set in a cluster of nid001 to nid012 and two logins, with three groups.
fn expand(text: &str) -> Vec<String> {
    try_expand(text).unwrap_or_else(|e| panic!("{text}: {e}"))
}

fn try_expand(text: &str) -> Result<Vec<String>, NodeSetError> {
    let groups = |name: &str| match name {
        "compute" => Some(set("nid[001-012]").names().unwrap()),
        "gpu" => Some(set("nid[003-004]").names().unwrap()),
        "rack1" => Some(set("nid[001-006]").names().unwrap()),
        "none" => Some(Vec::new()),
        _ => None,
    };
    set(text).expand(&groups, &|| set("nid[001-012],login[1-2]").names().unwrap())
}

/// The table was compared once with ClusterShell 1.9.1, which sorts and refuses `[..][..]` without a text between.
#[test]
fn sets_stand_for_the_names_that_clustershell_says() {
    let table: &[(&str, &str)] = &[
        ("web1", "web1"),
        ("a,b", "a b"),
        (" a , b ", "a b"),
        ("a,a,b,a", "a b"),
        ("nid[1-3]", "nid1 nid2 nid3"),
        ("nid[001-003,12]", "nid001 nid002 nid003 nid12"),
        ("nid[08-11]", "nid08 nid09 nid10 nid11"),
        ("nid[8-11]", "nid8 nid9 nid10 nid11"),
        ("nid[098-101]", "nid098 nid099 nid100 nid101"),
        ("nid[0-8/2]", "nid0 nid2 nid4 nid6 nid8"),
        ("nid[0-7/3]", "nid0 nid3 nid6"),
        ("nid[01-05/2]-ib0", "nid01-ib0 nid03-ib0 nid05-ib0"),
        ("rack[1-2]n[1-3]", "rack1n1 rack1n2 rack1n3 rack2n1 rack2n2 rack2n3"),
        ("n[1-2][3-4]", "n13 n14 n23 n24"),
        ("[1-2]", "1 2"),
        (
            "x3000c0s[0-1]b[0-1]n0",
            "x3000c0s0b0n0 x3000c0s0b1n0 x3000c0s1b0n0 x3000c0s1b1n0",
        ),
        ("@gpu", "nid003 nid004"),
        ("@none", ""),
        ("@gpu,login1", "nid003 nid004 login1"),
        ("login*", "login1 login2"),
        ("nid00?!nid[001-007]", "nid008 nid009"),
        ("*!@compute", "login1 login2"),
        ("@rack1!nid003", "nid001 nid002 nid004 nid005 nid006"),
        ("@rack1&@gpu", "nid003 nid004"),
        ("nid[1-4]^nid[3-6]", "nid1 nid2 nid5 nid6"),
        // From left to right: none of the operators binds closer.
        ("a,b!b,c", "a c"),
        ("a!a,b", "b"),
        ("a,b&b,c", "b c"),
        ("10.77.0.[9-11]", "10.77.0.9 10.77.0.10 10.77.0.11"),
    ];
    for (text, names) in table {
        assert_eq!(expand(text).join(" "), *names, "{text}");
    }
}

#[test]
fn what_is_wrong_is_pointed_at() {
    use NodeSetErrorKind as K;
    let table: &[(&str, &str, K)] = &[
        ("", "", K::Missing),
        ("a,,b", ",", K::Missing),
        ("a,", "", K::Missing),
        ("!a", "!", K::Missing),
        ("@", "@", K::Missing),
        ("nid[1-3", "[", K::Bracket('[')),
        ("nid1-3]", "]", K::Bracket(']')),
        ("nid[1-[2]]", "[", K::Bracket('[')),
        ("nid[]", "]", K::NotARange("".into())),
        ("nid[1-x]", "1-x", K::NotARange("1-x".into())),
        ("nid[1,,2]", ",", K::NotARange("".into())),
        ("nid[a]", "a", K::NotARange("a".into())),
        (
            "nid[1-9999999999999999999]",
            "1-9999999999999999999",
            K::NotARange("1-9999999999999999999".into()),
        ),
        ("nid[9-1]", "9-1", K::Backwards("9".into(), "1".into())),
        ("nid[001-09]", "001-09", K::Padding("001".into(), "09".into())),
        ("nid[01-100]", "01-100", K::Padding("01".into(), "100".into())),
        ("nid[1-010]", "1-010", K::Padding("1".into(), "010".into())),
        ("nid[1-9/0]", "1-9/0", K::Step),
        ("nid 1", " ", K::Character(' ')),
        ("nöd1", "ö", K::Character('ö')),
        ("a,@storage", "@storage", K::UnknownGroup("storage".into())),
        ("a,nid[0-1000000]", "nid[0-1000000]", K::TooMany),
        (
            "n[1-999999][1-999999][1-999999][1-999999]",
            "n[1-999999][1-999999][1-999999][1-999999]",
            K::TooMany,
        ),
        ("n[1-600000],m[1-600000]", "m[1-600000]", K::TooMany),
    ];
    for (text, place, kind) in table {
        let error = text.parse::<NodeSet>().and_then(|_| try_expand(text)).unwrap_err();
        assert_eq!(&error.kind, kind, "{text}");
        assert_eq!(text.get(error.span.clone()), Some(*place), "{text}: {:?}", error.span);
    }
}

#[test]
fn where_only_names_are_allowed_groups_and_stars_are_refused() {
    for text in ["@gpu", "nid*", "a,@gpu", "*"] {
        assert_eq!(
            set(text).names().unwrap_err().kind,
            NodeSetErrorKind::NamesOnly,
            "{text}"
        );
    }
    assert_eq!(set("nid1").single(), Some("nid1"));
    for text in ["nid[1-2]", "a,b", "*", "@gpu"] {
        assert_eq!(set(text).single(), None, "{text}");
    }
}

#[test]
fn names_are_folded_as_clustershell_folds_them() {
    let table = [
        ("", ""),
        ("web1", "web1"),
        ("b a", "a,b"),
        ("nid001 nid002 nid003", "nid[001-003]"),
        ("nid001 nid002 nid004", "nid[001-002,004]"),
        ("nid1 nid3 nid5", "nid[1,3,5]"),
        ("nid8 nid9 nid10 nid11", "nid[8-11]"),
        ("nid08 nid09 nid10", "nid[08-10]"),
        ("nid099 nid100 nid101", "nid[099-101]"),
        ("nid99 nid100", "nid[99-100]"),
        ("nid08 nid09 nid99 nid100", "nid[08-09,99-100]"),
        ("node1-ib0 node2-ib0", "node[1-2]-ib0"),
        ("rack1n1 rack1n2 rack2n1 rack2n2", "rack[1-2]n[1-2]"),
        ("rack1n1 rack1n2 rack2n1", "rack1n[1-2],rack2n1"),
        ("login nid1 nid2", "login,nid[1-2]"),
        ("nid1 nid1 nid1", "nid1"),
        ("a99999999999999999999", "a99999999999999999999"),
    ];
    for (names, folded) in table {
        assert_eq!(fold(names.split_whitespace()), folded, "{names}");
    }
}

#[test]
fn many_names_fold_into_one_range() {
    let names = set("nid[00001-20000]").names().unwrap();
    assert_eq!(fold(&names), "nid[00001-20000]");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn folding_loses_no_name_and_invents_none(
        names in proptest::collection::btree_set("[a-c]{1,2}[0-9]{0,3}(-[a-b][0-9]{1,2})?", 0..60),
    ) {
        let folded = fold(&names);
        let again: std::collections::BTreeSet<String> = match folded.as_str() {
            "" => Default::default(),
            text => set(text).names().unwrap().into_iter().collect(),
        };
        prop_assert_eq!(again, names, "{}", folded);
    }

    #[test]
    fn no_text_is_too_odd_to_be_refused_politely(text in "[a-c0-9@*?,!&^/\\[\\] -]{0,24}") {
        if let Err(error) = text.parse::<NodeSet>().and_then(|_| try_expand(&text)) {
            prop_assert!(text.get(error.span.clone()).is_some(), "{:?}", error);
        }
    }
}
