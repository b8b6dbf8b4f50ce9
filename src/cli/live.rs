//! A live picture of many at work: a line for each on a terminal, a line for each new step elsewhere.

use std::collections::HashMap;
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use super::{Printer, output};

/// Up to so many get a line of their own.
const LINES: usize = 24;

/// One of them.
#[derive(Debug)]
pub struct Watched {
    /// What it is told from the others by.
    pub id: u64,
    /// Its name.
    pub name: String,
    /// Where it stands.
    pub stands: String,
    /// Nothing more will happen.
    pub ended: bool,
}

/// The picture.
#[derive(Debug)]
pub struct Live {
    bars: Option<MultiProgress>,
    lines: HashMap<u64, ProgressBar>,
    said: HashMap<u64, String>,
    json: bool,
    /// What those that have ended are (`ended`, `ready`).
    end: &'static str,
}

/// The line that stands for all; identifiers begin at 1 or are hashes.
const ALL: u64 = 0;

impl Live {
    /// An empty picture.
    pub fn new(printer: &Printer, end: &'static str) -> Self {
        let live = !printer.json() && std::io::IsTerminal::is_terminal(&std::io::stderr());
        Self {
            bars: live.then(MultiProgress::new),
            lines: HashMap::new(),
            said: HashMap::new(),
            json: printer.json(),
            end,
        }
    }

    /// Whether it is on a terminal, where it moves.
    pub fn moves(&self) -> bool {
        self.bars.is_some()
    }

    /// Shows where all stand now. Of many only `summary` is shown.
    pub fn show(&mut self, watched: Vec<Watched>, summary: impl FnOnce() -> String, elapsed: Duration) {
        if watched.len() > LINES {
            return self.summary(&watched, summary());
        }
        for one in watched {
            let Some(bars) = &self.bars else {
                let line = format!("{:7.1} s  {:<12} {}\n", elapsed.as_secs_f64(), one.name, one.stands);
                self.say(one.id, one.stands, &line);
                continue;
            };
            let bar = self.lines.entry(one.id).or_insert_with(|| {
                let bar = bars.add(ProgressBar::new_spinner());
                bar.set_style(style("{spinner:.cyan} {prefix:<12.bold} {wide_msg} {elapsed:>6}"));
                bar.set_prefix(one.name);
                bar.enable_steady_tick(Duration::from_millis(120));
                bar
            });
            bar.set_message(one.stands);
            if one.ended && !bar.is_finished() {
                bar.abandon();
            }
        }
    }

    fn summary(&mut self, watched: &[Watched], line: String) {
        let Some(bars) = &self.bars else {
            let text = format!("{line}\n");
            return self.say(ALL, line, &text);
        };
        let end = self.end;
        let bar = self.lines.entry(ALL).or_insert_with(|| {
            let bar = bars.add(ProgressBar::new(watched.len() as u64));
            bar.set_style(style(&format!(
                "{{bar:30.green}} {{pos}} of {{len}} {end}: {{wide_msg}} {{elapsed}}"
            )));
            bar
        });
        bar.set_position(watched.iter().filter(|one| one.ended).count() as u64);
        bar.set_message(line);
    }

    /// Writes a line where what it is about has changed.
    fn say(&mut self, id: u64, stands: String, line: &str) {
        if self.said.get(&id) != Some(&stands) && !self.json {
            output::text(line).ok();
        }
        self.said.insert(id, stands);
    }

    /// Leaves the picture as it is.
    pub fn finish(&self) {
        for bar in self.lines.values() {
            bar.abandon();
        }
    }
}

/// How many of each word there are: `3 installing, 1 done`, in the order in which the words come.
pub fn counted(words: impl Iterator<Item = String>) -> String {
    let mut counts: Vec<(String, usize)> = Vec::new();
    for word in words {
        match counts.iter_mut().find(|(known, _)| *known == word) {
            Some((_, count)) => *count += 1,
            None => counts.push((word, 1)),
        }
    }
    let counts: Vec<String> = counts.iter().map(|(word, count)| format!("{count} {word}")).collect();
    counts.join(", ")
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).expect("a constant template")
}
