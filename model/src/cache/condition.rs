//! Conditional requests (RFC 9110 section 13) and the dates in them.

use jiff::{SignedDuration, Timestamp, civil::DateTime, tz::TimeZone};

/// The validators that a client sent.
#[derive(Debug, Clone, Copy, Default)]
pub struct Asked<'a> {
    /// `If-None-Match`.
    pub if_none_match: Option<&'a str>,
    /// `If-Modified-Since`.
    pub if_modified_since: Option<&'a str>,
}

/// Whether the client has the content already, so that 304 is the answer. `If-None-Match` outweighs the date
/// (RFC 9110 section 13.2.2).
pub fn holds(asked: Asked<'_>, etag: Option<&str>, modified: Option<&str>) -> bool {
    if let Some(tags) = asked.if_none_match {
        let plain = |tag: &str| tag.trim().trim_start_matches("W/").to_string();
        return tags.trim() == "*" || etag.is_some_and(|etag| tags.split(',').any(|tag| plain(tag) == plain(etag)));
    }
    match (asked.if_modified_since, modified) {
        (Some(since), Some(modified)) if since == modified => true,
        (Some(since), Some(modified)) => match (parse_http_date(since), parse_http_date(modified)) {
            (Some(since), Some(modified)) => modified <= since,
            _ => false,
        },
        _ => false,
    }
}

/// Whether the date of a content tells it from what was there before. A date has whole seconds: what was sent in the
/// second in which it was made may have been replaced in that second, under the same date (RFC 9110 section 8.8.2.2).
/// A date that cannot be read is nobody's to compare, and stays what upstream means by it.
pub fn settled(modified: &str, sent: Timestamp) -> bool {
    parse_http_date(modified).is_none_or(|modified| modified.as_second() < sent.as_second())
}

/// The date one second before; `None` if the text is none.
pub fn second_before(date: &str) -> Option<String> {
    let at = parse_http_date(date)?;
    Some(http_date(at.checked_sub(SignedDuration::from_secs(1)).ok()?))
}

/// Reads `Sun, 06 Nov 1994 08:49:37 GMT` (RFC 9110 section 5.6.7; the two obsolete forms are not sent by anybody).
pub fn parse_http_date(text: &str) -> Option<Timestamp> {
    let text = text.trim().strip_suffix(" GMT")?;
    let date = DateTime::strptime("%a, %d %b %Y %H:%M:%S", text).ok()?;
    date.to_zoned(TimeZone::UTC).ok().map(|zoned| zoned.timestamp())
}

/// A time as HTTP writes it.
pub fn http_date(at: Timestamp) -> String {
    at.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const DATE: &str = "Sun, 06 Nov 1994 08:49:37 GMT";
    const LATER: &str = "Sun, 06 Nov 1994 08:49:38 GMT";

    #[test]
    fn dates_are_read_and_written_alike() {
        assert_eq!(http_date(parse_http_date(DATE).unwrap()), DATE);
        for bad in [
            "",
            "GMT",
            "Sunday, 06-Nov-94 08:49:37 GMT",
            "Sun, 99 Nov 1994 08:49:37 GMT",
            DATE.trim_end_matches(" GMT"),
        ] {
            assert_eq!(parse_http_date(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_client_that_has_the_content_is_told_so() {
        let tags = |t| Asked {
            if_none_match: Some(t),
            if_modified_since: Some(LATER),
        };
        let since = |t| Asked {
            if_none_match: None,
            if_modified_since: Some(t),
        };
        assert!(holds(tags("\"a\""), Some("\"a\""), None));
        assert!(holds(tags("\"b\", W/\"a\""), Some("\"a\""), None));
        assert!(holds(tags("*"), Some("\"a\""), None));
        assert!(
            !holds(tags("\"b\""), Some("\"a\""), Some(DATE)),
            "the tag outweighs the date"
        );
        assert!(holds(since(DATE), None, Some(DATE)));
        assert!(holds(since(LATER), None, Some(DATE)));
        assert!(!holds(since(DATE), None, Some(LATER)));
        assert!(!holds(since(DATE), None, None));
        assert!(!holds(Asked::default(), Some("\"a\""), Some(DATE)));
    }

    #[test]
    fn a_date_of_the_second_in_which_it_was_sent_settles_nothing() {
        let sent = parse_http_date(LATER).unwrap();
        assert!(settled(DATE, sent));
        assert!(!settled(LATER, sent));
        assert!(
            !settled(LATER, parse_http_date(DATE).unwrap()),
            "a mirror whose clock is ahead"
        );
        assert!(settled("yesterday", sent));
        assert_eq!(second_before(LATER).as_deref(), Some(DATE));
        assert_eq!(second_before("yesterday"), None);
        assert_eq!(second_before("Fri, 01 Jan -9999 00:00:00 GMT"), None);
    }

    proptest! {
        #[test]
        fn any_date_is_read_or_refused(text in "\\PC{0,40}") {
            parse_http_date(&text);
            second_before(&text);
            holds(Asked { if_none_match: Some(&text), if_modified_since: None }, Some("\"x\""), None);
        }
    }
}
