//! The programs of this host that a build calls, and the packages they come from.

use std::path::{Path, PathBuf};

/// What a build calls: a program or file, and the Debian package that brings it.
const NEEDED: [(&str, &str); 5] = [
    ("mmdebstrap", "mmdebstrap"),
    ("apt-get", "apt"),
    ("mksquashfs", "squashfs-tools"),
    ("tar", "tar"),
    (
        "/usr/share/keyrings/debian-archive-keyring.gpg",
        "debian-archive-keyring",
    ),
];

/// What a build by somebody who is not root calls besides.
const NEEDED_UNPRIVILEGED: [(&str, &str); 1] = [("newuidmap", "uidmap")];

/// The packages that are missing here, all at once.
pub fn missing(root: bool) -> Vec<&'static str> {
    let places = std::env::var_os("PATH").unwrap_or_default();
    // Not in everybody's PATH, and mmdebstrap finds them there.
    let places: Vec<PathBuf> = std::env::split_paths(&places)
        .chain(["/usr/sbin".into(), "/sbin".into()])
        .collect();
    missing_among(root, |what| {
        if what.starts_with('/') {
            Path::new(what).exists()
        } else {
            places.iter().any(|dir| dir.join(what).is_file())
        }
    })
}

fn missing_among(root: bool, there: impl Fn(&str) -> bool) -> Vec<&'static str> {
    let more: &[_] = if root { &[] } else { &NEEDED_UNPRIVILEGED };
    NEEDED
        .iter()
        .chain(more)
        .filter(|(what, _)| !there(what))
        .map(|&(_, package)| package)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_missing_package_is_named_at_once() {
        assert_eq!(
            missing_among(true, |what| what == "tar"),
            ["mmdebstrap", "apt", "squashfs-tools", "debian-archive-keyring"]
        );
    }

    #[test]
    fn a_build_without_root_needs_user_namespaces() {
        assert_eq!(missing_among(false, |what| what != "newuidmap"), ["uidmap"]);
        assert!(missing_among(true, |what| what != "newuidmap").is_empty());
    }
}
