//! A console's octets as a log: lines with the time at which each began.

use jiff::Timestamp;

use super::lines::Lines;

/// Puts lines with their times together.
#[derive(Debug, Default)]
pub struct Transcript {
    lines: Lines,
    began: Option<Timestamp>,
    rest: String,
}

impl Transcript {
    /// Takes what was said at a time; `each` gets every line that ends in it.
    pub fn hear(&mut self, octets: &[u8], at: Timestamp, mut each: impl FnMut(Timestamp, &str)) {
        let began = &mut self.began;
        let rest = &mut self.rest;
        rest.clear();
        self.lines.take(octets, |line, is_whole| match is_whole {
            true => each(began.take().unwrap_or(at), line),
            false => rest.push_str(line),
        });
        match self.rest.is_empty() {
            true => self.began = None,
            false => {
                self.began.get_or_insert(at);
            }
        }
    }

    /// What stands in the last line that has not ended.
    pub fn rest(&self) -> Option<(Timestamp, &str)> {
        self.began.map(|at| (at, self.rest.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;

    #[test]
    fn a_line_has_the_time_at_which_it_began() {
        let at = |seconds| Timestamp::UNIX_EPOCH + SignedDuration::from_secs(seconds);
        let mut transcript = Transcript::default();
        let mut lines = Vec::new();
        for (text, seconds) in [
            ("one\r\ntw", 1),
            ("o\r\n\r\nthree", 2),
            (" and", 3),
            (" more\n", 4),
            ("login: ", 5),
        ] {
            transcript.hear(text.as_bytes(), at(seconds), |at, line| {
                lines.push((at, line.to_string()))
            });
        }
        let expected = [(1, "one"), (1, "two"), (2, "three and more")];
        assert_eq!(lines, expected.map(|(seconds, line)| (at(seconds), line.to_string())));
        assert_eq!(transcript.rest(), Some((at(5), "login: ")));
    }
}
