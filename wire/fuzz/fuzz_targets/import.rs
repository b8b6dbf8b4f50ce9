//! Any text can be imported as any program's files: what is written is a cluster file that `check` reads, and notes can be shown.
//!
//! The first byte chooses the format.
#![no_main]
use libfuzzer_sys::fuzz_target;
use model::config::{Severity, read};
use model::import::{Format, Source, Wishes, import};

fuzz_target!(|bytes: &[u8]| {
    let Some((&which, text)) = bytes.split_first() else {
        return;
    };
    let Ok(text) = std::str::from_utf8(text) else { return };
    let format = Format::ALL[usize::from(which) % Format::ALL.len()];
    let source = Source {
        name: "file".into(),
        text: text.into(),
    };
    let wishes = Wishes {
        name: "imported",
        ..Wishes::default()
    };
    let imported = import(format, &wishes, &[source]);
    for note in &imported.notes {
        assert!(!note.to_string().contains(char::is_control), "{note:?}");
    }
    let reading = read(&imported.text);
    let wrong = reading
        .diagnostics
        .iter()
        .find(|problem| problem.severity == Severity::Error);
    assert!(
        wrong.is_none() && reading.cluster.is_some(),
        "{wrong:?}\n{}",
        imported.text
    );
});
