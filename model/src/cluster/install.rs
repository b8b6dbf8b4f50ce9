//! How a node's own disk gets its operating system.

use std::fmt;

use serde::{Deserialize, Serialize};

/// How the operating system of a node comes to run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Via {
    /// Over the network at every boot; the disk is left alone.
    #[default]
    Network,
    /// The distribution's own installer puts it on the disk.
    Installer,
    /// An image is written to the disk.
    Image,
}

/// Which disk is taken. Every condition that is given must hold; of the disks that are left `pick` takes one.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DiskRule {
    /// Device file, `/dev/disk/by-id/…`.
    pub path: Option<String>,
    /// Part of the model's name, without regard to case.
    pub model: Option<String>,
    /// Serial number.
    pub serial: Option<String>,
    /// Smallest size in bytes.
    pub min_size: Option<u64>,
    /// Largest size in bytes.
    pub max_size: Option<u64>,
    /// Which of several.
    pub pick: Pick,
}

/// Which of several disks is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Pick {
    /// The first in the order of their names.
    #[default]
    First,
    /// The smallest.
    Smallest,
    /// The largest.
    Largest,
}

/// How the disk is divided.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Layout {
    /// What stands between the partition table and the filesystem.
    pub recipe: Recipe,
    /// Filesystem of the root.
    pub filesystem: Filesystem,
    /// Size of the swap space in bytes; `None`: no swap.
    pub swap: Option<u64>,
    /// Where the passphrase of an encrypted disk is: `env:NAME` or `file:/path` of the server.
    pub passphrase_from: Option<String>,
}

/// What stands between the partition table and the filesystem.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Recipe {
    /// Nothing: partitions.
    #[default]
    Plain,
    /// LVM.
    Lvm,
    /// LUKS, and LVM in it.
    Encrypted,
}

/// A filesystem for the root.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Filesystem {
    /// ext4.
    #[default]
    Ext4,
    /// XFS.
    Xfs,
    /// Btrfs.
    Btrfs,
}

/// What a node does when its disk has its system.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum AfterInstall {
    /// Restarts into it.
    #[default]
    Reboot,
    /// Switches itself off; the deployment is done when it was switched on again and is ready.
    Poweroff,
}

macro_rules! words {
    ($ty:ident: $($variant:ident $word:literal),*) => {
        impl $ty {
            /// All of them, in the order of the manual.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// The word of the cluster file.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word),* }
            }

            /// The value of that word.
            pub fn parse(word: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|value| value.as_str() == word)
            }
        }

        impl fmt::Display for $ty {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}

words!(Via: Network "network", Installer "installer", Image "image");
words!(Pick: First "first", Smallest "smallest", Largest "largest");
words!(Recipe: Plain "plain", Lvm "lvm", Encrypted "encrypted");
words!(Filesystem: Ext4 "ext4", Xfs "xfs", Btrfs "btrfs");
words!(AfterInstall: Reboot "reboot", Poweroff "poweroff");

impl fmt::Display for DiskRule {
    /// `the smallest disk of at least 100 GB, model SAMSUNG`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.path {
            Some(path) => write!(f, "the disk {path}")?,
            None => write!(f, "the {} disk", self.pick)?,
        }
        if let Some(size) = self.min_size {
            write!(f, " of at least {}", crate::measure::size(size))?;
        }
        if let Some(size) = self.max_size {
            let of = if self.min_size.is_some() { " and" } else { " of" };
            write!(f, "{of} at most {}", crate::measure::size(size))?;
        }
        if let Some(model) = &self.model {
            write!(f, ", model {model}")?;
        }
        if let Some(serial) = &self.serial {
            write!(f, ", serial {serial}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Layout {
    /// `lvm, ext4, 4 GB swap`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, {}", self.recipe, self.filesystem)?;
        match self.swap {
            Some(size) => write!(f, ", {} swap", crate::measure::size(size)),
            None => f.write_str(", no swap"),
        }
    }
}
