//! What can go wrong in the life of a server.

use std::path::PathBuf;

use crate::cluster_file::Refused;
use crate::journal::JournalError;
use crate::services::tftp;
use crate::store::StoreError;
use crate::{api, cache};

/// Why the server cannot start or go on.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The state folder cannot be made.
    #[error("cannot make the state folder {path}")]
    StateFolder {
        /// The folder.
        path: PathBuf,
        /// Cause.
        #[source]
        source: std::io::Error,
    },
    /// The store cannot be opened.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The journal cannot be opened or written.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// There is nothing to serve.
    #[error("no cluster file was given and none was applied before: bellwether serve --config cluster.yaml")]
    NoCluster,
    /// The cluster file cannot be used, and there is no earlier one to go on with.
    #[error("{message}")]
    ClusterFile {
        /// What is wrong.
        message: String,
        /// The diagnostics.
        detail: Option<String>,
    },
    /// The control socket cannot be opened.
    #[error(transparent)]
    Api(#[from] api::ApiError),
    /// TFTP cannot be opened.
    #[error(transparent)]
    Tftp(#[from] tftp::TftpError),
    /// The package cache cannot be opened.
    #[error(transparent)]
    Cache(#[from] cache::StoreError),
    /// A service ended that should run forever.
    #[error("{service} stopped: {why}")]
    Died {
        /// Which.
        service: &'static str,
        /// Why.
        why: String,
    },
    /// The operating system refuses something basic.
    #[error("cannot {what}")]
    System {
        /// What.
        what: &'static str,
        /// Cause.
        #[source]
        source: std::io::Error,
    },
}

impl ServeError {
    /// A file that says what is to be served cannot be used.
    pub(super) fn refused(refused: Refused) -> Self {
        Self::ClusterFile {
            message: refused.message,
            detail: refused.detail,
        }
    }
}
