//! Cipher suites (section 22.15.2): the keyed hash, its lengths, and AES in CBC mode.

use aes::Aes128;
use aes::cipher::{BlockModeDecrypt as _, BlockModeEncrypt as _, KeyIvInit as _, block_padding::NoPadding};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha1::Sha1;
use sha2::Sha256;

/// Octets of a block of AES, and so of an initialisation vector.
pub(super) const BLOCK: usize = 16;

/// A cipher suite that authenticates, checks integrity and encrypts. Others are not spoken: suite 0 lets anybody in, and what
/// does not encrypt shows the console's login on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Suite {
    /// Suite 3: HMAC-SHA1, HMAC-SHA1-96, AES-CBC-128. What every IPMI 2.0 BMC must have.
    Sha1,
    /// Suite 17: HMAC-SHA256, HMAC-SHA256-128, AES-CBC-128. What newer ones want.
    Sha256,
}

/// A keyed hash, at its full length.
#[derive(Clone, Copy)]
pub(super) struct Digest {
    bytes: [u8; 32],
    length: usize,
}

impl Digest {
    pub(super) fn as_slice(&self) -> &[u8] {
        &self.bytes[..self.length]
    }
}

impl Suite {
    /// All of them, the better one first.
    pub const ALL: [Self; 2] = [Self::Sha256, Self::Sha1];

    /// The suite with a number of table 22-20.
    pub fn numbered(number: u8) -> Option<Self> {
        match number {
            3 => Some(Self::Sha1),
            17 => Some(Self::Sha256),
            _ => None,
        }
    }

    /// Its number, 3 or 17.
    pub fn number(self) -> u8 {
        match self {
            Self::Sha1 => 3,
            Self::Sha256 => 17,
        }
    }

    /// Numbers of the algorithms for authentication, integrity and confidentiality (tables 13-17 to 13-19).
    pub(super) fn algorithms(self) -> [u8; 3] {
        match self {
            Self::Sha1 => [1, 1, 1],
            Self::Sha256 => [3, 4, 1],
        }
    }

    pub(super) fn of_algorithms(algorithms: [u8; 3]) -> Option<Self> {
        Self::ALL.into_iter().find(|suite| suite.algorithms() == algorithms)
    }

    /// Octets of the authentication code of a packet and of RAKP message 4.
    pub(super) fn code_length(self) -> usize {
        match self {
            Self::Sha1 => 12,
            Self::Sha256 => 16,
        }
    }

    /// The keyed hash of parts, one after the other.
    pub(super) fn hash(self, key: &[u8], parts: &[&[u8]]) -> Digest {
        let mut digest = Digest {
            bytes: [0; 32],
            length: 0,
        };
        match self {
            Self::Sha1 => {
                let mut mac = Hmac::<Sha1>::new_from_slice(key).expect("a key may have any length");
                parts.iter().for_each(|part| mac.update(part));
                digest.length = 20;
                digest.bytes[..20].copy_from_slice(&mac.finalize().into_bytes());
            }
            Self::Sha256 => {
                let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("a key may have any length");
                parts.iter().for_each(|part| mac.update(part));
                digest.length = 32;
                digest.bytes.copy_from_slice(&mac.finalize().into_bytes());
            }
        }
        digest
    }
}

/// Whether two codes are the same, in a time that does not tell where they differ.
pub(super) fn is_same(one: &[u8], other: &[u8]) -> bool {
    one.len() == other.len() && one.iter().zip(other).fold(0, |differ, (a, b)| differ | (a ^ b)) == 0
}

/// Encrypts a payload: the initialisation vector, then the payload with its padding 1, 2, 3 … and the padding's length
/// (section 13.29).
pub(super) fn encrypt(key: &[u8; BLOCK], vector: &[u8; BLOCK], payload: &[u8]) -> Vec<u8> {
    let padding = (BLOCK - (payload.len() + 1) % BLOCK) % BLOCK;
    let length = payload.len() + padding + 1;
    let mut out = Vec::with_capacity(BLOCK + length);
    out.extend_from_slice(vector);
    out.extend_from_slice(payload);
    out.extend((1..=padding).map(|n| n as u8));
    out.push(padding as u8);
    cbc::Encryptor::<Aes128>::new(key.into(), vector.into())
        .encrypt_padded::<NoPadding>(&mut out[BLOCK..], length)
        .expect("the length is a multiple of a block");
    out
}

/// Decrypts what [`encrypt`] made. `None`: it cannot have been.
pub(super) fn decrypt(key: &[u8; BLOCK], sealed: &[u8]) -> Option<Vec<u8>> {
    let (vector, rest) = sealed.split_first_chunk::<BLOCK>()?;
    if rest.is_empty() || rest.len() % BLOCK != 0 {
        return None;
    }
    let mut out = rest.to_vec();
    cbc::Decryptor::<Aes128>::new(key.into(), vector.into())
        .decrypt_padded::<NoPadding>(&mut out)
        .ok()?;
    let padding = usize::from(out.pop()?);
    // Some BMCs fill the padding with other octets than the specification's; its length alone counts.
    let length = out.len().checked_sub(padding).filter(|_| padding < BLOCK)?;
    out.truncate(length);
    Some(out)
}
