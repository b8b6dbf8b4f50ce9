//! What an installer writes into its log is told from noise by rules; a preseed is linted.
#![no_main]
use libfuzzer_sys::fuzz_target;
use model::install::{lint, quote, said};

fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let (program, line) = text.split_once('\n').unwrap_or(("main-menu", text));
    if let Some(said) = said::notable(program, line) {
        assert!(!said.line.is_empty());
    }
    for fault in lint::lint(text) {
        assert!(!fault.what.is_empty() && fault.line <= text.lines().count() + 1);
    }
    let quoted = quote::sh(text);
    let words: usize = text.chars().filter(|c| *c != '\0').map(char::len_utf8).sum();
    assert!(quoted.len() >= words + 2, "NULs alone are left out");
    if let Ok(value) = quote::preseed(text) {
        assert!(!value.contains('\n'), "a value stays on its line");
    }
});
