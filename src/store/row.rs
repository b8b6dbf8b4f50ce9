//! Events as rows, and back.

use std::path::Path;

use jiff::Timestamp;
use model::event::{Event, Seq, What};

use super::StoreError;

/// `seq`, `at` in microseconds since 1970, `actor`, `subject`, `kind`, `body` as JSON.
pub(super) type Row = (i64, i64, String, String, String, String);

/// A position as the database's integer.
pub(super) fn integer(seq: Seq) -> i64 {
    i64::try_from(seq).unwrap_or(i64::MAX)
}

/// A position from the database's integer.
pub(super) fn position(integer: i64) -> Seq {
    Seq::try_from(integer).unwrap_or(0)
}

/// The body of an event without its kind.
pub(super) fn body(what: &What) -> String {
    let text = serde_json::to_string(what).expect("plain data with text keys always serialises");
    text.strip_prefix("{\"kind\":\"")
        .and_then(|rest| rest.strip_prefix(what.kind()))
        .and_then(|rest| rest.strip_prefix("\",\"body\":"))
        .and_then(|rest| rest.strip_suffix('}'))
        .expect("an event is serialised as its kind, then its body")
        .to_string()
}

/// The event of a row.
pub(super) fn event(path: &Path, (seq, at, actor, subject, kind, body): Row) -> Result<Event, StoreError> {
    let unreadable = |why: String| StoreError::Event {
        path: path.to_path_buf(),
        seq: position(seq),
        kind: kind.clone(),
        why,
    };
    // With the kind in front, serde reads the body straight into the right variant.
    let quoted = serde_json::Value::from(kind.as_str());
    let text = format!("{{\"kind\":{quoted},\"body\":{body}}}");
    Ok(Event {
        seq: position(seq),
        at: Timestamp::from_microsecond(at).map_err(|e| unreadable(e.to_string()))?,
        actor,
        subject: subject.parse().map_err(unreadable)?,
        what: serde_json::from_str(&text).map_err(|e| unreadable(e.to_string()))?,
    })
}
