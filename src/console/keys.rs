//! What people type, without what would lead them out of the console.

/// Keeps a sequence of keys from being typed whole: its last key is left out, so that a lone Escape is passed at once.
///
/// Behind the console of a BMC is the BMC's own shell, in a session with our rights: who may write to a machine's console
/// is not let into that.
#[derive(Debug)]
pub(super) struct Guard {
    keys: Vec<u8>,
    /// The last octets that were passed, one less than the keys are.
    passed: Vec<u8>,
}

impl Guard {
    pub(super) fn new(keys: &[u8]) -> Self {
        // What is looked for at the beginning of a line is looked for at the very beginning, too.
        let passed = match keys.first() {
            Some(b'\r') => vec![b'\r'],
            _ => Vec::new(),
        };
        Self {
            keys: keys.to_vec(),
            passed,
        }
    }

    /// What of these may be typed.
    pub(super) fn pass(&mut self, typed: &[u8]) -> Vec<u8> {
        let Some((last, before)) = self.keys.split_last() else {
            return typed.to_vec();
        };
        let mut out = Vec::with_capacity(typed.len());
        for &octet in typed {
            let seen = self.passed.len().checked_sub(before.len()).map(|at| &self.passed[at..]);
            if octet == *last && seen == Some(before) {
                // The other end still waits for it: what was passed stays as it is.
                continue;
            }
            out.push(octet);
            // Both end a line.
            self.passed.push(if octet == b'\n' { b'\r' } else { octet });
            if self.passed.len() > before.len() {
                self.passed.remove(0);
            }
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is passed of what is typed, a piece at a time.
    fn check(keys: &[u8], typed: &[&[u8]], wanted: &[u8]) {
        let mut guard = Guard::new(keys);
        let passed: Vec<u8> = typed.iter().flat_map(|piece| guard.pass(piece)).collect();
        assert_eq!(passed, wanted, "{keys:?} {typed:?}");
    }

    #[test]
    fn nobody_types_himself_out_of_a_console() {
        check(b"\x1c", &[b"a\x1cb", b"\x1c"], b"ab");
        check(b"\x1b(", &[b"x\x1b", b"(y"], b"x\x1by");
        // The other end has seen the Escape and still waits.
        check(b"\x1b(", &[b"\x1b((", b"("], b"\x1b");
        check(b"\x1b(", &[b"\x1b\x1b(", b"\x1b[A("], b"\x1b\x1b\x1b[A(");
        check(b"\r~.", &[b"~.", b"ls ~.\r~", b".\r", b"~~."], b"~ls ~.\r~\r~~.");
        check(b"\r~.", &[b"\n~."], b"\n~");
        check(b"aab", &[b"aaab"], b"aaa");
    }

    #[test]
    fn where_nothing_leads_out_everything_is_passed() {
        check(b"", &[b"\x1b(\x1c", b"\r~."], b"\x1b(\x1c\r~.");
    }
}
