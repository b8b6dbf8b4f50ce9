//! conmand's client protocol: a greeting, one request, and from then on the console's own octets, with orders of the client
//! between them (0.2.7 and 0.3.1; its `common.h`, `lex.c`, `client-sock.c`).
//!
//! Invariant: what is asked for has bounded size, whatever is sent; a line that makes no sense is an error of one client.

mod escape;
mod glob;
mod request;
#[cfg(test)]
mod tests;
mod text;

pub use escape::{Typed, Unescape};
pub use glob::matches;
pub use request::{Command, Request};
pub use text::{Error, in_order, opened, said};

use crate::lines::{Line, Lines};

/// Longest line: a request may name many consoles (that of conmand 0.3; a client of 0.2 sends and reads 32 KiB).
pub const LONGEST: usize = 131_072;

/// Who is there.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Who {
    /// User, as the client says: nobody vouches for it.
    pub user: String,
    /// His terminal.
    pub tty: Option<String>,
}

/// What comes of a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// This is said, and the next line is heard.
    Say(String),
    /// This is wanted by whoever that is; what follows are [`Typed`].
    Wants(Who, Request),
    /// This is said last.
    End(String),
}

/// The beginning of a conversation, until a request was made.
#[derive(Debug)]
pub struct Greeting {
    lines: Lines,
    who: Option<Who>,
}

impl Default for Greeting {
    fn default() -> Self {
        Self {
            lines: Lines::new(LONGEST),
            who: None,
        }
    }
}

impl Greeting {
    /// Takes what the client sent, up to the end of one line: what comes of it, and how many octets were taken.
    pub fn hear(&mut self, octets: &[u8]) -> (Option<Effect>, usize) {
        let (line, taken) = self.lines.hear(octets);
        (line.map(|line| self.line(&line)), taken)
    }

    fn line(&mut self, line: &Line) -> Effect {
        let bad = |what: &str| Effect::End(Error::BadRequest.text(what, &[]));
        let Line::Whole(line) = line else {
            return bad("Invalid request: the line is too long");
        };
        let Some(who) = self.who.take() else {
            let Some(who) = request::greeting(line) else {
                return bad("Invalid greeting: no user specified");
            };
            self.who = Some(who);
            return Effect::Say("OK\n".into());
        };
        match request::request(line) {
            Some(request) => Effect::Wants(who, request),
            None => bad("Invalid request: no command specified"),
        }
    }
}
