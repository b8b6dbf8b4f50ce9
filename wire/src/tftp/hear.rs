//! What to do with a datagram at the well-known port.
//!
//! Invariant: only a request is ever answered; an ACK, DATA, OACK or ERROR at this port is not, or two servers could talk forever.

use super::packet::{RawRequest, encode_error};
use super::{ErrorCode, Mode, Packet, Wanted, clean_path};
use crate::Malformed;

/// A read request whose name and mode are good.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// The file, as a clean relative path.
    pub path: String,
    /// How it shall travel.
    pub mode: Mode,
    /// What the client would like to negotiate.
    pub wanted: Wanted,
}

/// A request that is turned down at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// The file name as sent, for people to read; what is not UTF-8 in it is replaced.
    pub path: String,
    /// The error's number.
    pub code: ErrorCode,
    /// The error's text.
    pub message: String,
}

impl Refused {
    /// The ERROR packet for the client.
    pub fn encode(&self) -> Vec<u8> {
        encode_error(self.code, &self.message)
    }
}

/// The judgement on a datagram at the well-known port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Heard {
    /// Serve it.
    Read(Request),
    /// Answer with an error.
    Refuse(Refused),
    /// Do not answer; count it.
    Ignore(Malformed),
}

/// Judges a datagram that came to the well-known port.
pub fn hear(datagram: &[u8]) -> Heard {
    match Packet::parse(datagram) {
        Ok(Packet::Read(raw)) => read(&raw).map_or_else(Heard::Refuse, Heard::Read),
        Ok(Packet::Write(raw)) => Heard::Refuse(refused(
            &raw,
            ErrorCode::ACCESS_VIOLATION,
            "this server only hands files out".into(),
        )),
        Ok(_) => Heard::Ignore(Malformed {
            at: 0,
            what: "not a request",
        }),
        Err(malformed) => Heard::Ignore(malformed),
    }
}

fn read(raw: &RawRequest<'_>) -> Result<Request, Refused> {
    let mode = if raw.mode.eq_ignore_ascii_case(b"octet") {
        Mode::Octet
    } else if raw.mode.eq_ignore_ascii_case(b"netascii") {
        Mode::Netascii
    } else {
        return Err(refused(
            raw,
            ErrorCode::ILLEGAL_OPERATION,
            "unknown mode: ask for octet or netascii".into(),
        ));
    };
    let path = clean_path(raw.path).map_err(|error| refused(raw, ErrorCode::ACCESS_VIOLATION, error.to_string()))?;
    Ok(Request {
        path,
        mode,
        wanted: raw.wanted,
    })
}

fn refused(raw: &RawRequest<'_>, code: ErrorCode, message: String) -> Refused {
    let shown = &raw.path[..raw.path.len().min(super::LONGEST_PATH)];
    Refused {
        path: String::from_utf8_lossy(shown).into_owned(),
        code,
        message,
    }
}
