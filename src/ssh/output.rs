//! What a command said, as much of it as is kept.

use super::{Channel, Ended, Heard, Session, SshError};

/// Octets that are kept of the begin and of the end.
const HEAD: usize = 1024;
const TAIL: usize = 3072;

/// What a command said: its begin and its end.
#[derive(Debug, Default)]
pub struct Output {
    head: Vec<u8>,
    tail: Vec<u8>,
    left_out: usize,
}

impl Output {
    fn push(&mut self, said: &[u8]) {
        let (head, tail) = said.split_at(said.len().min(HEAD - self.head.len()));
        self.head.extend_from_slice(head);
        self.tail.extend_from_slice(tail);
        // In one go and not for each piece, so that a command that says much costs little.
        if self.tail.len() > 2 * TAIL {
            let over = self.tail.len() - TAIL;
            self.tail.drain(..over);
            self.left_out += over;
        }
    }

    /// As text, without what a terminal would take for an order.
    pub fn text(&self) -> String {
        let over = self.tail.len().saturating_sub(TAIL);
        let left_out = self.left_out + over;
        let clean = |octets: &[u8]| -> String {
            let text = String::from_utf8_lossy(octets).replace("\r\n", "\n");
            text.chars()
                .filter(|c| !c.is_control() || matches!(c, '\n' | '\t'))
                .collect()
        };
        let (head, tail) = (clean(&self.head), clean(&self.tail[over..]));
        let text = match left_out {
            0 => format!("{head}{tail}"),
            left_out => format!("{head}\n… {left_out} octets are left out …\n{tail}"),
        };
        text.trim().to_string()
    }
}

impl Session {
    /// Runs a command to its end. Its input is empty.
    ///
    /// # Errors
    /// It could not be started.
    pub async fn output(&self, command: &str) -> Result<(Ended, Output), SshError> {
        let Channel { mut listener, typist } = self.run(Some(command), false).await?;
        typist.end().await;
        let mut output = Output::default();
        loop {
            match listener.heard().await {
                Heard::Said(said) => output.push(&said),
                Heard::Ended(ended) => return Ok((ended, output)),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_begin_and_the_end_of_much_are_kept() {
        let mut little = Output::default();
        little.push(b"one\r\n\x1b[2Jtwo\n");
        assert_eq!(little.text(), "one\n[2Jtwo");
        let mut much = Output::default();
        for n in 0..10_000 {
            much.push(format!("line {n}\n").as_bytes());
        }
        let text = much.text();
        assert!(text.starts_with("line 0\n") && text.ends_with("line 9999") && text.len() < HEAD + TAIL + 100);
        assert!(text.contains("octets are left out"));
        let mut one = Output::default();
        one.push(&vec![b'x'; 100_000]);
        assert!(one.text().len() < HEAD + TAIL + 100 && one.tail.len() <= 2 * TAIL);
    }
}
