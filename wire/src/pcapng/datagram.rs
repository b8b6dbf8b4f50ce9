//! IP packets around payloads, and payloads out of IP packets.
//!
//! A service knows what it was sent and by whom, not the headers that the kernel took off: these are made again, so the
//! fields that nobody is told (identification, hops, TCP's numbers) are invented, everything else is as it was.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use crate::checksum::{folded, sum};

const IPV4: usize = 20;
const IPV6: usize = 40;
const UDP: usize = 8;
const TCP: usize = 20;
const PROTOCOL_TCP: u8 = 6;
const PROTOCOL_UDP: u8 = 17;
/// Most octets that a packet carries, without its headers.
pub const LARGEST: usize = 65_535 - IPV6 - TCP;

/// TCP flags (RFC 9293 section 3.1).
pub mod flags {
    /// No more comes from the sender.
    pub const FIN: u8 = 1;
    /// The sender begins.
    pub const SYN: u8 = 2;
    /// What came goes on to the program.
    pub const PSH: u8 = 8;
    /// The acknowledgement counts.
    pub const ACK: u8 = 16;
}

/// A segment of a conversation over TCP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Segment {
    /// Number of the first octet.
    pub sequence: u32,
    /// Number of the octet that is expected next from the other side.
    pub acknowledged: u32,
    /// See [`flags`].
    pub flags: u8,
}

/// What carried a payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Carried<'a> {
    /// Who sent it.
    pub from: SocketAddr,
    /// To whom.
    pub to: SocketAddr,
    /// Whether it was TCP, else UDP.
    pub is_tcp: bool,
    /// The payload.
    pub payload: &'a [u8],
}

/// A UDP packet; the payload is cut at [`LARGEST`]. If the payload had more octets than are there, `whole` tells how many:
/// then the lengths in the headers are those of the whole, and the checksum is left out.
pub fn udp(from: SocketAddr, to: SocketAddr, payload: &[u8], whole: usize) -> Vec<u8> {
    let payload = &payload[..payload.len().min(LARGEST)];
    let whole = whole.clamp(payload.len(), LARGEST);
    let mut packet = Vec::with_capacity(IPV6 + UDP + payload.len());
    let pseudo = ip(&mut packet, from.ip(), to.ip(), PROTOCOL_UDP, UDP + whole);
    let start = packet.len();
    packet.extend_from_slice(&from.port().to_be_bytes());
    packet.extend_from_slice(&to.port().to_be_bytes());
    packet.extend_from_slice(&((UDP + whole) as u16).to_be_bytes());
    packet.extend_from_slice(&[0, 0]);
    packet.extend_from_slice(payload);
    if whole == payload.len() {
        let sum = match !folded(pseudo + sum(&packet[start..])) {
            // 0 would say that there is no checksum.
            0 => 0xffff,
            sum => sum,
        };
        packet[start + 6..start + 8].copy_from_slice(&sum.to_be_bytes());
    }
    packet
}

/// A TCP packet; the payload is cut at [`LARGEST`].
pub fn tcp(from: SocketAddr, to: SocketAddr, segment: Segment, payload: &[u8]) -> Vec<u8> {
    let payload = &payload[..payload.len().min(LARGEST)];
    let mut packet = Vec::with_capacity(IPV6 + TCP + payload.len());
    let pseudo = ip(&mut packet, from.ip(), to.ip(), PROTOCOL_TCP, TCP + payload.len());
    let start = packet.len();
    packet.extend_from_slice(&from.port().to_be_bytes());
    packet.extend_from_slice(&to.port().to_be_bytes());
    packet.extend_from_slice(&segment.sequence.to_be_bytes());
    packet.extend_from_slice(&segment.acknowledged.to_be_bytes());
    // The header's length in words of 32 bits, the flags, a full window; no checksum yet, nothing urgent.
    packet.extend_from_slice(&[(TCP as u8 / 4) << 4, segment.flags, 0xff, 0xff, 0, 0, 0, 0]);
    packet.extend_from_slice(payload);
    let sum = !folded(pseudo + sum(&packet[start..]));
    packet[start + 16..start + 18].copy_from_slice(&sum.to_be_bytes());
    packet
}

/// Writes an IP header and returns the sum of the pseudo header for the checksum of what follows. Where only one of the two
/// addresses is of version 4, both are written as version 6.
fn ip(packet: &mut Vec<u8>, from: IpAddr, to: IpAddr, protocol: u8, length: usize) -> u64 {
    let start = packet.len();
    if let (IpAddr::V4(from), IpAddr::V4(to)) = (from, to) {
        packet.extend_from_slice(&[0x45, 0]);
        packet.extend_from_slice(&((IPV4 + length) as u16).to_be_bytes());
        packet.extend_from_slice(&[0, 0, 0x40, 0, 64, protocol, 0, 0]);
        packet.extend_from_slice(&from.octets());
        packet.extend_from_slice(&to.octets());
        let own = !folded(sum(&packet[start..]));
        packet[start + 10..start + 12].copy_from_slice(&own.to_be_bytes());
        return sum(&packet[start + 12..]) + u64::from(protocol) + length as u64;
    }
    let six = |address| match address {
        IpAddr::V4(address) => address.to_ipv6_mapped(),
        IpAddr::V6(address) => address,
    };
    packet.extend_from_slice(&[0x60, 0, 0, 0]);
    packet.extend_from_slice(&(length as u16).to_be_bytes());
    packet.extend_from_slice(&[protocol, 64]);
    packet.extend_from_slice(&six(from).octets());
    packet.extend_from_slice(&six(to).octets());
    sum(&packet[start + 8..]) + u64::from(protocol) + length as u64
}

/// The payload of an IP packet that carries UDP or TCP; `None` for any other, for fragments, and for IPv6 with extension
/// headers. A packet of which not all was kept has as much payload as was.
pub fn read(packet: &[u8]) -> Option<Carried<'_>> {
    let (from, to, protocol, rest): (IpAddr, IpAddr, u8, &[u8]) = match packet.first()? >> 4 {
        4 => {
            let header = usize::from(packet[0] & 0xf) * 4;
            let fixed = packet.first_chunk::<IPV4>()?;
            let fragment = u16::from_be_bytes([fixed[6], fixed[7]]) & 0x3fff;
            let length = usize::from(u16::from_be_bytes([fixed[2], fixed[3]])).min(packet.len());
            let address = |at: usize| [fixed[at], fixed[at + 1], fixed[at + 2], fixed[at + 3]];
            let rest = packet.get(header.max(IPV4)..length).filter(|_| fragment == 0)?;
            (address(12).into(), address(16).into(), fixed[9], rest)
        }
        6 => {
            let fixed = packet.first_chunk::<IPV6>()?;
            let length = usize::from(u16::from_be_bytes([fixed[4], fixed[5]])) + IPV6;
            let address = |at: usize| <[u8; 16]>::try_from(&fixed[at..at + 16]).ok().map(Ipv6Addr::from);
            let rest = packet.get(IPV6..length.min(packet.len()))?;
            (address(8)?.into(), address(24)?.into(), fixed[6], rest)
        }
        _ => return None,
    };
    let ports = rest.first_chunk::<4>()?;
    let port = |at: usize| u16::from_be_bytes([ports[at], ports[at + 1]]);
    let header = match protocol {
        PROTOCOL_UDP => UDP,
        PROTOCOL_TCP => usize::from(*rest.get(12)? >> 4).max(5) * 4,
        _ => return None,
    };
    Some(Carried {
        from: SocketAddr::new(from, port(0)),
        to: SocketAddr::new(to, port(2)),
        is_tcp: protocol == PROTOCOL_TCP,
        payload: rest.get(header..)?,
    })
}
