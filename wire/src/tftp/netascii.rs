//! Text as it travels in netascii mode (RFC 1350 §1, RFC 764): LF becomes CR LF, CR becomes CR NUL.
//!
//! Invariant: every byte is translated on its own, so a file can be translated in chunks of any size and from any offset.

/// Appends the translation of `text`.
pub fn encode(text: &[u8], out: &mut Vec<u8>) {
    out.reserve(text.len());
    let mut rest = text;
    while let Some(at) = rest.iter().position(|byte| matches!(byte, b'\n' | b'\r')) {
        out.extend_from_slice(&rest[..at]);
        out.extend_from_slice(if rest[at] == b'\n' { b"\r\n" } else { b"\r\0" });
        rest = &rest[at + 1..];
    }
    out.extend_from_slice(rest);
}

/// How many bytes [`encode`] would append.
pub fn encoded_len(text: &[u8]) -> u64 {
    let extra = text.iter().filter(|byte| matches!(byte, b'\n' | b'\r')).count();
    (text.len() + extra) as u64
}
