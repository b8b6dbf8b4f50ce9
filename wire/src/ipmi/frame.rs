//! RMCP, the session header in its two forms, and the seal of a packet (sections 13.1 to 13.6).

use super::handshake::Keys;
use super::suite::{BLOCK, decrypt, encrypt, is_same};
use crate::Malformed;

/// RMCP version 1.0, no acknowledgement.
const RMCP: [u8; 3] = [6, 0, 0xff];
const CLASS_ASF: u8 = 6;
const CLASS_IPMI: u8 = 7;
/// ASF's enterprise number, big endian.
const ASF: [u8; 4] = [0, 0, 0x11, 0xbe];
const AUTH_NONE: u8 = 0;
const AUTH_RMCP_PLUS: u8 = 6;
/// Most octets of a payload that is taken: those of a datagram on Ethernet.
const LONGEST: usize = 1472;
/// Offset of the session header.
const HEADER: usize = 4;
/// Octets of RMCP's header and of RMCP+'s.
const PLUS: usize = 16;
/// Ends the padding before a packet's authentication code.
const NEXT_HEADER: u8 = 7;

/// What a packet carries (table 13-16).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Message,
    Console,
    OpenRequest,
    OpenAnswer,
    Rakp1,
    Rakp2,
    Rakp3,
    Rakp4,
}

impl Kind {
    const ALL: [(Self, u8); 8] = [
        (Self::Message, 0),
        (Self::Console, 1),
        (Self::OpenRequest, 0x10),
        (Self::OpenAnswer, 0x11),
        (Self::Rakp1, 0x12),
        (Self::Rakp2, 0x13),
        (Self::Rakp3, 0x14),
        (Self::Rakp4, 0x15),
    ];

    fn numbered(number: u8) -> Option<Self> {
        Self::ALL.iter().find(|(_, n)| *n == number).map(|(kind, _)| *kind)
    }

    fn number(self) -> u8 {
        let found = Self::ALL.iter().find(|(kind, _)| *kind == self);
        found.map_or(0, |(_, number)| *number)
    }
}

/// A packet as it came: its seal is not broken yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Frame<'a> {
    /// Outside of sessions, in the header of IPMI 1.5.
    Plain(&'a [u8]),
    /// RMCP+.
    Plus(Sealed<'a>),
}

/// An RMCP+ packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Sealed<'a> {
    pub kind: Kind,
    pub encrypted: bool,
    pub authenticated: bool,
    pub session: u32,
    pub sequence: u32,
    pub payload: &'a [u8],
    /// What the code is made of, with the padding; and the code.
    signed: &'a [u8],
    code: &'a [u8],
}

impl<'a> Frame<'a> {
    /// Takes a datagram apart.
    pub(super) fn parse(datagram: &'a [u8]) -> Result<Self, Malformed> {
        let rest = datagram
            .strip_prefix(&RMCP)
            .ok_or(Malformed::new(0, "not RMCP version 1.0"))?;
        if rest.first() != Some(&CLASS_IPMI) {
            return Err(Malformed::new(3, "not the IPMI class of RMCP"));
        }
        match datagram.get(HEADER) {
            Some(&AUTH_NONE) => Self::plain(datagram),
            Some(&AUTH_RMCP_PLUS) => Sealed::parse(datagram).map(Self::Plus),
            _ => Err(Malformed::new(HEADER, "an authentication type that is not spoken")),
        }
    }

    fn plain(datagram: &'a [u8]) -> Result<Self, Malformed> {
        // Authentication type, sequence, session, length.
        let length = *datagram
            .get(HEADER + 9)
            .ok_or(Malformed::new(datagram.len(), "a session header that ends early"))?;
        let from = HEADER + 10;
        let payload = datagram
            .get(from..from + usize::from(length))
            .ok_or(Malformed::new(HEADER + 9, "a length beyond the datagram"))?;
        Ok(Self::Plain(payload))
    }
}

impl<'a> Sealed<'a> {
    fn parse(datagram: &'a [u8]) -> Result<Self, Malformed> {
        let short = Malformed::new(datagram.len(), "a session header that ends early");
        let (&flags, rest) = datagram[HEADER + 1..].split_first().ok_or(short)?;
        let kind =
            Kind::numbered(flags & 0x3f).ok_or(Malformed::new(HEADER + 1, "a payload type that is not spoken"))?;
        let (session, rest) = rest.split_first_chunk().ok_or(short)?;
        let (sequence, rest) = rest.split_first_chunk().ok_or(short)?;
        let (length, rest) = rest.split_first_chunk().ok_or(short)?;
        let length = usize::from(u16::from_le_bytes(*length));
        if length > LONGEST || length > rest.len() {
            return Err(Malformed::new(PLUS - 2, "a length beyond the datagram"));
        }
        let mut sealed = Self {
            kind,
            encrypted: flags & 0x80 != 0,
            authenticated: flags & 0x40 != 0,
            session: u32::from_le_bytes(*session),
            sequence: u32::from_le_bytes(*sequence),
            payload: &rest[..length],
            signed: &[],
            code: &[],
        };
        if sealed.authenticated {
            let mut at = PLUS + length;
            // At most three octets of padding, then its length and the next header; some BMCs pad a whole word more.
            while datagram.get(at) == Some(&0xff) && at < PLUS + length + 4 {
                at += 1;
            }
            let code = datagram
                .get(at + 2..)
                .ok_or(Malformed::new(at, "a session trailer that ends early"))?;
            (sealed.signed, sealed.code) = (&datagram[HEADER..at + 2], code);
        }
        Ok(sealed)
    }

    /// The payload, if the keys of the session say that it is the other end's. A session with keys takes nothing that is
    /// not sealed.
    pub(super) fn open(&self, keys: &Keys) -> Option<Vec<u8>> {
        let code = keys.suite.hash(keys.integrity(), &[self.signed]);
        if !self.authenticated || !is_same(&code.as_slice()[..keys.suite.code_length()], self.code) {
            return None;
        }
        match self.encrypted {
            true => decrypt(keys.cipher(), self.payload),
            false => Some(self.payload.to_vec()),
        }
    }
}

/// A message outside of sessions, in the header of IPMI 1.5.
pub(super) fn plain(payload: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(HEADER + 10 + payload.len());
    out.extend_from_slice(&RMCP);
    out.extend_from_slice(&[CLASS_IPMI, AUTH_NONE, 0, 0, 0, 0, 0, 0, 0, 0]);
    out.push(payload.len() as u8);
    out.extend_from_slice(payload);
    out
}

/// A message of the handshake.
pub(super) fn unsealed(kind: Kind, payload: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(PLUS + payload.len());
    header(&mut out, kind.number(), 0, 0, payload.len());
    out.extend_from_slice(payload);
    out
}

/// A packet of a session, encrypted and with its code.
pub(super) fn sealed(
    keys: &Keys,
    kind: Kind,
    session: u32,
    sequence: u32,
    vector: &[u8; BLOCK],
    payload: &[u8],
) -> Vec<u8> {
    let payload = encrypt(keys.cipher(), vector, payload);
    let mut out = Vec::with_capacity(PLUS + payload.len() + 24);
    header(&mut out, kind.number() | 0xc0, session, sequence, payload.len());
    out.extend_from_slice(&payload);
    // From the authentication type to the next header there must be whole words.
    let padding = (4 - (out.len() - HEADER + 2) % 4) % 4;
    out.extend(std::iter::repeat_n(0xff, padding));
    out.extend_from_slice(&[padding as u8, NEXT_HEADER]);
    let code = keys.suite.hash(keys.integrity(), &[&out[HEADER..]]);
    out.extend_from_slice(&code.as_slice()[..keys.suite.code_length()]);
    out
}

fn header(out: &mut Vec<u8>, kind: u8, session: u32, sequence: u32, length: usize) {
    out.extend_from_slice(&RMCP);
    out.extend_from_slice(&[CLASS_IPMI, AUTH_RMCP_PLUS, kind]);
    out.extend_from_slice(&session.to_le_bytes());
    out.extend_from_slice(&sequence.to_le_bytes());
    out.extend_from_slice(&(length as u16).to_le_bytes());
}

/// In the supported entities of a pong: IPMI is there (section 13.2.4).
pub const PONG_SUPPORTS_IPMI: u8 = 0x80;

/// An RMCP presence ping (section 13.2.3): whoever has a BMC's firmware answers it without a login.
pub fn ping(tag: u8) -> [u8; 12] {
    let mut out = [6, 0, 0xff, CLASS_ASF, 0, 0, 0, 0, 0x80, tag, 0, 0];
    out[4..8].copy_from_slice(&ASF);
    out
}

/// The answer to a presence ping; `None` if that is none.
pub fn pong(datagram: &[u8]) -> Option<[u8; 28]> {
    if datagram.len() < 12 || datagram[..3] != RMCP || datagram[3] != CLASS_ASF || datagram[4..8] != ASF {
        return None;
    }
    let mut out = [0; 28];
    out[..8].copy_from_slice(&datagram[..8]);
    out[8..12].copy_from_slice(&[0x40, datagram[9], 0, 16]);
    out[12..16].copy_from_slice(&ASF);
    out[20] = PONG_SUPPORTS_IPMI | 1;
    (datagram[8] == 0x80).then_some(out)
}

/// The tag of the ping that a datagram answers, if it is the answer of something that speaks IPMI.
pub fn pong_tag(datagram: &[u8]) -> Option<u8> {
    let is_pong = datagram.len() >= 21 && datagram[..3] == RMCP && datagram[3] == CLASS_ASF && datagram[8] == 0x40;
    (is_pong && datagram[20] & PONG_SUPPORTS_IPMI != 0).then(|| datagram[9])
}
