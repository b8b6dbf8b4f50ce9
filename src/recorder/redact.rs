//! Tokens out of texts.
//!
//! A token is 32 hexadecimal digits. It is good for one boot or one attempt only, but until that ends whoever has it can call
//! back in the node's name, so no capture holds one. What else has that form is taken out with it.

/// What stands in the place of each of its digits.
const MARK: u8 = b'x';
/// Digits of a token.
const DIGITS: usize = 32;
/// First parts of paths whose third part is a token, whatever its form.
const PATHS: [&str; 2] = ["cloud-init", "install"];

/// Takes every token out of a text, in place; its length stays as it is.
pub fn tokens(text: &mut [u8]) {
    for run in text.chunk_by_mut(|a, b| a.is_ascii_hexdigit() == b.is_ascii_hexdigit()) {
        if run.len() == DIGITS && run[0].is_ascii_hexdigit() {
            run.fill(MARK);
        }
    }
}

/// Takes the token out of the path of a request, also where it is written in an unusual way (`%61`), in place.
pub fn path(path: &mut [u8]) {
    let end = path.iter().position(|b| *b == b'?').unwrap_or(path.len());
    let (own, _query) = path.split_at_mut(end);
    let mut parts = own.split_mut(|b| *b == b'/').filter(|part| !part.is_empty());
    let (first, second) = (parts.next(), parts.next());
    let (first, second) = (first.as_deref(), second.as_deref());
    let token = match first {
        Some(first) if PATHS.iter().any(|known| known.as_bytes() == first) => parts.next(),
        Some(b"boot") if second == Some(b"hook") => parts.nth(1),
        _ => None,
    };
    if let Some(token) = token {
        token.fill(MARK);
    }
    tokens(path);
}
