//! What an archive says of itself. It is the last entry, so an archive that ends early has none.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Name of its entry.
pub(super) const NAME: &str = "manifest.json";
/// The format that this version writes.
pub const FORMAT: u32 = 1;

/// What an archive holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// Format of the archive.
    pub format: u32,
    /// Version of the program that made it.
    pub program: String,
    /// Schema of the journal in it.
    pub schema: i64,
    /// When it was made.
    pub made: Timestamp,
    /// Name of the cluster.
    pub cluster: Option<String>,
    /// Position of the last event in it.
    pub seq: u64,
    /// Whether images and media are in it, or only their descriptions.
    pub images: bool,
    /// Every file, in the order of the archive.
    pub files: Vec<Part>,
}

/// A file in an archive.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// Path in the state folder.
    pub path: String,
    /// Bytes.
    pub size: u64,
    /// SHA-256, hexadecimal.
    pub sha256: String,
    /// Mode bits.
    pub mode: u32,
}

impl Manifest {
    /// Bytes of all files.
    pub fn size(&self) -> u64 {
        self.files.iter().map(|part| part.size).sum()
    }
}
