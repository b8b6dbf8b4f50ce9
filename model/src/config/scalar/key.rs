//! SSH public keys.

use serde_json::{Value as Json, json};

use crate::config::read::{Scalar, Wrong};

/// A public key as it stands in `authorized_keys`, with what is odd about it.
#[derive(Debug, Clone)]
pub(in crate::config) struct PublicKey {
    pub text: String,
    /// Why sshd will not accept it; a warning, since its types grow.
    pub doubt: Option<String>,
}

const TYPES: [&str; 7] = [
    "ssh-ed25519",
    "ssh-rsa",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
    "sk-ssh-ed25519@openssh.com",
    "sk-ecdsa-sha2-nistp256@openssh.com",
];

impl Scalar for PublicKey {
    const NOUN: &'static str = "a public key";
    const EXAMPLE: &'static str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5… ada";
    const CODE: &'static str = "bad-ssh-key";

    fn parse(text: &str) -> Result<Self, Wrong> {
        let text = text.trim();
        if text.contains("PRIVATE KEY") {
            return Err(
                Wrong::because("this is a private key, now known to everybody who can read this file")
                    .help("make a new key pair, and put the content of its `.pub` file here"),
            );
        }
        if text.contains(['\n', '\r', '\0']) {
            return Err(Wrong::because("one key on one line: make each key an item of the list"));
        }
        Ok(Self {
            text: text.to_string(),
            doubt: doubt(text),
        })
    }

    fn schema() -> Json {
        json!({ "type": "string" })
    }
}

fn doubt(text: &str) -> Option<String> {
    // Options such as `from="…"` may stand before the type.
    let mut words = text.split_ascii_whitespace().skip_while(|word| !TYPES.contains(word));
    let Some(kind) = words.next() else {
        return Some(format!("no key type is in it, such as `{}`", TYPES[0]));
    };
    let Some(body) = words.next() else {
        return Some(format!("nothing follows after `{kind}`"));
    };
    let Some(bytes) = base64(body) else {
        return Some("its long part is no base64: was it cut off or broken over lines?".to_string());
    };
    // RFC 4253 section 6.6: the key repeats its type, with a length of four octets before it.
    let length = kind.len();
    let head = bytes.get(..4 + length);
    if head.is_none_or(|h| h[..4] != (length as u32).to_be_bytes() || h[4..] != *kind.as_bytes()) {
        return Some(format!("its long part is no key of type `{kind}`"));
    }
    let least = if kind.contains("rsa") {
        4 + length + 128
    } else {
        4 + length + 32
    };
    (bytes.len() < least).then(|| "it is shorter than a key of its type: was it cut off?".to_string())
}

fn base64(text: &str) -> Option<Vec<u8>> {
    let digits = text.trim_end_matches('=');
    if !text.len().is_multiple_of(4) || text.len() - digits.len() > 2 {
        return None;
    }
    let (mut bits, mut held) = (0u32, 0);
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3);
    for digit in digits.bytes() {
        let value = match digit {
            b'A'..=b'Z' => digit - b'A',
            b'a'..=b'z' => digit - b'a' + 26,
            b'0'..=b'9' => digit - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return None,
        };
        bits = bits << 6 | u32::from(value);
        held += 6;
        if held >= 8 {
            held -= 8;
            bytes.push((bits >> held) as u8);
            bits &= (1 << held) - 1;
        }
    }
    Some(bytes)
}
