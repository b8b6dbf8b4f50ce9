//! What an image says about itself: `manifest.json` beside its files.

use std::io::{self, Read as _};
use std::path::Path;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

/// Name of the file inside an image's folder.
pub const FILE: &str = "manifest.json";

/// An image: what it is, what it was made from, and the files that boot it.
///
/// It names no mirror: the packages' versions say what is inside, wherever they were fetched.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// Name, also that of its folder.
    pub name: String,
    /// Distribution and version, `debian-12`.
    pub os: String,
    /// Architecture in Debian's words, `amd64`.
    pub architecture: String,
    /// When its build ended.
    pub built_at: Timestamp,
    /// Kernel.
    pub kernel: FileEntry,
    /// Initial RAM disk.
    pub initrd: FileEntry,
    /// Root filesystem, a squashfs.
    pub root: FileEntry,
    /// What is installed.
    pub packages: Packages,
    /// SHA-256 over the recipe and the options of the build: the same digest asks for the same image.
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
    /// The three files, in the order a machine asks for them.
    pub fn files(&self) -> [&FileEntry; 3] {
        [&self.kernel, &self.initrd, &self.root]
    }

    /// Bytes on disk and over the wire.
    pub fn size(&self) -> u64 {
        self.files().iter().map(|file| file.size).sum()
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
