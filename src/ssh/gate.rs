//! What comes from the other end by itself: its host key, and channels that it would like to open here.

use std::sync::{Arc, Mutex};

use model::world::HostKey;
use russh::Channel;
use russh::client::{ChannelOpenHandle, Handler, Msg, Session};
use russh::keys::{HashAlg, PublicKeyOrCertificate};

/// Takes one host key and no other. That the other end has its private half is checked before (RFC 4253 §8).
#[derive(Debug)]
pub(super) struct Gate {
    place: String,
    /// Fingerprints; none: whatever is shown.
    wanted: Vec<String>,
    /// Whether nobody goes in: only the key is looked at.
    only_looks: bool,
    shown: Arc<Mutex<Option<HostKey>>>,
}

impl Gate {
    pub(super) fn new(place: String, wanted: Vec<String>, only_looks: bool) -> Self {
        Self {
            place,
            wanted,
            only_looks,
            shown: Arc::default(),
        }
    }

    /// Where the key is found that was shown last.
    pub(super) fn shown(&self) -> Arc<Mutex<Option<HostKey>>> {
        self.shown.clone()
    }
}

/// A channel that the other end opens is refused: `reply` is dropped, which says so (RFC 4254 §5.1).
macro_rules! refuse {
    ($($name:ident($($argument:ident: $ty:ty),*);)*) => { $(
        async fn $name(
            &mut self,
            _: Channel<Msg>,
            $($argument: $ty,)*
            _: ChannelOpenHandle,
            _: &mut Session,
        ) -> Result<(), Self::Error> {
            Ok(())
        }
    )* };
}

impl Handler for Gate {
    type Error = russh::Error;

    async fn check_server_key(&mut self, shown: &PublicKeyOrCertificate) -> Result<bool, Self::Error> {
        // Certificates are not asked for, so none may come.
        let PublicKeyOrCertificate::PublicKey { key, .. } = shown else {
            return Ok(false);
        };
        let fingerprint = key.fingerprint(HashAlg::Sha256).to_string();
        let is_wanted = self.wanted.is_empty() || self.wanted.contains(&fingerprint);
        let shown = HostKey {
            place: self.place.clone(),
            algorithm: key.algorithm().as_str().to_string(),
            fingerprint,
        };
        *self.shown.lock().expect("nobody panics while holding it") = Some(shown);
        Ok(is_wanted && !self.only_looks)
    }

    refuse! {
        server_channel_open_forwarded_tcpip(_a: &str, _b: u32, _c: &str, _d: u32);
        server_channel_open_forwarded_streamlocal(_a: &str);
        server_channel_open_agent_forward();
        server_channel_open_session();
        server_channel_open_direct_tcpip(_a: &str, _b: u32, _c: &str, _d: u32);
        server_channel_open_direct_streamlocal(_a: &str);
        server_channel_open_x11(_a: &str, _b: u32);
    }
}
