//! What machines say on their consoles: octets to lines, and the lines that matter.
//!
//! Invariant: a console that says megabytes in a second makes a bounded number of events: each kind at most once in
//! [`Listener::PAUSE`].

mod lines;
mod rules;
#[cfg(test)]
mod tests;
mod transcript;

pub use rules::{RULES, Rule, Weight};
pub use transcript::Transcript;

use std::collections::HashMap;

use jiff::{SignedDuration, Timestamp};

use lines::Lines;

/// A line that matters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    /// The rule that knows it.
    pub rule: &'static Rule,
    /// The line, without control characters.
    pub line: String,
}

/// Listens to a console.
#[derive(Debug, Default)]
pub struct Listener {
    lines: Lines,
    last: HashMap<&'static str, Timestamp>,
}

impl Listener {
    /// A kind of line is told of once in this time.
    pub const PAUSE: SignedDuration = SignedDuration::from_secs(60);

    /// Takes what the machine said; the lines in it that matter.
    pub fn hear(&mut self, octets: &[u8], now: Timestamp) -> Vec<Said> {
        let mut said = Vec::new();
        let last = &mut self.last;
        self.lines.take(octets, |line, is_whole| {
            let Some(rule) = rules::find(line, is_whole) else {
                return;
            };
            let pause = last
                .get(rule.name)
                .is_some_and(|at| now.duration_since(*at) < Self::PAUSE);
            if !pause {
                last.insert(rule.name, now);
                let line = line.trim().chars().take(Lines::LONGEST).collect();
                said.push(Said { rule, line });
            }
        });
        said
    }
}
