//! Telnet as a console server speaks it (RFC 854, options RFC 855, binary RFC 856, echo RFC 857, go-ahead RFC 858): the
//! client's end of the line.
//!
//! Both directions are asked to be binary, since what a serial port says is octets. Where the other end does not want that,
//! a carriage return is sent and read as the network virtual terminal has it.
//!
//! Invariant: a demand is answered once and only if it changes something (RFC 854, page 3), so two ends never answer each
//! other for ever; no demand makes an answer longer than itself.

use std::mem;

const SE: u8 = 240;
const BREAK: u8 = 243;
const SB: u8 = 250;
const WILL: u8 = 251;
const WONT: u8 = 252;
const DO: u8 = 253;
const DONT: u8 = 254;
const IAC: u8 = 255;

const BINARY: u8 = 0;
const ECHO: u8 = 1;
const NO_GO_AHEAD: u8 = 3;

/// Where one end stands with an option (a part of RFC 1143's states: we never ask to switch one off).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Stand {
    #[default]
    No,
    Asked,
    Yes,
}

/// Options of one end.
#[derive(Debug, Clone, Copy, Default)]
struct Options {
    binary: Stand,
    echo: Stand,
    no_go_ahead: Stand,
}

impl Options {
    fn of(&mut self, option: u8) -> Option<&mut Stand> {
        match option {
            BINARY => Some(&mut self.binary),
            ECHO => Some(&mut self.echo),
            NO_GO_AHEAD => Some(&mut self.no_go_ahead),
            _ => None,
        }
    }
}

#[derive(Debug, Clone, Copy, Default)]
enum Place {
    #[default]
    Data,
    /// After a carriage return: a NUL that follows belongs to it.
    Return,
    Command,
    Demand(u8),
    Parameters,
    ParametersCommand,
}

/// The client's end.
#[derive(Debug, Clone)]
pub struct Telnet {
    place: Place,
    ours: Options,
    theirs: Options,
}

/// What is sent for a break condition on the serial port (RFC 854, page 14).
pub const SEND_BREAK: [u8; 2] = [IAC, BREAK];

/// What is sent first: that both directions be binary and without go-aheads.
pub const OPENING: [u8; 12] = [
    IAC,
    WILL,
    BINARY,
    IAC,
    DO,
    BINARY,
    IAC,
    WILL,
    NO_GO_AHEAD,
    IAC,
    DO,
    NO_GO_AHEAD,
];

impl Default for Telnet {
    /// An end that has just sent [`OPENING`].
    fn default() -> Self {
        let asked = Options {
            binary: Stand::Asked,
            echo: Stand::No,
            no_go_ahead: Stand::Asked,
        };
        Self {
            place: Place::Data,
            ours: asked,
            theirs: asked,
        }
    }
}

impl Telnet {
    /// Takes what came from the other end: adds data to `said`, and what must be sent to `reply`.
    pub fn hear(&mut self, octets: &[u8], said: &mut Vec<u8>, reply: &mut Vec<u8>) {
        for &octet in octets {
            self.place = match mem::take(&mut self.place) {
                Place::Return if octet == 0 => Place::Data,
                Place::Data | Place::Return => match octet {
                    IAC => Place::Command,
                    _ => {
                        said.push(octet);
                        match octet == b'\r' && self.theirs.binary != Stand::Yes {
                            true => Place::Return,
                            false => Place::Data,
                        }
                    }
                },
                Place::Command => match octet {
                    IAC => {
                        said.push(IAC);
                        Place::Data
                    }
                    SB => Place::Parameters,
                    WILL | WONT | DO | DONT => Place::Demand(octet),
                    _ => Place::Data,
                },
                Place::Demand(demand) => {
                    if let Some(answer) = self.demanded(demand, octet) {
                        reply.extend([IAC, answer, octet]);
                    }
                    Place::Data
                }
                Place::Parameters if octet == IAC => Place::ParametersCommand,
                Place::ParametersCommand if octet == SE => Place::Data,
                Place::Parameters | Place::ParametersCommand => Place::Parameters,
            };
        }
    }

    /// The answer to a demand, if there must be one.
    fn demanded(&mut self, demand: u8, option: u8) -> Option<u8> {
        let is_his = matches!(demand, WILL | WONT);
        let wants = matches!(demand, WILL | DO);
        let (yes, no) = if is_his { (DO, DONT) } else { (WILL, WONT) };
        let ends = if is_his { &mut self.theirs } else { &mut self.ours };
        // We do not echo: what the machine says is what is there.
        let stand = ends.of(option).filter(|_| is_his || option != ECHO);
        let Some(stand) = stand else {
            return wants.then_some(no);
        };
        match (mem::replace(stand, if wants { Stand::Yes } else { Stand::No }), wants) {
            (Stand::No, true) => Some(yes),
            (Stand::Yes, false) => Some(no),
            _ => None,
        }
    }

    /// What is typed, as it is sent.
    pub fn send(&self, typed: &[u8], out: &mut Vec<u8>) {
        let is_binary = self.ours.binary == Stand::Yes;
        for (at, &octet) in typed.iter().enumerate() {
            out.push(octet);
            match octet {
                IAC => out.push(IAC),
                b'\r' if !is_binary && typed.get(at + 1) != Some(&b'\n') => out.push(0),
                _ => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn hears(telnet: &mut Telnet, octets: &[u8]) -> (Vec<u8>, Vec<u8>) {
        let (mut said, mut reply) = (Vec::new(), Vec::new());
        telnet.hear(octets, &mut said, &mut reply);
        (said, reply)
    }

    #[test]
    fn a_console_server_is_agreed_with_and_not_answered_twice() {
        let mut telnet = Telnet::default();
        // What we asked for needs no answer; its echo is taken; window sizes and our echo are refused.
        let demands = [
            IAC,
            DO,
            BINARY,
            IAC,
            WILL,
            BINARY,
            IAC,
            WILL,
            ECHO,
            IAC,
            WILL,
            NO_GO_AHEAD,
            IAC,
            DO,
            31,
            IAC,
            DO,
            ECHO,
        ];
        let (said, reply) = hears(&mut telnet, &demands);
        assert_eq!(said, b"");
        assert_eq!(reply, [IAC, DO, ECHO, IAC, WONT, 31, IAC, WONT, ECHO]);
        assert_eq!(hears(&mut telnet, &[IAC, WILL, ECHO, IAC, DO, BINARY]).1, b"");
        // What it takes back is acknowledged, once.
        assert_eq!(hears(&mut telnet, &[IAC, WONT, ECHO]).1, [IAC, DONT, ECHO]);
        assert_eq!(hears(&mut telnet, &[IAC, WONT, ECHO, IAC, DONT, 31]).1, b"");
    }

    #[test]
    fn data_is_told_from_commands_wherever_it_is_cut() {
        let line = [
            &b"one\r\0two\r\n"[..],
            &[IAC, IAC, IAC, 241],
            &[IAC, SB, 44, 1, IAC, IAC, b'x', IAC, SE],
            b"three",
        ]
        .concat();
        for cut in 0..line.len() {
            let mut telnet = Telnet::default();
            let mut said = hears(&mut telnet, &line[..cut]).0;
            said.extend(hears(&mut telnet, &line[cut..]).0);
            assert_eq!(said, b"one\rtwo\r\n\xffthree", "cut at {cut}");
        }
    }

    proptest! {
        #[test]
        fn what_one_end_types_is_what_the_other_hears(typed: Vec<u8>, binary: bool) {
            let (mut here, mut there) = (Telnet::default(), Telnet::default());
            if binary {
                hears(&mut here, &[IAC, DO, BINARY]);
                hears(&mut there, &[IAC, WILL, BINARY]);
            }
            let mut sent = Vec::new();
            here.send(&typed, &mut sent);
            prop_assert_eq!(hears(&mut there, &sent).0, typed);
        }

        #[test]
        fn no_octets_make_more_than_they_are(octets: Vec<u8>) {
            let (said, reply) = hears(&mut Telnet::default(), &octets);
            prop_assert!(said.len() + reply.len() <= octets.len());
        }
    }
}
