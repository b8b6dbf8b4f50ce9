//! Tokens: how a node proves that a callback belongs to its present boot, or to its deployment's attempt.
//!
//! A token is derived, never stored: HMAC-SHA-256 under the server's key over the node's name and the number of the
//! boot or of the attempt, so that the journal and its readers hold nothing that could be used to call back.

use hmac::{Hmac, KeyInit, Mac as _};
use sha2::Sha256;

use crate::event::Seq;

/// What a token is good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Occasion {
    /// One boot of a node: until its next one.
    Boot(Seq),
    /// One attempt of a deployment, with the system that it installs: until the deployment ends.
    Attempt {
        /// The deployment.
        deployment: Seq,
        /// The boot in which the attempt runs.
        boot: Seq,
    },
}

impl From<Seq> for Occasion {
    fn from(boot: Seq) -> Self {
        Self::Boot(boot)
    }
}

impl std::fmt::Display for Occasion {
    /// `boot 42`, `deployment 17`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Boot(boot) => write!(f, "boot {boot}"),
            Self::Attempt { deployment, .. } => write!(f, "deployment {deployment}"),
        }
    }
}

/// The key of this server's boot tokens, 32 random bytes that never leave it.
#[derive(Clone)]
pub struct Key(Hmac<Sha256>);

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Key(..)")
    }
}

impl Key {
    /// A key from its bytes.
    pub fn new(bytes: [u8; 32]) -> Self {
        // With the key taken in, which is half of the work of a token.
        Self(Hmac::new_from_slice(&bytes).expect("HMAC takes a key of any length"))
    }

    /// The token of a node on an occasion: 32 hexadecimal digits (128 bits).
    pub fn token(&self, node: &str, occasion: impl Into<Occasion>) -> String {
        let tag = self.mac(node, occasion.into()).finalize().into_bytes();
        let digits = tag[..16].iter().flat_map(|byte| [byte >> 4, byte & 15]);
        digits
            .map(|digit| char::from(b"0123456789abcdef"[usize::from(digit)]))
            .collect()
    }

    /// Whether a token is that of this occasion. Takes the same time for every wrong token.
    pub fn verify(&self, node: &str, occasion: impl Into<Occasion>, token: &str) -> bool {
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
        self.mac(node, occasion.into()).verify_truncated_left(&bytes).is_ok()
    }

    fn mac(&self, node: &str, occasion: Occasion) -> Hmac<Sha256> {
        let mut mac = self.0.clone();
        let (purpose, boot): (&[u8], _) = match occasion {
            Occasion::Boot(boot) => (b"bellwether boot token\0", boot),
            Occasion::Attempt { boot, .. } => (b"bellwether attempt token\0", boot),
        };
        mac.update(purpose);
        mac.update(node.as_bytes());
        mac.update(&[0]);
        mac.update(&boot.to_be_bytes());
        if let Occasion::Attempt { deployment, .. } = occasion {
            mac.update(&deployment.to_be_bytes());
        }
        mac
    }
}
