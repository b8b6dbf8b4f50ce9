//! Ethernet addresses: the one name of a NIC that firmware, boot loader, installer and kernel agree on.
//!
//! Invariant: parsing accepts the four notations that operators paste; printing knows exactly two (colons, hyphens).
use std::fmt;
use std::str::FromStr;

/// A 48-bit Ethernet address. `Display` prints `52:54:00:12:34:56`.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Mac(pub [u8; 6]);

/// Why a text is not a [`Mac`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MacError {
    /// The text holds this many hexadecimal digits; an address has 12.
    Digits(usize),
    /// This character belongs to no notation of an address, or to a different one than the rest of the text.
    Character(char),
    /// The separators do not cut the digits into equal parts of 2 (`:` or `-`) or 4 (`.`).
    Grouping,
}

impl Mac {
    /// `ff:ff:ff:ff:ff:ff`, everybody on the segment.
    pub const BROADCAST: Mac = Mac([0xff; 6]);
    /// `00:00:00:00:00:00`, which no NIC may have.
    pub const ZERO: Mac = Mac([0; 6]);

    /// The six octets in transmission order.
    pub const fn octets(self) -> [u8; 6] {
        self.0
    }

    /// Whether a frame to this address reaches more than one NIC (group bit, IEEE 802 section 8.2); broadcast included.
    pub const fn is_multicast(self) -> bool {
        self.0[0] & 1 == 1
    }

    /// Whether the address was made up by software rather than by a vendor (U/L bit), as virtual machines' are.
    pub const fn is_local(self) -> bool {
        self.0[0] & 2 == 2
    }

    /// Prints as `52-54-00-12-34-56`, which PXELINUX, GRUB and iPXE's `${mac:hexhyp}` use in file names.
    pub const fn hyphened(self) -> Hyphened {
        Hyphened(self)
    }

    fn write(self, f: &mut fmt::Formatter<'_>, separator: u8) -> fmt::Result {
        const HEX: &[u8; 16] = b"0123456789abcdef";
        let mut text = [separator; 17];
        for (i, octet) in self.0.iter().enumerate() {
            text[i * 3] = HEX[usize::from(octet >> 4)];
            text[i * 3 + 1] = HEX[usize::from(octet & 15)];
        }
        f.pad(std::str::from_utf8(&text).expect("hexadecimal digits and an ASCII separator"))
    }
}

/// [`Mac::hyphened`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hyphened(Mac);

impl fmt::Display for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write(f, b':')
    }
}

impl fmt::Debug for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for Hyphened {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.write(f, b'-')
    }
}

impl From<[u8; 6]> for Mac {
    fn from(octets: [u8; 6]) -> Mac {
        Mac(octets)
    }
}

/// The slice had another length than 6.
impl TryFrom<&[u8]> for Mac {
    type Error = std::array::TryFromSliceError;

    fn try_from(octets: &[u8]) -> Result<Mac, Self::Error> {
        octets.try_into().map(Mac)
    }
}

/// Accepts `aa:bb:cc:dd:ee:ff`, `aa-bb-cc-dd-ee-ff`, `aabb.ccdd.eeff` and `aabbccddeeff`, in either case.
impl FromStr for Mac {
    type Err = MacError;

    fn from_str(text: &str) -> Result<Mac, MacError> {
        let separator = text.chars().find(|c| matches!(c, ':' | '-' | '.'));
        let group = match separator {
            None => 12,
            Some('.') => 4,
            Some(_) => 2,
        };
        let mut octets = [0u8; 6];
        let (mut digits, mut in_group) = (0usize, 0usize);
        let mut regular = true;
        for c in text.chars() {
            if let Some(value) = c.to_digit(16) {
                if let Some(octet) = octets.get_mut(digits / 2) {
                    *octet = *octet << 4 | value as u8;
                }
                digits += 1;
                in_group += 1;
            } else if Some(c) == separator {
                regular &= in_group == group;
                in_group = 0;
            } else {
                return Err(MacError::Character(c));
            }
        }
        if digits != 12 {
            return Err(MacError::Digits(digits));
        }
        if !regular || in_group != group {
            return Err(MacError::Grouping);
        }
        Ok(Mac(octets))
    }
}

impl fmt::Display for MacError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            MacError::Digits(n) => write!(f, "a MAC address has 12 hexadecimal digits, this has {n}"),
            MacError::Character(c) => write!(f, "{c:?} does not belong here: write it as 52:54:00:12:34:56"),
            MacError::Grouping => write!(f, "the separators are not evenly spaced: write it as 52:54:00:12:34:56"),
        }
    }
}

impl std::error::Error for MacError {}

/// The colon form, so that files and APIs show what people type.
#[cfg(feature = "serde")]
impl serde::Serialize for Mac {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(feature = "serde")]
impl<'de> serde::Deserialize<'de> for Mac {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl serde::de::Visitor<'_> for Text {
            type Value = Mac;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an Ethernet address such as 52:54:00:12:34:56")
            }
            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Mac, E> {
                text.parse().map_err(E::custom)
            }
        }
        deserializer.deserialize_str(Text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ADDRESS: Mac = Mac([0x52, 0x54, 0x00, 0xab, 0xcd, 0xef]);

    #[test]
    fn every_notation_that_operators_paste_is_the_same_address() {
        let all = [
            "52:54:00:ab:cd:ef",
            "52-54-00-AB-CD-EF",
            "525400abcdef",
            "5254.00ab.cdef",
            "52:54:00:AB:cd:ef",
        ];
        for text in all {
            assert_eq!(text.parse(), Ok(ADDRESS), "{text}");
        }
    }

    #[test]
    fn what_is_printed_parses_back() {
        assert_eq!(ADDRESS.to_string(), "52:54:00:ab:cd:ef");
        assert_eq!(ADDRESS.hyphened().to_string(), "52-54-00-ab-cd-ef");
        assert_eq!(ADDRESS.to_string().parse(), Ok(ADDRESS));
        assert_eq!(ADDRESS.hyphened().to_string().parse(), Ok(ADDRESS));
        assert_eq!(format!("{ADDRESS:>20}"), "   52:54:00:ab:cd:ef");
    }

    #[test]
    fn other_texts_are_refused_with_their_reason() {
        let table = [
            ("", MacError::Digits(0)),
            ("52:54:00:ab:cd", MacError::Digits(10)),
            ("52:54:00:ab:cd:ef:00", MacError::Digits(14)),
            ("52:54:00:ab:cd:eg", MacError::Character('g')),
            ("52:54-00:ab:cd:ef", MacError::Character('-')),
            (" 525400abcdef", MacError::Character(' ')),
            ("5:254:00:ab:cd:ef", MacError::Grouping),
            ("525400ab:cdef", MacError::Grouping),
            ("52:54:00:ab:cd:ef:", MacError::Grouping),
            ("52540.0abc.def", MacError::Grouping),
            ("5254.00ab.cd.ef", MacError::Grouping),
            ("é2:54:00:ab:cd:ef", MacError::Character('é')),
        ];
        for (text, why) in table {
            assert_eq!(text.parse::<Mac>(), Err(why), "{text}");
        }
    }

    #[test]
    fn group_and_local_bits_are_told_apart() {
        assert!(Mac::BROADCAST.is_multicast());
        assert!(ADDRESS.is_local() && !ADDRESS.is_multicast());
        assert!(!Mac([0x00, 0x1b, 0x21, 0, 0, 1]).is_local());
    }
}
