//! Router advertisements that advertise nothing (RFC 4861): boot loaders that wait for IPv6 to configure itself stop waiting.
//!
//! Invariant: no advertisement made here gives anybody a route, an address or a reason to ask DHCPv6.
use std::net::Ipv6Addr;

use crate::probe::checksum;
use crate::{Mac, Malformed};

/// All nodes on the link: where advertisements go, with hop limit 255.
pub const ALL_NODES: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1);
/// All routers on the link: where solicitations go, and a group to join.
pub const ALL_ROUTERS: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 2);

const SOLICITATION: u8 = 133;
const ADVERTISEMENT: u8 = 134;
const SOURCE_LINK_LAYER: u8 = 1;
const PREFIX: u8 = 3;

/// The ICMPv6 message of an advertisement: router lifetime 0, no flags, no prefix, and the sender's hardware address.
///
/// iPXE 1.0.0 on a link without a router asks for its boot script 13.1 s after its ACK; when its solicitation is answered with
/// this, 0.03 s after.
///
/// The checksum is left 0: an ICMPv6 socket fills it in (RFC 3542 section 3.1). For other ways to send, [`seal`] it.
pub fn advertisement(mac: Mac) -> [u8; 24] {
    let mut message = [0; 24];
    message[0] = ADVERTISEMENT;
    message[16] = SOURCE_LINK_LAYER;
    message[17] = 1;
    message[18..].copy_from_slice(&mac.octets());
    message
}

/// Puts the checksum (RFC 4443 section 2.3) into an ICMPv6 message; one shorter than its header is left alone.
pub fn seal(message: &mut [u8], source: Ipv6Addr, destination: Ipv6Addr) {
    if message.len() < 4 {
        return;
    }
    message[2..4].fill(0);
    let length = (message.len() as u32).to_be_bytes();
    let sum = checksum(&[
        &source.octets(),
        &destination.octets(),
        &length,
        &[0, 0, 0, 58],
        message,
    ]);
    message[2..4].copy_from_slice(&sum.to_be_bytes());
}

/// A message of the router discovery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RouterMessage {
    /// Somebody waits for an advertisement.
    Solicitation {
        /// Its hardware address, if it says so.
        from: Option<Mac>,
    },
    /// Somebody advertises, so there is no need to.
    Advertisement {
        /// Its hardware address, if it says so.
        from: Option<Mac>,
        /// Seconds for which it wants to be a default router; 0 not at all.
        lifetime: u16,
        /// Whether it tells hosts to ask DHCPv6, for addresses or for other settings.
        dhcp: bool,
        /// Whether it announces a prefix.
        prefix: bool,
    },
}

/// Reads an ICMPv6 message. `None`: it is another one. The kernel has checked the sum; that the hop limit was 255 is for the caller
/// to check (RFC 4861 section 6.1), as is the sender's address.
///
/// # Errors
/// It is one of the two, but cut short or with an option of length 0, and must be ignored.
pub fn parse(message: &[u8]) -> Result<Option<RouterMessage>, Malformed> {
    let header = match message.first() {
        Some(&SOLICITATION) => 8,
        Some(&ADVERTISEMENT) => 16,
        _ => return Ok(None),
    };
    let Some((fixed, mut options)) = message.split_at_checked(header) else {
        return Err(Malformed::new(
            message.len(),
            "the router message is shorter than its header",
        ));
    };
    if fixed[1] != 0 {
        return Err(Malformed::new(1, "the router message has a code"));
    }
    let (mut from, mut prefix) = (None, false);
    while !options.is_empty() {
        let at = message.len() - options.len();
        let length = options.get(1).map_or(0, |units| usize::from(*units) * 8);
        if length == 0 {
            return Err(Malformed::new(at, "an option of the router message has length 0"));
        }
        let Some((option, rest)) = options.split_at_checked(length) else {
            return Err(Malformed::new(
                at,
                "an option of the router message is longer than what is left",
            ));
        };
        match option[0] {
            SOURCE_LINK_LAYER => from = from.or(Mac::try_from(&option[2..]).ok()),
            PREFIX => prefix = true,
            _ => {}
        }
        options = rest;
    }
    Ok(Some(if header == 8 {
        RouterMessage::Solicitation { from }
    } else {
        let lifetime = u16::from_be_bytes([fixed[6], fixed[7]]);
        RouterMessage::Advertisement {
            from,
            lifetime,
            dhcp: fixed[5] & 0xc0 != 0,
            prefix,
        }
    }))
}

#[cfg(test)]
mod tests;
