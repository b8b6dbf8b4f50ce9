//! Seconds and the addresses of package repositories.

use serde_json::{Value as Json, json};

use crate::config::read::{Scalar, Wrong};

/// Seconds, up to a day.
#[derive(Debug, Clone, Copy)]
pub(in crate::config) struct Seconds(pub u32);

/// `http://mirror.example/debian`.
#[derive(Debug, Clone)]
pub(in crate::config) struct RepositoryUrl(pub String);

/// `mirror.example`, `*.example`, `*`.
#[derive(Debug, Clone)]
pub(in crate::config) struct RepositoryHost(pub String);

impl Scalar for Seconds {
    const NOUN: &'static str = "a number of seconds";
    const EXAMPLE: &'static str = "30";

    fn parse(text: &str) -> Result<Self, Wrong> {
        match text.parse() {
            Ok(seconds @ 0..=86_400) => Ok(Self(seconds)),
            _ => Err(Wrong::because("expected a number from 0 to 86400")),
        }
    }

    fn schema() -> Json {
        json!({ "type": "integer", "minimum": 0, "maximum": 86400 })
    }
}

impl Scalar for RepositoryUrl {
    const NOUN: &'static str = "the URL of a repository";
    const EXAMPLE: &'static str = "http://mirror.example/debian";
    const CODE: &'static str = "bad-url";

    fn parse(text: &str) -> Result<Self, Wrong> {
        let rest = text
            .strip_prefix("http://")
            .or_else(|| text.strip_prefix("https://"))
            .ok_or_else(|| Wrong::because("expected `http://` or `https://` and a host"))?;
        let host = rest.split('/').next().unwrap_or_default();
        if host.contains('@') {
            return Err(Wrong::because("a user name or password does not belong into this file"));
        }
        host_fault(host)?;
        if text.contains(|c: char| c.is_whitespace() || c.is_control() || "?#\\".contains(c)) || rest.contains("/..") {
            return Err(Wrong::because(
                "expected a plain path behind the host, without `?`, `#` or `..`",
            ));
        }
        Ok(Self(text.to_string()))
    }

    fn schema() -> Json {
        json!({ "type": "string", "pattern": "^https?://[^/?#@ ]+(/[^?# ]*)?$" })
    }
}

impl Scalar for RepositoryHost {
    const NOUN: &'static str = "a host";
    const EXAMPLE: &'static str = "mirror.example";

    fn parse(text: &str) -> Result<Self, Wrong> {
        if text.contains('/') {
            return Err(Wrong::because("a host alone, without scheme and path")
                .help("a whole repository is declared under `upstreams`"));
        }
        if text != "*" {
            host_fault(text.strip_prefix("*.").unwrap_or(text))?;
        }
        Ok(Self(text.to_string()))
    }
}

/// A host name or address, with or without a port.
fn host_fault(host: &str) -> Result<(), Wrong> {
    let (name, port) = match host.rsplit_once(':') {
        Some((name, port)) if !port.contains(']') => (name, Some(port)),
        _ => (host, None),
    };
    if port.is_some_and(|port| !port.parse::<u16>().is_ok_and(|port| port > 0)) {
        return Err(Wrong::because("the port is a number from 1 to 65535"));
    }
    let good = |b: u8| b.is_ascii_alphanumeric() || b"-._:[]".contains(&b);
    match !name.is_empty() && name.len() < 256 && name.bytes().all(good) {
        true => Ok(()),
        false => Err(Wrong::because("the host is a name or an address")),
    }
}
