//! What a user types, and what he commands between: two keys, `^E` and `c` unless he chose others, and a letter.

use super::Iac;

/// Something that a user does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Typed {
    /// Writes.
    Data(Vec<u8>),
    /// Commands something.
    Asks(Asked),
    /// Is told this at once.
    Told(String),
}

/// What a user commands. Each is answered by a line in brackets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    /// `=`: is the console up?
    State,
    /// `;`: from now on he wants to see it.
    Begin,
    /// `a`: to write, if nobody does.
    Attach,
    /// `f`: to write, whoever does.
    Force,
    /// `s`: to look on only.
    Spy,
    /// `w`: who is at this console.
    Who,
    /// `g`: who is at any console.
    Group,
    /// `u`: how consoles stand.
    Hosts,
    /// `i`: the same, for programs.
    Info,
    /// `x`: where consoles are.
    Examine,
    /// `r`, `p` or `^R`: what was said last, once more.
    Replay,
    /// `l` and a digit: a break.
    Break,
    /// `o`: take the line up again.
    Open,
    /// `v`: version of the server.
    Version,
    /// `.`: the end.
    Disconnect,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Plain,
    /// The first key was pressed.
    First,
    /// Both were.
    Command,
    /// Other keys are chosen: the first, and the second after this first.
    ChooseFirst,
    ChooseSecond(u8),
    /// Which break?
    Halt,
    /// One character as it is.
    Quote,
}

/// Takes commands out of what is typed, whatever pieces it comes in.
#[derive(Debug, Clone)]
pub struct Keys {
    keys: (u8, u8),
    state: State,
    iac: Iac,
}

impl Default for Keys {
    fn default() -> Self {
        Self {
            keys: (0x05, b'c'),
            state: State::Plain,
            iac: Iac::default(),
        }
    }
}

impl Keys {
    /// What a piece means, in its order.
    pub fn hear(&mut self, octets: &[u8]) -> Vec<Typed> {
        let mut typed = Vec::new();
        let mut data = Vec::new();
        for octet in self.iac.taken_out(octets) {
            let Some(does) = self.key(octet, &mut data) else {
                continue;
            };
            if !data.is_empty() {
                typed.push(Typed::Data(std::mem::take(&mut data)));
            }
            typed.push(does);
        }
        if !data.is_empty() {
            typed.push(Typed::Data(data));
        }
        typed
    }

    /// The two keys, as one types them: `^E c`.
    pub fn shown(&self) -> String {
        format!("{} {}", name(self.keys.0), name(self.keys.1))
    }

    fn key(&mut self, octet: u8, data: &mut Vec<u8>) -> Option<Typed> {
        let (first, second) = self.keys;
        let state = std::mem::replace(&mut self.state, State::Plain);
        match state {
            State::Plain if octet == first => self.state = State::First,
            State::Plain | State::Quote => data.push(octet),
            State::First if octet == second => self.state = State::Command,
            State::First => {
                data.push(first);
                match octet == first {
                    true => self.state = State::First,
                    false => data.push(octet),
                }
            }
            State::Command => return self.command(octet),
            State::ChooseFirst => self.state = State::ChooseSecond(octet),
            State::ChooseSecond(chosen) => {
                self.keys = (chosen, octet);
                return Some(Typed::Told(format!(
                    "[redef: {} {}  ok]\r\n",
                    name(chosen),
                    name(octet)
                )));
            }
            State::Halt => {
                return Some(match octet {
                    b'0'..=b'9' | b'a'..=b'z' => Typed::Asks(Asked::Break),
                    b'?' => Typed::Told("[halt list]\r\n 0 -   0ms, a break\r\n".into()),
                    _ => Typed::Told("[halt aborted]\r\n".into()),
                });
            }
        }
        None
    }

    fn command(&mut self, octet: u8) -> Option<Typed> {
        let asked = match octet {
            b'=' => Asked::State,
            b';' => Asked::Begin,
            b'a' => Asked::Attach,
            b'f' => Asked::Force,
            b's' => Asked::Spy,
            b'w' => Asked::Who,
            b'g' => Asked::Group,
            b'u' => Asked::Hosts,
            b'i' => Asked::Info,
            b'x' => Asked::Examine,
            b'r' | b'p' | 0x12 => Asked::Replay,
            b'o' => Asked::Open,
            b'v' => Asked::Version,
            b'.' | 0x03 | 0x04 => Asked::Disconnect,
            b'l' => {
                self.state = State::Halt;
                return None;
            }
            b'e' => {
                self.state = State::ChooseFirst;
                return None;
            }
            b'\\' => {
                self.state = State::Quote;
                return None;
            }
            b'm' => return Some(Typed::Told("[-- MOTD --]\r\n".into())),
            b' ' | b'\r' | b'\n' => return Some(Typed::Told("[ignored]\r\n".into())),
            b'h' | b'?' => return Some(Typed::Told(HELP.into())),
            // The client asks for a number with which it would know what newer servers can.
            _ => return Some(Typed::Told("[unknown -- use `?']\r\n".into())),
        };
        Some(Typed::Asks(asked))
    }
}

/// A key's name: `^E`, `c`, `\377`.
fn name(octet: u8) -> String {
    match octet {
        0..0x20 => format!("^{}", char::from(octet + 0x40)),
        0x7f => "^?".into(),
        0x20..0x7f => char::from(octet).to_string(),
        other => format!("\\{other:03o}"),
    }
}

const HELP: &str = "[help]\r\n\
    \u{20}.    disconnect                        a    attach read/write\r\n\
    \u{20}e    change escape sequence            f    force attach read/write\r\n\
    \u{20}g    group info                        i    information dump\r\n\
    \u{20}l0   send a break                      l?   list of breaks\r\n\
    \u{20}o    take the line up again            p, r replay what was said last\r\n\
    \u{20}s    spy mode (read only)              u    show host status\r\n\
    \u{20}v    show version info                 w    who is on this console\r\n\
    \u{20}x    show where consoles are           \\    send the next character as it is\r\n";
