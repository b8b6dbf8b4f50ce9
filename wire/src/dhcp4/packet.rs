//! Reading a message: the fixed header, and the way to its options.
use std::borrow::Cow;
use std::net::Ipv4Addr;

use super::options::{Anomalies, Options, Walk, overload};
use super::{FILE, HEADER, MAGIC, SNAME};
use crate::{Mac, Malformed};

/// A DHCP or BOOTP message as it lies in its datagram. Reading a field costs its lookup and nothing else.
#[derive(Debug, Clone, Copy)]
pub struct Packet<'a> {
    bytes: &'a [u8],
    overload: u8,
    has_options: bool,
}

impl<'a> Packet<'a> {
    /// Reads the payload of a UDP datagram.
    ///
    /// # Errors
    /// Fewer than 236 octets, or a vendor area that is neither DHCP's nor empty. A BOOTP request without options
    /// (RFC 951: no magic, or zeros in its place) is read, with [`Packet::has_options`] false. Nothing else is an error:
    /// see [`Packet::anomalies`].
    pub fn parse(bytes: &'a [u8]) -> Result<Packet<'a>, Malformed> {
        if bytes.len() < HEADER {
            return Err(Malformed::new(
                bytes.len(),
                "the message is shorter than its fixed header",
            ));
        }
        let magic = &bytes[HEADER..bytes.len().min(HEADER + 4)];
        if magic == MAGIC {
            Ok(Packet {
                bytes,
                overload: overload(bytes).0,
                has_options: true,
            })
        } else if magic.iter().all(|&octet| octet == 0) {
            Ok(Packet {
                bytes,
                overload: 0,
                has_options: false,
            })
        } else {
            Err(Malformed::new(HEADER, "the magic cookie is not 99.130.83.99"))
        }
    }

    /// The datagram itself.
    pub const fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    fn array<const N: usize>(&self, at: usize) -> [u8; N] {
        self.bytes[at..at + N]
            .try_into()
            .expect("the header was checked to be there")
    }

    /// 1 for a request of a client, 2 for a reply of a server; nothing else is a message to act on.
    pub const fn op(&self) -> u8 {
        self.bytes[0]
    }

    /// Hardware type: 1 Ethernet, 32 InfiniBand (RFC 4390).
    pub const fn htype(&self) -> u8 {
        self.bytes[1]
    }

    /// Octets of [`Packet::chaddr`] as the sender says, which may be more than there are.
    pub const fn hlen(&self) -> u8 {
        self.bytes[2]
    }

    /// How many relay agents the message passed.
    pub const fn hops(&self) -> u8 {
        self.bytes[3]
    }

    /// The transaction that a reply belongs to.
    pub fn xid(&self) -> u32 {
        u32::from_be_bytes(self.array(4))
    }

    /// Seconds since the client began, by the client's account. Some firmware sends it in the wrong byte order.
    pub fn secs(&self) -> u16 {
        u16::from_be_bytes(self.array(8))
    }

    /// The flag field; only its first bit means something.
    pub fn flags(&self) -> u16 {
        u16::from_be_bytes(self.array(10))
    }

    /// Whether the client cannot receive unicast before it has its address (RFC 2131 section 4.1).
    pub fn broadcast(&self) -> bool {
        self.flags() & 0x8000 != 0
    }

    /// The address that the client already uses, or 0.0.0.0.
    pub fn ciaddr(&self) -> Ipv4Addr {
        self.array(12).into()
    }

    /// The address that the client is given, in a reply.
    pub fn yiaddr(&self) -> Ipv4Addr {
        self.array(16).into()
    }

    /// The server to boot from, in a reply.
    pub fn siaddr(&self) -> Ipv4Addr {
        self.array(20).into()
    }

    /// The relay agent in between, which also tells the client's network, or 0.0.0.0.
    pub fn giaddr(&self) -> Ipv4Addr {
        self.array(24).into()
    }

    /// The hardware address: the first [`Packet::hlen`] octets of the field, which has 16.
    pub fn chaddr(&self) -> &'a [u8] {
        &self.bytes[28..28 + usize::from(self.hlen()).min(16)]
    }

    /// The hardware address as an Ethernet address, if it is one (hardware type 1, or 6 as some boot ROMs say).
    pub fn mac(&self) -> Option<Mac> {
        match self.htype() {
            1 | 6 => self.chaddr().try_into().ok(),
            _ => None,
        }
    }

    /// The server's name, up to its NUL if it has one. Empty if the field carries options.
    pub fn sname(&self) -> &'a [u8] {
        if self.overload & 2 != 0 {
            &[]
        } else {
            until_nul(&self.bytes[SNAME])
        }
    }

    /// The boot file's name, up to its NUL if it has one. Empty if the field carries options.
    pub fn file(&self) -> &'a [u8] {
        if self.overload & 1 != 0 {
            &[]
        } else {
            until_nul(&self.bytes[FILE])
        }
    }

    /// Whether the message has the magic cookie. Without it this is plain BOOTP.
    pub const fn has_options(&self) -> bool {
        self.has_options
    }

    pub(super) fn walk(&self) -> Walk<'a> {
        if self.has_options {
            Walk::new(self.bytes, self.overload)
        } else {
            Walk::nowhere()
        }
    }

    /// All options, as they lie in the datagram: a split one appears in its pieces.
    pub fn options(&self) -> Options<'a> {
        Options(self.walk())
    }

    /// The whole value of an option; the pieces of a split one joined (RFC 3396).
    pub fn option(&self, code: u8) -> Option<Cow<'a, [u8]>> {
        self.located(code).map(|(_, value)| value)
    }

    /// Whether the option is there, whatever its value.
    pub fn has(&self, code: u8) -> bool {
        self.options().any(|(found, _)| found == code)
    }

    pub(super) fn located(&self, code: u8) -> Option<(usize, Cow<'a, [u8]>)> {
        let mut pieces = self.walk().flatten().filter(|found| found.code == code);
        let first = pieces.next()?;
        let mut value = Cow::Borrowed(first.value);
        for piece in pieces {
            value.to_mut().extend_from_slice(piece.value);
        }
        Some((first.at, value))
    }

    /// What is wrong with the message and was passed over. To count and to log; no reason to leave a client without answer.
    pub fn anomalies(&self) -> Anomalies<'a> {
        let op = !matches!(self.op(), 1 | 2);
        let header = [
            op.then(|| Malformed::new(0, "op is neither request (1) nor reply (2)")),
            (self.hlen() > 16).then(|| Malformed::new(2, "hlen is above 16")),
            if self.has_options { overload(self.bytes).1 } else { None },
        ];
        Anomalies::new(header, self.walk())
    }
}

fn until_nul(field: &[u8]) -> &[u8] {
    field.split(|&octet| octet == 0).next().unwrap_or(field)
}
