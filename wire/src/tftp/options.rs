//! The options of a request and of an OACK (RFC 2347, 2348, 2349, 7440).
//!
//! Invariant: an unknown option, a repeated one and one whose value makes no sense are as if they were not there.

use std::io::Write as _;

/// Options in a request: what the client would like. In an OACK: what it gets.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Wanted {
    /// Bytes in a block, at least 8 (RFC 2348). Values above 65464 are kept as 65464, since a server may answer with less.
    pub block_size: Option<u16>,
    /// Size of the file in bytes (RFC 2349); 0 in a read request, which means "tell me".
    pub size: Option<u64>,
    /// Seconds until a packet is repeated, 1 to 255 (RFC 2349).
    pub timeout: Option<u8>,
    /// Blocks in a window, at least 1 (RFC 7440).
    pub window: Option<u16>,
}

/// The smallest and the largest block of RFC 2348, in bytes.
pub(super) const BLOCK_SIZES: std::ops::RangeInclusive<u16> = 8..=65464;

impl Wanted {
    /// Whether there is nothing to negotiate.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Reads name and value pairs to the end, or to the first empty name: what follows that is padding.
    pub(super) fn parse(mut rest: &[u8]) -> Self {
        let mut wanted = Self::default();
        while let Some((name, after_name)) = until_nul(rest) {
            let Some((value, after_value)) = until_nul(after_name) else {
                break;
            };
            if name.is_empty() {
                break;
            }
            wanted.take(name, value);
            rest = after_value;
        }
        wanted
    }

    fn take(&mut self, name: &[u8], value: &[u8]) {
        let Some(number) = decimal(value) else { return };
        if name.eq_ignore_ascii_case(b"blksize") && self.block_size.is_none() {
            let size = u16::try_from(number).unwrap_or(u16::MAX).min(*BLOCK_SIZES.end());
            self.block_size = BLOCK_SIZES.contains(&size).then_some(size);
        } else if name.eq_ignore_ascii_case(b"tsize") && self.size.is_none() {
            self.size = Some(number);
        } else if name.eq_ignore_ascii_case(b"timeout") && self.timeout.is_none() {
            self.timeout = u8::try_from(number).ok().filter(|&seconds| seconds > 0);
        } else if name.eq_ignore_ascii_case(b"windowsize") && self.window.is_none() {
            self.window = u16::try_from(number).ok().filter(|&blocks| blocks > 0);
        }
    }

    /// Appends name and value pairs.
    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        let pairs = [
            ("blksize", self.block_size.map(u64::from)),
            ("tsize", self.size),
            ("timeout", self.timeout.map(u64::from)),
            ("windowsize", self.window.map(u64::from)),
        ];
        for (name, value) in pairs {
            if let Some(value) = value {
                write!(out, "{name}\0{value}\0").expect("a Vec takes every byte");
            }
        }
    }
}

fn until_nul(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = bytes.iter().position(|&byte| byte == 0)?;
    Some((&bytes[..end], &bytes[end + 1..]))
}

/// A decimal number without sign; `None` when it is none or does not fit 64 bits.
fn decimal(text: &[u8]) -> Option<u64> {
    if text.is_empty() {
        return None;
    }
    text.iter().try_fold(0u64, |sum, byte| {
        let digit = byte.is_ascii_digit().then(|| u64::from(byte - b'0'))?;
        sum.checked_mul(10)?.checked_add(digit)
    })
}
