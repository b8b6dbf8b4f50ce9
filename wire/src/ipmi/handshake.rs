//! How a session is opened: Open Session and RAKP messages 1 to 4 (sections 13.17 to 13.24), and the keys that come of it.
//!
//! Both ends compute the same codes from the same [`Exchange`], each with what it was told by the other.

use std::fmt;

use super::suite::{BLOCK, Digest, Suite};
use crate::Malformed;

/// Octets of a password and of K_g: shorter ones are filled with zeros.
pub(super) const KEY: usize = 20;
/// Most octets of a user's name.
pub(super) const NAME: usize = 16;
/// In the role of RAKP message 1: the user is looked up by name alone, whatever privilege is asked for.
const NAME_ONLY: u8 = 0x10;

/// What a session may do (table 22-19).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Privilege {
    /// Reads.
    User,
    /// Switches machines.
    Operator,
    /// Configures the BMC, too.
    Administrator,
}

impl Privilege {
    /// Its number.
    pub fn number(self) -> u8 {
        match self {
            Self::User => 2,
            Self::Operator => 3,
            Self::Administrator => 4,
        }
    }

    /// The privilege with a number; 1, callback, and what is beyond are none.
    pub fn numbered(number: u8) -> Option<Self> {
        [Self::User, Self::Operator, Self::Administrator]
            .into_iter()
            .find(|privilege| privilege.number() == number)
    }
}

/// A status of RMCP+ (table 13-15).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Status(pub u8);

impl Status {
    pub(super) const OK: Self = Self(0);
    pub(super) const NO_RESOURCES: Self = Self(1);
    pub(super) const INVALID_SESSION: Self = Self(2);
    pub(super) const BAD_AUTHENTICATION: Self = Self(4);
    pub(super) const INVALID_ROLE: Self = Self(9);
    pub(super) const UNAUTHORIZED_NAME: Self = Self(0x0d);
    pub(super) const BAD_CODE: Self = Self(0x0f);

    /// Whether the same may work a moment later.
    pub fn is_passing(self) -> bool {
        matches!(self, Self::NO_RESOURCES | Self::INVALID_SESSION)
    }

    /// Whether another cipher suite may work.
    pub fn is_about_the_suite(self) -> bool {
        matches!(self.0, 0x04 | 0x05 | 0x10 | 0x11)
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self.0 {
            0x00 => "no error",
            0x01 => "it has no room for one more session",
            0x02 => "it does not know the session",
            0x04 => "it does not know the authentication algorithm",
            0x05 => "it does not know the integrity algorithm",
            0x08 => "the session is not ours",
            0x09 | 0x0a => "the user may not have this privilege",
            0x0c => "the user's name has a wrong length",
            0x0d => "it does not know the user, or the user may not log in",
            0x0f => "the password or K_g is not right",
            0x10 => "it does not know the confidentiality algorithm",
            0x11 => "it does not have that cipher suite",
            0x12 => "it refuses a parameter",
            code => return write!(f, "status {code:#04x}"),
        };
        f.write_str(text)
    }
}

/// What both ends of a handshake know of it.
#[derive(Clone)]
pub(super) struct Exchange {
    pub suite: Suite,
    /// Session numbers of the one who opens and of the BMC.
    pub console: u32,
    pub managed: u32,
    /// Their random numbers, in that order.
    pub asked: [u8; 16],
    pub answered: [u8; 16],
    /// The BMC's GUID.
    pub guid: [u8; 16],
    /// Role as RAKP message 1 says it.
    pub role: u8,
    pub user: Vec<u8>,
    pub password: [u8; KEY],
    /// K_g, where the BMC has one; else the password counts.
    pub kg: Option<[u8; KEY]>,
}

/// The keys of a session.
#[derive(Clone)]
pub(super) struct Keys {
    pub suite: Suite,
    integrity: Digest,
    cipher: [u8; BLOCK],
}

impl Keys {
    pub(super) fn integrity(&self) -> &[u8] {
        self.integrity.as_slice()
    }

    pub(super) fn cipher(&self) -> &[u8; BLOCK] {
        &self.cipher
    }
}

/// The role for a privilege, with the lookup by name.
pub(super) fn role(privilege: Privilege) -> u8 {
    NAME_ONLY | privilege.number()
}

/// The privilege of a role.
pub(super) fn privilege_of(role: u8) -> Option<Privilege> {
    Privilege::numbered(role & 0x0f)
}

impl Exchange {
    /// The code of RAKP message 2.
    pub(super) fn rakp2(&self) -> Digest {
        let (length, role) = ([self.user.len() as u8], [self.role]);
        let parts: [&[u8]; 8] = [
            &self.console.to_le_bytes(),
            &self.managed.to_le_bytes(),
            &self.asked,
            &self.answered,
            &self.guid,
            &role,
            &length,
            &self.user,
        ];
        self.suite.hash(&self.password, &parts)
    }

    /// The code of RAKP message 3, with this role: some BMCs count that of Open Session.
    pub(super) fn rakp3(&self) -> Digest {
        let (length, role) = ([self.user.len() as u8], [self.role]);
        let parts: [&[u8]; 5] = [&self.answered, &self.console.to_le_bytes(), &role, &length, &self.user];
        self.suite.hash(&self.password, &parts)
    }

    /// The session integrity key.
    fn session_key(&self) -> Digest {
        let (length, role) = ([self.user.len() as u8], [self.role]);
        let parts: [&[u8]; 5] = [&self.asked, &self.answered, &role, &length, &self.user];
        self.suite.hash(self.kg.as_ref().unwrap_or(&self.password), &parts)
    }

    /// The code of RAKP message 4 at full length.
    pub(super) fn rakp4(&self) -> Digest {
        let parts: [&[u8]; 3] = [&self.asked, &self.managed.to_le_bytes(), &self.guid];
        self.suite.hash(self.session_key().as_slice(), &parts)
    }

    pub(super) fn keys(&self) -> Keys {
        let key = self.session_key();
        let encryption = self.suite.hash(key.as_slice(), &[&[2; KEY]]);
        let mut cipher = [0; BLOCK];
        cipher.copy_from_slice(&encryption.as_slice()[..BLOCK]);
        Keys {
            suite: self.suite,
            integrity: self.suite.hash(key.as_slice(), &[&[1; KEY]]),
            cipher,
        }
    }
}

/// A password or K_g as a key.
pub(super) fn key(secret: &[u8]) -> [u8; KEY] {
    let mut key = [0; KEY];
    let length = secret.len().min(KEY);
    key[..length].copy_from_slice(&secret[..length]);
    key
}

fn algorithms(suite: Suite) -> [u8; 24] {
    let mut out = [0; 24];
    for (n, algorithm) in suite.algorithms().into_iter().enumerate() {
        out[n * 8] = n as u8;
        out[n * 8 + 3] = 8;
        out[n * 8 + 4] = algorithm;
    }
    out
}

fn parse_algorithms(bytes: &[u8]) -> Option<Suite> {
    let part = |n: usize| {
        let record = bytes.get(n * 8..n * 8 + 8)?;
        // A length of 0: any will do. Ours say which.
        (record[0] == n as u8).then(|| record[4] & 0x3f)
    };
    Suite::of_algorithms([part(0)?, part(1)?, part(2)?])
}

/// Open Session request. A `privilege` of 0 asks for the highest that the user may have.
pub(super) fn open_request(tag: u8, privilege: u8, console: u32, suite: Suite) -> [u8; 32] {
    let mut out = [0; 32];
    (out[0], out[1]) = (tag, privilege);
    out[4..8].copy_from_slice(&console.to_le_bytes());
    out[8..].copy_from_slice(&algorithms(suite));
    out
}

/// An Open Session request as a BMC reads it.
pub(super) struct OpenRequest {
    pub tag: u8,
    pub privilege: u8,
    pub console: u32,
    pub suite: Option<Suite>,
}

impl OpenRequest {
    pub(super) fn parse(payload: &[u8]) -> Option<Self> {
        let head = payload.first_chunk::<8>()?;
        Some(Self {
            tag: head[0],
            privilege: head[1] & 0x0f,
            console: u32::from_le_bytes([head[4], head[5], head[6], head[7]]),
            suite: parse_algorithms(&payload[8..]),
        })
    }

    pub(super) fn answer(&self, status: Status, managed: u32) -> Vec<u8> {
        // The highest that the channel allows was asked for.
        let privilege = match self.privilege {
            0 => Privilege::Administrator.number(),
            privilege => privilege,
        };
        let mut out = vec![self.tag, status.0, privilege, 0];
        out.extend_from_slice(&self.console.to_le_bytes());
        if let (Status::OK, Some(suite)) = (status, self.suite) {
            out.extend_from_slice(&managed.to_le_bytes());
            out.extend_from_slice(&algorithms(suite));
        }
        out
    }
}

/// A BMC's answer in a handshake: its status, and what follows if that is good.
pub(super) struct Answer<'a> {
    pub tag: u8,
    pub status: Status,
    pub console: u32,
    pub rest: &'a [u8],
}

impl<'a> Answer<'a> {
    /// Open Session response and RAKP messages 2 and 4 begin alike.
    pub(super) fn parse(payload: &'a [u8]) -> Result<Self, Malformed> {
        let short = Malformed::new(payload.len(), "an answer to a handshake that ends early");
        let (head, rest) = payload.split_first_chunk::<2>().ok_or(short)?;
        let status = Status(head[1]);
        let console = rest
            .get(2..6)
            .map_or(0, |at| u32::from_le_bytes([at[0], at[1], at[2], at[3]]));
        Ok(Self {
            tag: head[0],
            status,
            console,
            rest: rest.get(6..).unwrap_or_default(),
        })
    }

    /// The BMC's session and the suite of an Open Session response.
    pub(super) fn opened(&self) -> Option<(u32, Suite)> {
        let (managed, rest) = self.rest.split_first_chunk::<4>()?;
        Some((u32::from_le_bytes(*managed), parse_algorithms(rest)?))
    }

    /// Random number, GUID and code of RAKP message 2.
    pub(super) fn answered(&self) -> Option<([u8; 16], [u8; 16], &'a [u8])> {
        let (random, rest) = self.rest.split_first_chunk::<16>()?;
        let (guid, code) = rest.split_first_chunk::<16>()?;
        Some((*random, *guid, code))
    }
}

/// RAKP message 1.
pub(super) fn rakp1(tag: u8, exchange: &Exchange) -> Vec<u8> {
    let mut out = vec![tag, 0, 0, 0];
    out.extend_from_slice(&exchange.managed.to_le_bytes());
    out.extend_from_slice(&exchange.asked);
    out.extend_from_slice(&[exchange.role, 0, 0, exchange.user.len() as u8]);
    out.extend_from_slice(&exchange.user);
    out
}

/// RAKP message 3. Any other status than 0 gives the handshake up.
pub(super) fn rakp3(tag: u8, status: Status, managed: u32, code: &[u8]) -> Vec<u8> {
    let mut out = vec![tag, status.0, 0, 0];
    out.extend_from_slice(&managed.to_le_bytes());
    out.extend_from_slice(code);
    out
}

/// RAKP message 1 as a BMC reads it.
pub(super) struct Rakp1<'a> {
    pub tag: u8,
    pub managed: u32,
    pub random: [u8; 16],
    pub role: u8,
    pub user: &'a [u8],
}

impl<'a> Rakp1<'a> {
    pub(super) fn parse(payload: &'a [u8]) -> Option<Self> {
        let (head, rest) = payload.split_first_chunk::<8>()?;
        let (random, rest) = rest.split_first_chunk::<16>()?;
        let (tail, rest) = rest.split_first_chunk::<4>()?;
        let length = usize::from(tail[3]);
        Some(Self {
            tag: head[0],
            managed: u32::from_le_bytes([head[4], head[5], head[6], head[7]]),
            random: *random,
            role: tail[0],
            user: rest.get(..length).filter(|_| length <= NAME)?,
        })
    }

    /// RAKP message 2.
    pub(super) fn answer(&self, status: Status, exchange: Option<&Exchange>) -> Vec<u8> {
        let console = exchange.map_or(0, |exchange| exchange.console);
        let mut out = vec![self.tag, status.0, 0, 0];
        out.extend_from_slice(&console.to_le_bytes());
        if let (Status::OK, Some(exchange)) = (status, exchange) {
            out.extend_from_slice(&exchange.answered);
            out.extend_from_slice(&exchange.guid);
            out.extend_from_slice(exchange.rakp2().as_slice());
        }
        out
    }
}

/// RAKP message 3 as a BMC reads it: tag, status, session, code.
pub(super) fn parse_rakp3(payload: &[u8]) -> Option<(u8, Status, u32, &[u8])> {
    let (head, code) = payload.split_first_chunk::<8>()?;
    let managed = u32::from_le_bytes([head[4], head[5], head[6], head[7]]);
    Some((head[0], Status(head[1]), managed, code))
}

/// RAKP message 4.
pub(super) fn rakp4(tag: u8, status: Status, console: u32, code: &[u8]) -> Vec<u8> {
    let mut out = vec![tag, status.0, 0, 0];
    out.extend_from_slice(&console.to_le_bytes());
    out.extend_from_slice(code);
    out
}
