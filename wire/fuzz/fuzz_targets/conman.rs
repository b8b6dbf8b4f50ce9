//! Whatever a conman client sends: greetings, requests, patterns, and what it types. The first byte chooses which.
#![no_main]

use libfuzzer_sys::fuzz_target;
use wire::conman::{Effect, Greeting, Typed, Unescape, matches, opened, said};

fuzz_target!(|data: &[u8]| {
    let Some((&which, rest)) = data.split_first() else { return };
    match which % 3 {
        0 => greeted(rest),
        1 => {
            let cut = rest.len() / 2;
            let (mut whole, mut pieces) = (Unescape::default(), Unescape::default());
            let data = |typed: Vec<Typed>| -> usize {
                let length = |typed: &Typed| if let Typed::Data(data) = typed { data.len() } else { 0 };
                typed.iter().map(length).sum()
            };
            let in_two = data(pieces.hear(&rest[..cut])) + data(pieces.hear(&rest[cut..]));
            assert_eq!(data(whole.hear(rest)), in_two);
        }
        _ => {
            let text = String::from_utf8_lossy(rest);
            let (pattern, name) = text.split_once('/').unwrap_or((&text, "nid001"));
            if !pattern.contains(['*', '?', '[', '\\']) {
                assert_eq!(matches(pattern, name), pattern == name);
            }
            matches(pattern, name);
            assert_eq!(opened([name]).matches('\n').count(), 1);
            assert_eq!(said(name).lines().count(), 2);
        }
    }
});

fn greeted(mut rest: &[u8]) {
    let mut greeting = Greeting::default();
    while !rest.is_empty() {
        let (effect, taken) = greeting.hear(rest);
        assert!(taken > 0);
        rest = &rest[taken..];
        match effect {
            Some(Effect::Say(text) | Effect::End(text)) => assert!(text.ends_with('\n') && text.lines().count() == 1),
            Some(Effect::Wants(who, request)) => {
                assert!(!who.user.chars().any(char::is_control) && !who.user.is_empty());
                assert!(request.consoles.iter().all(|console| !console.is_empty() && console.is_ascii()));
            }
            None => {}
        }
    }
}
