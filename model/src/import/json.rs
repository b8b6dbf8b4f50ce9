//! JSON as people write it: with comments, with commas too many or too few, and with ends that are missing. Kea allows the
//! first by itself, and Pelagos' own manual has an example with all of them.
//!
//! Invariant: every turn of every loop takes at least one character.

use super::Gather;
use crate::config::plain::{Plain, PlainKind};

/// Most mistakes in a file; one with more is something else than JSON.
const MISTAKES: usize = 200;

/// Nesting of collections; a configuration needs ten.
const DEPTH: usize = 64;

/// Reads a value, telling what was made good. `None` if there is none.
pub(super) fn read(text: &str, gather: &mut Gather) -> Option<Plain> {
    let mut reader = Reader {
        rest: text,
        line: 1,
        gather,
        broken: false,
        told: 0,
    };
    reader.blank();
    if !reader.rest.starts_with(['{', '[']) {
        reader.tell("this is no JSON: it begins neither with { nor with [");
        return None;
    }
    let value = reader.value(0)?;
    reader.blank();
    if !reader.rest.is_empty() && !reader.broken {
        reader.tell("something stands behind the end");
    }
    Some(value)
}

struct Reader<'a, 'g> {
    rest: &'a str,
    line: u32,
    gather: &'g mut Gather,
    /// The end of the text came too early: that is told once.
    broken: bool,
    /// Mistakes so far.
    told: usize,
}

impl<'a> Reader<'a, '_> {
    fn take(&mut self, bytes: usize) -> &'a str {
        let (taken, rest) = self.rest.split_at(bytes);
        self.line += taken.bytes().filter(|byte| *byte == b'\n').count() as u32;
        self.rest = rest;
        taken
    }

    fn eat(&mut self, wanted: char) -> bool {
        let here = self.rest.starts_with(wanted);
        if here {
            self.take(wanted.len_utf8());
        }
        here
    }

    /// White space and comments.
    fn blank(&mut self) {
        loop {
            let space = self.rest.len() - self.rest.trim_start().len();
            self.take(space);
            let end = match self.rest.as_bytes() {
                [b'#', ..] | [b'/', b'/', ..] => self.rest.find('\n').unwrap_or(self.rest.len()),
                [b'/', b'*', ..] => self.rest.find("*/").map_or(self.rest.len(), |at| at + 2),
                [b'<', b'?', ..] => {
                    self.tell("another file is included here: name it as well");
                    self.rest.find("?>").map_or(self.rest.len(), |at| at + 2)
                }
                _ => return,
            };
            self.take(end);
        }
    }

    fn tell(&mut self, why: &str) {
        let here = self.rest.char_indices().find(|(at, c)| *c == '\n' || *at > 400);
        let here = here.map_or(self.rest, |(at, _)| &self.rest[..at]);
        self.gather.note(self.line, here, why);
        self.told += 1;
        if self.told > MISTAKES {
            self.gather
                .note(self.line, "", "too many mistakes: the rest was not read");
            (self.rest, self.broken) = ("", true);
        }
    }

    fn value(&mut self, depth: usize) -> Option<Plain> {
        if depth > DEPTH {
            self.tell("nested too deeply");
            self.rest = "";
            return None;
        }
        self.blank();
        let line = self.line;
        let kind = match self.rest.chars().next()? {
            '{' => self.map(depth)?,
            '[' => self.list(depth)?,
            '"' => PlainKind::Text(self.string()),
            _ => match self.bare() {
                "null" | "" => PlainKind::Null,
                word => PlainKind::Text(word.to_string()),
            },
        };
        Some(Plain { line, kind })
    }

    fn map(&mut self, depth: usize) -> Option<PlainKind> {
        self.take(1);
        let mut pairs = Vec::new();
        let mut comma = true;
        loop {
            self.blank();
            if self.eat('}') {
                break;
            }
            if self.eat(',') {
                comma = true;
                continue;
            }
            if self.ended(']') {
                break;
            }
            if !comma {
                self.tell("a comma is missing before this");
            }
            comma = false;
            let line = self.line;
            let key = match self.rest.starts_with('"') {
                true => self.string(),
                false => self.bare().to_string(),
            };
            self.blank();
            if !self.eat(':') {
                self.tell("a key and a colon were expected here");
                let next = self.rest.chars().next().map_or(0, char::len_utf8);
                // What closes an outer one, or opens another, is looked at again.
                if key.is_empty() && !self.rest.starts_with(['}', ']', '"']) {
                    self.take(next);
                }
                continue;
            }
            let value = self.value(depth + 1)?;
            let key = Plain {
                line,
                kind: PlainKind::Text(key),
            };
            pairs.push((key, value));
        }
        Some(PlainKind::Map(pairs))
    }

    fn list(&mut self, depth: usize) -> Option<PlainKind> {
        self.take(1);
        let mut items = Vec::new();
        let mut comma = true;
        loop {
            self.blank();
            if self.eat(']') {
                break;
            }
            if self.eat(',') {
                comma = true;
                continue;
            }
            if self.ended('}') {
                break;
            }
            if !comma {
                self.tell("a comma is missing before this");
            }
            comma = false;
            let before = self.rest.len();
            items.push(self.value(depth + 1)?);
            if self.rest.len() == before {
                let next = self.rest.chars().next().map_or(0, char::len_utf8);
                self.take(next);
            }
        }
        Some(PlainKind::List(items))
    }

    /// Whether this collection ends without its own bracket: at the end of the text or at that of an outer one.
    fn ended(&mut self, outer: char) -> bool {
        if self.rest.is_empty() {
            if !self.broken {
                self.gather
                    .note(self.line, "", "the file ends before everything is closed");
            }
            self.broken = true;
            return true;
        }
        let ended = self.rest.starts_with(outer);
        if ended {
            self.tell("this closes something else than what was opened last");
        }
        ended
    }

    /// A text in quotes; an end of line ends one that is not closed.
    fn string(&mut self) -> String {
        self.take(1);
        let mut out = String::new();
        while let Some(next) = self.rest.chars().next() {
            if next == '\n' {
                self.tell("a quote is missing at the end of the line before");
                break;
            }
            self.take(next.len_utf8());
            match next {
                '"' => break,
                '\\' => {
                    let Some(escaped) = self.rest.chars().next() else { break };
                    self.take(escaped.len_utf8());
                    out.push(match escaped {
                        'n' => '\n',
                        't' => '\t',
                        'u' => {
                            let digits = self.rest.get(..4);
                            let code = digits.and_then(|digits| u32::from_str_radix(digits, 16).ok());
                            if code.is_some() {
                                self.take(4);
                            }
                            code.and_then(char::from_u32).unwrap_or('\u{fffd}')
                        }
                        other => other,
                    });
                }
                other => out.push(other),
            }
        }
        out
    }

    /// A word without quotes: a number, `true`, `null`.
    fn bare(&mut self) -> &'a str {
        let end = |c: char| c.is_whitespace() || matches!(c, ',' | ':' | '{' | '}' | '[' | ']' | '"' | '#');
        let length = self.rest.find(end).unwrap_or(self.rest.len());
        self.take(length)
    }
}
