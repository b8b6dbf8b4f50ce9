//! The sheet that text is set on: how wide it is, which characters and colours it takes, whose clock it shows.

use std::io::IsTerminal as _;

use anstyle::{AnsiColor, Effects, Style};
use jiff::Timestamp;
use jiff::tz::TimeZone;

/// Properties of the place where text is shown.
#[derive(Debug, Clone)]
pub struct Sheet {
    /// Columns.
    pub width: usize,
    /// Whether characters beyond ASCII may be used.
    pub unicode: bool,
    /// Whether to colour.
    pub color: bool,
    /// Time zone of the times that are shown.
    pub zone: TimeZone,
}

/// Columns where output is no terminal.
const WIDTH: usize = 100;

impl Sheet {
    /// Standard output as it is.
    pub fn of_output(color: bool) -> Self {
        let terminal = std::io::stdout().is_terminal();
        let width = comfy_table::Table::new().width().filter(|_| terminal);
        let said = |name| std::env::var(name).ok().filter(|value: &String| !value.is_empty());
        let locale = said("LC_ALL").or_else(|| said("LC_CTYPE")).or_else(|| said("LANG"));
        Self {
            width: width.map_or(WIDTH, usize::from).clamp(60, 200),
            // A file or a pipe may go anywhere, and UTF-8 is what it is most likely read as.
            unicode: !terminal || locale.is_some_and(|l| l.to_lowercase().replace('-', "").contains("utf8")),
            color,
            zone: TimeZone::system(),
        }
    }

    /// Text in a style.
    pub fn paint(&self, style: Style, text: &str) -> String {
        if !self.color || style == Style::new() || text.is_empty() {
            return text.to_string();
        }
        format!("{style}{text}{style:#}")
    }

    /// Text in the characters that the sheet has.
    pub fn spell(&self, text: &str) -> String {
        if self.unicode {
            return text.to_string();
        }
        text.replace('→', "->").replace('×', "x").replace('·', "-")
    }

    /// The time of day.
    pub fn time(&self, at: Timestamp) -> String {
        at.to_zoned(self.zone.clone()).strftime("%H:%M:%S").to_string()
    }

    /// The date and the time of day.
    pub fn date(&self, at: Timestamp) -> String {
        at.to_zoned(self.zone.clone()).strftime("%Y-%m-%d %H:%M:%S").to_string()
    }
}

/// Text in lines of at most `width` characters, broken between words; a word that is longer stands alone.
pub fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = String::new();
    for word in text.split_whitespace() {
        if !line.is_empty() && line.chars().count() + 1 + word.chars().count() > width {
            lines.push(std::mem::take(&mut line));
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line += word;
    }
    if !line.is_empty() || lines.is_empty() {
        lines.push(line);
    }
    lines
}

/// A paragraph behind `head`; further lines are indented to the same column.
pub fn hang(out: &mut String, head: &str, indent: usize, text: &str, width: usize) {
    for (n, line) in wrap(text, width.saturating_sub(indent).max(20)).into_iter().enumerate() {
        if n == 0 {
            out.push_str(head);
        } else {
            out.push_str(&" ".repeat(indent));
        }
        out.push_str(&line);
        out.push('\n');
    }
}

/// A foreground colour.
pub const fn ink(color: AnsiColor) -> Style {
    Style::new().fg_color(Some(anstyle::Color::Ansi(color)))
}

/// Of less importance.
pub const DIM: Style = Style::new().effects(Effects::DIMMED);
/// Good news.
pub const GOOD: Style = ink(AnsiColor::Green);
/// Bad news.
pub const BAD: Style = ink(AnsiColor::Red);
/// Something to keep an eye on.
pub const WATCH: Style = ink(AnsiColor::Yellow);
/// A file.
pub const FILE: Style = ink(AnsiColor::Blue);
/// A question and its answer.
pub const TALK: Style = ink(AnsiColor::Cyan);

#[cfg(test)]
pub(super) fn sheet(width: usize) -> Sheet {
    Sheet {
        width,
        unicode: true,
        color: false,
        zone: TimeZone::UTC,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_break_between_words_and_long_words_stand_alone() {
        assert_eq!(wrap("one two three", 7), ["one two", "three"]);
        assert_eq!(
            wrap("a http://10.77.0.1/long b", 8),
            ["a", "http://10.77.0.1/long", "b"]
        );
        assert_eq!(wrap("", 8), [""]);
    }

    #[test]
    fn a_sheet_without_unicode_gets_ascii() {
        let sheet = Sheet {
            unicode: false,
            ..sheet(80)
        };
        assert_eq!(sheet.spell("asks → 10.77.0.13 ×2"), "asks -> 10.77.0.13 x2");
    }
}
