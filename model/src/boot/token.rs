//! Tokens: how a node proves that a callback belongs to its present boot.
//!
//! A token is derived, never stored: HMAC-SHA-256 under the server's key over the node's name and the boot's number,
//! so that the journal and its readers hold nothing that could be used to call back.

use hmac::{Hmac, KeyInit, Mac as _};
use sha2::Sha256;

use crate::event::Seq;

/// The key of this server's boot tokens, 32 random bytes that never leave it.
#[derive(Clone)]
pub struct Key([u8; 32]);

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Key(..)")
    }
}

impl Key {
    /// A key from its bytes.
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The token of one boot of one node: 32 hexadecimal digits (128 bits).
    pub fn token(&self, node: &str, boot: Seq) -> String {
        let tag = self.mac(node, boot).finalize().into_bytes();
        tag[..16].iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// Whether a token is that of this boot. Takes the same time for every wrong token.
    pub fn verify(&self, node: &str, boot: Seq, token: &str) -> bool {
        let mut bytes = [0u8; 16];
        if token.len() != 32 || !token.is_ascii() {
            return false;
        }
        for (i, byte) in bytes.iter_mut().enumerate() {
            match u8::from_str_radix(&token[i * 2..i * 2 + 2], 16) {
                Ok(value) => *byte = value,
                Err(_) => return false,
            }
        }
        self.mac(node, boot).verify_truncated_left(&bytes).is_ok()
    }

    fn mac(&self, node: &str, boot: Seq) -> Hmac<Sha256> {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).expect("HMAC takes a key of any length");
        mac.update(b"bellwether boot token\0");
        mac.update(node.as_bytes());
        mac.update(&[0]);
        mac.update(&boot.to_be_bytes());
        mac
    }
}
