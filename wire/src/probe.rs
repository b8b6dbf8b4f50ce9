//! Is an address in use? ARP (RFC 826, RFC 5227) on the own link, ICMP echo (RFC 792) beyond it.
use std::net::Ipv4Addr;

use crate::{Mac, Malformed};

const ETHERTYPE_ARP: [u8; 2] = [0x08, 0x06];
/// Ethernet, IPv4, their address lengths.
const ARP_KINDS: [u8; 6] = [0, 1, 0x08, 0x00, 6, 4];

/// An ARP packet for IPv4 on Ethernet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Arp {
    /// Who speaks: a question, or an answer.
    pub op: ArpOp,
    /// The speaker's hardware address.
    pub sender_mac: Mac,
    /// The speaker's address; 0.0.0.0 in a probe.
    pub sender_ip: Ipv4Addr,
    /// The hardware address of the one spoken to; zeros where it is asked for.
    pub target_mac: Mac,
    /// The address asked about, or that of the one spoken to.
    pub target_ip: Ipv4Addr,
}

/// What an ARP packet is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ArpOp {
    /// Who has the target's address?
    Request,
    /// The sender has the sender's address.
    Reply,
}

impl Arp {
    /// The probe of RFC 5227 section 2.1.1: asks for an address without claiming one, so that no cache learns from it.
    pub const fn probe(mac: Mac, address: Ipv4Addr) -> Arp {
        Arp {
            op: ArpOp::Request,
            sender_mac: mac,
            sender_ip: Ipv4Addr::UNSPECIFIED,
            target_mac: Mac::ZERO,
            target_ip: address,
        }
    }

    /// The frame, header included, without padding (the driver pads). Requests are broadcast, replies go to the target.
    pub fn frame(&self) -> [u8; 42] {
        let (to, op) = match self.op {
            ArpOp::Request => (Mac::BROADCAST, 1),
            ArpOp::Reply => (self.target_mac, 2),
        };
        let mut frame = [0; 42];
        frame[..6].copy_from_slice(&to.octets());
        frame[6..12].copy_from_slice(&self.sender_mac.octets());
        frame[12..14].copy_from_slice(&ETHERTYPE_ARP);
        frame[14..20].copy_from_slice(&ARP_KINDS);
        frame[21] = op;
        frame[22..28].copy_from_slice(&self.sender_mac.octets());
        frame[28..32].copy_from_slice(&self.sender_ip.octets());
        frame[32..38].copy_from_slice(&self.target_mac.octets());
        frame[38..42].copy_from_slice(&self.target_ip.octets());
        frame
    }

    /// Reads a frame, header included and without VLAN tag.
    ///
    /// # Errors
    /// Anything but an ARP request or reply for IPv4 on Ethernet.
    pub fn parse(frame: &[u8]) -> Result<Arp, Malformed> {
        let Some((frame, _padding)) = frame.split_first_chunk::<42>() else {
            return Err(Malformed::new(frame.len(), "the frame is shorter than an ARP packet"));
        };
        if frame[12..14] != ETHERTYPE_ARP {
            return Err(Malformed::new(12, "the frame is not ARP"));
        }
        if frame[14..20] != ARP_KINDS {
            return Err(Malformed::new(14, "the ARP packet is not about IPv4 on Ethernet"));
        }
        let op = match [frame[20], frame[21]] {
            [0, 1] => ArpOp::Request,
            [0, 2] => ArpOp::Reply,
            _ => return Err(Malformed::new(20, "the ARP packet is neither request nor reply")),
        };
        let mac = |at: usize| {
            Mac([
                frame[at],
                frame[at + 1],
                frame[at + 2],
                frame[at + 3],
                frame[at + 4],
                frame[at + 5],
            ])
        };
        let ip = |at: usize| Ipv4Addr::new(frame[at], frame[at + 1], frame[at + 2], frame[at + 3]);
        Ok(Arp {
            op,
            sender_mac: mac(22),
            sender_ip: ip(28),
            target_mac: mac(32),
            target_ip: ip(38),
        })
    }

    /// Whether this packet shows that somebody else than `own` has the address, or is about to take it (RFC 5227 section 2.1.1).
    pub fn claims(&self, address: Ipv4Addr, own: Mac) -> bool {
        let has_it = self.sender_ip == address;
        let probes_it = self.op == ArpOp::Request && self.sender_ip.is_unspecified() && self.target_ip == address;
        self.sender_mac != own && (has_it || probes_it)
    }
}

/// An ICMP echo request or reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Echo<'a> {
    /// Whether this is the answer.
    pub is_reply: bool,
    /// Tells the questions of one asker from those of others.
    pub id: u16,
    /// Tells one question from the next.
    pub sequence: u16,
    /// Comes back as it was sent.
    pub data: &'a [u8],
}

impl<'a> Echo<'a> {
    /// Writes the ICMP message into `out`, whose old content goes.
    pub fn encode(&self, out: &mut Vec<u8>) {
        out.clear();
        out.extend_from_slice(&[if self.is_reply { 0 } else { 8 }, 0, 0, 0]);
        out.extend_from_slice(&self.id.to_be_bytes());
        out.extend_from_slice(&self.sequence.to_be_bytes());
        out.extend_from_slice(self.data);
        let sum = checksum(&[out]);
        out[2..4].copy_from_slice(&sum.to_be_bytes());
    }

    /// Reads an ICMP message, without IP header: see [`ipv4_payload`].
    ///
    /// # Errors
    /// Too short, another type, or a wrong checksum.
    pub fn parse(message: &'a [u8]) -> Result<Echo<'a>, Malformed> {
        let Some((&[kind, code, _, _, i0, i1, s0, s1], data)) = message.split_first_chunk::<8>() else {
            return Err(Malformed::new(
                message.len(),
                "the ICMP message is shorter than its header",
            ));
        };
        let is_reply = match (kind, code) {
            (0, 0) => true,
            (8, 0) => false,
            _ => return Err(Malformed::new(0, "the ICMP message is no echo")),
        };
        if checksum(&[message]) != 0 {
            return Err(Malformed::new(2, "the ICMP checksum is wrong"));
        }
        Ok(Echo {
            is_reply,
            id: u16::from_be_bytes([i0, i1]),
            sequence: u16::from_be_bytes([s0, s1]),
            data,
        })
    }
}

/// What an IPv4 datagram carries for this protocol number (ICMP: 1), as a raw socket hands it over, and who sent it.
///
/// # Errors
/// Another IP version or protocol, a fragment, or lengths that contradict each other. The header's checksum is the kernel's affair.
pub fn ipv4_payload(datagram: &[u8], protocol: u8) -> Result<(Ipv4Addr, &[u8]), Malformed> {
    let Some(header) = datagram.first_chunk::<20>() else {
        return Err(Malformed::new(
            datagram.len(),
            "the datagram is shorter than an IPv4 header",
        ));
    };
    let start = usize::from(header[0] & 15) * 4;
    if header[0] >> 4 != 4 || start < 20 {
        return Err(Malformed::new(0, "the datagram has no IPv4 header"));
    }
    if header[9] != protocol {
        return Err(Malformed::new(9, "the datagram carries another protocol"));
    }
    if u16::from_be_bytes([header[6], header[7]]) & 0x3fff != 0 {
        return Err(Malformed::new(6, "the datagram is a fragment"));
    }
    let end = usize::from(u16::from_be_bytes([header[2], header[3]]));
    let payload = datagram
        .get(start..end)
        .ok_or(Malformed::new(2, "the datagram is shorter than it says"))?;
    Ok((Ipv4Addr::new(header[12], header[13], header[14], header[15]), payload))
}

/// The internet checksum (RFC 1071) over parts, each but the last of even length.
pub(crate) fn checksum(parts: &[&[u8]]) -> u16 {
    let words = parts.iter().flat_map(|part| part.chunks(2));
    let sum: u64 = words
        .map(|word| u64::from(word[0]) << 8 | u64::from(word.get(1).copied().unwrap_or(0)))
        .sum();
    let mut folded = sum;
    while folded > 0xffff {
        folded = (folded & 0xffff) + (folded >> 16);
    }
    !(folded as u16)
}

#[cfg(test)]
mod tests;
