//! The receiving side of one TFTP transfer, as firmware does it: datagrams in, acknowledgements out.
//!
//! Invariant: knows neither sockets nor clocks; whoever drives it repeats [`Download::repeat`] after silence.

use wire::tftp::{Packet, RawRequest, Wanted, encode_ack};

/// How a client answers a block that it does not expect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Manner {
    /// As RFC 7440 says: one acknowledgement of the last block in order, then silence until the sender went back.
    Rfc7440,
    /// As EDK II does: an acknowledgement for each block that is not the expected one. Some servers answer with a storm.
    Edk2,
}

/// What a client asks for.
#[derive(Debug, Clone)]
pub struct Wish {
    /// The file's name.
    pub path: String,
    /// Bytes in a block; none leaves the option out.
    pub block_size: Option<u16>,
    /// Blocks in a window; none leaves the option out.
    pub window: Option<u16>,
    /// How it answers what it does not expect.
    pub manner: Manner,
}

/// What a datagram led to.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Step {
    /// An acknowledgement to send.
    pub ack: Option<[u8; 4]>,
    /// The transfer is over, well or not.
    pub end: Option<Result<(), String>>,
}

/// One file on its way in.
#[derive(Debug)]
pub struct Download {
    block_size: usize,
    window: u16,
    manner: Manner,
    /// The file's size as the server gave it.
    promised: Option<u64>,
    heard: bool,
    /// Blocks received in order.
    last: u64,
    in_window: u16,
    answered: bool,
    /// Bytes of the file received in order.
    pub bytes: u64,
    /// Blocks that were there already.
    pub duplicates: u64,
    /// Blocks that came before one that was missing.
    pub early: u64,
}

impl Download {
    /// A transfer that is about to be asked for.
    pub fn new(wish: &Wish) -> Self {
        Self {
            block_size: 512,
            window: 1,
            manner: wish.manner,
            promised: None,
            heard: false,
            last: 0,
            in_window: 0,
            answered: false,
            bytes: 0,
            duplicates: 0,
            early: 0,
        }
    }

    /// The read request.
    pub fn request(wish: &Wish) -> Vec<u8> {
        let wanted = Wanted {
            block_size: wish.block_size,
            size: Some(0),
            timeout: None,
            window: wish.window.filter(|&blocks| blocks > 1),
        };
        Packet::Read(RawRequest {
            path: wish.path.as_bytes(),
            mode: b"octet",
            wanted,
        })
        .encode()
    }

    /// Whether the server has answered at all.
    pub fn heard(&self) -> bool {
        self.heard
    }

    /// Blocks in a window, as granted.
    pub fn window(&self) -> u16 {
        self.window
    }

    /// What to say after silence, once the server was heard.
    pub fn repeat(&mut self) -> [u8; 4] {
        self.in_window = 0;
        self.answered = false;
        encode_ack(self.last as u16)
    }

    /// Takes one datagram. `content` is the file as it should be, if that is known.
    pub fn take(&mut self, datagram: &[u8], content: Option<&[u8]>) -> Step {
        match Packet::parse(datagram) {
            Ok(Packet::OptionAck(granted)) if self.last == 0 => {
                self.heard = true;
                self.block_size = granted.block_size.map_or(512, usize::from);
                self.window = granted.window.unwrap_or(1);
                self.promised = granted.size;
                Step::ack(0)
            }
            Ok(Packet::Data { block, payload }) => {
                self.heard = true;
                self.block(block, payload, content)
            }
            Ok(Packet::Error { code, message }) => Step::failed(format!(
                "the server says error {}: {}",
                code.0,
                String::from_utf8_lossy(message)
            )),
            _ => Step::default(),
        }
    }

    fn block(&mut self, number: u16, payload: &[u8], content: Option<&[u8]>) -> Step {
        let ahead = number.wrapping_sub(self.last as u16);
        if ahead != 1 {
            return self.unexpected(ahead);
        }
        let from = self.bytes as usize;
        if let Some(content) = content
            && content.get(from..from + payload.len()) != Some(payload)
        {
            return Step::failed(format!("block {} is not what the file has there", self.last + 1));
        }
        self.last += 1;
        self.bytes += payload.len() as u64;
        self.in_window += 1;
        self.answered = false;
        if payload.len() < self.block_size {
            let size = content.map(|content| content.len() as u64).or(self.promised);
            let end = match size {
                Some(size) if size != self.bytes => Err(format!("the file ended after {} of {size} bytes", self.bytes)),
                _ => Ok(()),
            };
            return Step {
                ack: Some(encode_ack(number)),
                end: Some(end),
            };
        }
        if self.in_window < self.window {
            return Step::default();
        }
        self.in_window = 0;
        Step::ack(number)
    }

    fn unexpected(&mut self, ahead: u16) -> Step {
        let duplicate = ahead == 0 || ahead > u16::MAX / 2;
        if duplicate {
            self.duplicates += 1;
        } else {
            self.early += 1;
        }
        let answers = match self.manner {
            Manner::Edk2 => true,
            // The end of a repeated window: our acknowledgement of it was lost.
            Manner::Rfc7440 if duplicate => ahead == 0,
            Manner::Rfc7440 => !std::mem::replace(&mut self.answered, true),
        };
        if !answers {
            return Step::default();
        }
        self.in_window = 0;
        Step::ack(self.last as u16)
    }
}

impl Step {
    fn ack(block: u16) -> Self {
        Self {
            ack: Some(encode_ack(block)),
            end: None,
        }
    }

    fn failed(why: String) -> Self {
        Self {
            ack: None,
            end: Some(Err(why)),
        }
    }
}
