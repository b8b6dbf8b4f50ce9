//! The IPMI message on a LAN (section 13.8): two headers with a checksum each.

use super::code::Completion;
use crate::Malformed;

/// Address of a BMC, and of software at the other end.
const BMC: u8 = 0x20;
const SOFTWARE: u8 = 0x81;

/// Network functions of requests (table 5-1).
pub mod net {
    /// Chassis.
    pub const CHASSIS: u8 = 0x00;
    /// Sensors and events.
    pub const SENSOR: u8 = 0x04;
    /// The BMC itself, sessions and payloads.
    pub const APP: u8 = 0x06;
    /// SDR repository, SEL and FRU.
    pub const STORAGE: u8 = 0x0a;
    /// LAN and serial configuration.
    pub const TRANSPORT: u8 = 0x0c;
}

/// A command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// Network function, even.
    pub net: u8,
    /// Command.
    pub command: u8,
    /// What follows.
    pub data: Vec<u8>,
}

impl Request {
    /// A command with its data.
    pub fn new(net: u8, command: u8, data: impl Into<Vec<u8>>) -> Self {
        Self {
            net,
            command,
            data: data.into(),
        }
    }

    /// The message. `sequence` is 0..64.
    pub(super) fn pack(&self, sequence: u8) -> Vec<u8> {
        pack(
            [BMC, self.net << 2],
            [SOFTWARE, sequence << 2, self.command],
            &self.data,
        )
    }

    /// A command as a BMC reads it, with its sequence number.
    pub(super) fn parse(message: &[u8]) -> Result<(Self, u8), Malformed> {
        let (head, tail, data) = parse(message)?;
        if head[1] & 4 != 0 {
            return Err(Malformed::new(1, "a response where a request was expected"));
        }
        let request = Self::new(head[1] >> 2, tail[2], data);
        Ok((request, tail[1] >> 2))
    }

    /// The answer to this command.
    pub(super) fn answer(&self, sequence: u8, completion: Completion, data: &[u8]) -> Vec<u8> {
        let mut body = Vec::with_capacity(1 + data.len());
        body.push(completion.0);
        body.extend_from_slice(data);
        let head = [SOFTWARE, (self.net | 1) << 2];
        pack(head, [BMC, sequence << 2, self.command], &body)
    }
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Answer {
    pub net: u8,
    pub command: u8,
    pub sequence: u8,
    pub completion: Completion,
    pub data: Vec<u8>,
}

impl Answer {
    /// Reads it. Its checksums are not looked at: some BMCs count them wrongly, UDP has one of its own, and inside a session
    /// the code at a packet's end says more than they do.
    pub(super) fn parse(message: &[u8]) -> Result<Self, Malformed> {
        let (head, tail, data) = split(message)?;
        let (completion, data) = data
            .split_first()
            .ok_or(Malformed::new(6, "an answer without a completion code"))?;
        if head[1] & 4 == 0 {
            return Err(Malformed::new(1, "a request where an answer was expected"));
        }
        Ok(Self {
            net: (head[1] >> 2) & !1,
            command: tail[2],
            sequence: tail[1] >> 2,
            completion: Completion(*completion),
            data: data.to_vec(),
        })
    }
}

fn pack(head: [u8; 2], tail: [u8; 3], data: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(7 + data.len());
    out.extend_from_slice(&head);
    out.push(checksum(&head));
    out.extend_from_slice(&tail);
    out.extend_from_slice(data);
    out.push(checksum(&out[3..]));
    out
}

/// The two headers of a message and its data.
type Parts<'a> = ([u8; 2], [u8; 3], &'a [u8]);

fn split(message: &[u8]) -> Result<Parts<'_>, Malformed> {
    let short = Malformed::new(message.len(), "a message that ends early");
    let (&head, rest) = message.split_first_chunk::<2>().ok_or(short)?;
    let (_, body) = rest
        .split_first()
        .and_then(|(_, rest)| rest.split_last())
        .ok_or(short)?;
    let (&tail, data) = body.split_first_chunk::<3>().ok_or(short)?;
    Ok((head, tail, data))
}

/// As [`split`], if both checksums are right.
fn parse(message: &[u8]) -> Result<Parts<'_>, Malformed> {
    let parts = split(message)?;
    if message[2] != checksum(&message[..2]) {
        return Err(Malformed::new(2, "a wrong checksum of a header"));
    }
    let last = message.len() - 1;
    if message[last] != checksum(&message[3..last]) {
        return Err(Malformed::new(last, "a wrong checksum of a message"));
    }
    Ok(parts)
}

/// The two's complement of the sum.
fn checksum(bytes: &[u8]) -> u8 {
    bytes.iter().fold(0u8, |sum, byte| sum.wrapping_sub(*byte))
}
