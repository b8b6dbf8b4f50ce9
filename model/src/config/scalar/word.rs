//! Free texts, and words of a fixed set.

use serde_json::{Value as Json, json};

use crate::cluster::{Architecture, BootTarget, DhcpMode, LoaderChoice};
use crate::config::read::{Scalar, Wrong};
use crate::config::suggest::did_you_mean;

/// Any text.
#[derive(Debug, Clone)]
pub(in crate::config) struct Text(pub String);

/// A text without spaces.
#[derive(Debug, Clone)]
pub(in crate::config) struct Word(pub String);

impl Scalar for Text {
    const NOUN: &'static str = "a text";
    const EXAMPLE: &'static str = "any text";

    fn parse(text: &str) -> Result<Self, Wrong> {
        match text.contains('\0') {
            true => Err(Wrong::because("there is a NUL character in it")),
            false => Ok(Self(text.to_string())),
        }
    }

    fn schema() -> Json {
        json!({ "type": ["string", "number", "boolean"] })
    }
}

impl Scalar for Word {
    const NOUN: &'static str = "a word";
    const EXAMPLE: &'static str = "bookworm";

    fn parse(text: &str) -> Result<Self, Wrong> {
        match text.is_empty() || text.contains(|c: char| c.is_whitespace() || c.is_control()) {
            true => Err(Wrong::because("expected one word, without spaces")),
            false => Ok(Self(text.to_string())),
        }
    }
}

pub(super) fn one_of<T: Copy>(text: &str, all: &[T], word: impl Fn(T) -> &'static str) -> Result<T, Wrong> {
    all.iter().copied().find(|t| word(*t) == text).ok_or_else(|| {
        let words: Vec<&str> = all.iter().map(|t| word(*t)).collect();
        let wrong = Wrong::because(format!("expected `{}`", words.join("`, `")));
        Wrong {
            help: did_you_mean(text, words),
            ..wrong
        }
    })
}

macro_rules! words {
    ($ty:ty, $noun:literal, $example:literal, $all:expr) => {
        impl Scalar for $ty {
            const NOUN: &'static str = $noun;
            const EXAMPLE: &'static str = $example;

            fn parse(text: &str) -> Result<Self, Wrong> {
                one_of(text, &$all, Self::as_str)
            }

            fn schema() -> Json {
                json!({ "enum": $all.map(Self::as_str) })
            }
        }
    };
}

words!(LoaderChoice, "a loader", "auto", LoaderChoice::ALL);

impl Scalar for BootTarget {
    const NOUN: &'static str = "a boot target";
    const EXAMPLE: &'static str = "image";

    fn parse(text: &str) -> Result<Self, Wrong> {
        let wrong = match one_of(text, &Self::CHOOSABLE, Self::as_str) {
            Ok(found) => return Ok(found),
            Err(wrong) => wrong,
        };
        Err(match Self::parse(text).is_some_and(Self::installs) {
            true => wrong.help(
                "say `via: installer` or `via: image` here; the disk is written when you run `bellwether deploy`",
            ),
            false => wrong,
        })
    }

    fn schema() -> Json {
        json!({ "enum": Self::CHOOSABLE.map(Self::as_str) })
    }
}

impl Scalar for DhcpMode {
    const NOUN: &'static str = "a DHCP mode";
    const EXAMPLE: &'static str = "serve";

    fn parse(text: &str) -> Result<Self, Wrong> {
        // An editor may turn `off` into what YAML 1.1 says it is.
        let text = if text == "false" { "off" } else { text };
        one_of(
            text,
            &[Self::Serve, Self::Proxy, Self::Observe, Self::Off],
            Self::as_str,
        )
    }

    fn schema() -> Json {
        json!({ "enum": ["serve", "proxy", "observe", "off", false] })
    }
}

impl Scalar for Architecture {
    const NOUN: &'static str = "an architecture";
    const EXAMPLE: &'static str = "amd64";

    fn parse(text: &str) -> Result<Self, Wrong> {
        let wrong = match one_of(text, &[Self::Amd64, Self::Arm64], Self::as_str) {
            Ok(found) => return Ok(found),
            Err(wrong) => wrong,
        };
        Err(match text {
            "x86_64" | "x86-64" | "x64" => wrong.help("write `amd64`, Debian's name of it"),
            "aarch64" | "armv8" => wrong.help("write `arm64`, Debian's name of it"),
            _ => wrong,
        })
    }

    fn schema() -> Json {
        json!({ "enum": ["amd64", "arm64"] })
    }
}
