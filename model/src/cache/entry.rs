//! A stored file: the content, and behind it one line of what is known about it, sealed by its length and a mark.
//!
//! Content and knowledge are one file, so that one rename makes both true at once.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::condition::second_before;

/// Length of the seal at the very end: eight bytes of length, eight of mark.
pub const TAIL: usize = 16;
const MARK: &[u8; 8] = b"BWcache1";
/// Longest line that is believed.
const LONGEST: u64 = 64 * 1024;

/// What is known about a stored file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Meta {
    /// Canonical URL: the key.
    pub key: String,
    /// URL as it was asked for.
    pub url: String,
    /// Length of the content in bytes.
    pub length: u64,
    /// SHA-256 of the content, hexadecimal.
    pub sha256: String,
    /// `ETag` of upstream.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub etag: Option<String>,
    /// `Last-Modified` of upstream.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_modified: Option<String>,
    /// The date is not older than upstream's answer: what replaces the content may have the same one.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unsettled: bool,
    /// `Content-Type` of upstream.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content_type: Option<String>,
    /// `Content-Encoding` of upstream, which is passed on with the bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content_encoding: Option<String>,
    /// When it was fetched, seconds since 1970.
    pub fetched: i64,
}

impl Meta {
    /// The date by which upstream and clients may recognise the content.
    pub fn validating_date(&self) -> Option<&str> {
        self.last_modified.as_deref().filter(|_| !self.unsettled)
    }

    /// The date to give to clients. One that is not settled is told a second early, so that whoever asks with it later
    /// gets what replaced the content in the same second.
    pub fn shown_date(&self) -> Option<Cow<'_, str>> {
        let date = self.last_modified.as_deref()?;
        if self.unsettled {
            second_before(date).map(Cow::Owned)
        } else {
            Some(Cow::Borrowed(date))
        }
    }
}

/// What stands behind the content.
pub fn seal(meta: &Meta) -> Vec<u8> {
    let mut out = serde_json::to_vec(meta).expect("plain strings and numbers always serialise");
    let length = out.len() as u64;
    out.extend(length.to_be_bytes());
    out.extend(MARK);
    out
}

/// Reads the end of a file of that length; `None` if it was not sealed, or is not what was sealed.
///
/// `end` holds the last bytes of the file. Returns `Err(n)` if the last `n` bytes are needed to decide.
pub fn unseal(end: &[u8], file_length: u64) -> Result<Option<Meta>, usize> {
    if (end.len() as u64) < file_length.min(TAIL as u64) {
        return Err(TAIL);
    }
    let Some((rest, mark)) = end.split_last_chunk::<8>() else {
        return Ok(None);
    };
    let Some((line, length)) = rest.split_last_chunk::<8>() else {
        return Ok(None);
    };
    let length = u64::from_be_bytes(*length);
    if mark != MARK || length > LONGEST || length + TAIL as u64 > file_length {
        return Ok(None);
    }
    // At most LONGEST: fits.
    let length = length as usize;
    let Some(start) = line.len().checked_sub(length) else {
        return Err(length + TAIL);
    };
    let meta: Option<Meta> = serde_json::from_slice(&line[start..]).ok();
    Ok(meta.filter(|meta| meta.length.checked_add((length + TAIL) as u64) == Some(file_length)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn meta() -> Meta {
        Meta {
            key: "http://mirror.example/debian/a.deb".into(),
            url: "http://mirror.example/debian/a.deb".into(),
            length: 5,
            sha256: "00".repeat(32),
            etag: Some("\"x\"".into()),
            last_modified: None,
            unsettled: false,
            content_type: None,
            content_encoding: None,
            fetched: 7,
        }
    }

    fn file() -> Vec<u8> {
        [b"hello".as_slice(), &seal(&meta())].concat()
    }

    #[test]
    fn what_was_sealed_is_read_again() {
        let file = file();
        assert_eq!(unseal(&file, file.len() as u64), Ok(Some(meta())));
        let need = unseal(&file[file.len() - TAIL..], file.len() as u64).unwrap_err();
        assert_eq!(unseal(&file[file.len() - need..], file.len() as u64), Ok(Some(meta())));
    }

    #[test]
    fn an_unsettled_date_is_told_early_and_recognises_nothing() {
        let date = "Sun, 06 Nov 1994 08:49:37 GMT";
        let settled = Meta {
            last_modified: Some(date.into()),
            ..meta()
        };
        assert_eq!(
            (settled.validating_date(), settled.shown_date().as_deref()),
            (Some(date), Some(date))
        );
        let unsettled = Meta {
            unsettled: true,
            ..settled
        };
        assert_eq!(unsettled.validating_date(), None);
        assert_eq!(unsettled.shown_date().as_deref(), Some("Sun, 06 Nov 1994 08:49:36 GMT"));
    }

    #[test]
    fn a_file_that_is_cut_anywhere_is_not_believed() {
        let file = file();
        for cut in 0..file.len() {
            assert_eq!(unseal(&file[..cut], cut as u64), Ok(None), "{cut}");
            assert_eq!(
                unseal(&file[cut + 1..], (file.len() - cut - 1) as u64),
                Ok(None),
                "without the first {}",
                cut + 1
            );
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_a_panic(mut bytes in proptest::collection::vec(any::<u8>(), 0..200), length in any::<u64>(), sealed in any::<bool>()) {
            if sealed {
                bytes.extend((bytes.len() as u64 / 2).to_be_bytes());
                bytes.extend(MARK);
            }
            let _ = unseal(&bytes, length);
            prop_assert_eq!(unseal(&bytes, bytes.len() as u64).unwrap_or(None), None);
        }
    }
}
