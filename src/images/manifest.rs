//! What an image says about itself: `manifest.json` beside its files.

use std::io::{self, Read as _};
use std::path::Path;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

/// Name of the file inside an image's folder.
pub const FILE: &str = "manifest.json";

/// What a folder of files is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// A system: kernel, initrd and root. It runs from memory, and from a disk unless it was built for the network only.
    #[default]
    System,
    /// The whole of a disk, imported, to be written to another one.
    Disk,
    /// Kernel and initrd that write images to disks.
    Agent,
}

impl Kind {
    /// The word of the manifest.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::Disk => "disk",
            Self::Agent => "agent",
        }
    }
}

/// An image: what it is, what it was made from, and its files.
///
/// It names no mirror: the packages' versions say what is inside, wherever they were fetched.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// Name, also that of its folder.
    pub name: String,
    /// What it is for.
    #[serde(default)]
    pub kind: Kind,
    /// Distribution and version, `debian-12`.
    pub os: String,
    /// Architecture in Debian's words, `amd64`.
    pub architecture: String,
    /// When its build ended.
    pub built_at: Timestamp,
    /// Kernel, of a system and an agent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kernel: Option<FileEntry>,
    /// Initial RAM disk, of a system (for the network) and an agent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub initrd: Option<FileEntry>,
    /// Root filesystem of a system, a squashfs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub root: Option<FileEntry>,
    /// Initial RAM disk of a system for its life on a disk.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disk_initrd: Option<FileEntry>,
    /// The whole disk, compressed with zstd.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disk: Option<FileEntry>,
    /// Bytes that the root takes on a filesystem, or that the whole disk has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unpacked: Option<u64>,
    /// What is installed, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub packages: Option<Packages>,
    /// SHA-256 over the recipe and the options of the build: the same digest asks for the same image. Of an import the
    /// SHA-256 of the file that was imported.
    pub recipe: String,
}

/// A file of an image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileEntry {
    /// File name inside the image's folder.
    pub path: String,
    /// Length in bytes.
    pub size: u64,
    /// SHA-256, 64 hexadecimal digits in lower case.
    pub sha256: String,
    /// The kernel's release (`uname -r`); other files have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
}

/// The installed packages in short; the list itself is the file `packages`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Packages {
    /// How many.
    pub count: usize,
    /// SHA-256 of the sorted list of names, versions and architectures.
    pub sha256: String,
}

impl Manifest {
    /// Its files, in the order in which a machine asks for them.
    pub fn files(&self) -> impl Iterator<Item = &FileEntry> {
        let Self {
            kernel,
            initrd,
            root,
            disk_initrd,
            disk,
            ..
        } = self;
        [kernel, initrd, root, disk_initrd, disk].into_iter().flatten()
    }

    /// Bytes on disk.
    pub fn size(&self) -> u64 {
        self.files().map(|file| file.size).sum()
    }

    /// What an image of its kind cannot be without, and this one is.
    pub fn lacks(&self) -> Option<&'static str> {
        let needed: &[(&str, bool)] = match self.kind {
            Kind::System => &[
                ("kernel", self.kernel.is_some()),
                ("initrd", self.initrd.is_some()),
                ("root", self.root.is_some()),
                ("unpacked", self.disk_initrd.is_none() || self.unpacked.is_some()),
            ],
            Kind::Disk => &[("disk", self.disk.is_some()), ("unpacked", self.unpacked.is_some())],
            Kind::Agent => &[("kernel", self.kernel.is_some()), ("initrd", self.initrd.is_some())],
        };
        needed.iter().find(|(_, there)| !there).map(|&(name, _)| name)
    }
}

impl FileEntry {
    /// Measures a file of a folder.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn measure(folder: &Path, name: &str) -> io::Result<Self> {
        let (size, sha256) = digest(&folder.join(name))?;
        Ok(Self {
            path: name.to_string(),
            size,
            sha256,
            version: None,
        })
    }
}

impl Packages {
    /// Sums up a list of packages, one to a line.
    pub fn sum_up(list: &str) -> Self {
        Self {
            count: list.lines().filter(|line| !line.is_empty()).count(),
            sha256: hex(&Sha256::digest(list)),
        }
    }
}

/// Length and SHA-256 of a file, without holding it in memory.
///
/// # Errors
/// If it cannot be read.
pub fn digest(path: &Path) -> io::Result<(u64, String)> {
    let mut file = std::fs::File::open(path)?;
    let mut hash = Sha256::new();
    let mut buffer = vec![0; 1 << 18];
    let mut size = 0;
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok((size, hex(&hash.finalize()))),
            count => {
                hash.update(&buffer[..count]);
                size += count as u64;
            }
        }
    }
}

/// Bytes as hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes
        .iter()
        .fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
            write!(text, "{byte:02x}").expect("writing to a string cannot fail");
            text
        })
}
