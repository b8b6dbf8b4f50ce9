//! How much the recorder keeps.

use serde_json::{Value as Json, json};

use super::install::{SIZE, size};
use crate::config::read::{Scalar, Wrong};

/// Bytes, or 0 for `off`.
#[derive(Debug, Clone, Copy)]
pub(in crate::config) struct RecorderSize(pub u64);

impl Scalar for RecorderSize {
    const NOUN: &'static str = "a size of memory";
    const EXAMPLE: &'static str = "16M";

    fn parse(text: &str) -> Result<Self, Wrong> {
        match text {
            "off" | "no" | "false" | "0" => Ok(Self(0)),
            _ => match size(text) {
                Some(bytes) if (1 << 20..=4 << 30).contains(&bytes) => Ok(Self(bytes)),
                _ => Err(Wrong::because("expected a size from `1M` to `4G`, or `off`")),
            },
        }
    }

    fn schema() -> Json {
        json!({ "anyOf": [{ "enum": ["off", false] }, { "type": "integer", "minimum": 0 }, { "type": "string", "pattern": SIZE }] })
    }
}
