use proptest::prelude::*;

use super::*;

fn effects(greeting: &mut Greeting, mut octets: &[u8]) -> Vec<Effect> {
    let mut effects = Vec::new();
    while !octets.is_empty() {
        let (effect, taken) = greeting.hear(octets);
        effects.extend(effect);
        octets = &octets[taken..];
    }
    effects
}

/// What a request line becomes.
fn wants(line: &[u8]) -> Request {
    let lines = [b"HELLO USER='bob'\n", line, b"\n"].concat();
    match effects(&mut Greeting::default(), &lines).as_slice() {
        [Effect::Say(ok), Effect::Wants(who, request)] if ok == "OK\n" && who.user == "bob" => request.clone(),
        other => panic!("{other:?}"),
    }
}

fn plain(command: Command, consoles: &[&str]) -> Request {
    Request {
        command,
        consoles: consoles.iter().map(|console| console.to_string()).collect(),
        broadcast: false,
        force: false,
        join: false,
        quiet: false,
        regex: false,
    }
}

#[test]
fn requests_are_read_as_the_client_sends_them() {
    let one = |command| plain(command, &["nid001"]);
    for (line, wanted) in [
        ("QUERY", plain(Command::Query, &[])),
        ("QUERY CONSOLE='*'", plain(Command::Query, &["*"])),
        ("MONITOR CONSOLE='nid001'", one(Command::Monitor)),
        ("CONNECT CONSOLE=nid001", one(Command::Connect)),
        (
            "connect option=join console=\"nid001\"",
            Request {
                join: true,
                ..one(Command::Connect)
            },
        ),
        (
            "CONNECT OPTION=FORCE CONSOLE='nid001'",
            Request {
                force: true,
                ..one(Command::Connect)
            },
        ),
        (
            "QUERY OPTION=REGEX CONSOLE='a|b'",
            Request {
                regex: true,
                ..plain(Command::Query, &["a|b"])
            },
        ),
        (
            "CONNECT OPTION=QUIET OPTION=BROADCAST OPTION=NEW CONSOLE='a' CONSOLE='b'",
            Request {
                quiet: true,
                broadcast: true,
                ..plain(Command::Connect, &["a", "b"])
            },
        ),
        // What is not understood is skipped.
        (
            "QUERY WHAT='x' = = 17 CONSOLE='' 'CONSOLE'='n' CONSOLE='a' # CONSOLE='b'",
            plain(Command::Query, &["a"]),
        ),
        ("QUERY CONSOLE='a' CONSOLE='b", plain(Command::Query, &["a"])),
    ] {
        assert_eq!(wants(line.as_bytes()), wanted, "{line}");
    }
    // Quotes come with their high bit set.
    assert_eq!(wants(b"QUERY CONSOLE='it\xa7s'").consoles, ["it's"]);
}

#[test]
fn who_does_not_say_who_he_is_is_told_so() {
    for line in [
        "",
        "HELLO",
        "HELLO USER=''",
        "USER='bob'",
        "QUERY",
        "HELLO USER",
        "\u{0}\u{1}",
    ] {
        let told = effects(&mut Greeting::default(), format!("{line}\n").as_bytes());
        let wanted = "ERROR CODE=2 MESSAGE='Invalid greeting: no user specified'\n";
        assert_eq!(told, [Effect::End(wanted.into())], "{line}");
    }
    let mut greeting = Greeting::default();
    effects(&mut greeting, b"HELLO TTY='pts/\x011' USER='b\x1b[31mob'\n");
    let who = Who {
        user: "b[31mob".into(),
        tty: Some("pts/1".into()),
    };
    assert_eq!(greeting.who, Some(who));
    assert!(matches!(&effects(&mut greeting, b"PLEASE\n")[..], [Effect::End(text)] if text.contains("CODE=2")));
}

#[test]
fn an_endless_line_is_refused() {
    let mut greeting = Greeting::default();
    let told = effects(&mut greeting, &vec![b'x'; LONGEST + 2]);
    assert!(matches!(&told[..], [Effect::End(text)] if text.contains("too long")));
}

#[test]
fn orders_are_taken_out_of_what_is_typed() {
    let data = |octets: &[u8]| Typed::Data(octets.to_vec());
    let typed = Unescape::default().hear(b"ls\xffB\xff\xff\xffDx\xff?\xffL\xffF\xffJ\xffM\xffQ\xffR\xffZend");
    let wanted = [
        data(b"ls"),
        Typed::Break,
        data(b"\xff\x7fx"),
        Typed::Replay,
        Typed::Force,
        Typed::Join,
        Typed::Monitor,
        Typed::Quiet,
        Typed::Reset,
        Typed::Suspend,
        data(b"end"),
    ];
    assert_eq!(typed, wanted);
    let mut unescape = Unescape::default();
    assert_eq!(unescape.hear(b"a\xff"), [data(b"a")]);
    assert_eq!(unescape.hear(b"Bb"), [Typed::Break, data(b"b")]);
}

#[test]
fn answers_are_worded_as_conmand_does() {
    assert_eq!(opened(["p1", "p2"]), "OK OPTION=RESET CONSOLE='p1' CONSOLE='p2'\n");
    assert_eq!(
        Error::TooManyConsoles.text("Found 2 matching consoles", &["p1".into(), "p2".into()]),
        "ERROR CODE=6 MESSAGE='Found 2 matching consoles'\np1\np2\n"
    );
    assert_eq!(
        Error::BadRegex.text("it's\nno", &[]),
        "ERROR CODE=3 MESSAGE='it`s no'\n"
    );
    assert_eq!(
        said("Console [p1] joined by <bob@host>"),
        "\r\n<ConMan> Console [p1] joined by <bob@host>.\r\n"
    );
}

#[test]
fn consoles_are_listed_in_the_order_of_their_numbers() {
    let mut names = [
        "n10",
        "n2",
        "m3",
        "n02",
        "n",
        "n1-ib",
        "n99999999999999999999",
        "n100000000000000000000",
    ];
    names.sort_by(|a, b| in_order(a, b));
    let wanted = [
        "m3",
        "n",
        "n02",
        "n2",
        "n10",
        "n99999999999999999999",
        "n100000000000000000000",
        "n1-ib",
    ];
    assert_eq!(names, wanted);
}

#[test]
fn patterns_are_those_of_a_shell() {
    for (pattern, name, fits) in [
        ("nid001", "nid001", true),
        ("nid001", "nid0010", false),
        ("*", "", true),
        ("nid*", "nid001", true),
        ("*1", "nid001", true),
        ("n*d*1", "nid001", true),
        ("n*x*1", "nid001", false),
        ("nid00?", "nid001", true),
        ("nid00?", "nid00", false),
        ("nid00[1-3]", "nid002", true),
        ("nid00[!1-3]", "nid002", false),
        ("nid00[!1-3]", "nid004", true),
        ("nid[0-9]*", "nidx", false),
        ("a[]]b", "a]b", true),
        ("a[b", "a[b", true),
        ("a[-]b", "a-b", true),
        ("a\\*b", "a*b", true),
        ("a\\*b", "axb", false),
        ("", "", true),
        ("", "x", false),
    ] {
        assert_eq!(matches(pattern, name), fits, "{pattern} {name}");
    }
    // Stars do not multiply.
    assert!(!matches(&"*a".repeat(2000), &"a".repeat(1999)));
}

proptest! {
    #[test]
    fn nothing_makes_a_greeting_panic(octets in proptest::collection::vec(any::<u8>(), 0..300)) {
        let mut greeting = Greeting { lines: Lines::new(LONGEST), who: Some(Who::default()) };
        for effect in effects(&mut greeting, &octets) {
            if let Effect::Say(text) | Effect::End(text) = effect {
                prop_assert!(text.ends_with('\n'));
            }
        }
    }

    #[test]
    fn pieces_of_what_is_typed_make_no_difference(octets in proptest::collection::vec(prop_oneof![Just(0xffu8), Just(b'B'), any::<u8>()], 0..60), cut in 0usize..60) {
        let flat = |typed: Vec<Typed>| -> Vec<Typed> {
            typed.into_iter().flat_map(|typed| match typed {
                Typed::Data(data) => data.into_iter().map(|octet| Typed::Data(vec![octet])).collect(),
                other => vec![other],
            }).collect()
        };
        let (a, b) = octets.split_at(cut.min(octets.len()));
        let mut unescape = Unescape::default();
        let pieces = [unescape.hear(a), unescape.hear(b)].concat();
        prop_assert_eq!(flat(pieces), flat(Unescape::default().hear(&octets)));
    }

    #[test]
    fn a_pattern_without_signs_stands_for_itself(name in "[a-z0-9-]{0,12}", other in "[a-z0-9-]{0,12}") {
        prop_assert!(matches(&name, &name));
        prop_assert_eq!(matches(&name, &other), name == other);
        let begins = format!("{name}*");
        prop_assert_eq!(matches(&begins, &other), other.starts_with(&name));
    }
}
