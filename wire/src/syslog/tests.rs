use super::*;

fn read(datagram: &str) -> (u8, u8, String, Option<u32>, String) {
    let Message {
        facility,
        severity,
        program,
        pid,
        text,
    } = parse(datagram.as_bytes());
    (facility, severity, program, pid, text)
}

fn is(program: &str, pid: Option<u32>, text: &str) -> (String, Option<u32>, String) {
    (program.into(), pid, text.into())
}

#[test]
fn the_installer_says_who_speaks_and_no_host() {
    let (facility, severity, program, pid, text) =
        read("<30>Nov 25 18:01:02 main-menu[257]: INFO: Menu item 'partman-base' selected\n");
    assert_eq!((facility, severity), (3, 6));
    assert_eq!(
        (program, pid, text),
        is("main-menu", Some(257), "INFO: Menu item 'partman-base' selected")
    );
}

#[test]
fn the_forms_of_rfc_3164_and_what_programs_make_of_them() {
    for (datagram, program, pid, text) in [
        (
            "<13>Jan  1 00:00:00 in-target: E: no such package",
            "in-target",
            None,
            "E: no such package",
        ),
        (
            "<34>Oct 11 22:14:15 mymachine su: 'su root' failed",
            "su",
            None,
            "'su root' failed",
        ),
        ("<6>kernel: [    1.0] hello", "kernel", None, "[    1.0] hello"),
        (
            "<13>Feb  5 17:32:18 10.0.0.99 Use the BFG!",
            "",
            None,
            "10.0.0.99 Use the BFG!",
        ),
        ("Use the BFG!", "", None, "Use the BFG!"),
        ("<999>odd: priority", "", None, "<999>odd: priority"),
        ("<>x: y", "", None, "<>x: y"),
        ("<13>partman:", "partman", None, ""),
        (
            "<13>see http://mirror.example/x",
            "",
            None,
            "see http://mirror.example/x",
        ),
        ("<13>12:30:01 late", "", None, "12:30:01 late"),
        ("<13>prog[x]: y", "", None, "prog[x]: y"),
        ("", "", None, ""),
        ("<13>", "", None, ""),
    ] {
        let (_, _, a, b, c) = read(datagram);
        assert_eq!((a, b, c), is(program, pid, text), "{datagram:?}");
    }
}

#[test]
fn the_form_of_rfc_5424() {
    for (datagram, program, pid, text) in [
        (
            "<34>1 2003-10-11T22:14:15.003Z host su 77 ID47 - \u{feff}'su root' failed",
            "su",
            Some(77),
            "'su root' failed",
        ),
        ("<165>1 - - - - - -", "", None, ""),
        (
            "<165>1 2003-10-11T22:14:15.003Z h evntslog - ID47 [a@1 b=\"c\\]\\\"d]\"][e@2] said",
            "evntslog",
            None,
            "said",
        ),
        (
            "<165>1 2003-10-11T22:14:15Z h app - - [unclosed said",
            "",
            None,
            "1 2003-10-11T22:14:15Z h app - - [unclosed said",
        ),
        // No RFC 5424 without a time: `1` is then what RFC 3164 has before the tag, a host name (RFC 1123 allows digits).
        ("<13>1 apple: is not a version", "apple", None, "is not a version"),
    ] {
        let (_, _, a, b, c) = read(datagram);
        assert_eq!((a, b, c), is(program, pid, text), "{datagram:?}");
    }
}

#[test]
fn nul_bytes_and_control_characters_do_not_reach_a_log() {
    let message = parse(b"<13>anna[1]: \0one\0\x1b[31mtwo\xff\r\nthree\0\n");
    assert_eq!(message.line(), "anna[1]: one [31mtwo\u{fffd}  three");
}

proptest::proptest! {
    #[test]
    fn any_bytes_are_a_message_of_one_line(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..600)) {
        let message = parse(&bytes);
        proptest::prop_assert!(message.facility < 24 && message.severity < 8);
        proptest::prop_assert!(!message.line().contains(|c: char| c.is_control()));
    }

    #[test]
    fn what_a_program_says_comes_out_as_it_went_in(
        program in "[a-z][a-z-]{0,20}", pid in proptest::option::of(0u32..99999), text in "[!-~]([ -~]{0,200}[!-~])?",
    ) {
        let tag = pid.map_or(program.clone(), |pid| format!("{program}[{pid}]"));
        let message = parse(format!("<30>Nov  5 07:08:09 {tag}: {text}").as_bytes());
        proptest::prop_assert_eq!((message.program, message.pid, message.text), (program, pid, text));
    }
}

/// Findings of the fuzzer and seeds for it; `wire/fuzz/run syslog 60` begins with them.
#[test]
fn the_corpus_is_read_without_panic() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/fuzz/corpus/syslog");
    let mut read = 0;
    for entry in std::fs::read_dir(folder).expect("the corpus can be read") {
        let message =
            parse(&std::fs::read(entry.expect("the corpus can be read").path()).expect("the corpus can be read"));
        assert!(message.facility < 24);
        read += 1;
    }
    assert!(read >= 5);
}
