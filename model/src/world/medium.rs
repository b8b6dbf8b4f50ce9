//! Media: what operating systems are installed from.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::ImageFile;
use crate::event::Role;

/// A medium as boot scripts and preseeds need it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Medium {
    /// Distribution and version, `debian-12`.
    pub os: String,
    /// Architecture in Debian's words, `amd64`.
    pub architecture: String,
    /// Version of the installer, as its maker names it.
    pub version: String,
    /// Kernel of the installer.
    pub kernel: ImageFile,
    /// Its initial RAM disk.
    pub initrd: ImageFile,
    /// Further initial RAM disks, laid over the first in this order.
    #[serde(default)]
    pub extra: Vec<ImageFile>,
    /// Suite of the mirror that the installer fetches its own components from, where it is another than that of the
    /// release.
    #[serde(default)]
    pub udeb_suite: Option<String>,
    /// When it was added.
    pub added_at: Timestamp,
}

impl Medium {
    /// Its files with their roles, in the order a machine asks for them.
    pub fn files(&self) -> impl Iterator<Item = (&ImageFile, Role)> {
        [(&self.kernel, Role::Kernel), (&self.initrd, Role::Initrd)]
            .into_iter()
            .chain(self.extra.iter().map(|file| (file, Role::Initrd)))
    }

    /// Bytes on disk and over the wire.
    pub fn size(&self) -> u64 {
        self.files().fold(0, |size, (file, _)| size.saturating_add(file.size))
    }
}
