//! Whatever a powerman client sends, every line has one effect, and answers keep their form.
#![no_main]

use libfuzzer_sys::fuzz_target;
use wire::powerman::{Answer, Effect, Session};

fuzz_target!(|data: &[u8]| {
    let (mut session, _) = Session::new(|names| names.join(","));
    let mut rest = data;
    while !rest.is_empty() {
        let (effect, taken) = session.hear(rest);
        assert!(taken > 0);
        rest = &rest[taken..];
        match effect {
            None => {}
            Some(Effect::Say(text) | Effect::End(text)) => assert!(text.ends_with("\r\n") || text.ends_with("powerman> ")),
            Some(Effect::Do(request)) => {
                let why = format!("{request:?}");
                for line in session.answer(&Answer::BadList(why)).split("\r\n") {
                    assert!(line.starts_with("205 ") || line == "powerman> ");
                }
            }
        }
    }
});
