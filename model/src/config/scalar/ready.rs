//! When a node is ready, and what is done on it then.

use serde_json::{Value as Json, json};

use super::word::one_of;
use crate::cluster::{Act, ReadyWhen};
use crate::config::read::{Scalar, Wrong};

/// A step that needs no command.
#[derive(Debug, Clone)]
pub(in crate::config) struct KnownStep(pub Act);

/// How long a step may take, in seconds.
#[derive(Debug, Clone, Copy)]
pub(in crate::config) struct Within(pub u32);

const STEPS: [(&str, Act); 2] = [("cloud-init", Act::CloudInit), ("reboot", Act::Reboot)];

impl Scalar for ReadyWhen {
    const NOUN: &'static str = "a sign of readiness";
    const EXAMPLE: &'static str = "callback";

    fn parse(text: &str) -> Result<Self, Wrong> {
        Self::parse(text).ok_or_else(|| Wrong::because("expected `callback`, `ssh` or `port:22`"))
    }

    fn schema() -> Json {
        json!({ "type": "string", "pattern": "^(callback|ssh|port:[0-9]+)$" })
    }
}

impl Scalar for KnownStep {
    const NOUN: &'static str = "a step";
    const EXAMPLE: &'static str = "reboot";

    fn parse(text: &str) -> Result<Self, Wrong> {
        let word = one_of(text, &STEPS.map(|(word, _)| word), |word| word)?;
        let step = STEPS.into_iter().find(|(known, _)| *known == word);
        step.map(|(_, act)| Self(act)).ok_or_else(Wrong::default)
    }

    fn schema() -> Json {
        json!({ "enum": STEPS.map(|(word, _)| word) })
    }
}

impl Scalar for Within {
    const NOUN: &'static str = "a time";
    const EXAMPLE: &'static str = "10m";

    fn parse(text: &str) -> Result<Self, Wrong> {
        let digits = text.bytes().take_while(u8::is_ascii_digit).count();
        let (number, unit) = text.split_at(digits);
        let unit = match unit.trim() {
            "" | "s" => 1,
            "m" | "min" => 60,
            "h" => 3600,
            "d" => 86_400,
            _ => {
                return Err(Wrong::because(
                    "expected seconds, or a number with `s`, `m`, `h` or `d`",
                ));
            }
        };
        match number.parse::<u32>().ok().and_then(|number| number.checked_mul(unit)) {
            Some(seconds @ 1..=86_400) => Ok(Self(seconds)),
            _ => Err(Wrong::because("expected a second to a day")),
        }
    }

    fn schema() -> Json {
        json!({ "anyOf": [
            { "type": "integer", "minimum": 1, "maximum": 86_400 },
            { "type": "string", "pattern": "^[0-9]+ ?(s|m|min|h|d)?$" },
        ] })
    }
}
