//! The fields of a form as browsers, curl and requests send them: `application/x-www-form-urlencoded` and
//! `multipart/form-data` (RFC 7578).
//!
//! Invariant: a body that is neither is an error, never a field.

use std::collections::HashMap;

/// More parts than this no form has.
const PARTS: usize = 32;
/// Longest boundary (RFC 2046 section 5.1.1).
const BOUNDARY: usize = 70;

/// The fields by name; of a name that comes twice the first.
///
/// # Errors
/// The body is not what its type says, in a sentence.
pub fn fields(content_type: Option<&str>, body: &[u8]) -> Result<HashMap<String, String>, String> {
    let content_type = content_type.unwrap_or_default();
    let (kind, parameters) = content_type.split_once(';').unwrap_or((content_type, ""));
    match kind.trim().to_ascii_lowercase().as_str() {
        "application/x-www-form-urlencoded" => {
            let mut fields = HashMap::new();
            for (name, value) in form_urlencoded::parse(body).take(PARTS) {
                fields.entry(name.into_owned()).or_insert_with(|| value.into_owned());
            }
            Ok(fields)
        }
        "multipart/form-data" => {
            let boundary = parameter(parameters, "boundary").unwrap_or_default();
            match (1..=BOUNDARY).contains(&boundary.len()) {
                true => parts(&boundary, body),
                false => Err("the form has no boundary".into()),
            }
        }
        _ => Err("a form is wanted: multipart/form-data or application/x-www-form-urlencoded".into()),
    }
}

fn parts(boundary: &str, body: &[u8]) -> Result<HashMap<String, String>, String> {
    let delimiter = format!("--{boundary}").into_bytes();
    let between = [b"\r\n", &delimiter[..]].concat();
    let broken = || "the form breaks off".to_string();
    let begin = match body.starts_with(&delimiter) {
        true => delimiter.len(),
        false => find(body, &between).ok_or_else(broken)? + between.len(),
    };
    let mut rest = &body[begin..];
    let mut fields = HashMap::new();
    for _ in 0..=PARTS {
        if rest.starts_with(b"--") {
            return Ok(fields);
        }
        rest = rest.strip_prefix(b"\r\n").ok_or_else(broken)?;
        let head = find(rest, b"\r\n\r\n").ok_or_else(broken)?;
        let value = &rest[head + 4..];
        let end = find(value, &between).ok_or_else(broken)?;
        if let Some(name) = name(&String::from_utf8_lossy(&rest[..head])) {
            let text = String::from_utf8_lossy(&value[..end]).into_owned();
            fields.entry(name).or_insert(text);
        }
        rest = &value[end + between.len()..];
    }
    Err(format!("the form has more than {PARTS} parts"))
}

/// The name of a part that is a field; `None` for a file.
fn name(head: &str) -> Option<String> {
    let disposition = head.lines().find_map(|line| {
        let (key, value) = line.split_once(':')?;
        key.trim().eq_ignore_ascii_case("content-disposition").then_some(value)
    })?;
    let (_, parameters) = disposition.split_once(';')?;
    match parameter(parameters, "filename") {
        Some(_) => None,
        None => parameter(parameters, "name"),
    }
}

/// The value of a parameter, without its quotes.
fn parameter(text: &str, wanted: &str) -> Option<String> {
    text.split(';').find_map(|parameter| {
        let (key, value) = parameter.split_once('=')?;
        let value = value.trim();
        let bare = value.strip_prefix('"').and_then(|value| value.strip_suffix('"'));
        key.trim()
            .eq_ignore_ascii_case(wanted)
            .then(|| bare.unwrap_or(value).to_string())
    })
}

fn find(text: &[u8], wanted: &[u8]) -> Option<usize> {
    text.windows(wanted.len()).position(|window| window == wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    const CURL: &str = "multipart/form-data; boundary=------------------------d74496d66958873e";

    fn curl(fields: &[(&str, &str)]) -> Vec<u8> {
        let mut body = String::new();
        for (name, value) in fields {
            body += &format!(
                "--------------------------d74496d66958873e\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n"
            );
        }
        body += "--------------------------d74496d66958873e--\r\n";
        body.into_bytes()
    }

    #[test]
    fn both_kinds_of_forms_are_read() {
        let wanted = |found: HashMap<String, String>| {
            assert_eq!(found.len(), 2);
            assert_eq!((found["os"].as_str(), found["node"].as_str()), ("sle-15.1", "a b"));
        };
        wanted(
            fields(
                Some("application/x-www-form-urlencoded"),
                b"os=sle-15.1&node=a+b&os=other",
            )
            .unwrap(),
        );
        wanted(
            fields(
                Some(CURL),
                &curl(&[("os", "sle-15.1"), ("node", "a b"), ("os", "other")]),
            )
            .unwrap(),
        );
        let quoted =
            b"preamble\r\n--x y\r\ncontent-disposition: form-data; name=os\r\nX: y\r\n\r\nsle-15.1\r\n--x y\r\n\
            Content-Disposition: form-data; name=\"node\"\r\n\r\na b\r\n--x y\r\n\
            Content-Disposition: form-data; name=\"file\"; filename=\"f\"\r\n\r\nnode\r\n--x y--";
        wanted(fields(Some("Multipart/Form-Data; Boundary=\"x y\""), quoted).unwrap());
    }

    #[test]
    fn what_is_no_form_is_an_error_at_every_length() {
        let whole = curl(&[("os", "sle-15.1"), ("node", "n")]);
        let last = whole.len() - "--\r\n".len();
        for length in 0..last {
            assert!(fields(Some(CURL), &whole[..length]).is_err(), "{length}");
        }
        for kind in [
            None,
            Some("text/plain"),
            Some("multipart/form-data"),
            Some("multipart/form-data; boundary="),
        ] {
            assert!(fields(kind, &whole).is_err(), "{kind:?}");
        }
        assert!(fields(Some(CURL), &[0xff; 4096]).is_err());
        let many = curl(&[("a", "b"); 40]);
        assert!(fields(Some(CURL), &many).unwrap_err().contains("more than 32"));
    }
}
