//! How the disk is divided, as partman reads it.

use crate::cluster::{Filesystem, Layout, Recipe};

/// Sizes in megabytes (powers of 1000), as partman counts.
const EFI: u64 = 538;
const BIOS_BOOT: u64 = 1;
const BOOT: u64 = 1000;
/// A small server fits; the rest of the disk is added.
const ROOT: u64 = 3000;
/// Tables at both ends, alignment, LVM's and LUKS's own data.
const OVERHEAD: u64 = 60;

/// The word of partman for a recipe.
pub(super) fn method(layout: &Layout) -> &'static str {
    match layout.recipe {
        Recipe::Plain => "regular",
        Recipe::Lvm => "lvm",
        Recipe::Encrypted => "crypto",
    }
}

/// Bytes that a disk must have for the layout. partman itself would silently use another layout on a smaller one.
pub(super) fn needed(layout: &Layout) -> u64 {
    let boot = if has_boot(layout) { BOOT } else { 0 };
    (EFI + BIOS_BOOT + boot + ROOT + OVERHEAD) * 1_000_000 + layout.swap.unwrap_or(0)
}

/// GRUB reads everything that the root can be; only through LUKS it would have to ask for the passphrase itself, and
/// partman insists on a separate `/boot` wherever there is LVM.
fn has_boot(layout: &Layout) -> bool {
    layout.recipe != Recipe::Plain
}

/// The recipe: for each partition its least size, its weight and its largest size, its type, and what becomes of it.
pub(super) fn recipe(layout: &Layout) -> String {
    let within = if layout.recipe == Recipe::Plain {
        ""
    } else {
        " $lvmok{ }"
    };
    let filesystem = match layout.filesystem {
        Filesystem::Ext4 => "ext4",
        Filesystem::Xfs => "xfs",
        Filesystem::Btrfs => "btrfs",
    };
    let mut parts = vec![
        format!("{EFI} {EFI} {EFI} free $iflabel{{ gpt }} method{{ efi }} format{{ }} ."),
        format!("{BIOS_BOOT} {BIOS_BOOT} {BIOS_BOOT} free $iflabel{{ gpt }} method{{ biosgrub }} ."),
    ];
    if has_boot(layout) {
        parts.push(format!(
            "{BOOT} {BOOT} {BOOT} ext4 {} mountpoint{{ /boot }} .",
            formatted("ext4")
        ));
    }
    if let Some(swap) = layout.swap {
        let megabytes = swap.div_ceil(1_000_000);
        parts.push(format!(
            "{megabytes} {megabytes} {megabytes} linux-swap{within} method{{ swap }} format{{ }} ."
        ));
    }
    parts.push(format!(
        "{ROOT} {} -1 {filesystem}{within} {} mountpoint{{ / }} .",
        ROOT * 10,
        formatted(filesystem)
    ));
    format!("bellwether ::\n\n{}", parts.join("\n"))
}

fn formatted(filesystem: &str) -> String {
    format!("method{{ format }} format{{ }} use_filesystem{{ }} filesystem{{ {filesystem} }}")
}
