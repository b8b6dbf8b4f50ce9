//! The six packets of TFTP as bytes (RFC 1350 §5, RFC 2347).
//!
//! Invariant: bytes after the end of an ACK are ignored, since tunnels and some NICs pad short frames.

use super::options::Wanted;
use crate::Malformed;

const READ: u16 = 1;
const WRITE: u16 = 2;
const DATA: u16 = 3;
const ACK: u16 = 4;
const ERROR: u16 = 5;
const OPTION_ACK: u16 = 6;

/// Longest error text that is kept from a client, in bytes.
const LONGEST_MESSAGE: usize = 200;

/// Why a request or a transfer was turned down (RFC 1350 §5, RFC 2347 for code 8).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ErrorCode(pub u16);

impl ErrorCode {
    /// See the message.
    pub const UNDEFINED: Self = Self(0);
    /// There is no such file.
    pub const NOT_FOUND: Self = Self(1);
    /// The file may not be had, or nothing may be written.
    pub const ACCESS_VIOLATION: Self = Self(2);
    /// The packet makes no sense here.
    pub const ILLEGAL_OPERATION: Self = Self(4);
    /// The option negotiation failed. EDK II also sends it after asking for a file's size only.
    pub const OPTIONS_REJECTED: Self = Self(8);
}

/// How a file's bytes travel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Mode {
    /// As they are.
    Octet,
    /// As text with CR LF line ends (RFC 764); see [`super::netascii`].
    Netascii,
}

/// A read or write request as it stands in the packet; nothing in it is checked yet but its shape.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RawRequest<'a> {
    /// The file name's bytes, of whatever encoding the firmware uses.
    pub path: &'a [u8],
    /// The mode's bytes (`octet`, `netascii`, the obsolete `mail`, in any case).
    pub mode: &'a [u8],
    /// The options that we know, as far as their values make sense.
    pub wanted: Wanted,
}

/// One TFTP packet, borrowed from its datagram.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Packet<'a> {
    /// RRQ: please send me this file.
    Read(RawRequest<'a>),
    /// WRQ: please take this file.
    Write(RawRequest<'a>),
    /// DATA: one block.
    Data {
        /// Block number; the first is 1, and 0 follows 65535.
        block: u16,
        /// The block's bytes.
        payload: &'a [u8],
    },
    /// ACK: everything up to this block has arrived.
    Ack {
        /// Block number; 0 acknowledges an OACK.
        block: u16,
    },
    /// OACK: the options that the server grants.
    OptionAck(Wanted),
    /// ERROR: the transfer is over.
    Error {
        /// Its number.
        code: ErrorCode,
        /// Its text, as bytes, cut to a sane length.
        message: &'a [u8],
    },
}

impl<'a> Packet<'a> {
    /// Reads one datagram.
    ///
    /// # Errors
    /// [`Malformed`] when the datagram ends before its packet does, or its operation code is unknown.
    pub fn parse(datagram: &'a [u8]) -> Result<Self, Malformed> {
        let opcode = word(datagram, 0)?;
        match opcode {
            READ => raw_request(datagram).map(Self::Read),
            WRITE => raw_request(datagram).map(Self::Write),
            DATA => Ok(Self::Data {
                block: word(datagram, 2)?,
                payload: &datagram[4..],
            }),
            ACK => Ok(Self::Ack {
                block: word(datagram, 2)?,
            }),
            ERROR => {
                let code = ErrorCode(word(datagram, 2)?);
                // The terminator is often missing in the wild; an error is an error without it.
                let text = &datagram[4..];
                let end = text.iter().position(|&byte| byte == 0).unwrap_or(text.len());
                Ok(Self::Error {
                    code,
                    message: &text[..end.min(LONGEST_MESSAGE)],
                })
            }
            OPTION_ACK => Ok(Self::OptionAck(Wanted::parse(&datagram[2..]))),
            _ => Err(Malformed {
                at: 0,
                what: "unknown operation code",
            }),
        }
    }

    /// Writes the packet as a datagram. Options come in their canonical order and in lower case.
    pub fn encode(&self) -> Vec<u8> {
        match self {
            Self::Read(request) => encode_request(READ, request),
            Self::Write(request) => encode_request(WRITE, request),
            Self::Data { block, payload } => [&data_header(*block)[..], payload].concat(),
            Self::Ack { block } => encode_ack(*block).to_vec(),
            Self::OptionAck(granted) => {
                let mut out = OPTION_ACK.to_be_bytes().to_vec();
                granted.encode(&mut out);
                out
            }
            Self::Error { code, message } => encode_error_bytes(*code, message),
        }
    }
}

/// The four bytes before a DATA packet's payload.
pub fn data_header(block: u16) -> [u8; 4] {
    numbered(DATA, block)
}

/// A whole ACK packet.
pub fn encode_ack(block: u16) -> [u8; 4] {
    numbered(ACK, block)
}

/// A whole ERROR packet. A NUL in the message would end it early, so the message should have none.
pub fn encode_error(code: ErrorCode, message: &str) -> Vec<u8> {
    encode_error_bytes(code, message.as_bytes())
}

fn encode_error_bytes(code: ErrorCode, message: &[u8]) -> Vec<u8> {
    let mut out = numbered(ERROR, code.0).to_vec();
    out.extend_from_slice(message);
    out.push(0);
    out
}

fn encode_request(opcode: u16, request: &RawRequest<'_>) -> Vec<u8> {
    let mut out = opcode.to_be_bytes().to_vec();
    for text in [request.path, request.mode] {
        out.extend_from_slice(text);
        out.push(0);
    }
    request.wanted.encode(&mut out);
    out
}

fn numbered(opcode: u16, number: u16) -> [u8; 4] {
    let [a, b] = opcode.to_be_bytes();
    let [c, d] = number.to_be_bytes();
    [a, b, c, d]
}

fn word(datagram: &[u8], at: usize) -> Result<u16, Malformed> {
    match datagram.get(at..at + 2) {
        Some(&[high, low]) => Ok(u16::from_be_bytes([high, low])),
        _ => Err(Malformed {
            at,
            what: "packet ends in the middle of a number",
        }),
    }
}

fn raw_request(datagram: &[u8]) -> Result<RawRequest<'_>, Malformed> {
    let (path, rest) = text(datagram, 2, "file name without an end")?;
    let (mode, rest) = text(datagram, rest, "mode without an end")?;
    Ok(RawRequest {
        path,
        mode,
        wanted: Wanted::parse(&datagram[rest..]),
    })
}

/// The NUL-terminated text at `at`, and where the next one starts.
fn text<'a>(datagram: &'a [u8], at: usize, what: &'static str) -> Result<(&'a [u8], usize), Malformed> {
    let rest = &datagram[at..];
    let end = rest.iter().position(|&byte| byte == 0).ok_or(Malformed { at, what })?;
    Ok((&rest[..end], at + end + 1))
}
