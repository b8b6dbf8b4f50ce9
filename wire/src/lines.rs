//! Octets to lines, whatever pieces they come in.
//!
//! Invariant: no more than the longest line is ever kept, however much comes without an end of line.

/// A line of a conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Line {
    /// A line without its end (LF or CR LF).
    Whole(Vec<u8>),
    /// It is longer than is allowed; what follows of it is skipped.
    TooLong,
}

/// Cuts octets into lines.
#[derive(Debug, Clone)]
pub struct Lines {
    longest: usize,
    begun: Vec<u8>,
    skips: bool,
}

impl Lines {
    /// Lines of at most so many octets, their end not counted.
    pub fn new(longest: usize) -> Self {
        Self {
            longest,
            begun: Vec::new(),
            skips: false,
        }
    }

    /// Takes octets up to the end of one line. What comes back is the line, if it is whole now or too long, and how many
    /// octets were taken: a protocol may turn into another one after any line.
    pub fn hear(&mut self, octets: &[u8]) -> (Option<Line>, usize) {
        let end = octets.iter().position(|octet| *octet == b'\n');
        let part = &octets[..end.unwrap_or(octets.len())];
        let taken = end.map_or(octets.len(), |end| end + 1);
        if self.skips {
            self.skips = end.is_none();
            return (None, taken);
        }
        // The CR of the end is not part of the line.
        if self.begun.len() + part.len() > self.longest + 1 {
            self.begun = Vec::new();
            self.skips = end.is_none();
            return (Some(Line::TooLong), taken);
        }
        self.begun.extend_from_slice(part);
        if end.is_none() {
            return (None, taken);
        }
        let mut line = std::mem::take(&mut self.begun);
        if line.last() == Some(&b'\r') {
            line.pop();
        }
        match line.len() > self.longest {
            true => (Some(Line::TooLong), taken),
            false => (Some(Line::Whole(line)), taken),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn all(lines: &mut Lines, mut octets: &[u8]) -> Vec<Line> {
        let mut found = Vec::new();
        while !octets.is_empty() {
            let (line, taken) = lines.hear(octets);
            assert!(taken > 0 && lines.begun.len() <= lines.longest + 1);
            octets = &octets[taken..];
            found.extend(line);
        }
        found
    }

    fn whole(text: &str) -> Line {
        Line::Whole(text.into())
    }

    #[test]
    fn both_ends_of_line_end_a_line_and_a_long_one_is_told_once() {
        let found = all(&mut Lines::new(4), b"ab\r\n\ncd\nfour\r\nfiver\n12345678\nok\ncut");
        let expected = [
            whole("ab"),
            whole(""),
            whole("cd"),
            whole("four"),
            Line::TooLong,
            Line::TooLong,
            whole("ok"),
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn an_endless_line_keeps_nothing() {
        let mut lines = Lines::new(100);
        let mut told = 0;
        for _ in 0..1000 {
            told += all(&mut lines, &[b'x'; 1000]).len();
        }
        assert_eq!((told, lines.begun.capacity()), (1, 0));
        assert_eq!(all(&mut lines, b"\nnext\n"), [whole("next")]);
    }

    proptest! {
        #[test]
        fn pieces_make_no_difference(text in "[a-c\r\n]{0,60}", cuts in proptest::collection::vec(1usize..7, 1..20)) {
            let at_once = all(&mut Lines::new(5), text.as_bytes());
            let (mut lines, mut found, mut rest) = (Lines::new(5), Vec::new(), text.as_bytes());
            for cut in cuts.iter().cycle() {
                if rest.is_empty() {
                    break;
                }
                let (piece, left) = rest.split_at((*cut).min(rest.len()));
                found.extend(all(&mut lines, piece));
                rest = left;
            }
            prop_assert_eq!(found, at_once);
        }
    }
}
