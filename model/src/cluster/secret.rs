//! Secrets by name.

/// Longest name, in characters.
const NAME: usize = 64;

/// Whether a word can be the name of a secret in the server's store: it becomes the name of a file.
pub fn is_secret_name(name: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    name.len() <= NAME && name.bytes().all(fits) && name.starts_with(|c: char| c.is_ascii_alphanumeric())
}
