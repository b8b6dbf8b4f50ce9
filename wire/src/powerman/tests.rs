use proptest::prelude::*;

use super::*;

fn joined(names: &[&str]) -> String {
    names.join("+")
}

fn session() -> Session {
    Session::new(joined).0
}

fn hear(session: &mut Session, mut octets: &[u8]) -> Vec<Effect> {
    let mut effects = Vec::new();
    while !octets.is_empty() {
        let (effect, taken) = session.hear(octets);
        effects.extend(effect);
        octets = &octets[taken..];
    }
    effects
}

fn says(session: &mut Session, line: &str) -> String {
    match hear(session, format!("{line}\r\n").as_bytes()).as_slice() {
        [Effect::Say(text)] => text.clone(),
        other => panic!("{line}: {other:?}"),
    }
}

fn asks(line: &str) -> Request {
    match hear(&mut session(), format!("{line}\n").as_bytes()).as_slice() {
        [Effect::Do(request)] => request.clone(),
        other => panic!("{line}: {other:?}"),
    }
}

#[test]
fn a_client_is_greeted_with_version_and_prompt() {
    assert_eq!(Session::new(joined).1, "001 2.3.27\r\npowerman> ");
}

#[test]
fn lines_are_read_as_clients_send_them() {
    let some = |text: &str| Some(text.to_string());
    let act = |action, nodes: &str| Request::Do(action, nodes.into());
    for (line, wanted) in [
        ("nodes", Request::Nodes),
        ("device", Request::Devices(None)),
        ("device nid1", Request::Devices(some("nid1"))),
        ("status", Request::Power(None)),
        ("status nid[001-016]", Request::Power(some("nid[001-016]"))),
        ("  STATUS  a b,c ", Request::Power(some("a,b,c"))),
        ("temp", Request::Temperature(None)),
        ("beacon x", Request::Beacon(some("x"))),
        ("on nid[001-016]", act(Action::On, "nid[001-016]")),
        ("off a", act(Action::Off, "a")),
        ("cycle a", act(Action::Cycle, "a")),
        ("reset a", act(Action::Reset, "a")),
        ("flash a", act(Action::Flash, "a")),
        ("unflash a", act(Action::Unflash, "a")),
    ] {
        assert_eq!(asks(line), wanted, "{line}");
    }
}

#[test]
fn what_needs_no_node_is_answered_at_once() {
    let mut session = session();
    for (line, wanted) in [
        ("", "201 Unknown command\r\npowerman> "),
        ("on", "201 Unknown command\r\npowerman> "),
        ("shutdown everything", "201 Unknown command\r\npowerman> "),
        ("telemetry", "104 Telemetry ON\r\npowerman> "),
        ("telemetry", "104 Telemetry OFF\r\npowerman> "),
        ("exprange", "105 Hostrange expansion ON\r\npowerman> "),
        ("exprange", "105 Hostrange expansion OFF\r\npowerman> "),
    ] {
        assert_eq!(says(&mut session, line), wanted, "{line}");
    }
    let help = says(&mut session, "help");
    assert!(
        help.starts_with("301 nodes")
            && help.ends_with("301 quit               - logout\r\n103 Query complete\r\npowerman> ")
    );
    let end = hear(&mut session, b"quit\r\nstatus\r\n");
    assert_eq!(end, [Effect::End("101 Goodbye\r\n".into())]);
    assert!(hear(&mut session, b"status\r\n").is_empty());
}

#[test]
fn one_thing_at_a_time() {
    let mut session = session();
    let effects = hear(&mut session, b"on a\r\nstatus\r\n");
    let busy = Effect::Say("208 Command in progress\r\n".into());
    assert_eq!(effects, [Effect::Do(Request::Do(Action::On, "a".into())), busy]);
    assert_eq!(
        session.failed("a", "it does not\nanswer"),
        "308 a: it does not answer\r\n"
    );
    assert_eq!(
        session.answer(&Answer::Done(false)),
        "210 Command completed with errors\r\npowerman> "
    );
    assert!(!session.is_busy());
    assert_eq!(hear(&mut session, b"nodes\n"), [Effect::Do(Request::Nodes)]);
}

#[test]
fn a_line_that_is_too_long_is_told_and_the_next_one_is_answered() {
    let mut session = session();
    let mut line = vec![b'x'; LONGEST + 10];
    assert_eq!(hear(&mut session, &line), [said("203 Command too long")]);
    line.push(b'\n');
    assert!(hear(&mut session, &line).is_empty());
    assert_eq!(hear(&mut session, b"nodes\r\n"), [Effect::Do(Request::Nodes)]);
}

#[test]
fn answers_are_worded_and_spaced_as_powermand_does() {
    let names = |names: &[&str]| names.iter().map(|name| name.to_string()).collect::<Vec<_>>();
    let states = vec![
        ("a".into(), Some(true)),
        ("b".into(), Some(false)),
        ("c".into(), Some(false)),
    ];
    let broken = vec![("a".into(), Some(true)), ("b".into(), None)];
    let values = vec![("a".into(), Some("24".into())), ("b".into(), None), ("c".into(), None)];
    let device = Device {
        name: "a".into(),
        is_connected: true,
        kind: "ipmi".into(),
        node: "a".into(),
    };
    for (answer, expands, wanted) in [
        (
            Answer::Nodes(names(&["a", "b"])),
            false,
            "306 a+b\r\n103 Query complete\r\n",
        ),
        (
            Answer::Nodes(names(&["a", "b"])),
            true,
            "307 a\r\n307 b\r\n103 Query complete\r\n",
        ),
        (
            Answer::States(states.clone()),
            false,
            "302 on:      a\r\n302 off:     b+c\r\n302 unknown: \r\n103 Query complete\r\n",
        ),
        (
            Answer::States(states),
            true,
            "303 a: on\r\n303 b: off\r\n303 c: off\r\n103 Query complete\r\n",
        ),
        (
            Answer::States(broken.clone()),
            false,
            "302 on:      a\r\n302 off:     \r\n302 unknown: b\r\n211 Query completed with errors\r\n",
        ),
        (
            Answer::States(broken),
            true,
            "303 a: on\r\n303 b: unknown\r\n211 Query completed with errors\r\n",
        ),
        (
            Answer::Values(values),
            false,
            "303 a: 24\r\n303 b+c: unknown\r\n211 Query completed with errors\r\n",
        ),
        (
            Answer::Devices(vec![device]),
            false,
            "304 a: state=connected reconnects=000 actions=001 type=ipmi hosts=a\r\n103 Query complete\r\n",
        ),
        (Answer::Done(true), false, "102 Command completed successfully\r\n"),
        (
            Answer::BadList("no\r\n101 sense".into()),
            false,
            "205 Hostlist error: no  101 sense\r\n",
        ),
        (
            Answer::NoSuchNodes(names(&["x", "y"])),
            false,
            "209 No such nodes: x+y\r\n",
        ),
    ] {
        assert_eq!(reply::text(&answer, joined, expands), wanted, "{answer:?}");
    }
}

#[test]
fn telemetry_is_two_lines_that_no_bmc_can_break() {
    let told = session().telemetry("n1", "power status", "on\r\n103 Query complete");
    assert_eq!(
        told,
        "305 send(n1): 'power status'\r\n305 recv(n1): 'on  103 Query complete'\r\n"
    );
}

proptest! {
    #[test]
    fn whatever_is_sent_each_line_has_one_effect(octets in proptest::collection::vec(any::<u8>(), 0..300)) {
        let mut session = session();
        let effects = hear(&mut session, &octets);
        let lines = octets.iter().filter(|octet| **octet == b'\n').count();
        prop_assert!(effects.len() <= lines + usize::from(octets.len() > LONGEST));
        for effect in effects {
            if let Effect::Say(text) | Effect::End(text) = effect {
                let fits = ["1", "2", "3"].iter().any(|digit| text.starts_with(digit));
                prop_assert!(fits && (text.ends_with("powerman> ") || text.ends_with("\r\n")), "{}", text);
            }
        }
    }
}
