//! What there is to say about a console, to those who look at it.

use std::fmt;

use super::{Mode, Refused, State};

/// Something about the console itself. Its text is a sentence without its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum News {
    /// How the line stands: the first thing that somebody is told, and when it is ours again.
    Line(State),
    /// The line broke, or could not be had.
    Broken {
        /// Why.
        why: String,
        /// When it is tried again, in seconds.
        again_seconds: u64,
    },
    /// Somebody came who writes.
    Joined(String),
    /// Somebody came who writes, and whoever did was shown the door.
    Taken(String),
    /// Somebody who wrote has gone.
    Left(String),
    /// Somebody is about to reset the machine.
    Reset(String),
    /// To one who comes to write: these do so too.
    Beside(Vec<String>),
    /// To one who took it: these wrote.
    From(Vec<String>),
    /// To one who wants to attach in another way: somebody else writes.
    Refused(Refused),
    /// To one who wanted to attach in another way: he does.
    Now(Mode),
    /// What one typed goes nowhere.
    Lost(Lost),
    /// So many octets were left out for one who reads too slowly.
    Missed(u64),
}

/// Why what one types goes nowhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lost {
    /// He looks on only.
    LooksOn,
    /// The line is not ours.
    NotConnected,
    /// A break, on a way to a console that has none.
    NoBreak,
    /// The line takes nothing more at present.
    Full,
}

/// Why somebody may not look any more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Gone {
    /// Somebody took the console by force.
    Taken(String),
    /// There is no such console any more.
    Ended,
}

impl fmt::Display for News {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Line(State::Open) => f.write_str("connected"),
            Self::Line(State::Opening) => f.write_str("being connected"),
            Self::Line(State::Closed(why)) => write!(f, "disconnected: {why}"),
            Self::Broken { why, again_seconds } => write!(f, "disconnected: {why}; tried again in {again_seconds} s"),
            Self::Joined(name) => write!(f, "joined by {name}"),
            Self::Taken(name) => write!(f, "taken by {name}"),
            Self::Left(name) => write!(f, "{name} has gone"),
            Self::Reset(name) => write!(f, "reset by {name}"),
            Self::Beside(names) => write!(f, "joined with {}", names.join(" and ")),
            Self::From(names) => write!(f, "taken from {}", names.join(" and ")),
            Self::Refused(refused) => refused.fmt(f),
            Self::Now(mode) if mode.writes() => f.write_str("you write"),
            Self::Now(_) => f.write_str("you look on"),
            Self::Lost(why) => f.write_str(match why {
                Lost::LooksOn => "you look on only: what you type goes nowhere",
                Lost::NotConnected => "it is not connected: what you type goes nowhere",
                Lost::NoBreak => "this way to a console has no break",
                Lost::Full => "it takes nothing more at present: what you typed is lost",
            }),
            Self::Missed(octets) => write!(f, "{octets} octets were left out here: this end read too slowly"),
        }
    }
}

impl fmt::Display for Gone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Taken(name) => write!(f, "taken by {name}"),
            Self::Ended => f.write_str("the console is gone"),
        }
    }
}
