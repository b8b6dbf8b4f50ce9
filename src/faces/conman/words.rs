//! News of a console in conman's words.

use std::sync::Arc;

use wire::conman::{Error, said};

use crate::console::{Gone, Lost, News, State};

/// Several consoles fit where one is wanted.
pub(super) fn too_many(names: &[String]) -> String {
    Error::TooManyConsoles.text(&format!("Found {} matching consoles", names.len()), names)
}

/// Somebody else writes.
pub(super) fn busy(taken: &[(Arc<str>, Vec<String>)]) -> String {
    let message = match taken.len() {
        1 => "Found console already in use".to_string(),
        many => format!("Found {many} consoles already in use"),
    };
    let lines: Vec<_> = (taken.iter())
        .flat_map(|(console, writers)| {
            let line = move |writer| format!("Console [{console}] open R/W by {writer}.");
            writers.iter().map(line)
        })
        .collect();
    Error::Busy.text(&message, &lines)
}

/// What somebody of that name is told of news; `None`: conman says nothing of it. `is_first`: it is the first thing that he
/// hears of this console.
pub(super) fn news(console: &str, news: &News, name: &str, is_first: bool) -> Option<String> {
    let now = now();
    let told = match news {
        News::Line(State::Open) if is_first => return None,
        News::Line(State::Open) => format!("connected at {now}"),
        News::Line(State::Opening) => "is currently being connected".into(),
        News::Line(State::Closed(why)) => format!("is currently disconnected: {why}"),
        News::Broken { why, again_seconds } => {
            format!("disconnected at {now}: {why}: tried again in {again_seconds} s")
        }
        News::Joined(name) => format!("joined by {name} at {now}"),
        News::Taken(name) => format!("stolen by {name} at {now}"),
        News::Left(name) => format!("departed by {name} at {now}"),
        News::Reset(name) => format!("reset by {name} at {now}"),
        News::Beside(names) => format!("joined with {} at {now}", names.join(", ")),
        News::From(names) => format!("stolen from {} at {now}", names.join(", ")),
        News::Missed(octets) => format!("left out {octets} octets here: this end reads too slowly"),
        News::Lost(Lost::NoBreak) => "has no break".into(),
        News::Lost(Lost::Full) => "takes nothing more at present: what you typed is lost".into(),
        // conman types into nothing without a word; that it is not connected was said.
        News::Lost(Lost::LooksOn | Lost::NotConnected) => return None,
        News::Now(mode) if mode.writes() => format!("joined by {name} at {now}"),
        News::Now(_) => format!("departed by {name} at {now}"),
        News::Refused(refused) => format!("is in use by {}", refused.writers.join(", ")),
    };
    Some(sentence(console, &told))
}

/// Why it is over.
pub(super) fn gone(console: &str, gone: &Gone) -> String {
    match gone {
        Gone::Taken(name) => sentence(console, &format!("stolen by {name} at {}", now())),
        Gone::Ended => sentence(console, "is gone"),
    }
}

/// A sentence about a console.
pub(super) fn sentence(console: &str, told: &str) -> String {
    said(&format!("Console [{console}] {told}"))
}

/// The time, as conmand writes it.
fn now() -> String {
    jiff::Zoned::now().strftime("%m-%d %H:%M").to_string()
}
