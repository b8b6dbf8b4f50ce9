//! When an installed node counts as ready, and what is done on it afterwards.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What tells that an installed node is ready.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub enum ReadyWhen {
    /// It calls back, as systems with cloud-init settings do.
    #[default]
    Callback,
    /// Root can log in by SSH with the key of the settings.
    Ssh,
    /// It takes connections at this TCP port, 1..=65535.
    Port(u16),
}

impl ReadyWhen {
    /// The value of that text: `callback`, `ssh`, `port:22`.
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "callback" => Some(Self::Callback),
            "ssh" => Some(Self::Ssh),
            _ => {
                let port = text.strip_prefix("port:")?.trim().parse().ok()?;
                (port > 0).then_some(Self::Port(port))
            }
        }
    }
}

impl fmt::Display for ReadyWhen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Callback => f.write_str("callback"),
            Self::Ssh => f.write_str("ssh"),
            Self::Port(port) => write!(f, "port:{port}"),
        }
    }
}

impl From<ReadyWhen> for String {
    fn from(when: ReadyWhen) -> Self {
        when.to_string()
    }
}

impl TryFrom<String> for ReadyWhen {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text).ok_or_else(|| format!("`{text}` tells nothing about when a node is ready"))
    }
}

/// Something that is done on a node by SSH once it is ready.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct NodeStep {
    /// What.
    pub act: Act,
    /// How long it may take, in seconds, 1..=86400.
    pub within_seconds: u32,
}

/// What is done on a node.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Act {
    /// cloud-init is waited for.
    CloudInit,
    /// It starts anew, and is waited for.
    Reboot,
    /// A shell command, as root.
    Run(String),
}

/// So many characters of a command are shown where it is spoken of.
const SHOWN: usize = 60;

/// A command as its first line, shortened.
impl fmt::Display for Act {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CloudInit => f.write_str("cloud-init"),
            Self::Reboot => f.write_str("reboot"),
            Self::Run(command) => {
                let command = command.trim();
                let line = command.lines().next().unwrap_or_default();
                let short: String = line.chars().take(SHOWN).collect();
                let more = if short.len() < command.len() { "…" } else { "" };
                write!(f, "`{short}{more}`")
            }
        }
    }
}

impl fmt::Display for NodeStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let within = jiff::SignedDuration::from_secs(self.within_seconds.into());
        write!(f, "{} within {}", self.act, crate::measure::span(within))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn what_tells_of_readiness_reads_back_as_it_is_written() {
        for text in ["callback", "ssh", "port:22", "port:65535"] {
            assert_eq!(ReadyWhen::parse(text).unwrap().to_string(), text);
        }
        for wrong in ["", "port", "port:", "port:0", "port:65536", "port:-1", "SSH"] {
            assert_eq!(ReadyWhen::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_long_command_is_spoken_of_by_its_begin() {
        let shown = |command: &str| Act::Run(command.into()).to_string();
        assert_eq!(shown(" true \n"), "`true`");
        assert_eq!(shown("set -e\nfalse"), "`set -e…`");
        assert_eq!(shown(&"é".repeat(100)), format!("`{}…`", "é".repeat(60)));
    }
}
