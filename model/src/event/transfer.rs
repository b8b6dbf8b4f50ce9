//! A file that went to a machine.

use std::fmt;
use std::net::IpAddr;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// One transfer, written down when it ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Transfer {
    /// By which protocol.
    pub protocol: Protocol,
    /// Path as it was asked for, cleaned.
    pub path: String,
    /// What the file is in a boot.
    pub role: Role,
    /// Who got it.
    pub client: IpAddr,
    /// Bytes sent.
    pub bytes: u64,
    /// Length of the file, 0 if there is none.
    pub total: u64,
    /// How long it took, in milliseconds.
    pub duration_ms: u64,
    /// How it ended.
    pub outcome: Outcome,
}

impl Transfer {
    /// When it began, if it ended then: events are written when a transfer has ended.
    pub fn began(&self, ended: Timestamp) -> Timestamp {
        let took = SignedDuration::from_millis(i64::try_from(self.duration_ms).unwrap_or(i64::MAX));
        ended.checked_sub(took).unwrap_or(ended)
    }

    /// The last part of its path.
    pub fn file(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or(&self.path)
    }
}

/// Protocol of a transfer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Protocol {
    /// TFTP.
    Tftp,
    /// HTTP.
    Http,
}

/// What a file is in a boot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// A network boot loader.
    Loader,
    /// A kernel.
    Kernel,
    /// An initial RAM disk.
    Initrd,
    /// A root filesystem image.
    Root,
    /// Anything else.
    File,
}

impl Role {
    /// The word shown to people.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Loader => "loader",
            Self::Kernel => "kernel",
            Self::Initrd => "initrd",
            Self::Root => "root image",
            Self::File => "file",
        }
    }
}

/// How a transfer ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// All of it arrived.
    Complete,
    /// The client asked for the size and hung up, as UEFI firmware does before every TFTP transfer.
    Probed,
    /// A part was asked for and arrived (HTTP Range, HEAD).
    Partial,
    /// The client broke it off.
    Aborted(String),
    /// The client went silent.
    TimedOut,
    /// There is no such file.
    NotFound,
    /// It was refused, with the reason.
    Refused(String),
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Complete => f.write_str("complete"),
            Self::Probed => f.write_str("size asked"),
            Self::Partial => f.write_str("in part"),
            Self::Aborted(why) => write!(f, "broken off: {why}"),
            Self::TimedOut => f.write_str("client went silent"),
            Self::NotFound => f.write_str("not found"),
            Self::Refused(why) => write!(f, "refused: {why}"),
        }
    }
}
