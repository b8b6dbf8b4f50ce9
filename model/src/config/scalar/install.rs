//! What stands in the settings of an installation: sizes, hashes of passwords, keyboards.

use serde_json::{Value as Json, json};

use crate::cluster::{AfterInstall, Filesystem, Pick, Recipe, Via};
use crate::config::read::{Scalar, Wrong};

use super::word::one_of;

/// A size in bytes.
#[derive(Debug, Clone, Copy)]
pub(in crate::config) struct Size(pub u64);

/// A size in bytes, or none.
#[derive(Debug, Clone, Copy)]
pub(in crate::config) struct SwapSize(pub Option<u64>);

/// A hash of a password as `crypt(3)` makes it.
#[derive(Debug, Clone)]
pub(in crate::config) struct PasswordHash(pub String);

/// A keyboard layout of XKB.
#[derive(Debug, Clone)]
pub(in crate::config) struct Keyboard(pub String);

/// How often an installation is tried.
#[derive(Debug, Clone, Copy)]
pub(in crate::config) struct Attempts(pub u32);

/// A size: a number and its unit. `G` and `GiB` are powers of 1024, `GB` is a power of 1000, as disks are sold.
pub(super) fn size(text: &str) -> Option<u64> {
    let end = text.bytes().take_while(|b| b.is_ascii_digit() || *b == b'.').count();
    let (number, unit) = text.split_at(end);
    let unit: u64 = match unit.trim() {
        "" | "B" => 1,
        "k" | "K" | "KiB" => 1 << 10,
        "M" | "MiB" => 1 << 20,
        "G" | "GiB" => 1 << 30,
        "T" | "TiB" => 1 << 40,
        "kB" | "KB" => 1000,
        "MB" => 1_000_000,
        "GB" => 1_000_000_000,
        "TB" => 1_000_000_000_000,
        _ => return None,
    };
    let bytes = match number.split_once('.') {
        None => number.parse::<u64>().ok()?.checked_mul(unit)?,
        Some((whole, part)) if part.len() <= 3 && !part.is_empty() => {
            let scale = 10u64.pow(part.len() as u32);
            let thousandths = part.parse::<u64>().ok()?.checked_mul(unit)? / scale;
            whole.parse::<u64>().ok()?.checked_mul(unit)?.checked_add(thousandths)?
        }
        Some(_) => return None,
    };
    (bytes > 0).then_some(bytes)
}

pub(super) const SIZE: &str = "^[0-9.]+ ?(B|k|K|M|G|T|KiB|MiB|GiB|TiB|kB|KB|MB|GB|TB)?$";

impl Scalar for Size {
    const NOUN: &'static str = "a size";
    const EXAMPLE: &'static str = "100GB";

    fn parse(text: &str) -> Result<Self, Wrong> {
        size(text).map(Self).ok_or_else(|| {
            Wrong::because("expected a number with `M`, `G`, `T` (powers of 1024) or `MB`, `GB`, `TB` (powers of 1000)")
        })
    }

    fn schema() -> Json {
        json!({ "anyOf": [{ "type": "integer", "minimum": 1 }, { "type": "string", "pattern": SIZE }] })
    }
}

impl Scalar for SwapSize {
    const NOUN: &'static str = "a size of swap space";
    const EXAMPLE: &'static str = "4G";

    fn parse(text: &str) -> Result<Self, Wrong> {
        match text {
            "none" | "off" | "no" | "false" | "0" => Ok(Self(None)),
            _ => Size::parse(text).map(|size| Self(Some(size.0))),
        }
    }

    fn schema() -> Json {
        json!({ "anyOf": [{ "enum": ["none", false] }, { "type": "integer", "minimum": 0 }, { "type": "string", "pattern": SIZE }] })
    }
}

impl Scalar for PasswordHash {
    const NOUN: &'static str = "a hash of a password";
    const EXAMPLE: &'static str = "$y$j9T$…";

    /// The form of crypt(5): `$id$…`, of the methods that a current Debian accepts, without what would end the field in
    /// `/etc/shadow`.
    fn parse(text: &str) -> Result<Self, Wrong> {
        let method = text.strip_prefix('$').and_then(|rest| rest.split_once('$'));
        let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '$' | '.' | '/' | ',' | '=' | '+' | '-' | '_');
        match method {
            Some(("y" | "gy" | "7" | "2a" | "2b" | "2y" | "6" | "5", rest)) if rest.len() >= 20 => {
                match text.chars().all(fits) {
                    true => Ok(Self(text.to_string())),
                    false => Err(Wrong::because("there is a character in it that no hash has")),
                }
            }
            Some(("1", _)) => Err(Wrong::because("MD5 is no longer safe").help("make one with `mkpasswd -m yescrypt`")),
            _ => Err(Wrong::because("this is no hash of crypt(5)")
                .help("the password itself must not stand here: make its hash with `mkpasswd -m yescrypt`")),
        }
    }

    fn schema() -> Json {
        json!({ "type": "string", "pattern": "^\\$(y|gy|7|2a|2b|2y|6|5)\\$.{20,}$" })
    }
}

impl Scalar for Keyboard {
    const NOUN: &'static str = "a keyboard layout";
    const EXAMPLE: &'static str = "us";

    fn parse(text: &str) -> Result<Self, Wrong> {
        let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_' || c == '-';
        match (2..=16).contains(&text.len()) && text.chars().all(fits) {
            true => Ok(Self(text.to_string())),
            false => Err(Wrong::because(
                "expected the name of an XKB layout, such as `us`, `de`, `fr`, `gb`",
            )),
        }
    }

    fn schema() -> Json {
        json!({ "type": "string", "pattern": "^[a-z0-9_-]{2,16}$" })
    }
}

impl Scalar for Attempts {
    const NOUN: &'static str = "a number of attempts";
    const EXAMPLE: &'static str = "3";

    fn parse(text: &str) -> Result<Self, Wrong> {
        match text.parse() {
            Ok(attempts @ 1..=10) => Ok(Self(attempts)),
            _ => Err(Wrong::because("expected a number from 1 to 10")),
        }
    }

    fn schema() -> Json {
        json!({ "type": "integer", "minimum": 1, "maximum": 10 })
    }
}

macro_rules! words {
    ($($ty:ty, $noun:literal, $example:literal;)*) => { $(
        impl Scalar for $ty {
            const NOUN: &'static str = $noun;
            const EXAMPLE: &'static str = $example;

            fn parse(text: &str) -> Result<Self, Wrong> {
                one_of(text, Self::ALL, Self::as_str)
            }

            fn schema() -> Json {
                json!({ "enum": Self::ALL.iter().map(|value| value.as_str()).collect::<Vec<_>>() })
            }
        }
    )* };
}

words! {
    Via, "a way to an operating system", "installer";
    Pick, "a choice of disk", "smallest";
    Recipe, "a recipe for a disk", "lvm";
    Filesystem, "a filesystem", "ext4";
    AfterInstall, "what to do after the installation", "reboot";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_powers_of_1024_unless_sold_as_powers_of_1000() {
        for (text, bytes) in [
            ("512", 512),
            ("1k", 1024),
            ("100GB", 100_000_000_000),
            ("100G", 100 << 30),
            ("1.5T", 3 << 39),
            ("2 TiB", 2 << 40),
            ("0.25 GB", 250_000_000),
        ] {
            assert_eq!(size(text), Some(bytes), "{text}");
        }
        for wrong in [
            "",
            "G",
            "0G",
            "1X",
            "-1G",
            "1.",
            ".5G",
            "1.2345G",
            "99999999999T",
            "1é",
            "１G",
        ] {
            assert_eq!(size(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_password_in_the_clear_is_refused() {
        let hash = "$6$saltsalt$0123456789012345678901234567890123456789";
        assert!(PasswordHash::parse(hash).is_ok());
        for wrong in [
            "secret",
            "$1$abc$def",
            "$6$short",
            "$6$salt$0123456789012345678:0:0:",
            "$6$salt$0123456789 0123456789",
        ] {
            assert!(PasswordHash::parse(wrong).is_err(), "{wrong}");
        }
    }
}
