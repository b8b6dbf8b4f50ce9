//! Numbers and switches.

use serde_json::{Value as Json, json};

use crate::config::read::{Scalar, Wrong};

/// A yes or no.
#[derive(Debug, Clone, Copy)]
pub(in crate::config) struct Flag(pub bool);

/// Largest packet, in bytes.
#[derive(Debug, Clone, Copy)]
pub(in crate::config) struct Mtu(pub u16);

/// Lease time, in seconds.
#[derive(Debug, Clone, Copy)]
pub(in crate::config) struct Lease(pub u32);

/// How long something may take, in seconds.
#[derive(Debug, Clone, Copy)]
pub(in crate::config) struct Patience(pub u32);

/// A port, or `off`.
#[derive(Debug, Clone, Copy)]
pub(in crate::config) struct Port(pub Option<u16>);

/// Mode bits.
#[derive(Debug, Clone, Copy)]
pub(in crate::config) struct Mode(pub u32);

/// Numeric user id.
#[derive(Debug, Clone, Copy)]
pub(in crate::config) struct UserId(pub u32);

impl Scalar for Flag {
    const NOUN: &'static str = "a yes or no";
    const EXAMPLE: &'static str = "true";

    fn parse(text: &str) -> Result<Self, Wrong> {
        match text.to_ascii_lowercase().as_str() {
            "true" | "yes" | "on" => Ok(Self(true)),
            "false" | "no" | "off" => Ok(Self(false)),
            _ => Err(Wrong::because("expected `true` or `false`")),
        }
    }

    fn schema() -> Json {
        json!({ "type": "boolean" })
    }
}

impl Scalar for Mtu {
    const NOUN: &'static str = "an MTU";
    const EXAMPLE: &'static str = "1500";

    /// 576 is what every host must accept (RFC 791 section 3.1).
    fn parse(text: &str) -> Result<Self, Wrong> {
        match text.parse() {
            Ok(mtu) if mtu >= 576 => Ok(Self(mtu)),
            _ => {
                Err(Wrong::because("expected a number of bytes from 576 to 65535").help("jumbo frames are mostly 9000"))
            }
        }
    }

    fn schema() -> Json {
        json!({ "type": "integer", "minimum": 576, "maximum": 65535 })
    }
}

impl Scalar for Lease {
    const NOUN: &'static str = "a lease time";
    const EXAMPLE: &'static str = "12h";

    fn parse(text: &str) -> Result<Self, Wrong> {
        match seconds(text)? {
            seconds @ 120..=31_536_000 => Ok(Self(seconds as u32)),
            0..=119 => Err(Wrong::because(
                "a lease lasts at least 2 minutes: nodes renew after half of it",
            )),
            _ => Err(Wrong::because("a lease lasts at most 365 days")),
        }
    }

    fn schema() -> Json {
        json!({ "anyOf": [{ "type": "integer", "minimum": 120 }, { "type": "string", "pattern": "^[0-9]+ ?(s|m|min|h|d)?$" }] })
    }
}

/// Seconds, or a number with a unit.
fn seconds(text: &str) -> Result<u64, Wrong> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let unit: u64 = match unit.trim() {
        "" | "s" => 1,
        "m" | "min" => 60,
        "h" => 3600,
        "d" => 86400,
        _ => {
            return Err(Wrong::because(
                "expected seconds, or a number with `s`, `m`, `h` or `d`",
            ));
        }
    };
    let number: u64 = number.parse().map_err(|_| Wrong::default())?;
    Ok(number.saturating_mul(unit))
}

impl Scalar for Patience {
    const NOUN: &'static str = "a time";
    const EXAMPLE: &'static str = "15m";

    fn parse(text: &str) -> Result<Self, Wrong> {
        match seconds(text)? {
            seconds @ 5..=86400 => Ok(Self(seconds as u32)),
            _ => Err(Wrong::because("expected from 5 seconds to a day")),
        }
    }

    fn schema() -> Json {
        json!({ "anyOf": [{ "type": "integer", "minimum": 5 }, { "type": "string", "pattern": "^[0-9]+ ?(s|m|min|h|d)?$" }] })
    }
}

impl Scalar for Port {
    const NOUN: &'static str = "a port";
    const EXAMPLE: &'static str = "80";

    fn parse(text: &str) -> Result<Self, Wrong> {
        match text {
            "off" | "false" | "no" => Ok(Self(None)),
            _ => match text.parse() {
                Ok(port) if port > 0 => Ok(Self(Some(port))),
                _ => Err(Wrong::because("expected a number from 1 to 65535, or `off`")),
            },
        }
    }

    fn schema() -> Json {
        json!({ "anyOf": [{ "type": "integer", "minimum": 1, "maximum": 65535 }, { "const": "off" }, { "const": false }] })
    }
}

impl Scalar for Mode {
    const NOUN: &'static str = "a file mode";
    const EXAMPLE: &'static str = "0644";

    /// Octal in every spelling, as `chmod` has it: YAML itself reads `0644` as octal, as 644 or as a text, depending on
    /// its version.
    fn parse(text: &str) -> Result<Self, Wrong> {
        let digits = text.strip_prefix("0o").unwrap_or(text);
        let octal = !digits.is_empty() && digits.bytes().all(|b| matches!(b, b'0'..=b'7'));
        match u32::from_str_radix(digits, 8) {
            Ok(mode) if octal && mode <= 0o7777 => Ok(Self(mode)),
            Ok(_) if octal => Err(Wrong::because("a mode is at most 7777")),
            _ => Err(Wrong::because("expected octal digits, as `chmod` takes them")),
        }
    }

    fn schema() -> Json {
        json!({ "anyOf": [{ "type": "string", "pattern": "^(0o)?[0-7]{1,5}$" }, { "type": "integer" }] })
    }
}

impl Scalar for UserId {
    const NOUN: &'static str = "a user id";
    const EXAMPLE: &'static str = "1001";

    /// Debian policy section 9.2.2: below 1000 are system accounts, above 59999 special ones.
    fn parse(text: &str) -> Result<Self, Wrong> {
        match text.parse() {
            Ok(uid @ 1000..=60000) => Ok(Self(uid)),
            Ok(uid) if uid < 1000 => Err(Wrong::because("user ids below 1000 belong to the system")
                .help("take one from 1000 to 60000, or leave `uid` away")),
            _ => Err(Wrong::because("expected a number from 1000 to 60000")),
        }
    }

    fn schema() -> Json {
        json!({ "type": "integer", "minimum": 1000, "maximum": 60000 })
    }
}
