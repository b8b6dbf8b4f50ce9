use proptest::prelude::*;

use super::*;

fn effects(session: &mut Session, mut octets: &[u8]) -> Vec<Effect> {
    let mut effects = Vec::new();
    while !octets.is_empty() {
        let (effect, taken) = session.hear(octets);
        effects.extend(effect);
        octets = &octets[taken..];
    }
    effects
}

fn say(text: &str) -> Effect {
    Effect::Say(text.into())
}

#[test]
fn a_stranger_can_do_nothing_but_log_in() {
    let (mut session, greeting) = Session::new(false);
    assert_eq!(greeting, "ok\r\n");
    for line in ["ssl", "call n1", "groups", "hosts", "quit", "", "\u{0}"] {
        let told = effects(&mut session, format!("{line}\r\n").as_bytes());
        assert_eq!(told, [say("unknown command\r\n")], "{line}");
    }
    assert_eq!(
        effects(&mut session, b"login\r\n"),
        [say("login requires argument\r\n")]
    );
    assert_eq!(effects(&mut session, b"login bo\x1bb\r\n"), [say("ok\r\n")]);
    assert_eq!(session.user(), "bob");
    assert_eq!(
        effects(&mut session, b"exit\r\nlogin eve\r\n"),
        [Effect::End("goodbye\r\n".into())]
    );
}

#[test]
fn a_password_is_asked_for_and_a_wrong_one_ends_it() {
    for is_right in [true, false] {
        let (mut session, _) = Session::new(true);
        assert_eq!(effects(&mut session, b"login bob\r\n"), [say("passwd?\r\n")]);
        assert_eq!(
            effects(&mut session, b"call n1 \r\n"),
            [Effect::Check(b"call n1 ".to_vec())]
        );
        let told = session.checked(is_right);
        let after = effects(&mut session, b"pid\r\n");
        match is_right {
            true => assert_eq!((told, after), (say("ok\r\n"), vec![Effect::Do(Command::Pid)])),
            false => assert_eq!((told, after), (Effect::End("invalid password\r\n".into()), vec![])),
        }
    }
}

#[test]
fn commands_are_read_as_the_client_sends_them() {
    let some = |text: &str| Some(text.to_string());
    for (line, wanted) in [
        ("call n1", Command::Call("n1".into())),
        ("call:n1", Command::Call("n1".into())),
        ("groups", Command::Groups),
        ("group", Command::Group(None)),
        ("group n1", Command::Group(some("n1"))),
        ("hosts", Command::Hosts(None)),
        ("info n1", Command::Info(some("n1"))),
        ("examine", Command::Examine(None)),
        ("version", Command::Version),
        ("pid", Command::Pid),
    ] {
        let (mut session, _) = Session::new(false);
        effects(&mut session, b"login bob\r\n");
        let told = effects(&mut session, format!("{line}\r\n").as_bytes());
        assert_eq!(told, [Effect::Do(wanted)], "{line}");
    }
    let (mut session, _) = Session::new(false);
    let told = effects(&mut session, b"login bob\r\nmaster\r\nquit\r\ncall\r\nbroadcast x\r\n");
    let wanted = [
        "ok",
        "@",
        "unauthorized command",
        "call requires argument",
        "unknown command",
    ];
    assert_eq!(told, wanted.map(|text| say(&format!("{text}\r\n"))));
    let told = effects(&mut session, &[b'x'; LONGEST + 2]);
    assert_eq!(told, [Effect::End("line too long\r\n".into())]);
}

#[test]
fn commands_are_taken_out_of_what_is_typed() {
    let data = |octets: &[u8]| Typed::Data(octets.to_vec());
    let ask = Typed::Asks;
    let told = |text: &str| Typed::Told(text.into());
    let typed = Keys::default()
        .hear(b"\x05c=\x05c\xd6\x05cm\x05c;ls\r\x05ca\x05\x05cl0\x05cl?\x05cl!\x05xy\x05cfs\x05cs\x05c.");
    let wanted = [
        ask(Asked::State),
        told("[unknown -- use `?']\r\n"),
        told("[-- MOTD --]\r\n"),
        ask(Asked::Begin),
        data(b"ls\r"),
        ask(Asked::Attach),
        data(b"\x05"),
        ask(Asked::Break),
        told("[halt list]\r\n 0 -   0ms, a break\r\n"),
        told("[halt aborted]\r\n"),
        data(b"\x05xy"),
        ask(Asked::Force),
        data(b"s"),
        ask(Asked::Spy),
        ask(Asked::Disconnect),
    ];
    assert_eq!(typed, wanted);
}

#[test]
fn other_keys_are_chosen_and_a_mark_is_no_key() {
    let mut keys = Keys::default();
    assert_eq!(keys.shown(), "^E c");
    let told = Typed::Told("[redef: ^X x  ok]\r\n".into());
    assert_eq!(keys.hear(b"\x05ce\x18x"), [told]);
    assert_eq!(keys.shown(), "^X x");
    assert_eq!(
        keys.hear(b"\x05c.\x18x."),
        [Typed::Data(b"\x05c.".to_vec()), Typed::Asks(Asked::Disconnect)]
    );
    assert_eq!(keys.hear(b"a\xff\xffb\xff.c"), [Typed::Data(b"a\xffbc".to_vec())]);
    assert_eq!(keys.hear(b"\x18x\\\x18y"), [Typed::Data(b"\x18y".to_vec())]);
    assert_eq!(quoted(b"a\xffb"), b"a\xff\xffb");
}

#[test]
fn reports_have_conservers_columns() {
    let person = |name: &str, writes| Person {
        name: name.into(),
        writes,
    };
    let consoles = [
        Console {
            name: "n1".into(),
            kind: Kind::Ipmi("10.0.0.1".into()),
            is_up: true,
            people: vec![person("bob@h", false), person("alice@h", true)],
        },
        Console {
            name: "n2".into(),
            kind: Kind::Network("ts:7001".into()),
            is_up: false,
            people: vec![],
        },
    ];
    assert_eq!(
        hosts(&consoles, Some("n1")),
        " n1                       * up   alice@h\r\n n2                         down <none>\r\n"
    );
    assert_eq!(
        people(&consoles, Some("bob@h")),
        " bob@h                            * spy          - n1\r\n alice@h                            attach       - n1\r\n"
    );
    assert_eq!(
        examined(&consoles[1..]),
        " n2                       on ts:7001                          at   Netwk \r\n"
    );
    assert_eq!(
        info(&consoles, ("h", 7, 3109)),
        "n1:h,7,3109:@:10.0.0.1,0:w@alice@h@0,r@bob@h@0@ro:up:rw:,log,noact,nobrk,notask,0,-1:0:autoup::login::0:\r\n\
         n2:h,7,3109:!:ts,7001,raw,0::down:rw:,log,noact,nobrk,notask,0,-1:0:autoup::login::0:\r\n"
    );
}

proptest! {
    #[test]
    fn whatever_a_stranger_sends_nothing_is_done(octets in proptest::collection::vec(any::<u8>(), 0..300)) {
        let (mut session, _) = Session::new(true);
        for effect in effects(&mut session, &octets) {
            prop_assert!(!matches!(effect, Effect::Do(_)));
        }
    }

    #[test]
    fn pieces_of_what_is_typed_make_no_difference(
        octets in proptest::collection::vec(prop_oneof![Just(5u8), Just(b'c'), Just(0xff), Just(b'e'), Just(b'l'), any::<u8>()], 0..60),
        cut in 0usize..60,
    ) {
        let flat = |typed: Vec<Typed>| -> Vec<Typed> {
            typed.into_iter().flat_map(|typed| match typed {
                Typed::Data(data) => data.into_iter().map(|octet| Typed::Data(vec![octet])).collect(),
                other => vec![other],
            }).collect()
        };
        let (a, b) = octets.split_at(cut.min(octets.len()));
        let mut keys = Keys::default();
        let pieces = [keys.hear(a), keys.hear(b)].concat();
        prop_assert_eq!(flat(pieces), flat(Keys::default().hear(&octets)));
    }
}
