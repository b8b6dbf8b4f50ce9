//! The `Range` header (RFC 9110 section 14.2), one range at a time.

use std::ops::Range;

/// What a `Range` header means for a file.
#[derive(Debug, PartialEq, Eq)]
pub enum Wanted {
    /// All of it: no header, or one that may be ignored (several ranges, another unit, bad syntax).
    Whole,
    /// These bytes.
    Part(Range<u64>),
    /// Nothing of it exists: answer 416.
    Unsatisfiable,
}

/// Reads a `Range` header for a file of that length.
pub fn wanted(header: Option<&str>, length: u64) -> Wanted {
    let Some(spec) = header.and_then(|h| h.trim().strip_prefix("bytes=")) else {
        return Wanted::Whole;
    };
    let Some((first, last)) = spec.split_once('-') else {
        return Wanted::Whole;
    };
    let number = |text: &str| match text.bytes().all(|b| b.is_ascii_digit()) {
        true => text.parse::<u64>().map_err(drop),
        false => Err(()),
    };
    let range = match (first.trim(), last.trim()) {
        ("", "") => return Wanted::Whole,
        ("", suffix) => match number(suffix) {
            Ok(0) => return Wanted::Unsatisfiable,
            Ok(suffix) => length.saturating_sub(suffix)..length,
            Err(_) => return Wanted::Whole,
        },
        (first, "") => match number(first) {
            Ok(first) => first..length,
            Err(_) => return Wanted::Whole,
        },
        (first, last) => match (number(first), number(last)) {
            (Ok(first), Ok(last)) if first <= last => first..last.saturating_add(1).min(length),
            _ => return Wanted::Whole,
        },
    };
    if range.start >= length {
        Wanted::Unsatisfiable
    } else {
        Wanted::Part(range)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_mean_what_rfc_9110_says() {
        for (header, expected) in [
            (None, Wanted::Whole),
            (Some("bytes=0-"), Wanted::Part(0..100)),
            (Some("bytes=10-19"), Wanted::Part(10..20)),
            (Some("bytes=90-1000"), Wanted::Part(90..100)),
            (Some("bytes=-5"), Wanted::Part(95..100)),
            (Some("bytes=-500"), Wanted::Part(0..100)),
            (Some("bytes=100-"), Wanted::Unsatisfiable),
            (Some("bytes=-0"), Wanted::Unsatisfiable),
            (Some("bytes=5-3"), Wanted::Whole),
            (Some("bytes=+1-+2"), Wanted::Whole),
            (Some("bytes=-+5"), Wanted::Whole),
            (Some("bytes=1-2,4-5"), Wanted::Whole),
            (Some("items=1-2"), Wanted::Whole),
            (Some("bytes=99999999999999999999999-"), Wanted::Whole),
            (Some("bytes=0-18446744073709551615"), Wanted::Part(0..100)),
        ] {
            assert_eq!(wanted(header, 100), expected, "{header:?}");
        }
    }

    #[test]
    fn nothing_of_an_empty_file_can_be_had_in_part() {
        assert_eq!(wanted(Some("bytes=0-"), 0), Wanted::Unsatisfiable);
    }
}
