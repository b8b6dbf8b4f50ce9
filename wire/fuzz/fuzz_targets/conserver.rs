//! Whatever a conserver client sends: nothing is done for a stranger, and no letter that is typed is lost or doubled. The
//! first byte chooses which.
#![no_main]

use libfuzzer_sys::fuzz_target;
use wire::conserver::{Effect, Keys, Session, Typed, quoted};

fuzz_target!(|data: &[u8]| {
    let Some((&which, rest)) = data.split_first() else { return };
    match which % 3 {
        0 => conversation(rest, false),
        1 => conversation(rest, true),
        _ => {
            let plain: Vec<u8> = rest.iter().copied().filter(|octet| *octet != 5).collect();
            let typed = Keys::default().hear(&quoted(&plain));
            let wanted = if plain.is_empty() { vec![] } else { vec![Typed::Data(plain)] };
            assert_eq!(typed, wanted);
            Keys::default().hear(rest);
        }
    }
});

fn conversation(mut rest: &[u8], needs_password: bool) {
    let (mut session, _) = Session::new(needs_password);
    let mut is_inside = false;
    while !rest.is_empty() {
        let (effect, taken) = session.hear(rest);
        assert!(taken > 0);
        rest = &rest[taken..];
        match effect {
            Some(Effect::Check(password)) => {
                is_inside = password == b"sesame";
                session.checked(is_inside);
            }
            Some(Effect::Do(_)) => assert!(is_inside || !needs_password),
            Some(Effect::Say(text) | Effect::End(text)) => assert!(text.ends_with("\r\n")),
            None => {}
        }
    }
}
