//! What a node can be given to boot or to have written on its disk.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::World;
use crate::event::Role;

/// An image as boot scripts need it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Image {
    /// Distribution and version, `debian-12`.
    pub os: String,
    /// Architecture in Debian's words, `amd64`.
    pub architecture: String,
    /// Kernel.
    pub kernel: ImageFile,
    /// Initial RAM disk.
    pub initrd: ImageFile,
    /// Root filesystem.
    pub root: ImageFile,
    /// When it was built.
    pub built_at: Timestamp,
    /// What it needs beside these to live on a disk; `None` for one that was built for the network only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disk: Option<OnDisk>,
}

/// What an image needs to live on a disk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OnDisk {
    /// The initial RAM disk that finds the root on a disk.
    pub initrd: ImageFile,
    /// How much of a filesystem the root takes, in bytes.
    pub unpacked: u64,
}

/// An image of a whole disk, compressed with zstd: it is written to a disk as it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DiskImage {
    /// What is on it, `debian-12`, as far as anybody said.
    pub os: String,
    /// Architecture in Debian's words, `amd64`.
    pub architecture: String,
    /// The compressed disk.
    pub disk: ImageFile,
    /// The smallest disk that it fits on, in bytes.
    pub unpacked: u64,
    /// When it was imported.
    pub built_at: Timestamp,
}

/// The agent: kernel and initial RAM disk that write images to disks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Agent {
    /// Architecture in Debian's words, `amd64`.
    pub architecture: String,
    /// Kernel.
    pub kernel: ImageFile,
    /// Initial RAM disk with the agent in it.
    pub initrd: ImageFile,
    /// When it was built.
    pub built_at: Timestamp,
}

/// A file of an image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageFile {
    /// File name inside the image's folder.
    pub name: String,
    /// Length in bytes.
    pub size: u64,
    /// SHA-256, hexadecimal.
    pub sha256: String,
}

impl World {
    /// The names of everything that nodes are given: images, images of whole disks, agents.
    pub fn bundles(&self) -> impl Iterator<Item = &String> {
        self.images
            .keys()
            .chain(self.disk_images.keys())
            .chain(self.agents.keys())
    }

    /// A file of an image and what it is to a node; `None` for everything that nodes are not given.
    pub fn file_of(&self, bundle: &str, file: &str) -> Option<(&ImageFile, Role)> {
        let image = self.images.get(bundle);
        let on_disk = image.and_then(|image| image.disk.as_ref());
        let whole = self.disk_images.get(bundle);
        let agent = self.agents.get(bundle);
        let files = [
            (image.map(|image| &image.kernel), Role::Kernel),
            (image.map(|image| &image.initrd), Role::Initrd),
            (image.map(|image| &image.root), Role::Root),
            (on_disk.map(|disk| &disk.initrd), Role::Initrd),
            (whole.map(|whole| &whole.disk), Role::Root),
            (agent.map(|agent| &agent.kernel), Role::Kernel),
            (agent.map(|agent| &agent.initrd), Role::Initrd),
        ];
        files
            .into_iter()
            .filter_map(|(entry, role)| Some((entry?, role)))
            .find(|(entry, _)| entry.name == file)
    }
}
