//! The recipe of a stateless Debian, embedded: files that a build writes out and hands to mmdebstrap.

use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use sha2::{Digest as _, Sha256};

use super::manifest::hex;

macro_rules! files {
    ($($name:literal),* $(,)?) => { [$(($name, include_str!(concat!("recipe/", $name)))),*] };
}

/// Every file of the recipe with its text.
const FILES: [(&str, &str); 10] = files![
    "customize.sh",
    "dracut/bellwether-root",
    "dracut/claim-root.sh",
    "dracut/dhcp-lease",
    "dracut/module-setup.sh",
    "dracut/mount-root.sh",
    "rootfs/cloud.cfg",
    "rootfs/journald.conf",
    "rootfs/wait-online.conf",
    "rootfs/wired.network",
];

/// What is installed besides the kernel and what the operator adds.
pub const PACKAGES: [&str; 21] = [
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

/// Paths that no program of a node reads. Copyright files stay.
pub const EXCLUDED: [&str; 8] = [
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

/// SHA-256 over the recipe and what else decides about an image.
pub fn digest(options: &str) -> String {
    let mut hash = Sha256::new();
    let lists = [PACKAGES.join(" "), EXCLUDED.join(" "), options.to_string()];
    for text in FILES
        .iter()
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
        assert_eq!(digest("a"), digest("a"));
        assert_ne!(digest("a"), digest("b"));
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
