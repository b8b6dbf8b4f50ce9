//! Which algorithms are taken, and in which order.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use russh::client::{Config, GexParams};
use russh::keys::{Algorithm, EcdsaCurve, HashAlg};
use russh::{Preferred, SshId, cipher, kex, mac};

/// Silence after which the other end is asked whether it is there; after three times without an answer it is gone.
const KEEPALIVE: Duration = Duration::from_secs(20);
/// Octets that the other end may send before we read them. It bounds what one console holds.
const WINDOW: u32 = 128 * 1024;

const CURVES: [EcdsaCurve; 3] = [EcdsaCurve::NistP256, EcdsaCurve::NistP384, EcdsaCurve::NistP521];

/// The configuration for a server whose keys of these algorithms are known. They come first: a server that gets another key
/// after an upgrade shows one that we know.
pub(super) fn config(known: &[&str], legacy: bool) -> Arc<Config> {
    let safe = Preferred::DEFAULT;
    let mut kexes = safe.kex.to_vec();
    let mut ciphers = safe.cipher.to_vec();
    let mut macs = safe.mac.to_vec();
    kexes.splice(
        3..3,
        [
            kex::ECDH_SHA2_NISTP256,
            kex::ECDH_SHA2_NISTP384,
            kex::ECDH_SHA2_NISTP521,
        ],
    );
    if legacy {
        kexes.extend([kex::DH_GEX_SHA1, kex::DH_G14_SHA1, kex::DH_G1_SHA1]);
        ciphers.extend([cipher::AES_256_CBC, cipher::AES_192_CBC, cipher::AES_128_CBC]);
        macs.extend([mac::HMAC_SHA1_ETM, mac::HMAC_SHA1]);
    }
    Arc::new(Config {
        client_id: SshId::Standard(Cow::Borrowed("SSH-2.0-bellwether")),
        window_size: WINDOW,
        keepalive_interval: Some(KEEPALIVE),
        nodelay: true,
        gex: GexParams::new(2048, 4096, 8192).unwrap_or_default(),
        preferred: Preferred {
            kex: kexes.into(),
            key: keys(known, legacy).into(),
            cipher: ciphers.into(),
            mac: macs.into(),
            ..safe
        },
        ..Config::default()
    })
}

fn keys(known: &[&str], legacy: bool) -> Vec<Algorithm> {
    let rsa = |hash| Algorithm::Rsa { hash };
    let mut keys = vec![Algorithm::Ed25519];
    keys.extend(CURVES.map(|curve| Algorithm::Ecdsa { curve }));
    keys.extend([rsa(Some(HashAlg::Sha512)), rsa(Some(HashAlg::Sha256))]);
    if legacy {
        keys.push(rsa(None));
    }
    let is_known = |key: &Algorithm| match key {
        Algorithm::Rsa { .. } => known.contains(&"ssh-rsa"),
        key => known.contains(&key.as_str()),
    };
    keys.sort_by_key(|key| !is_known(key));
    keys
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_known_key_comes_first_and_what_is_unsafe_only_where_it_is_asked_for() {
        let names = |known: &[&str], legacy| -> Vec<String> {
            let keys = keys(known, legacy);
            keys.iter().map(|key| key.as_str().to_string()).collect()
        };
        assert_eq!(names(&[], false)[0], "ssh-ed25519");
        assert_eq!(names(&["ssh-rsa"], false)[..2], ["rsa-sha2-512", "rsa-sha2-256"]);
        assert_eq!(names(&["ecdsa-sha2-nistp384"], false)[0], "ecdsa-sha2-nistp384");
        assert!(!names(&[], false).contains(&"ssh-rsa".to_string()));
        assert!(names(&[], true).contains(&"ssh-rsa".to_string()));
        let safe = config(&[], false);
        assert!(!safe.preferred.kex.contains(&kex::DH_G14_SHA1) && !safe.preferred.mac.contains(&mac::HMAC_SHA1));
        assert!(config(&[], true).preferred.kex.contains(&kex::DH_G14_SHA1));
    }
}
