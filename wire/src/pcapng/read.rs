//! Reading blocks, in either byte order.

use super::{OPTION_COMMENT, OPTION_NAME, OPTION_RESOLUTION, ORDER, kind};
use crate::Malformed;

/// Type, length, and the length again at the end.
const FRAME: usize = 12;
/// What a packet block has before the packet.
const PACKET_HEAD: usize = 20;

/// A block of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Block<'a> {
    /// A section begins: interfaces are numbered from 0 again.
    Section,
    /// An interface.
    Interface(Interface<'a>),
    /// A packet.
    Packet(Packet<'a>),
    /// Another block, with its type; what is for local use has the first bit set.
    Other {
        /// The type.
        kind: u32,
        /// What is in it.
        body: &'a [u8],
    },
}

/// An interface on which packets were captured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Interface<'a> {
    /// With what its packets begin.
    pub link_type: u16,
    /// Its name, if it has one that is text.
    pub name: Option<&'a str>,
    /// Units of its times in a second, as pcapng writes them: a negative power of 10, or of 2 with the first bit set.
    pub resolution: u8,
}

/// A packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Packet<'a> {
    /// Number of its interface in the section.
    pub interface: u32,
    /// When, in units of its interface.
    pub time: u64,
    /// Octets that it had on the wire.
    pub original: u32,
    /// What was kept of it.
    pub bytes: &'a [u8],
    /// The first comment on it that is text.
    pub comment: Option<&'a str>,
}

/// The blocks of a file, in their order. Ends with the first that cannot be read.
#[derive(Debug, Clone)]
pub struct Blocks<'a> {
    file: &'a [u8],
    at: usize,
    big_endian: bool,
    broken: bool,
}

impl<'a> Blocks<'a> {
    /// Reads the content of a file.
    ///
    /// # Errors
    /// It does not begin as a pcapng file does.
    pub fn of(file: &'a [u8]) -> Result<Self, Malformed> {
        match file.first_chunk::<4>() {
            Some(magic) if u32::from_le_bytes(*magic) == kind::SECTION => Ok(Self {
                file,
                at: 0,
                big_endian: false,
                broken: false,
            }),
            _ => Err(Malformed::new(0, "the file is no pcapng capture")),
        }
    }

    fn u32(&self, bytes: &[u8], at: usize) -> Option<u32> {
        let word = *bytes.get(at..)?.first_chunk::<4>()?;
        Some(match self.big_endian {
            true => u32::from_be_bytes(word),
            false => u32::from_le_bytes(word),
        })
    }

    fn u16(&self, bytes: &[u8], at: usize) -> Option<u16> {
        let word = *bytes.get(at..)?.first_chunk::<2>()?;
        Some(match self.big_endian {
            true => u16::from_be_bytes(word),
            false => u16::from_le_bytes(word),
        })
    }

    fn block(&mut self) -> Result<Block<'a>, Malformed> {
        let rest = &self.file[self.at..];
        let wrong = |what| Malformed::new(self.at, what);
        let short = || wrong("the file ends in the middle of a block");
        // The type of a section reads alike in both orders.
        let is_section = rest.first_chunk::<4>() == Some(&kind::SECTION.to_le_bytes());
        if is_section {
            let order = rest
                .get(8..)
                .and_then(|rest| rest.first_chunk::<4>())
                .ok_or_else(short)?;
            self.big_endian = match *order {
                order if u32::from_le_bytes(order) == ORDER => false,
                order if u32::from_be_bytes(order) == ORDER => true,
                _ => return Err(wrong("a section tells no byte order")),
            };
        }
        let kind = self.u32(rest, 0).ok_or_else(short)?;
        let length = self.u32(rest, 4).ok_or_else(short)? as usize;
        if length < FRAME || !length.is_multiple_of(4) {
            return Err(wrong("a block has an impossible length"));
        }
        let block = rest.get(..length).ok_or_else(short)?;
        if self.u32(block, length - 4) != Some(length as u32) {
            return Err(wrong("a block has two different lengths"));
        }
        let body = &block[8..length - 4];
        let read = match kind {
            _ if is_section => Some(Block::Section),
            kind::INTERFACE => self.interface(body).map(Block::Interface),
            kind::PACKET => self.packet(body).map(Block::Packet),
            kind => Some(Block::Other { kind, body }),
        };
        let read = read.ok_or_else(|| wrong("a block is shorter than what it holds"))?;
        self.at += length;
        Ok(read)
    }

    fn interface(&self, body: &'a [u8]) -> Option<Interface<'a>> {
        let link_type = self.u16(body, 0)?;
        let options = body.get(8..)?;
        let name = self.option(options, OPTION_NAME).and_then(text);
        let resolution = self.option(options, OPTION_RESOLUTION).and_then(|value| value.first());
        Some(Interface {
            link_type,
            name,
            resolution: resolution.copied().unwrap_or(6),
        })
    }

    fn packet(&self, body: &'a [u8]) -> Option<Packet<'a>> {
        let high = u64::from(self.u32(body, 4)?);
        let kept = self.u32(body, 12)? as usize;
        let bytes = body.get(PACKET_HEAD..)?.get(..kept)?;
        let options = body.get(PACKET_HEAD + kept.next_multiple_of(4)..).unwrap_or_default();
        Some(Packet {
            interface: self.u32(body, 0)?,
            time: high << 32 | u64::from(self.u32(body, 8)?),
            original: self.u32(body, 16)?,
            bytes,
            comment: self.option(options, OPTION_COMMENT).and_then(text),
        })
    }

    /// The first option of that code.
    fn option(&self, mut options: &'a [u8], wanted: u16) -> Option<&'a [u8]> {
        loop {
            let code = self.u16(options, 0).filter(|code| *code != 0)?;
            let length = usize::from(self.u16(options, 2)?);
            let value = options.get(4..)?.get(..length)?;
            if code == wanted {
                return Some(value);
            }
            options = options.get(4 + length.next_multiple_of(4)..)?;
        }
    }
}

fn text(value: &[u8]) -> Option<&str> {
    std::str::from_utf8(value).ok()
}

impl<'a> Iterator for Blocks<'a> {
    type Item = Result<Block<'a>, Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.broken || self.at >= self.file.len() {
            return None;
        }
        let block = self.block();
        self.broken = block.is_err();
        Some(block)
    }
}

impl Packet<'_> {
    /// Nanoseconds since 1970; `None` if the interface counts in units that do not fit.
    pub fn nanoseconds(&self, interface: &Interface<'_>) -> Option<u64> {
        match interface.resolution {
            power @ 0..=9 => self.time.checked_mul(10u64.pow(u32::from(9 - power))),
            _ => None,
        }
    }
}
