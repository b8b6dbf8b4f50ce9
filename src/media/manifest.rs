//! What a medium says about itself: `manifest.json` beside its files.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::images::FileEntry;

/// Name of the file inside a medium's folder.
pub const FILE: &str = "manifest.json";

/// A medium: what it installs, where it is from, and the files that start its installer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// Name, also that of its folder.
    pub name: String,
    /// Distribution and version, `debian-12`.
    pub os: String,
    /// Architecture in Debian's words, `amd64`.
    pub architecture: String,
    /// Version of the installer, `20230607+deb12u15`.
    pub version: String,
    /// Where it is from, and what vouches for it, in words.
    pub source: String,
    /// When it was added.
    pub added_at: Timestamp,
    /// Kernel.
    pub kernel: FileEntry,
    /// Initial RAM disk.
    pub initrd: FileEntry,
    /// Further initial RAM disks, laid over the first in this order.
    #[serde(default)]
    pub extra: Vec<FileEntry>,
    /// Suite of the mirror that the installer fetches its components from, where it is another than the release's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub udeb_suite: Option<String>,
}

impl Manifest {
    /// All files, in the order a machine asks for them.
    pub fn files(&self) -> impl Iterator<Item = &FileEntry> {
        [&self.kernel, &self.initrd].into_iter().chain(&self.extra)
    }

    /// Bytes on disk and over the wire.
    pub fn size(&self) -> u64 {
        self.files().map(|file| file.size).sum()
    }

    /// Whether a machine would get the same from it.
    pub fn same_as(&self, other: &Self) -> bool {
        let files = |manifest: &Self| manifest.files().cloned().collect::<Vec<_>>();
        files(self) == files(other)
            && (&self.os, &self.architecture, &self.udeb_suite) == (&other.os, &other.architecture, &other.udeb_suite)
    }
}
