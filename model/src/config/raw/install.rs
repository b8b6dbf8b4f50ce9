//! Disk and layout of an installation as they are written.

use crate::cluster::{Filesystem, Pick, Recipe};
use crate::config::scalar::{AbsolutePath, KeyFrom, KnownStep, Size, SwapSize, Text, Within};
use crate::config::section::declare_section;
use crate::config::span::At;

declare_section! {
    /// Which disk an installation takes, and wipes. Every condition that is given must hold; where several disks are left,
    /// `pick` takes one. Where none is left nothing is touched and the deployment fails. Removable disks are never taken.
    struct Disk as "a disk" {
        /// Device file. Names under `/dev/disk/by-id` and `/dev/disk/by-path` stay the same from boot to boot.
        path: Option<At<AbsolutePath>>,
        /// Part of the name of its model, in upper or lower case. Example: `SAMSUNG MZ7`.
        model: Option<At<Text>>,
        /// Its serial number.
        serial: Option<At<Text>>,
        /// Its least size. Example: `100GB`. `G` is a power of 1024, `GB` one of 1000, as disks are sold.
        min_size: Option<At<Size>>,
        /// Its largest size.
        max_size: Option<At<Size>>,
        /// Which of several: `first` (the default; in the order of their names), `smallest` or `largest`.
        pick: Option<At<Pick>>,
    }
}

declare_section! {
    /// What is done on an installed node once it is ready, by SSH as root. Either `run` or `step`.
    struct Step as "a step" {
        /// A shell command. The deployment fails if it ends with another status than 0. It is run again if the server is
        /// restarted while it runs.
        run: Option<At<Text>>,
        /// `cloud-init`: cloud-init is waited for, and must have no errors. `reboot`: the node starts anew, and is waited for
        /// until root can log in again.
        step: Option<At<KnownStep>>,
        /// How long it may take, 1 s to a day. Default `10m`.
        within: Option<At<Within>>,
    }
}

declare_section! {
    /// How the disk is divided. There is always a GUID partition table with an EFI system partition and room for GRUB on
    /// BIOS machines, so that the disk starts on both.
    struct Layout as "a layout" {
        /// `plain` (the default): partitions. `lvm`: a volume group on the rest of the disk. `encrypted`: LUKS, and a volume
        /// group in it.
        recipe: Option<At<Recipe>>,
        /// Filesystem of the root: `ext4` (the default), `xfs` or `btrfs`.
        filesystem: Option<At<Filesystem>>,
        /// Size of the swap space, or `none` (the default). Example: `4G`.
        swap: Option<At<SwapSize>>,
        /// Where the passphrase of an encrypted disk is, on this server: `env:NAME` or `file:/path`. Debian's installer is
        /// never given it, since all that it fetches travels in the clear: leave this out for `via: installer`, and type
        /// the passphrase at the machine's console when it asks.
        passphrase_from: Option<At<KeyFrom>>,
    }
}
