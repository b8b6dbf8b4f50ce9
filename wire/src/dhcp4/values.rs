//! Lists inside one option: code, length, value.
use std::net::Ipv4Addr;

use crate::Malformed;

/// The entries of an option that holds options (43, 82, 175), as `(code, value)`. An over-long tail ends the walk.
#[derive(Debug, Clone)]
pub struct SubOptions<'a> {
    bytes: &'a [u8],
    /// Whether 0 and 255 are padding and end (option 43, RFC 2132 section 8.4) or codes like others (82, RFC 3046).
    framed: bool,
}

impl<'a> SubOptions<'a> {
    /// Walks the value of option 43 or 175, where 0 pads and 255 ends.
    pub const fn framed(value: &'a [u8]) -> SubOptions<'a> {
        SubOptions {
            bytes: value,
            framed: true,
        }
    }

    /// Walks the value of option 82, where every octet counts.
    pub const fn plain(value: &'a [u8]) -> SubOptions<'a> {
        SubOptions {
            bytes: value,
            framed: false,
        }
    }

    /// The first entry with this code.
    pub fn get(mut self, code: u8) -> Option<&'a [u8]> {
        self.find(|entry| entry.0 == code).map(|entry| entry.1)
    }
}

impl<'a> Iterator for SubOptions<'a> {
    type Item = (u8, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            match *self.bytes {
                [0, ref rest @ ..] if self.framed => self.bytes = rest,
                [255, ..] if self.framed => return None,
                [code, length, ref rest @ ..] => {
                    let (value, rest) = rest.split_at_checked(usize::from(length))?;
                    self.bytes = rest;
                    return Some((code, value));
                }
                _ => return None,
            }
        }
    }
}

/// Four octets as an address; `at` is for the error.
pub(super) fn address(value: &[u8], at: usize) -> Result<Ipv4Addr, Malformed> {
    match <[u8; 4]>::try_from(value) {
        Ok(octets) => Ok(octets.into()),
        Err(_) => Err(Malformed::new(at, "an address is not 4 octets long")),
    }
}
