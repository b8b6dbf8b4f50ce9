//! What a client types, and what it orders between: 0xFF and a letter.

/// Something that a client does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Typed {
    /// Writes.
    Data(Vec<u8>),
    /// Sends a break.
    Break,
    /// Takes the console from who writes.
    Force,
    /// Writes beside who does.
    Join,
    /// Looks on only.
    Monitor,
    /// Wants to see the last octets again.
    Replay,
    /// Wants no news any more, or wants them again.
    Quiet,
    /// Resets the machine.
    Reset,
    /// Wants to be shown nothing, or to be shown it again.
    Suspend,
}

const ESCAPE: u8 = 0xff;

/// Takes orders out of what is typed, whatever pieces they come in.
#[derive(Debug, Clone, Default)]
pub struct Unescape {
    escaped: bool,
}

impl Unescape {
    /// What a piece means, in its order.
    pub fn hear(&mut self, octets: &[u8]) -> Vec<Typed> {
        let mut typed = Vec::new();
        let mut data = Vec::new();
        for octet in octets {
            if !self.escaped {
                match *octet {
                    ESCAPE => self.escaped = true,
                    other => data.push(other),
                }
                continue;
            }
            self.escaped = false;
            let order = match *octet {
                ESCAPE => {
                    data.push(ESCAPE);
                    continue;
                }
                // The client sends DEL so.
                b'D' => {
                    data.push(0x7f);
                    continue;
                }
                b'B' => Typed::Break,
                b'F' => Typed::Force,
                b'J' => Typed::Join,
                b'M' => Typed::Monitor,
                b'L' => Typed::Replay,
                b'Q' => Typed::Quiet,
                b'R' => Typed::Reset,
                b'Z' => Typed::Suspend,
                // Of a newer client.
                _ => continue,
            };
            if !data.is_empty() {
                typed.push(Typed::Data(std::mem::take(&mut data)));
            }
            typed.push(order);
        }
        if !data.is_empty() {
            typed.push(Typed::Data(data));
        }
        typed
    }
}
