//! powermand's client protocol: lines of text, an answer for each, and a prompt after it (2.3.27, its `client_proto.h`).
//!
//! 1xx and 2xx end an answer well or badly, 3xx are lines on the way to it. The prompt has no end of line.
//!
//! Invariant: whatever is said is answered or ends the conversation; a list of nodes that makes no sense is an error of its
//! line and of nothing else.

mod reply;
mod request;
#[cfg(test)]
mod tests;

pub use reply::{Answer, Device};
pub use request::{Action, Request};

use crate::lines::{Line, Lines};

/// Version that is announced: that of the protocol as it is spoken here. Clients of another one warn and go on.
pub const VERSION: &str = "2.3.27";
/// Longest line, as of powermand 2.4; a client of 2.3 sends 8 KiB at most.
pub const LONGEST: usize = 131_072;

const PROMPT: &str = "powerman> ";

/// Names as a short list of ranges.
pub type Fold = fn(&[&str]) -> String;

/// What comes of what was heard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// This is said.
    Say(String),
    /// This is to be done; [`Session::answer`] when it is. Until then nothing else is.
    Do(Request),
    /// This is said last.
    End(String),
}

/// A conversation with one client.
#[derive(Debug)]
pub struct Session {
    lines: Lines,
    fold: Fold,
    /// Nodes are listed one by one.
    expands: bool,
    telemetry: bool,
    busy: bool,
    ended: bool,
}

impl Session {
    /// A new one, with what is said first.
    pub fn new(fold: Fold) -> (Self, String) {
        let session = Self {
            lines: Lines::new(LONGEST),
            fold,
            expands: false,
            telemetry: false,
            busy: false,
            ended: false,
        };
        (session, format!("001 {VERSION}\r\n{PROMPT}"))
    }

    /// Whether the client wants to know what is said to BMCs.
    pub fn wants_telemetry(&self) -> bool {
        self.telemetry
    }

    /// Whether something is being done.
    pub fn is_busy(&self) -> bool {
        self.busy
    }

    /// Takes what the client sent, up to the end of one line: what comes of it, and how many octets were taken.
    pub fn hear(&mut self, octets: &[u8]) -> (Option<Effect>, usize) {
        if self.ended {
            return (None, octets.len());
        }
        let (line, taken) = self.lines.hear(octets);
        (line.map(|line| self.line(&line)), taken)
    }

    fn line(&mut self, line: &Line) -> Effect {
        let Line::Whole(line) = line else {
            return said("203 Command too long");
        };
        if self.busy {
            // No prompt follows: that of what is being done will.
            return Effect::Say("208 Command in progress\r\n".into());
        }
        let text = String::from_utf8_lossy(line);
        match request::parse(&text) {
            request::Parsed::Do(request) => {
                self.busy = true;
                Effect::Do(request)
            }
            request::Parsed::Help => Effect::Say(format!("{}103 Query complete\r\n{PROMPT}", reply::HELP)),
            request::Parsed::Telemetry => {
                self.telemetry = !self.telemetry;
                said(&format!("104 Telemetry {}", on(self.telemetry)))
            }
            request::Parsed::Expands => {
                self.expands = !self.expands;
                said(&format!("105 Hostrange expansion {}", on(self.expands)))
            }
            request::Parsed::Quit => {
                self.ended = true;
                Effect::End("101 Goodbye\r\n".into())
            }
            request::Parsed::Unknown => said("201 Unknown command"),
        }
    }

    /// What is said when it is done.
    pub fn answer(&mut self, answer: &Answer) -> String {
        self.busy = false;
        format!("{}{PROMPT}", reply::text(answer, self.fold, self.expands))
    }

    /// What is said on the way to it: a node could not be asked, or did not do it.
    pub fn failed(&self, node: &str, why: &str) -> String {
        format!("308 {}: {}\r\n", one_line(node), one_line(why))
    }

    /// What is said on the way to it, to those who want to know: what was sent to a BMC, and what it answered.
    pub fn telemetry(&self, node: &str, sent: &str, heard: &str) -> String {
        let node = one_line(node);
        format!(
            "305 send({node}): '{}'\r\n305 recv({node}): '{}'\r\n",
            one_line(sent),
            one_line(heard)
        )
    }
}

fn on(is_on: bool) -> &'static str {
    if is_on { "ON" } else { "OFF" }
}

fn said(text: &str) -> Effect {
    Effect::Say(format!("{text}\r\n{PROMPT}"))
}

/// A text that fits in a line: what a BMC says is not ours.
fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}
