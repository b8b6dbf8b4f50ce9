//! Ways to a console, and the keys that are typed on the way.

use serde_json::{Value as Json, json};

use crate::cluster::{ConsoleVia, SshConsole};
use crate::config::read::{Scalar, Wrong};
use crate::config::suggest::did_you_mean;

/// How a console is got at; `None`: not at all.
#[derive(Debug, Clone)]
pub(in crate::config) struct ConsoleWay(pub Option<ConsoleVia>);

/// Keys, as octets.
#[derive(Debug, Clone)]
pub(in crate::config) struct Keys(pub Vec<u8>);

/// Port of telnet.
const TELNET: u16 = 23;
/// Most keys that stand for one thing.
const KEYS: usize = 16;

impl Scalar for ConsoleWay {
    const NOUN: &'static str = "a way to a console";
    const EXAMPLE: &'static str = "sol";

    fn parse(text: &str) -> Result<Self, Wrong> {
        let words = || ["sol", "off"].into_iter().chain(SshConsole::words());
        let wrong = || {
            let all: Vec<_> = words().map(|word| format!("`{word}`")).collect();
            let why = format!(
                "expected {}, `ssh:host`, `ssh:host:port`, `telnet:host:port`, `tcp:host:port` or `unix:/path`",
                all.join(", ")
            );
            Wrong {
                help: did_you_mean(text, words()),
                ..Wrong::because(why)
            }
        };
        let way = match text {
            "off" | "false" | "no" => return Ok(Self(None)),
            "sol" => ConsoleVia::Sol,
            _ => match text.split_once(':') {
                None => ConsoleVia::Ssh(Box::new(SshConsole::of_family(text).ok_or_else(wrong)?)),
                Some(("unix", path)) if path.starts_with('/') => ConsoleVia::Unix(path.to_string()),
                Some(("tcp", place)) => match host_and_port(place) {
                    Some((_, Some(_))) => ConsoleVia::Tcp(place.to_string()),
                    _ => return Err(wrong()),
                },
                Some(("telnet", place)) => match host_and_port(place) {
                    Some((_, Some(_))) => ConsoleVia::Telnet(place.to_string()),
                    Some((_, None)) => ConsoleVia::Telnet(format!("{place}:{TELNET}")),
                    None => return Err(wrong()),
                },
                Some(("ssh", place)) => {
                    let (host, port) = host_and_port(place).ok_or_else(wrong)?;
                    ConsoleVia::Ssh(Box::new(SshConsole::at(host, port.unwrap_or(22), text)))
                }
                _ => return Err(wrong()),
            },
        };
        Ok(Self(Some(way)))
    }

    fn schema() -> Json {
        let words: Vec<_> = SshConsole::words().collect();
        let pattern = format!(
            "^(sol|off|{}|unix:/.+|tcp:.+:[0-9]+|telnet:.+|ssh:.+)$",
            words.join("|")
        );
        json!({ "anyOf": [{ "type": "string", "pattern": pattern }, { "const": false }] })
    }
}

/// `host`, `host:port`, `[2001:db8::1]:port`; the host without its brackets.
fn host_and_port(text: &str) -> Option<(&str, Option<u16>)> {
    let (host, port) = match text.strip_prefix('[') {
        Some(rest) => {
            let (host, port) = rest.split_once(']')?;
            match port {
                "" => (host, None),
                port => (host, Some(port.strip_prefix(':')?)),
            }
        }
        None => match text.rsplit_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (text, None),
        },
    };
    let is_host = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | ':' | '%');
    if host.is_empty() || !host.chars().all(is_host) {
        return None;
    }
    match port {
        None => Some((host, None)),
        Some(port) => port
            .parse()
            .ok()
            .filter(|port| *port > 0)
            .map(|port| (host, Some(port))),
    }
}

impl Scalar for Keys {
    const NOUN: &'static str = "keys";
    const EXAMPLE: &'static str = "ESC (";

    /// Words with spaces between: `ESC`, `CR`, `SPACE`, `^X` for control and a letter, anything else as it is typed.
    fn parse(text: &str) -> Result<Self, Wrong> {
        let mut keys = Vec::new();
        for word in text.split_whitespace() {
            match word.as_bytes() {
                b"ESC" => keys.push(0x1b),
                b"CR" => keys.push(b'\r'),
                b"SPACE" => keys.push(b' '),
                [b'^', letter @ (b'@'..=b'_' | b'a'..=b'z')] => keys.push(letter.to_ascii_uppercase() & 0x1f),
                plain if plain.iter().all(u8::is_ascii_graphic) => keys.extend_from_slice(plain),
                _ => {
                    return Err(Wrong::because(
                        "expected `ESC`, `CR`, `SPACE`, `^X` and plain characters",
                    ));
                }
            }
        }
        match keys.len() {
            1..=KEYS => Ok(Self(keys)),
            0 => Err(Wrong::because("there is no key in it")),
            _ => Err(Wrong::because(format!("these are more than {KEYS} keys"))),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn keys_are_written_as_people_name_them() {
        for (text, octets) in [
            ("ESC (", &b"\x1b("[..]),
            ("^\\", b"\x1c"),
            ("^]", b"\x1d"),
            ("^b", b"\x02"),
            ("CR ~.", b"\r~."),
            ("SPACE x", b" x"),
        ] {
            assert_eq!(Keys::parse(text).unwrap().0, octets, "{text}");
        }
        for wrong in ["", "  ", "é", "\u{7f}", "12345678901234567"] {
            assert!(Keys::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn consoles_are_words_of_a_make_or_places() {
        let way = |text| match ConsoleWay::parse(text).unwrap().0 {
            Some(ConsoleVia::Ssh(ssh)) => (ssh.host, ssh.port, ssh.dialog.join("; ")),
            other => panic!("{other:?}"),
        };
        assert_eq!(way("ssh"), (None, 22, String::new()));
        assert_eq!(way("xcc"), (None, 22, "console 1".into()));
        assert_eq!(way("openbmc"), (None, 2200, String::new()));
        assert_eq!(way("ssh:ts1"), (Some("ts1".into()), 22, String::new()));
        assert_eq!(
            way("ssh:[2001:db8::1]:3001"),
            (Some("2001:db8::1".into()), 3001, String::new())
        );
        for wrong in [
            "idrak",
            "ssh:",
            "ssh:ts1:0",
            "ssh:ts1:port",
            "ssh:a b",
            "ssh:[::1",
            "tcp:ts1",
            "tcp::7",
            "telnet:",
            "telnet:x:0",
            "rlogin:x:1",
        ] {
            assert!(ConsoleWay::parse(wrong).is_err(), "{wrong}");
        }
    }
}
