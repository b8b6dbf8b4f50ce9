//! The machine identifier (option 97, RFC 4578 section 2.3).
use std::fmt;

/// The 16 octets of a machine identifier exactly as they came.
///
/// There are two ways to print them, and the sender does not say which is meant: see [`ClientUuid::smbios`] and
/// [`ClientUuid::network`]. As a key, use the octets.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClientUuid(pub [u8; 16]);

impl ClientUuid {
    /// The text with the first three fields read as little-endian numbers, as the SMBIOS table holds them (since its
    /// version 2.6) and as `dmidecode` and a BMC print the same machine when its firmware copied the table's octets.
    pub const fn smbios(self) -> UuidText {
        let b = self.0;
        UuidText([
            b[3], b[2], b[1], b[0], b[5], b[4], b[7], b[6], b[8], b[9], b[10], b[11], b[12], b[13], b[14], b[15],
        ])
    }

    /// The text with the octets in the order in which they came (RFC 9562), for senders that put the table in order first.
    pub const fn network(self) -> UuidText {
        UuidText(self.0)
    }

    /// Whether the vendor left the identifier unset: all zeros or all ones. Then it tells no machine from another.
    pub fn is_unset(self) -> bool {
        self.0 == [0; 16] || self.0 == [0xff; 16]
    }
}

impl fmt::Debug for ClientUuid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ClientUuid({} on the wire)", self.network())
    }
}

/// Prints `01234567-89ab-cdef-0123-456789abcdef`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UuidText([u8; 16]);

impl fmt::Display for UuidText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, octet) in self.0.iter().enumerate() {
            if matches!(i, 4 | 6 | 8 | 10) {
                f.write_str("-")?;
            }
            write!(f, "{octet:02x}")?;
        }
        Ok(())
    }
}
