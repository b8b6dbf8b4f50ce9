//! From a login at a BMC to the console behind it: lines that are typed at prompts.
//!
//! Invariant: knows nothing of sockets, and the time is an argument.
//! Invariant: once the console is there, no octet of it is lost; a prompt of the BMC that comes back is its end.

use std::collections::VecDeque;
use std::time::Duration;

/// A prompt is one when nothing follows it for so long.
const QUIET: Duration = Duration::from_millis(300);
/// After so long without a prompt that we know as one the line is typed all the same.
const PATIENCE: Duration = Duration::from_secs(5);
/// A console that does not say that it is not there within this time is.
const ENTERED: Duration = Duration::from_millis(1500);
/// Longest line that is remembered.
const LINE: usize = 512;
/// Shorter ones might be a machine's.
const PROMPT: usize = 5;
/// Most of what is kept until the console is there.
const KEPT: usize = 64 * 1024;

/// What is done next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Next {
    /// Listen, at most so long.
    Wait(Duration),
    /// Type this.
    Type(Vec<u8>),
    /// The console is there, and this is what it said.
    Open(Vec<u8>),
    /// It is not given, and this is what was said instead.
    No(String),
}

/// A dialog under way. Times are since its begin.
#[derive(Debug)]
pub(super) struct Dialog {
    lines: VecDeque<String>,
    /// The line that is being said.
    tail: Vec<u8>,
    /// The last whole line that is more than an echo.
    last: String,
    prompt: Option<Vec<u8>>,
    /// When something was said last.
    heard: Duration,
    /// When something was typed last.
    typed: Duration,
    /// What was said since the last line was typed, after its echo.
    since: Vec<u8>,
    /// The line whose echo may come.
    echo: Option<String>,
}

impl Dialog {
    pub(super) fn new(lines: impl IntoIterator<Item = String>) -> Self {
        Self {
            lines: lines.into_iter().collect(),
            tail: Vec::new(),
            last: String::new(),
            prompt: None,
            heard: Duration::ZERO,
            typed: Duration::ZERO,
            since: Vec::new(),
            echo: None,
        }
    }

    /// The prompt that its console came after, if it is one that no machine has.
    pub(super) fn prompt(&self) -> Option<Vec<u8>> {
        self.prompt.clone().filter(|prompt| prompt.len() >= PROMPT)
    }

    /// The last line that was said.
    pub(super) fn last(&self) -> &str {
        &self.last
    }

    /// Hears what was said.
    pub(super) fn hear(&mut self, said: &[u8], now: Duration) {
        self.heard = now;
        for &octet in said {
            if self.since.len() < KEPT {
                self.since.push(octet);
            }
            match octet {
                b'\n' => {
                    let line = words(&self.tail);
                    match self.echo.take() {
                        Some(echo) if line.contains(echo.trim()) => self.since.clear(),
                        _ if line.is_empty() => {}
                        _ => self.last = line,
                    }
                    self.tail.clear();
                }
                b'\r' => {}
                octet if self.tail.len() < LINE => self.tail.push(octet),
                _ => {}
            }
        }
    }

    /// What is done next.
    pub(super) fn next(&mut self, now: Duration) -> Next {
        let quiet = now.saturating_sub(self.heard.max(self.typed));
        let at_prompt = match &self.prompt {
            Some(prompt) => *prompt == trimmed(&self.tail),
            None => is_prompt(&self.tail),
        };
        let waited = now.saturating_sub(self.typed);
        let Some(line) = self.lines.front() else {
            return self.after_all(at_prompt && self.prompt.is_some(), quiet, waited);
        };
        match at_prompt {
            true if quiet < QUIET => return Next::Wait(QUIET - quiet),
            false if waited < PATIENCE => return Next::Wait(PATIENCE - waited),
            _ => {}
        }
        let keys = format!("{line}\r").into_bytes();
        self.echo = self.lines.pop_front();
        if self.prompt.is_none() && at_prompt {
            self.prompt = Some(trimmed(&self.tail));
        }
        self.typed = now;
        self.tail.clear();
        self.since.clear();
        Next::Type(keys)
    }

    /// All lines are typed: the console is there, unless the prompt is `back`.
    fn after_all(&mut self, back: bool, quiet: Duration, waited: Duration) -> Next {
        let was_asked = !self.typed.is_zero();
        match back {
            true if quiet < QUIET => Next::Wait(QUIET - quiet),
            true => Next::No(self.last.clone()),
            false if was_asked && waited < ENTERED => Next::Wait(ENTERED - waited),
            false => Next::Open(std::mem::take(&mut self.since)),
        }
    }
}

/// Looks for a prompt in what an open console says.
#[derive(Debug)]
pub(super) struct Return {
    prompt: Option<Vec<u8>>,
    tail: Vec<u8>,
}

impl Return {
    pub(super) fn to(prompt: Option<Vec<u8>>) -> Self {
        Self {
            prompt,
            tail: Vec::new(),
        }
    }

    /// Whether what was said ends with that prompt on a line of its own.
    pub(super) fn is_seen(&mut self, said: &[u8]) -> bool {
        let Some(prompt) = &self.prompt else { return false };
        for &octet in said {
            match octet {
                b'\n' => self.tail.clear(),
                b'\r' => {}
                octet if self.tail.len() < LINE => self.tail.push(octet),
                _ => {}
            }
        }
        trimmed(&self.tail) == *prompt
    }
}

/// Whether somebody else has the console, by what was said instead of giving it.
pub(super) fn is_taken(said: &str) -> bool {
    let said = said.to_lowercase();
    ["in use", "already", "busy", "another session"]
        .iter()
        .any(|words| said.contains(words))
}

/// Without escape sequences and the white space around.
fn trimmed(line: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(line.len());
    let mut octets = line.iter().copied().peekable();
    while let Some(octet) = octets.next() {
        match octet {
            0x1b if octets.peek() == Some(&b'[') => {
                octets.next();
                for octet in octets.by_ref() {
                    if (0x40..=0x7e).contains(&octet) {
                        break;
                    }
                }
            }
            0..0x20 | 0x7f => {}
            octet => out.push(octet),
        }
    }
    out.trim_ascii().to_vec()
}

fn is_prompt(line: &[u8]) -> bool {
    matches!(trimmed(line).last(), Some(b'>' | b'#' | b'$' | b'%' | b':' | b']'))
}

fn words(line: &[u8]) -> String {
    String::from_utf8_lossy(&trimmed(line)).chars().take(200).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    fn dialog(lines: &[&str]) -> Dialog {
        Dialog::new(lines.iter().map(|line| line.to_string()))
    }

    #[test]
    fn a_line_is_typed_at_a_prompt_and_the_console_is_what_follows() {
        let mut dialog = dialog(&["connect com2"]);
        assert!(matches!(dialog.next(ms(0)), Next::Wait(_)));
        dialog.hear(b"Welcome\r\n\x1b[0m/admin1-> ", ms(100));
        assert_eq!(dialog.next(ms(100)), Next::Wait(QUIET));
        assert_eq!(dialog.next(ms(400)), Next::Type(b"connect com2\r".to_vec()));
        dialog.hear(b"connect com2\r\nConnected to Serial Device 2.\r\nlog", ms(500));
        assert!(matches!(dialog.next(ms(900)), Next::Wait(_)));
        dialog.hear(b"in: ", ms(1000));
        let said = b"Connected to Serial Device 2.\r\nlogin: ".to_vec();
        assert_eq!(dialog.next(ms(1900)), Next::Open(said));
        assert_eq!(dialog.prompt(), Some(b"/admin1->".to_vec()));
    }

    #[test]
    fn a_prompt_that_comes_back_is_a_no_with_what_was_said() {
        let mut dialog = dialog(&["console 1"]);
        dialog.hear(b"system> ", ms(10));
        assert!(matches!(dialog.next(ms(310)), Next::Type(_)));
        dialog.hear(b"console 1\r\nThe console is in use.\r\nsystem> ", ms(400));
        assert_eq!(dialog.next(ms(700)), Next::No("The console is in use.".into()));
        assert!(is_taken(dialog.last()) && !is_taken("command not found"));
    }

    #[test]
    fn a_silent_console_is_one_and_a_strange_prompt_is_no_obstacle() {
        let mut dialog = dialog(&["vsp", "x"]);
        dialog.hear(b"what now?", ms(10));
        assert!(matches!(dialog.next(ms(4_000)), Next::Wait(_)));
        assert_eq!(dialog.next(ms(5_000)), Next::Type(b"vsp\r".to_vec()));
        assert!(matches!(dialog.next(ms(5_000)), Next::Wait(_)));
        assert_eq!(dialog.next(ms(10_000)), Next::Type(b"x\r".to_vec()));
        assert_eq!(dialog.next(ms(11_500)), Next::Open(Vec::new()));
        assert_eq!(dialog.prompt(), None);
    }

    #[test]
    fn without_a_dialog_all_that_is_said_is_the_console() {
        let mut dialog = dialog(&[]);
        dialog.hear(b"login: ", ms(10));
        assert_eq!(dialog.next(ms(10)), Next::Open(b"login: ".to_vec()));
    }

    #[test]
    fn the_prompt_of_a_bmc_is_known_again_and_no_machines_is_taken_for_it() {
        let mut back = Return::to(Some(b"system>".to_vec()));
        assert!(!back.is_seen(b"root@host:~# cat file\r\nsystem> is its prompt\r\n"));
        assert!(!back.is_seen(b"\r\nsys"));
        assert!(back.is_seen(b"tem> "));
        assert!(!Return::to(None).is_seen(b"system> "));
    }

    #[test]
    fn any_octets_make_no_panic_and_none_is_lost_once_the_lines_are_typed() {
        // A small generator of our own: what comes is escape sequences, prompts and line ends at random places.
        let pieces: [&[u8]; 8] = [b"\x1b[", b"\x1b", b"> ", b"\r\n", b"\n", b"\xff\0", b"in use", b"m"];
        let mut state: u32 = 7;
        for _ in 0..300 {
            let mut dialog = dialog(&["a"]);
            let mut now = ms(0);
            let mut since: Option<Vec<u8>> = None;
            let opened = loop {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                let piece = pieces[(state >> 24) as usize % pieces.len()];
                dialog.hear(piece, now);
                if let Some(since) = &mut since {
                    since.extend_from_slice(piece);
                }
                match dialog.next(now) {
                    Next::Wait(wait) => now += wait.min(ms(u64::from(state >> 16) % 2_000 + 1)),
                    Next::Type(_) => since = Some(Vec::new()),
                    Next::Open(said) => break Some(said),
                    Next::No(_) => break None,
                }
            };
            if let (Some(said), Some(since)) = (opened, since) {
                // All but the echo of the line, which ends with its line.
                assert!(since.ends_with(&said), "{since:?} {said:?}");
            }
        }
    }
}
