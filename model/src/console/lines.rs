//! Lines out of a terminal's octets: firmware paints its screens with escape sequences, and prompts have no end of line.

/// Puts lines together.
#[derive(Debug, Default)]
pub(super) struct Lines {
    line: String,
    escape: Escape,
    /// Octets of a character of UTF-8 that is not whole yet.
    pending: Vec<u8>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Escape {
    #[default]
    None,
    /// After ESC.
    Begun,
    /// After ESC [: until a letter.
    Control,
    /// After ESC ] and the like: until BEL or ESC \.
    Text,
    /// One more octet.
    One,
}

impl Lines {
    /// Characters of a line that are kept.
    pub(super) const LONGEST: usize = 400;

    /// Takes octets. `each` gets every line that ends in them, and what stands in the last line so far.
    pub(super) fn take(&mut self, octets: &[u8], mut each: impl FnMut(&str, bool)) {
        for byte in octets {
            // Noise on a serial line begins what is never ended: it costs the rest of that line, not all that follow.
            if *byte == b'\n' {
                self.escape = Escape::None;
            }
            match self.escape {
                Escape::Begun => {
                    self.escape = match byte {
                        b'[' => Escape::Control,
                        b']' | b'P' | b'^' | b'_' => Escape::Text,
                        b'(' | b')' | b'#' | b'%' => Escape::One,
                        _ => Escape::None,
                    };
                    continue;
                }
                Escape::Control => {
                    if (0x40..=0x7e).contains(byte) {
                        self.escape = Escape::None;
                        // To another place of the screen: what was written there is another line.
                        if matches!(byte, b'H' | b'f' | b'J') {
                            self.end(&mut each);
                        }
                    }
                    continue;
                }
                Escape::Text => {
                    match byte {
                        0x07 => self.escape = Escape::None,
                        0x1b => self.escape = Escape::Begun,
                        _ => {}
                    }
                    continue;
                }
                Escape::One => {
                    self.escape = Escape::None;
                    continue;
                }
                Escape::None => {}
            }
            match byte {
                0x1b => self.escape = Escape::Begun,
                b'\n' => self.end(&mut each),
                // A line that is written over begins anew, but one that ends with CR LF is whole.
                b'\r' => {}
                b'\t' => self.push(' '),
                0x08 => {
                    self.line.pop();
                }
                0..=0x1f | 0x7f => {}
                0x20..=0x7e => self.push(char::from(*byte)),
                _ => self.wide(*byte),
            }
        }
        if !self.line.is_empty() {
            each(&self.line, false);
        }
    }

    fn push(&mut self, c: char) {
        self.pending.clear();
        // What is longer is no line of a log; a progress that is written over ends here, too.
        if self.line.len() < 4 * Self::LONGEST {
            self.line.push(c);
        }
    }

    fn wide(&mut self, byte: u8) {
        if byte >= 0xc0 {
            self.pending.clear();
        }
        self.pending.push(byte);
        match std::str::from_utf8(&self.pending) {
            Ok(text) => {
                // U+0080 to U+009F are commands to a terminal as those with ESC are.
                let read = text.chars().next().filter(|c| !c.is_control());
                self.pending.clear();
                if let Some(c) = read {
                    self.push(c);
                }
            }
            Err(_) if self.pending.len() >= 4 => self.pending.clear(),
            Err(_) => {}
        }
    }

    fn end(&mut self, each: &mut impl FnMut(&str, bool)) {
        if !self.line.is_empty() {
            each(&self.line, true);
            self.line.clear();
        }
    }
}
