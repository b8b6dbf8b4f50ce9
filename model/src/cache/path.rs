//! Paths as keys: one spelling for every way to write the same path.

/// Longest path that is taken, in bytes. Debian's longest are below 300.
const LONGEST: usize = 2048;

/// Why a path is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadPath {
    /// Longer than 2,048 bytes.
    #[error("the path is longer than {LONGEST} bytes")]
    TooLong,
    /// It climbs out with `..`.
    #[error("the path has `..` in it")]
    Climbs,
    /// `%` without two hexadecimal digits, or what it stands for is no UTF-8.
    #[error("the path is not percent-encoded UTF-8")]
    Encoding,
    /// A control character or a backslash.
    #[error("the path has a character in it that no repository uses")]
    Character,
    /// It does not begin with `/`.
    #[error("the path does not begin with a slash")]
    Relative,
}

/// The path (and query) with everything decoded that needs no encoding, so that `libc%2b%2b` and `libc++` are one key.
///
/// `%2F`, `%3F` and `%25` stay as they are: decoded they would mean something else.
///
/// # Errors
/// If the path is none that a repository has.
pub fn canonical(path: &str) -> Result<String, BadPath> {
    if path.len() > LONGEST {
        return Err(BadPath::TooLong);
    }
    if !path.starts_with('/') {
        return Err(BadPath::Relative);
    }
    let mut out = Vec::with_capacity(path.len());
    let mut bytes = path.bytes();
    while let Some(byte) = bytes.next() {
        if byte != b'%' {
            out.push(byte);
            continue;
        }
        let hex = |b: Option<u8>| b.and_then(|b| char::from(b).to_digit(16)).ok_or(BadPath::Encoding);
        let value = (hex(bytes.next())? * 16 + hex(bytes.next())?) as u8;
        match value {
            b'/' | b'?' | b'%' | b'#' => out.extend(format!("%{value:02X}").bytes()),
            _ => out.push(value),
        }
    }
    let text = String::from_utf8(out).map_err(|_| BadPath::Encoding)?;
    if text.contains(|c: char| c.is_control() || c == '\\') {
        return Err(BadPath::Character);
    }
    let plain = text.split('?').next().unwrap_or_default();
    if plain.split('/').any(|part| part == "..") {
        return Err(BadPath::Climbs);
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn spellings_of_one_path_are_one_key() {
        assert_eq!(canonical("/pool/libstdc%2b%2b6.deb").unwrap(), "/pool/libstdc++6.deb");
        assert_eq!(canonical("/pool/libstdc++6.deb").unwrap(), "/pool/libstdc++6.deb");
        assert_eq!(canonical("/a%7eb%3A1").unwrap(), "/a~b:1");
    }

    #[test]
    fn what_would_mean_something_else_stays_encoded() {
        assert_eq!(canonical("/a%2fb%3Fc%25").unwrap(), "/a%2Fb%3Fc%25");
    }

    #[test]
    fn paths_that_no_repository_has_are_refused() {
        for (path, why) in [
            ("/../etc/passwd", BadPath::Climbs),
            ("/a/%2e%2e/b", BadPath::Climbs),
            ("/a/..", BadPath::Climbs),
            ("/a%0d%0aHost:", BadPath::Character),
            ("/a%00", BadPath::Character),
            ("/a\\b", BadPath::Character),
            ("/a%", BadPath::Encoding),
            ("/a%4", BadPath::Encoding),
            ("/a%zz", BadPath::Encoding),
            ("/%ff", BadPath::Encoding),
            ("debian", BadPath::Relative),
            ("", BadPath::Relative),
        ] {
            assert_eq!(canonical(path), Err(why), "{path}");
        }
        assert_eq!(canonical(&format!("/{}", "a".repeat(3000))), Err(BadPath::TooLong));
        assert_eq!(canonical("/a..b/...").unwrap(), "/a..b/...");
    }

    proptest! {
        #[test]
        fn any_text_gives_a_clean_path_or_a_refusal(text in "(/|\\PC|%[0-9a-fA-F]{2}|\\.\\.){0,60}") {
            if let Ok(path) = canonical(&text) {
                prop_assert!(path.starts_with('/'));
                let plain = path.split('?').next().unwrap().to_string();
                prop_assert!(plain.split('/').all(|part| part != ".."));
                prop_assert!(!path.contains(char::is_control));
                // Canonical already: once more changes nothing.
                prop_assert_eq!(canonical(&path), Ok(path.clone()));
            }
        }
    }
}
