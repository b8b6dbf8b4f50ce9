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
///
/// A token has a digit at one of each [`DIGITS`] places in a row, so of a text without many digits few places are looked at: it is
/// done to every script of a storm.
pub fn tokens(text: &mut [u8]) {
    // What stands before it is no digit.
    let mut from = 0;
    while let Some(seen) = text.get(from..from + DIGITS) {
        if !seen[DIGITS - 1].is_ascii_hexdigit() {
            from += DIGITS;
            continue;
        }
        let start = from + (seen.iter().rposition(is_no_digit)).map_or(0, |last| last + 1);
        let rest = &text[from + DIGITS..];
        let end = from + DIGITS + rest.iter().position(is_no_digit).unwrap_or(rest.len());
        if end - start == DIGITS {
            text[start..end].fill(MARK);
        }
        from = end + 1;
    }
}

fn is_no_digit(byte: &u8) -> bool {
    !byte.is_ascii_hexdigit()
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
