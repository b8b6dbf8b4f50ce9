//! Who may write: one, unless he shares it. The words are conman's.

use std::fmt;

/// How somebody attaches to a console.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Looks only.
    Monitor,
    /// Writes, if nobody else does.
    Connect,
    /// Writes; whoever did is shown the door.
    Force,
    /// Writes beside whoever does.
    Join,
}

impl Mode {
    /// The mode of a word.
    pub fn named(word: &str) -> Option<Self> {
        match word {
            "monitor" => Some(Self::Monitor),
            "connect" => Some(Self::Connect),
            "force" => Some(Self::Force),
            "join" => Some(Self::Join),
            _ => None,
        }
    }

    /// Whether it is one that writes.
    pub fn writes(self) -> bool {
        self != Self::Monitor
    }
}

/// Somebody else writes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// Who.
    pub writers: Vec<String>,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} writes to this console: look on with --watch, write too with --join, or take it with --force",
            self.writers.join(" and ")
        )
    }
}

impl std::error::Error for Refused {}
