//! What is typed at a console: keys for the machine, and `&` with a letter for us, as in conman.

/// What a person at a console does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Key {
    /// Types this.
    Data(Vec<u8>),
    /// Leaves.
    Leave,
    /// Sends a break.
    Break,
    /// Wants another mode.
    Mode(&'static str),
    /// Wants the last octets again.
    Again,
    /// Wants to know the letters.
    Help,
}

/// The letters.
pub const HELP: &str = "\r\n\
    \x20 &.  leave          &B  send a break      &L  show the last octets again\r\n\
    \x20 &F  take it        &J  write, too        &M  look on only\r\n\
    \x20 &&  type an &      &?  these lines\r\n";

/// Takes keys apart.
#[derive(Debug, Default)]
pub struct Keys {
    escaped: bool,
}

impl Keys {
    /// What these octets are, in their order.
    pub fn take(&mut self, octets: &[u8]) -> Vec<Key> {
        let mut keys = Vec::new();
        let mut data = Vec::new();
        for byte in octets {
            if !self.escaped {
                match byte {
                    b'&' => self.escaped = true,
                    byte => data.push(*byte),
                }
                continue;
            }
            self.escaped = false;
            let key = match byte {
                b'.' => Key::Leave,
                b'B' | b'b' => Key::Break,
                b'F' | b'f' => Key::Mode("force"),
                b'J' | b'j' => Key::Mode("join"),
                b'M' | b'm' => Key::Mode("monitor"),
                b'L' | b'l' => Key::Again,
                b'?' => Key::Help,
                b'&' => {
                    data.push(b'&');
                    continue;
                }
                // No letter of ours: both keys were for the machine.
                byte => {
                    data.extend_from_slice(&[b'&', *byte]);
                    continue;
                }
            };
            if !data.is_empty() {
                keys.push(Key::Data(std::mem::take(&mut data)));
            }
            keys.push(key);
        }
        if !data.is_empty() {
            keys.push(Key::Data(data));
        }
        keys
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_after_an_ampersand_are_ours() {
        let mut keys = Keys::default();
        assert_eq!(keys.take(b"ls && x\r"), [Key::Data(b"ls & x\r".to_vec())]);
        assert_eq!(keys.take(b"a&"), [Key::Data(b"a".to_vec())]);
        assert_eq!(keys.take(b"bc&L"), [Key::Break, Key::Data(b"c".to_vec()), Key::Again]);
        assert_eq!(
            keys.take(b"&x&J&."),
            [Key::Data(b"&x".to_vec()), Key::Mode("join"), Key::Leave]
        );
    }
}
