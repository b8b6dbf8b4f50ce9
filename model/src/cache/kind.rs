//! What a path of a repository is: that decides how long an answer for it stays true.

/// What stands under a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Never changes once published: packages, sources, files that are named by their digest.
    Immutable,
    /// The signed head of a suite: `InRelease`, `Release`, `Release.gpg`.
    Release,
    /// An index that a release file names: `Packages.xz`, `Contents-amd64.gz`, `repomd.xml`.
    Index,
    /// Anything else.
    Other,
}

/// Ends of names that never come back with other content: a new build has a new version in its name.
const IMMUTABLE: [&str; 12] = [
    ".deb",
    ".udeb",
    ".ddeb",
    ".dsc",
    ".rpm",
    ".drpm",
    ".buildinfo",
    ".changes",
    ".apk",
    ".orig.tar",
    ".debian.tar",
    ".diff.gz",
];
/// Beginnings of the names of Debian's indices.
const INDICES: [&str; 8] = [
    "Packages",
    "Sources",
    "Contents-",
    "Translation-",
    "Components-",
    "Commands-",
    "Index",
    "icons-",
];

impl Kind {
    /// The kind of a canonical path.
    pub fn of(path: &str) -> Self {
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        let name = path.rsplit('/').next().unwrap_or_default();
        if !query.is_empty() || name.is_empty() {
            return Self::Other;
        }
        if path.contains("/by-hash/") {
            return Self::Immutable;
        }
        if matches!(name, "InRelease" | "Release" | "Release.gpg") {
            return Self::Release;
        }
        let tarball = |mark: &str| name.contains(&format!("{mark}.")) || name.ends_with(mark);
        let package = IMMUTABLE
            .iter()
            .any(|end| name.ends_with(end) || (end.ends_with(".tar") && tarball(end)));
        // Below dists/ the installer's udebs and images move with the suite's name.
        if package || path.contains("/pool/") {
            return Self::Immutable;
        }
        let dnf = path.contains("/repodata/");
        if INDICES.iter().any(|start| name.starts_with(start)) || path.contains("/dists/") || dnf {
            return Self::Index;
        }
        Self::Other
    }

    /// The word of listings.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Immutable => "package",
            Self::Release => "release",
            Self::Index => "index",
            Self::Other => "file",
        }
    }
}

/// The SHA-256 that names the file: `…/by-hash/SHA256/<hex>`, lower case.
pub fn digest_in_path(path: &str) -> Option<String> {
    let (before, hex) = path.rsplit_once('/')?;
    let sha256 = before.ends_with("/by-hash/SHA256") && hex.len() == 64;
    (sha256 && hex.bytes().all(|b| b.is_ascii_hexdigit())).then(|| hex.to_ascii_lowercase())
}

/// Whether a path looks like one of a package repository: the rule for hosts that are not declared as upstreams.
///
/// It has a `pool`, `dists`, `by-hash` or `repodata` folder in it, or ends as a package or an index does.
pub fn looks_like_repository(path: &str) -> bool {
    let path = path.split('?').next().unwrap_or_default();
    path.split('/')
        .any(|part| matches!(part, "pool" | "dists" | "by-hash" | "repodata"))
        || Kind::of(path) != Kind::Other
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_what_debian_says_they_are() {
        let hash = "0".repeat(64);
        let by_hash = format!("/debian/dists/bookworm/main/binary-amd64/by-hash/SHA256/{hash}");
        for (path, kind) in [
            ("/debian/pool/main/h/htop/htop_3.2.2-2_amd64.deb", Kind::Immutable),
            ("/debian/pool/main/h/htop/htop_3.2.2.orig.tar.xz", Kind::Immutable),
            ("/flat/htop_3.2.2.orig.tar.gz.asc", Kind::Immutable),
            ("/flat/htop_3.2.2-2.debian.tar.xz", Kind::Immutable),
            ("/flat/a.udeb", Kind::Immutable),
            (by_hash.as_str(), Kind::Immutable),
            ("/debian/dists/bookworm/InRelease", Kind::Release),
            ("/debian/dists/bookworm/Release.gpg", Kind::Release),
            ("/flat/Release", Kind::Release),
            ("/debian/dists/bookworm/main/binary-amd64/Packages.xz", Kind::Index),
            ("/debian/dists/bookworm/main/i18n/Translation-en.bz2", Kind::Index),
            (
                "/debian/dists/bookworm/main/installer-amd64/current/images/netboot/mini.iso",
                Kind::Index,
            ),
            ("/flat/./Packages.gz", Kind::Index),
            ("/rocky/9/BaseOS/x86_64/os/repodata/repomd.xml", Kind::Index),
            ("/debian/", Kind::Other),
            ("/debian/README", Kind::Other),
            ("/debian/pool/x.deb?y=1", Kind::Other),
            ("/", Kind::Other),
        ] {
            assert_eq!(Kind::of(path), kind, "{path}");
        }
    }

    #[test]
    fn a_web_page_does_not_look_like_a_repository() {
        for path in [
            "/",
            "/index.html",
            "/latest/meta-data/",
            "/admin?x=/pool/",
            "/poolside/a",
        ] {
            assert!(!looks_like_repository(path), "{path}");
        }
        for path in [
            "/debian/dists/bookworm/InRelease",
            "/x/pool/a",
            "/repo/./Packages.gz",
            "/a/b.rpm",
        ] {
            assert!(looks_like_repository(path), "{path}");
        }
    }

    #[test]
    fn only_whole_digests_name_a_file() {
        let hash = "AB".repeat(32);
        assert_eq!(
            digest_in_path(&format!("/d/by-hash/SHA256/{hash}")),
            Some("ab".repeat(32))
        );
        assert_eq!(digest_in_path("/d/by-hash/SHA256/abc"), None);
        assert_eq!(digest_in_path(&format!("/d/by-hash/MD5Sum/{hash}")), None);
    }
}
