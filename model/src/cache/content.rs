//! What upstream says it sends, and whether that can be.

/// `Content-Range: bytes 100-199/1000` (RFC 9110 section 14.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ContentRange {
    /// First byte.
    pub start: u64,
    /// One past the last byte.
    pub end: u64,
    /// Length of the whole, where it is said.
    pub total: Option<u64>,
}

impl ContentRange {
    /// Reads the header; `None` if it makes no sense.
    pub fn parse(text: &str) -> Option<Self> {
        let (range, total) = text.trim().strip_prefix("bytes ")?.trim().split_once('/')?;
        let (first, last) = range.split_once('-')?;
        let number = |text: &str| {
            let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
            digits.then(|| text.parse::<u64>().ok()).flatten()
        };
        let (start, last) = (number(first)?, number(last)?);
        let total = match total {
            "*" => None,
            total => Some(number(total)?),
        };
        let end = last.checked_add(1)?;
        (start < end && total.is_none_or(|total| end <= total)).then_some(Self { start, end, total })
    }
}

/// Whether content that begins so can be what its name says. Login pages of networks and error pages with status 200
/// are told apart from packages by this; an empty or a short beginning decides nothing.
pub fn plausible(path: &str, beginning: &[u8]) -> bool {
    let name = path
        .split('?')
        .next()
        .unwrap_or_default()
        .rsplit('/')
        .next()
        .unwrap_or_default();
    let magic: &[u8] = match name {
        "InRelease" => b"-----BEGIN PGP SIGNED MESSAGE-----",
        "Release.gpg" => b"-----BEGIN PGP ",
        _ => match name.rsplit('.').next().unwrap_or_default() {
            "deb" | "udeb" | "ddeb" => b"!<arch>\n",
            "xz" => b"\xfd7zXZ\x00",
            "gz" => b"\x1f\x8b",
            "bz2" => b"BZh",
            "zst" => b"\x28\xb5\x2f\xfd",
            "rpm" | "drpm" => b"\xed\xab\xee\xdb",
            _ => return true,
        },
    };
    let shared = beginning.len().min(magic.len());
    beginning[..shared] == magic[..shared]
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn content_ranges_mean_what_rfc_9110_says() {
        let range = |start, end, total| Some(ContentRange { start, end, total });
        for (text, expected) in [
            ("bytes 0-9/10", range(0, 10, Some(10))),
            ("bytes 5-9/*", range(5, 10, None)),
            ("bytes 5-4/10", None),
            ("bytes 5-10/10", None),
            ("bytes */10", None),
            ("bytes 0-18446744073709551615/*", None),
            ("bytes +1-9/10", None),
            ("items 0-9/10", None),
            ("", None),
        ] {
            assert_eq!(ContentRange::parse(text), expected, "{text}");
        }
    }

    #[test]
    fn a_login_page_is_no_package() {
        for path in [
            "/a.deb",
            "/InRelease",
            "/Packages.xz",
            "/Packages.gz",
            "/x.rpm",
            "/Release.gpg",
        ] {
            assert!(!plausible(path, b"<!DOCTYPE html>"), "{path}");
            assert!(plausible(path, b""), "{path}");
        }
        assert!(plausible("/a.deb", b"!<arch>\ndebian-binary"));
        assert!(plausible("/a.deb", b"!<ar"));
        assert!(plausible("/README.html", b"<!DOCTYPE html>"));
        assert!(plausible("/Release", b"Origin: Debian"));
    }

    proptest! {
        #[test]
        fn a_range_that_is_taken_lies_within_the_whole(text in "bytes [0-9]{1,21}-[0-9]{1,21}/([0-9]{1,21}|\\*)") {
            if let Some(range) = ContentRange::parse(&text) {
                prop_assert!(range.start < range.end);
                prop_assert!(range.total.is_none_or(|total| range.end <= total));
            }
        }
    }
}
