//! The recipes of a Debian and of the agent, embedded: files that a build writes out and hands to mmdebstrap.

use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use sha2::{Digest as _, Sha256};

use super::manifest::{Kind, hex};

macro_rules! files {
    ($($name:literal),* $(,)?) => { [$(($name, include_str!(concat!("recipe/", $name)))),*] };
}

/// Every file of the recipes with its text.
const FILES: [(&str, &str); 26] = files![
    "agent/bellwether-agent",
    "agent/build.sh",
    "agent/disks.sh",
    "agent/fetch.sh",
    "agent/firmware.sh",
    "agent/layout.sh",
    "agent/module-setup.sh",
    "agent/plan.sh",
    "agent/report.sh",
    "agent/run-agent.sh",
    "agent/tree.sh",
    "agent/whole.sh",
    "customize.sh",
    "dracut/bellwether-root",
    "dracut/claim-root.sh",
    "dracut/dhcp-lease",
    "dracut/module-setup.sh",
    "dracut/mount-root.sh",
    "dracut/network.sh",
    "rootfs/asleep-in-memory",
    "rootfs/cloud.cfg",
    "rootfs/dracut.conf",
    "rootfs/journald.conf",
    "rootfs/to-disk",
    "rootfs/wait-online.conf",
    "rootfs/wired.network",
];

/// What the agent's recipe takes from that of systems.
const SHARED: [&str; 3] = ["dracut/claim-root.sh", "dracut/dhcp-lease", "dracut/network.sh"];

/// What is installed in a system besides the kernel and what the operator adds.
const PACKAGES: [&str; 21] = [
    "busybox",
    "ca-certificates",
    "cloud-init",
    "curl",
    "dbus",
    "dracut",
    "dracut-core",
    "iproute2",
    "iputils-ping",
    "kmod",
    "libnss-myhostname",
    "libpam-systemd",
    "netbase",
    "openssh-server",
    "sudo",
    "systemd-resolved",
    "systemd-sysv",
    "systemd-timesyncd",
    "tzdata",
    "udev",
    "zstd",
];

/// What a system needs besides to live on a disk: boot loaders for BIOS and UEFI, with and without Secure Boot, and LVM.
const PACKAGES_FOR_DISKS: [&str; 5] = [
    "grub-efi-amd64-signed",
    "grub-pc-bin",
    "grub2-common",
    "lvm2",
    "shim-signed",
];

/// What the agent is made of besides the kernel and what the operator adds.
const PACKAGES_OF_AGENT: [&str; 15] = [
    "btrfs-progs",
    "busybox",
    "curl",
    "dosfstools",
    "dracut",
    "dracut-core",
    "e2fsprogs",
    "efibootmgr",
    "fdisk",
    "iproute2",
    "kmod",
    "lvm2",
    "squashfs-tools",
    "udev",
    "xfsprogs",
];

/// What is installed for a kind of image, besides the kernel and what the operator adds.
pub fn packages(kind: Kind, network_only: bool) -> Vec<&'static str> {
    let lists: &[&[&str]] = match (kind, network_only) {
        (Kind::Agent, _) => &[&PACKAGES_OF_AGENT, &["zstd"]],
        (_, true) => &[&PACKAGES],
        (_, false) => &[&PACKAGES, &PACKAGES_FOR_DISKS],
    };
    lists.concat()
}

/// Paths that no program of a node reads. Copyright files stay.
pub const EXCLUDED: [&str; 11] = [
    // Boot loaders for CDs and for servers; those of a disk are beside them.
    "path-exclude=/usr/lib/grub/x86_64-efi/monolithic/*",
    "path-exclude=/usr/lib/grub/x86_64-efi-signed/gcd*",
    "path-exclude=/usr/lib/grub/x86_64-efi-signed/grubnet*",
    "path-exclude=/usr/share/man/*",
    "path-exclude=/usr/share/locale/*",
    "path-exclude=/usr/share/doc/*",
    "path-include=/usr/share/doc/*/copyright",
    "path-exclude=/usr/share/info/*",
    "path-exclude=/usr/share/lintian/*",
    "path-exclude=/usr/share/bug/*",
    "path-exclude=/usr/share/doc-base/*",
];

/// Writes the recipe below a folder, for everybody to read: a build without root reads it as another user.
///
/// # Errors
/// If it cannot be written.
pub fn write(folder: &Path) -> io::Result<()> {
    for (name, text) in FILES {
        let path = folder.join(name);
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent)?;
            std::fs::set_permissions(parent, std::fs::Permissions::from_mode(0o755))?;
        }
        std::fs::write(&path, text)?;
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644))?;
    }
    Ok(())
}

/// SHA-256 over the recipe of a kind of image and what else decides about it.
pub fn digest(kind: Kind, options: &str) -> String {
    let mut hash = Sha256::new();
    let of_kind = |name: &str| match kind {
        Kind::Agent => name.starts_with("agent/") || SHARED.contains(&name),
        Kind::System | Kind::Disk => !name.starts_with("agent/"),
    };
    let lists = [EXCLUDED.join(" "), options.to_string()];
    for text in FILES
        .iter()
        .filter(|(name, _)| of_kind(name))
        .flat_map(|&(name, text)| [name, text])
        .chain(lists.iter().map(String::as_str))
    {
        hash.update((text.len() as u64).to_be_bytes());
        hash.update(text);
    }
    hex(&hash.finalize())
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn options_and_recipe_decide_about_the_digest() {
        assert_eq!(digest(Kind::System, "a"), digest(Kind::System, "a"));
        assert_ne!(digest(Kind::System, "a"), digest(Kind::System, "b"));
        assert_ne!(digest(Kind::System, "a"), digest(Kind::Agent, "a"));
    }

    #[test]
    fn every_script_of_the_recipe_parses() {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path()).unwrap();
        for (name, text) in FILES {
            let shell = match text.lines().next() {
                Some("#!/bin/bash") => "bash",
                Some(first) if first.starts_with("#!") => "sh",
                _ => continue,
            };
            let status = Command::new(shell)
                .arg("-n")
                .arg(folder.path().join(name))
                .status()
                .unwrap();
            assert!(status.success(), "{name}");
        }
    }

    #[test]
    fn cloud_init_looks_nowhere_but_at_the_server() {
        let (_, text) = FILES.iter().find(|(name, _)| *name == "rootfs/cloud.cfg").unwrap();
        assert!(text.contains("datasource_list: [ NoCloud, None ]"));
        assert!(text.contains("fs_label: null"));
    }
}
