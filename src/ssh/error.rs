//! Why something over SSH did not work.

use std::path::PathBuf;

/// Why something over SSH did not work.
#[derive(Debug, thiserror::Error)]
pub enum SshError {
    /// Nothing listens there, or the name leads nowhere.
    #[error("the SSH server at {place} cannot be reached")]
    Unreachable {
        /// Where.
        place: String,
        /// Cause.
        #[source]
        source: std::io::Error,
    },
    /// It did not go on in time.
    #[error("the SSH server at {place}: no {what} within {seconds} s")]
    Silent {
        /// Where.
        place: String,
        /// What was waited for.
        what: &'static str,
        /// How long.
        seconds: u64,
    },
    /// It speaks no algorithm that we take.
    #[error(
        "the SSH server at {place} has no {kind} that is taken here, only {theirs}: an old one may need `legacy: true`"
    )]
    NoAlgorithm {
        /// Where.
        place: String,
        /// What for.
        kind: String,
        /// What it offers.
        theirs: String,
    },
    /// Its host key is not the one that it showed first.
    #[error("the SSH server at {place} shows another host key than before ({shown}): {remedy}")]
    OtherKey {
        /// Where.
        place: String,
        /// Fingerprint of the one that it shows.
        shown: String,
        /// What to do about it.
        remedy: &'static str,
    },
    /// It does not let us in.
    #[error("the SSH server at {place} does not let {user} in: {said}")]
    Refused {
        /// Where.
        place: String,
        /// Who.
        user: String,
        /// Why, as far as it says so.
        said: String,
    },
    /// Nothing to log in with is declared.
    #[error("nothing says how one logs in at {place}: declare {missing}")]
    NoLogin {
        /// Where.
        place: String,
        /// What is missing.
        missing: &'static str,
    },
    /// A password that cannot be had.
    #[error(transparent)]
    Secret(#[from] crate::secrets::SecretError),
    /// A password that is no UTF-8: SSH has no others (RFC 4252 §8).
    #[error("the password at {from} is no UTF-8: SSH has no others")]
    PasswordForm {
        /// Where it is.
        from: String,
    },
    /// A private key that cannot be read.
    #[error("the private key cannot be read from {}", path.display())]
    KeyFile {
        /// The file.
        path: PathBuf,
        /// Cause.
        #[source]
        source: std::io::Error,
    },
    /// A private key that is none, or none that is used.
    #[error("the private key at {from} cannot be used: {why}")]
    KeyForm {
        /// Where it is.
        from: String,
        /// What is wrong with it.
        why: String,
    },
    /// It let us in and refuses what was asked for.
    #[error("the SSH server at {place} refuses {what}")]
    Denied {
        /// Where.
        place: String,
        /// What.
        what: &'static str,
    },
    /// The connection broke.
    #[error("the SSH server at {place}: {why}")]
    Lost {
        /// Where.
        place: String,
        /// Why.
        why: String,
    },
}

impl SshError {
    /// Whether it does not let us in, and will not a moment later: who asks again and again locks the account.
    pub fn is_refused(&self) -> bool {
        matches!(self, Self::OtherKey { .. } | Self::Refused { .. })
    }

    /// Whether the same may work a moment later without anybody doing anything.
    pub fn is_passing(&self) -> bool {
        matches!(self, Self::Unreachable { .. } | Self::Silent { .. } | Self::Lost { .. })
    }

    pub(super) fn lost(place: &str, error: russh::Error) -> Self {
        let place = place.to_string();
        match error {
            russh::Error::NoCommonAlgo { kind, theirs, .. } => Self::NoAlgorithm {
                place,
                kind: format!("{kind:?}").to_lowercase(),
                theirs: theirs.iter().take(8).cloned().collect::<Vec<_>>().join(", "),
            },
            russh::Error::HUP | russh::Error::Disconnect | russh::Error::RecvError | russh::Error::SendError => {
                let why = "it closed the connection".into();
                Self::Lost { place, why }
            }
            russh::Error::KeepaliveTimeout => {
                let why = "it does not answer any more".into();
                Self::Lost { place, why }
            }
            error => {
                let why = error.to_string();
                Self::Lost { place, why }
            }
        }
    }
}
