//! Why a BMC did not do what it was asked.

use wire::ipmi::{BadLogin, Closed, Completion};

use crate::secrets::SecretError;

/// Why a BMC did not do what it was asked. Each says what the BMC said.
#[derive(Debug, thiserror::Error)]
pub enum BmcError {
    /// The node has no BMC.
    #[error("no BMC is declared")]
    NoBmc,
    /// No password is declared.
    #[error("the BMC has no `password_from` in the cluster file")]
    NoPassword,
    /// It cannot be read.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// Name or password cannot be one of IPMI.
    #[error(transparent)]
    Login(#[from] BadLogin),
    /// The SSH server of its console.
    #[error(transparent)]
    Ssh(#[from] crate::ssh::SshError),
    /// Nothing can be sent to its address.
    #[error("the BMC at {address} cannot be reached")]
    Unreachable {
        /// Where.
        address: String,
        /// Cause.
        #[source]
        source: std::io::Error,
    },
    /// The session ended or never began.
    #[error("the BMC at {address}: {why}")]
    Session {
        /// Where.
        address: String,
        /// Why.
        why: Closed,
    },
    /// A command was refused.
    #[error("the BMC at {address} refuses {what}: {said}")]
    Refused {
        /// Where.
        address: String,
        /// What was asked.
        what: &'static str,
        /// What it said.
        said: Completion,
    },
    /// An HTTP answer that is no success.
    #[error("the BMC at {address} refuses {what}: {said}")]
    Http {
        /// Where.
        address: String,
        /// What was asked.
        what: &'static str,
        /// Status, 100..600.
        status: u16,
        /// Status and the message in it.
        said: String,
    },
    /// An answer that makes no sense.
    #[error("the BMC at {address} answers {what} with nonsense: {said}")]
    Nonsense {
        /// Where.
        address: String,
        /// What was asked.
        what: &'static str,
        /// What is wrong with it.
        said: String,
    },
    /// Its certificate is not the one that it showed first.
    #[error(
        "the BMC at {address} shows another certificate than before (SHA-256 {shown}): \
         if it was renewed or replaced, say `bellwether bmc trust` for the node"
    )]
    OtherCertificate {
        /// Where.
        address: String,
        /// Fingerprint of the one that it shows.
        shown: String,
    },
    /// It said yes, and the machine did not change.
    #[error("the BMC at {address} took the command, but the machine is still {state} after {seconds} s")]
    Unchanged {
        /// Where.
        address: String,
        /// What it is.
        state: &'static str,
        /// How long it was waited for.
        seconds: u64,
    },
    /// It has no such thing.
    #[error("the BMC at {address} has no {what}")]
    Unsupported {
        /// Where.
        address: String,
        /// What.
        what: &'static str,
    },
}

impl BmcError {
    /// Whether the same may work a moment later without anybody doing anything.
    pub fn is_passing(&self) -> bool {
        match self {
            Self::Unreachable { .. } => true,
            Self::Session { why, .. } => match why {
                Closed::NoAnswer | Closed::Silent => true,
                Closed::Refused(status) => status.is_passing(),
                _ => false,
            },
            Self::Refused { said, .. } => said.is_passing(),
            Self::Http { status, .. } => matches!(status, 429 | 500..600),
            Self::Ssh(error) => error.is_passing(),
            _ => false,
        }
    }

    /// Whether the BMC does not let us in, and will not a moment later: who asks again and again locks the account.
    pub fn is_refused_login(&self) -> bool {
        match self {
            Self::Session { .. } | Self::Http { status: 401 | 403, .. } => !self.is_passing(),
            Self::OtherCertificate { .. } => true,
            Self::Ssh(error) => error.is_refused(),
            _ => false,
        }
    }

    /// Whether the BMC let us in, so that it may do something else that it is asked.
    pub fn is_inside(&self) -> bool {
        match self {
            Self::Refused { .. } | Self::Nonsense { .. } | Self::Unsupported { .. } | Self::Unchanged { .. } => true,
            // One that is full says so at the door, too.
            Self::Http { .. } => !self.is_refused_login() && !self.is_passing(),
            _ => false,
        }
    }

    /// Whether the BMC says that it cannot do this at all.
    pub fn is_unsupported(&self) -> bool {
        match self {
            Self::Unsupported { .. } => true,
            Self::Refused { said, .. } => said.is_unsupported(),
            Self::Http { status, .. } => matches!(status, 400 | 404 | 405 | 501),
            _ => false,
        }
    }

    /// Whether it says that this is not possible in the machine's present state.
    pub fn is_about_the_state(&self) -> bool {
        match self {
            Self::Refused { said, .. } => *said == Completion::NOT_IN_THIS_STATE,
            Self::Http { status, .. } => *status == 409,
            _ => false,
        }
    }
}
