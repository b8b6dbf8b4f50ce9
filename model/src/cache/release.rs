//! What a release file says about its indices, so that a set of indices is never mixed from two publications.

use std::collections::HashMap;

/// More entries than any suite has (Debian's sid: some 3,000).
const MOST: usize = 100_000;

/// The indices that a release file names.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Listed {
    digests: HashMap<String, String>,
    /// Whether the indices can be had by their digest (`Acquire-By-Hash: yes`).
    pub by_hash: bool,
}

impl Listed {
    /// Reads `InRelease` or `Release`. What is not understood is left out: apt, not the cache, judges a release file.
    pub fn parse(text: &str) -> Self {
        let mut listed = Self::default();
        let mut within = false;
        for line in text.lines() {
            if let Some(rest) = line.strip_prefix(' ') {
                let mut words = rest.split_ascii_whitespace();
                if let (true, Some(digest), Some(_size), Some(path)) =
                    (within, words.next(), words.next(), words.next())
                    && digest.len() == 64
                    && digest.bytes().all(|b| b.is_ascii_hexdigit())
                    && listed.digests.len() < MOST
                {
                    listed.digests.insert(path.to_string(), digest.to_ascii_lowercase());
                }
                continue;
            }
            within = line.trim_end() == "SHA256:";
            if let Some(value) = line.strip_prefix("Acquire-By-Hash:") {
                listed.by_hash = value.trim().eq_ignore_ascii_case("yes");
            }
        }
        listed
    }

    /// The SHA-256 of an index, by its path below the release file's folder (`main/binary-amd64/Packages.xz`).
    pub fn digest(&self, path: &str) -> Option<&str> {
        self.digests.get(path.trim_start_matches("./")).map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_release_file_names_its_indices() {
        let digest = "a1".repeat(32);
        let text = format!(
            "-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\nOrigin: Test\nAcquire-By-Hash: yes\nMD5Sum:\n \
             0123456789abcdef0123456789abcdef 5 main/binary-amd64/Packages\nSHA256:\n {digest}       5 \
             main/binary-amd64/Packages\n{}",
            "-----BEGIN PGP SIGNATURE-----\n\nabc\n-----END PGP SIGNATURE-----\n"
        );
        let listed = Listed::parse(&text);
        assert!(listed.by_hash);
        assert_eq!(listed.digest("main/binary-amd64/Packages"), Some(digest.as_str()));
        assert_eq!(listed.digest("./main/binary-amd64/Packages"), Some(digest.as_str()));
        assert_eq!(listed.digest("main/binary-arm64/Packages"), None);
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_a_panic(text in "(SHA256:\n| [0-9a-f]{64} [0-9]{1,3} [a-z/]{1,9}\n|\\PC{0,20}\n){0,20}") {
            let listed = Listed::parse(&text);
            prop_assert!(listed.digests.values().all(|d| d.len() == 64));
        }
    }
}
