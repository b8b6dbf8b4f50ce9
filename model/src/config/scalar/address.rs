//! Addresses and identities.

use std::net::Ipv4Addr;

use ipnet::Ipv4Net;
use serde_json::{Value as Json, json};

use crate::cluster::Range;
use crate::config::read::{Scalar, Wrong};

impl Scalar for Ipv4Addr {
    const NOUN: &'static str = "an IPv4 address";
    const EXAMPLE: &'static str = "10.77.0.1";
    const CODE: &'static str = "bad-address";

    fn parse(text: &str) -> Result<Self, Wrong> {
        text.parse().map_err(|_| address_fault(text))
    }

    fn schema() -> Json {
        json!({ "type": "string", "format": "ipv4" })
    }
}

/// The usual slips, in words.
pub(in crate::config) fn address_fault(text: &str) -> Wrong {
    let parts: Vec<&str> = text.split('.').collect();
    if let Some((address, _)) = text.split_once('/')
        && address.parse::<Ipv4Addr>().is_ok()
    {
        return Wrong::because("an address alone: its network says the prefix length")
            .help(format!("write `{address}`"));
    }
    if parts.len() == 4
        && parts
            .iter()
            .all(|p| !p.is_empty() && p.bytes().all(|b| b.is_ascii_digit()))
    {
        if let Some(big) = parts.iter().find(|p| p.parse::<u8>().is_err()) {
            return Wrong::because(format!("{big} is more than 255"));
        }
        if let Some(zero) = parts.iter().find(|p| p.len() > 1 && p.starts_with('0')) {
            return Wrong::because(format!("{zero} has a leading zero, which some programs read as octal"));
        }
    }
    Wrong::default()
}

impl Scalar for Ipv4Net {
    const NOUN: &'static str = "an IPv4 prefix";
    const EXAMPLE: &'static str = "10.77.0.0/24";
    const CODE: &'static str = "bad-prefix";

    fn parse(text: &str) -> Result<Self, Wrong> {
        let Some((address, _)) = text.split_once('/') else {
            let wrong = Wrong::because("the prefix length is missing");
            return Err(match text.parse::<Ipv4Addr>() {
                Ok(_) => wrong.help(format!("write `{text}/24` if the netmask is 255.255.255.0")),
                Err(_) => Wrong::default(),
            });
        };
        let net: Self = text.parse().map_err(|_| match address.parse::<Ipv4Addr>() {
            Ok(_) => Wrong::because("the prefix length is a number from 0 to 32"),
            Err(_) => address_fault(address),
        })?;
        if net.addr() != net.network() {
            return Err(Wrong::because("this is an address inside the prefix").help(format!(
                "the prefix of {} is `{}`",
                net.addr(),
                net.trunc()
            )));
        }
        Ok(net)
    }

    fn schema() -> Json {
        json!({ "type": "string", "pattern": r"^\d{1,3}(\.\d{1,3}){3}/\d{1,2}$" })
    }
}

impl Scalar for Range {
    const NOUN: &'static str = "an address range";
    const EXAMPLE: &'static str = "10.77.0.100-10.77.0.199";
    const CODE: &'static str = "bad-range";

    fn parse(text: &str) -> Result<Self, Wrong> {
        let (first, last) = text.split_once('-').unwrap_or((text, text));
        let (first, last) = (first.trim(), last.trim());
        let first: Ipv4Addr = first.parse().map_err(|_| address_fault(first))?;
        let last: Ipv4Addr = match last.parse::<u8>() {
            // `10.77.0.100-199` is what people mean by it.
            Ok(octet) => {
                let [a, b, c, _] = first.octets();
                Ipv4Addr::new(a, b, c, octet)
            }
            Err(_) => last.parse().map_err(|_| address_fault(last))?,
        };
        if first > last {
            return Err(Wrong::because(format!("the range goes from {first} down to {last}"))
                .help(format!("write `{last}-{first}`")));
        }
        Ok(Self { first, last })
    }
}

/// An SMBIOS UUID, in lower case.
#[derive(Debug, Clone)]
pub(in crate::config) struct Uuid(pub String);

impl Scalar for Uuid {
    const NOUN: &'static str = "a UUID";
    const EXAMPLE: &'static str = "4c4c4544-0042-3510-8057-b7c04f4c3532";

    fn parse(text: &str) -> Result<Self, Wrong> {
        let parts: Vec<&str> = text.split('-').collect();
        let lengths: Vec<usize> = parts.iter().map(|p| p.len()).collect();
        let hexadecimal = parts.iter().all(|p| p.bytes().all(|b| b.is_ascii_hexdigit()));
        if lengths != [8, 4, 4, 4, 12] || !hexadecimal {
            return Err(Wrong::default());
        }
        let text = text.to_ascii_lowercase();
        if text.bytes().all(|b| b == b'0' || b == b'-') || text.bytes().all(|b| b == b'f' || b == b'-') {
            return Err(Wrong::because(
                "firmware that knows no UUID sends this one: it recognises nobody",
            ));
        }
        Ok(Self(text))
    }

    fn schema() -> Json {
        json!({ "type": "string", "format": "uuid" })
    }
}

/// A DHCP client identifier, type byte included.
#[derive(Debug, Clone)]
pub(in crate::config) struct ClientId(pub Vec<u8>);

impl Scalar for ClientId {
    const NOUN: &'static str = "a client identifier";
    const EXAMPLE: &'static str = "01:52:54:00:00:00:01";

    /// At least a type and one more octet (RFC 2132 section 9.14), at most what one option holds.
    fn parse(text: &str) -> Result<Self, Wrong> {
        let digits: Vec<u32> = match text.contains([':', '-']) {
            true if text.split([':', '-']).any(|part| part.len() != 2) => return Err(Wrong::default()),
            _ => text
                .chars()
                .filter(|c| !matches!(c, ':' | '-'))
                .map(|c| c.to_digit(16))
                .collect::<Option<_>>()
                .ok_or_else(Wrong::default)?,
        };
        if !digits.len().is_multiple_of(2) || digits.len() < 4 || digits.len() > 510 {
            return Err(Wrong::because("2 to 255 octets of two hexadecimal digits each"));
        }
        Ok(Self(digits.chunks(2).map(|d| (d[0] * 16 + d[1]) as u8).collect()))
    }
}

/// Where packages come from.
#[derive(Debug, Clone)]
pub(in crate::config) struct PackageSourceUri(pub String);

impl Scalar for PackageSourceUri {
    const NOUN: &'static str = "a URL";
    const EXAMPLE: &'static str = "http://mirror.example/debian";

    fn parse(text: &str) -> Result<Self, Wrong> {
        let scheme = text.split_once("://").map(|(scheme, rest)| (scheme, rest.is_empty()));
        match scheme {
            Some(("http" | "https" | "file", false)) if !text.contains(char::is_whitespace) => {
                Ok(Self(text.to_string()))
            }
            _ => Err(Wrong::default()),
        }
    }

    fn schema() -> Json {
        json!({ "type": "string", "format": "uri" })
    }
}
