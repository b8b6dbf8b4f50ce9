//! From values to octets: what goes where when room is scarce.
//!
//! Invariant: an option is left out only if it does not fit beside all that are more important.
use super::{FILE, HEADER, MAGIC, Message, Packet, SNAME, code};

/// Octets that a BOOTP message has at least (RFC 951); some relay agents and clients drop shorter ones.
const MINIMUM: usize = 300;
/// Octets of an IPv4 header without options and a UDP header.
const IP_UDP: usize = 28;

/// Octets that a reply may have: what the client takes (option 57), and what its network carries (`mtu`, the largest IPv4
/// datagram). Every DHCP client takes 548 (RFC 2131 section 2), every BOOTP client 300.
pub fn budget(request: &Packet<'_>, mtu: u16) -> usize {
    let Some(_) = request.message_type() else {
        return MINIMUM;
    };
    let taken = request.max_size().and_then(Result::ok).unwrap_or(576);
    usize::from(taken.min(mtu).max(576)) - IP_UDP
}

/// The options that did not fit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Dropped([u64; 4]);

impl Dropped {
    /// Whether everything was sent.
    pub fn is_empty(self) -> bool {
        self.0 == [0; 4]
    }

    /// The codes, ascending.
    pub fn codes(self) -> impl Iterator<Item = u8> {
        (0..=255u8).filter(move |&code| self.0[usize::from(code / 64)] >> (code % 64) & 1 == 1)
    }

    fn insert(&mut self, code: u8) {
        self.0[usize::from(code / 64)] |= 1 << (code % 64);
    }
}

/// The longest boot file that the header's field holds with its NUL.
const LONGEST_FILE: usize = FILE.end - FILE.start - 1;

/// What a relay agent's option never takes the room of: the header, the message type, and option 52, which is not known to be
/// needed until the rest is packed.
const BEFORE_RELAY: usize = HEADER + MAGIC.len() + 3 + 3;

/// How important an option is, 0 the most: first what the protocol cannot do without, then what brings a machine up, then comfort.
pub(super) fn rank(code: u8, length: usize) -> usize {
    use code::*;
    const ORDER: [u8; 22] = [
        MESSAGE_TYPE,
        SERVER_ID,
        CLIENT_ID,
        LEASE_TIME,
        SUBNET_MASK,
        ROUTERS,
        DNS_SERVERS,
        VENDOR_CLASS,
        CLIENT_UUID,
        VENDOR_ENCAPSULATED,
        STATIC_ROUTES,
        TFTP_SERVER,
        BOOT_FILE,
        HOST_NAME,
        DOMAIN_NAME,
        INTERFACE_MTU,
        BROADCAST_ADDRESS,
        MESSAGE,
        DOMAIN_SEARCH,
        NTP_SERVERS,
        RENEWAL_TIME,
        REBINDING_TIME,
    ];
    match code {
        // Too long for the header's field, the option is the only place where a client can read what to boot.
        BOOT_FILE if length > LONGEST_FILE => 4,
        code => ORDER.iter().position(|&known| known == code).unwrap_or(ORDER.len()),
    }
}

/// Octets of an option with its codes and lengths, split if need be.
fn cost(value: &[u8]) -> usize {
    value.len() + 2 * value.len().div_ceil(255).max(1)
}

/// Calls `put` for the octets of an option, in pieces of at most 255 (RFC 3396).
fn pieces(code: u8, value: &[u8], mut put: impl FnMut(&[u8])) {
    let mut rest = value;
    loop {
        let (piece, tail) = rest.split_at(rest.len().min(255));
        put(&[code, piece.len() as u8]);
        put(piece);
        rest = tail;
        if rest.is_empty() {
            return;
        }
    }
}

/// A header field that carries options.
struct Area {
    at: usize,
    /// One octet is kept for the End.
    end: usize,
    bit: u8,
}

impl Area {
    fn take(&mut self, out: &mut [u8], code: u8, value: &[u8]) -> bool {
        if self.at + cost(value) >= self.end {
            return false;
        }
        pieces(code, value, |octets| {
            out[self.at..self.at + octets.len()].copy_from_slice(octets);
            self.at += octets.len();
        });
        out[self.at] = code::END;
        true
    }
}

impl Message {
    /// Writes the message into `out`, whose old content goes and whose memory is used again.
    ///
    /// `budget` is the most octets that the message may have, at least 300: see [`budget`]. Options go by importance. When
    /// they exceed the budget, the less important ones go to the header fields `sname` and, unless it names the boot file, `file`
    /// (option 52); those that still do not fit are returned. The relay agent's option 82 has its room kept and comes
    /// last (RFC 3046 section 2.2). Shorter messages are padded to 300 octets.
    pub fn encode(&self, budget: usize, out: &mut Vec<u8>) -> Dropped {
        let mut dropped = Dropped::default();
        self.encode_header(out);
        let file = self
            .get(code::BOOT_FILE)
            .filter(|name| self.header.op == 2 && name.len() <= LONGEST_FILE);
        if let Some(name) = file {
            out[FILE.start..FILE.start + name.len()].copy_from_slice(name);
        }

        let mut limit = budget.max(MINIMUM) - 1;
        let relay = self.get(code::RELAY_AGENT).filter(|value| {
            let fits = BEFORE_RELAY + cost(value) <= limit;
            if !fits {
                dropped.insert(code::RELAY_AGENT);
            }
            fits
        });
        limit -= relay.map_or(0, cost);

        let options = || self.options().filter(|option| option.0 != code::RELAY_AGENT);
        let wanted: usize = options().map(|option| cost(option.1)).sum();
        // To a BOOTP client option 52 means nothing.
        let overload = out.len() + wanted > limit && self.get(code::MESSAGE_TYPE).is_some();
        let mut areas = [
            Area {
                at: SNAME.start,
                end: if overload { SNAME.end } else { SNAME.start },
                bit: 2,
            },
            Area {
                at: FILE.start,
                end: if overload && file.is_none() {
                    FILE.end
                } else {
                    FILE.start
                },
                bit: 1,
            },
        ];
        let (mut overload_at, mut used) = (None, 0);
        for (code, value) in options() {
            // The message type is the first of all, so option 52 becomes the second.
            if overload && overload_at.is_none() && code != code::MESSAGE_TYPE {
                overload_at = Some(out.len());
                out.extend_from_slice(&[code::OVERLOAD, 1, 0]);
            }
            if out.len() + cost(value) <= limit {
                pieces(code, value, |octets| out.extend_from_slice(octets));
            } else if let Some(area) = areas
                .iter_mut()
                .find_map(|area| area.take(out, code, value).then_some(area.bit))
            {
                used |= area;
            } else {
                dropped.insert(code);
            }
        }
        match overload_at {
            Some(at) if used == 0 => drop(out.drain(at..at + 3)),
            Some(at) => out[at + 2] = used,
            None => {}
        }
        if let Some(value) = relay {
            pieces(code::RELAY_AGENT, value, |octets| out.extend_from_slice(octets));
        }
        out.push(code::END);
        out.resize(out.len().max(MINIMUM), 0);
        dropped
    }

    fn encode_header(&self, out: &mut Vec<u8>) {
        let header = &self.header;
        out.clear();
        out.extend_from_slice(&[header.op, header.htype, header.hlen.min(16), header.hops]);
        out.extend_from_slice(&header.xid.to_be_bytes());
        out.extend_from_slice(&header.secs.to_be_bytes());
        out.extend_from_slice(&header.flags.to_be_bytes());
        for address in [header.ciaddr, header.yiaddr, header.siaddr, header.giaddr] {
            out.extend_from_slice(&address.octets());
        }
        out.extend_from_slice(&header.chaddr);
        out.resize(HEADER, 0);
        out.extend_from_slice(&MAGIC);
    }
}
