//! conserver's client protocol (8.2.7; its `master.c`, `group.c` and `console.c`): lines of commands until a console is
//! called, then the console's own octets, with commands of the user between them, `^Ec` and a letter.
//!
//! conserver asks a master for the port of a group and the group for the console. Here both are one: every command is
//! answered at every port.
//!
//! Invariant: nothing but what is asked before a login is answered before one.

mod escape;
mod report;
#[cfg(test)]
mod tests;

pub use escape::{Asked, Keys, Typed};
pub use report::{Console, Kind, Person, examined, hosts, info, people};

use crate::lines::{Line, Lines};

/// Longest line.
pub const LONGEST: usize = 4096;
/// Most octets of a name that somebody gives himself.
const NAME: usize = 64;
/// What marks what is none of the console's octets; doubled it is one.
const IAC: u8 = 0xff;

/// What comes of a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// This is said.
    Say(String),
    /// This is said last.
    End(String),
    /// Whether this is the password; [`Session::checked`].
    Check(Vec<u8>),
    /// This is to be done, and answered by who does it.
    Do(Command),
}

/// What is wanted by one who is logged in. Names are as they were typed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// A console; when it was found, what follows are [`Typed`].
    Call(String),
    /// Ports of groups.
    Groups,
    /// Who is attached, everywhere or to one.
    Group(Option<String>),
    /// How consoles stand, all or one.
    Hosts(Option<String>),
    /// The same, for programs.
    Info(Option<String>),
    /// Where consoles are.
    Examine(Option<String>),
    /// Version of the server.
    Version,
    /// Number of the server's process.
    Pid,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Stranger,
    Password,
    Inside,
    Ended,
}

/// A conversation until a console is called.
#[derive(Debug)]
pub struct Session {
    lines: Lines,
    state: State,
    needs_password: bool,
    user: String,
    iac: Iac,
}

impl Session {
    /// A new one, with what is said first.
    pub fn new(needs_password: bool) -> (Self, &'static str) {
        let session = Self {
            lines: Lines::new(LONGEST),
            state: State::Stranger,
            needs_password,
            user: String::new(),
            iac: Iac::default(),
        };
        (session, "ok\r\n")
    }

    /// Who is there, as he says; empty before a login.
    pub fn user(&self) -> &str {
        &self.user
    }

    /// Takes what the client sent, up to the end of one line: what comes of it, and how many octets were taken.
    pub fn hear(&mut self, octets: &[u8]) -> (Option<Effect>, usize) {
        if self.state == State::Ended {
            return (None, octets.len());
        }
        let (line, taken) = self.lines.hear(octets);
        (line.map(|line| self.line(&line)), taken)
    }

    fn line(&mut self, line: &Line) -> Effect {
        let Line::Whole(line) = line else {
            return self.end("line too long\r\n");
        };
        let line = self.iac.taken_out(line);
        if self.state == State::Password {
            return Effect::Check(line);
        }
        let text = String::from_utf8_lossy(&line);
        let text = text.trim();
        // A master of conserver takes a colon as well.
        let cut = text.split_once(char::is_whitespace).or_else(|| text.split_once(':'));
        let (word, rest) = cut.map_or((text, ""), |(word, rest)| (word, rest.trim()));
        let about = || (!rest.is_empty()).then(|| rest.to_string());
        match (word, self.state) {
            ("exit", _) => self.end("goodbye\r\n"),
            ("help", State::Stranger) => {
                Effect::Say("exit   disconnect\r\nhelp   this help message\r\nlogin  log in\r\n".into())
            }
            ("login", State::Stranger) if rest.is_empty() => Effect::Say("login requires argument\r\n".into()),
            ("login", State::Stranger) => self.login(rest),
            (_, State::Stranger) => unknown(),
            ("help", _) => Effect::Say(HELP.into()),
            ("call", _) => match about() {
                Some(console) => Effect::Do(Command::Call(console)),
                None => Effect::Say("call requires argument\r\n".into()),
            },
            // The one that was asked.
            ("master", _) => Effect::Say("@\r\n".into()),
            ("groups", _) => Effect::Do(Command::Groups),
            ("group", _) => Effect::Do(Command::Group(about())),
            ("hosts", _) => Effect::Do(Command::Hosts(about())),
            ("info", _) => Effect::Do(Command::Info(about())),
            ("examine", _) => Effect::Do(Command::Examine(about())),
            ("version", _) => Effect::Do(Command::Version),
            ("pid", _) => Effect::Do(Command::Pid),
            ("quit" | "restart" | "reconfig" | "up" | "newlogs" | "disconnect", _) => {
                Effect::Say("unauthorized command\r\n".into())
            }
            _ => unknown(),
        }
    }

    fn login(&mut self, user: &str) -> Effect {
        self.user = user.chars().filter(|c| !c.is_control()).take(NAME).collect();
        match self.needs_password {
            true => {
                self.state = State::Password;
                // Whose password it is, is said by the client; an empty name is the host that it called.
                Effect::Say("passwd?\r\n".into())
            }
            false => {
                self.state = State::Inside;
                Effect::Say("ok\r\n".into())
            }
        }
    }

    /// Whether it was the password: what is said.
    pub fn checked(&mut self, is_right: bool) -> Effect {
        match is_right {
            true => {
                self.state = State::Inside;
                Effect::Say("ok\r\n".into())
            }
            false => self.end("invalid password\r\n"),
        }
    }

    fn end(&mut self, text: &str) -> Effect {
        self.state = State::Ended;
        Effect::End(text.into())
    }
}

fn unknown() -> Effect {
    Effect::Say("unknown command\r\n".into())
}

const HELP: &str = "call       connect to given console\r\n\
    examine    examine where consoles are\r\n\
    exit       disconnect\r\n\
    group      show who is attached\r\n\
    groups     provide ports for group leaders\r\n\
    help       this help message\r\n\
    hosts      show how consoles stand and who has them\r\n\
    info       show console information\r\n\
    master     provide a list of master servers\r\n\
    pid        provide pid of the server\r\n\
    version    provide version info for server\r\n";

/// Octets of a console as they are sent to a client.
pub fn quoted(octets: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(octets.len());
    for octet in octets {
        if *octet == IAC {
            out.push(IAC);
        }
        out.push(*octet);
    }
    out
}

/// Takes marks out of what a client sends.
#[derive(Debug, Clone, Copy, Default)]
struct Iac {
    marked: bool,
}

impl Iac {
    fn taken_out(&mut self, octets: &[u8]) -> Vec<u8> {
        let mut out = Vec::with_capacity(octets.len());
        for octet in octets {
            match (self.marked, *octet) {
                (false, IAC) => self.marked = true,
                (true, IAC) => {
                    self.marked = false;
                    out.push(IAC);
                }
                // A mark of something that is not done here.
                (true, _) => self.marked = false,
                (false, other) => out.push(other),
            }
        }
        out
    }
}
