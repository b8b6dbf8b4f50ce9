//! Tables, captures, properties and a second opinion.
#![allow(clippy::unwrap_used)]

mod captures;
mod fields;
mod hostile;
mod oracle;
mod properties;
mod replies;
mod room;

use super::*;
use crate::Mac;
use std::net::Ipv4Addr;

pub(super) const MAC: Mac = Mac([0x52, 0x54, 0x00, 0xaa, 0xbb, 0xcc]);
pub(super) const SERVER: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 1);
pub(super) const ADDRESS: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 77);

/// A BOOTREQUEST of [`MAC`] with these octets after the magic.
pub(super) fn request(options: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0; HEADER];
    bytes[..3].copy_from_slice(&[1, 1, 6]);
    bytes[4..8].copy_from_slice(&0xdead_beef_u32.to_be_bytes());
    bytes[28..34].copy_from_slice(&MAC.octets());
    bytes.extend_from_slice(&MAGIC);
    bytes.extend_from_slice(options);
    bytes
}

/// One option.
pub(super) fn tlv(code: u8, value: &[u8]) -> Vec<u8> {
    [&[code, value.len() as u8], value].concat()
}

pub(super) fn encoded(message: &Message, budget: usize) -> (Vec<u8>, Vec<u8>) {
    let mut out = Vec::new();
    let dropped = message.encode(budget, &mut out);
    (out, dropped.codes().collect())
}

pub(super) fn problems(packet: &Packet<'_>) -> Vec<&'static str> {
    packet.anomalies().map(|problem| problem.what).collect()
}
