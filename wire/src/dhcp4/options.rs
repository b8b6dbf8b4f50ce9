//! Finding options: a walk over the option field, then `file`, then `sname` (RFC 2131 section 4.1).
//!
//! Invariant: the walk looks at codes and lengths only; no value, however odd, can stop it.
use super::{FILE, HEADER, SNAME, code};
use crate::Malformed;

/// The options of a message in the order of RFC 2131 section 4.1, as `(code, value)`. Split options come in pieces.
#[derive(Debug, Clone)]
pub struct Options<'a>(pub(super) Walk<'a>);

impl<'a> Iterator for Options<'a> {
    type Item = (u8, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        self.0.by_ref().flatten().next().map(|found| (found.code, found.value))
    }
}

/// One option as it lies in the datagram.
#[derive(Debug, Clone, Copy)]
pub(super) struct Found<'a> {
    pub code: u8,
    /// Offset of the code octet.
    pub at: usize,
    pub value: &'a [u8],
}

/// Every option and every place where there should have been one.
#[derive(Debug, Clone)]
pub(super) struct Walk<'a> {
    bytes: &'a [u8],
    at: usize,
    end: usize,
    /// Which of `file` (1) and `sname` (2) are still to be walked.
    pending: u8,
    in_area: bool,
}

impl<'a> Walk<'a> {
    /// `overload` is the value of option 52; `bytes` is the whole datagram, with at least header and magic.
    pub fn new(bytes: &'a [u8], overload: u8) -> Walk<'a> {
        Walk {
            bytes,
            at: (HEADER + 4).min(bytes.len()),
            end: bytes.len(),
            pending: overload & 3,
            in_area: true,
        }
    }

    /// A walk that finds nothing, for messages without magic.
    pub fn nowhere() -> Walk<'a> {
        Walk {
            bytes: &[],
            at: 0,
            end: 0,
            pending: 0,
            in_area: false,
        }
    }

    fn next_area(&mut self) -> bool {
        let area = match self.pending {
            0 => return false,
            2 => SNAME,
            _ => FILE,
        };
        self.pending &= if area == FILE { !1 } else { !2 };
        (self.at, self.end, self.in_area) = (area.start, area.end, true);
        true
    }

    fn leave(&mut self, what: &'static str) -> Option<Result<Found<'a>, Malformed>> {
        self.in_area = false;
        Some(Err(Malformed::new(self.at, what)))
    }
}

impl<'a> Iterator for Walk<'a> {
    type Item = Result<Found<'a>, Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if !self.in_area && !self.next_area() {
                return None;
            }
            let at = self.at;
            let Some(&code) = self.bytes.get(at).filter(|_| at < self.end) else {
                return self.leave("the options lack their End");
            };
            match code {
                code::PAD => self.at += 1,
                code::END => self.in_area = false,
                code => {
                    let Some(&length) = self.bytes.get(at + 1).filter(|_| at + 1 < self.end) else {
                        return self.leave("an option lacks its length");
                    };
                    let value = at + 2..at + 2 + usize::from(length);
                    if value.end > self.end {
                        return self.leave("an option is longer than what is left");
                    }
                    self.at = value.end;
                    return Some(Ok(Found {
                        code,
                        at,
                        value: &self.bytes[value],
                    }));
                }
            }
        }
    }
}

/// The value of option 52 in the option field (0 when absent) and what is wrong with it.
pub(super) fn overload(bytes: &[u8]) -> (u8, Option<Malformed>) {
    let found = Walk::new(bytes, 0).flatten().find(|found| found.code == code::OVERLOAD);
    match found.map(|found| (found.at, found.value)) {
        None => (0, None),
        Some((_, &[value @ 1..=3])) => (value, None),
        Some((at, _)) => (0, Some(Malformed::new(at, "option 52 is none of 1, 2, 3"))),
    }
}

/// Everything that is wrong with a message and was passed over; empty for a message without fault.
#[derive(Debug, Clone)]
pub struct Anomalies<'a> {
    header: [Option<Malformed>; 3],
    walk: Walk<'a>,
    /// Per code: octets in all, and where the first piece was.
    seen: [Option<(usize, usize)>; 256],
    code: usize,
}

impl<'a> Anomalies<'a> {
    pub(super) fn new(header: [Option<Malformed>; 3], walk: Walk<'a>) -> Anomalies<'a> {
        Anomalies {
            header,
            walk,
            seen: [None; 256],
            code: 0,
        }
    }
}

impl Iterator for Anomalies<'_> {
    type Item = Malformed;

    fn next(&mut self) -> Option<Malformed> {
        if let Some(problem) = self.header.iter_mut().find_map(Option::take) {
            return Some(problem);
        }
        for step in self.walk.by_ref() {
            match step {
                Err(problem) => return Some(problem),
                Ok(found) => {
                    let seen = self.seen[usize::from(found.code)].get_or_insert((0, found.at));
                    seen.0 += found.value.len();
                }
            }
        }
        while let Some(&seen) = self.seen.get(self.code) {
            let code = self.code as u8;
            self.code += 1;
            if let Some((length, at)) = seen
                && let Some(what) = wrong_length(code, length)
            {
                return Some(Malformed::new(at, what));
            }
        }
        None
    }
}

/// What the length of an option's whole value breaks (RFC 2132 and the option's own document).
fn wrong_length(code: u8, length: usize) -> Option<&'static str> {
    use code::*;
    let (fits, what) = match code {
        OVERLOAD | MESSAGE_TYPE => (length == 1, "an option of 1 octet has another length"),
        MAX_SIZE | INTERFACE_MTU => (length == 2, "an option of 2 octets has another length"),
        SUBNET_MASK | BROADCAST_ADDRESS | REQUESTED_ADDRESS | LEASE_TIME | SERVER_ID | RENEWAL_TIME
        | REBINDING_TIME | SUBNET_SELECTION => (length == 4, "an option of 4 octets has another length"),
        CLIENT_UUID => (length == 17, "option 97 is not 17 octets long"),
        CLIENT_NDI => (length == 3, "option 94 is not 3 octets long"),
        RAPID_COMMIT => (length == 0, "option 80 carries a value"),
        CLIENT_ARCH => (
            length >= 2 && length.is_multiple_of(2),
            "option 93 is no list of 2-octet codes",
        ),
        ROUTERS | DNS_SERVERS | NTP_SERVERS => (
            length >= 4 && length.is_multiple_of(4),
            "a list of addresses is no multiple of 4 octets",
        ),
        CLIENT_ID => (length >= 2, "option 61 is shorter than 2 octets"),
        CLIENT_FQDN => (length >= 3, "option 81 is shorter than 3 octets"),
        _ => (true, ""),
    };
    (!fits).then_some(what)
}
