//! What can go wrong with a lab.

use std::io;
use std::path::PathBuf;

/// Why the lab cannot do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum LabError {
    /// Programs or firmware are missing on this host.
    #[error("the lab needs Debian packages that are not installed: apt-get install {}", .0.join(" "))]
    Packages(Vec<&'static str>),
    /// What was asked for cannot be a lab.
    #[error("{0}")]
    Wish(String),
    /// A lab runs in that folder already.
    #[error("a lab is up in {0} already: bellwether lab status, bellwether lab down, or another --dir")]
    Up(PathBuf),
    /// No lab runs in that folder.
    #[error("no lab is up in {0}: bellwether lab up")]
    NotUp(PathBuf),
    /// The folder holds something else.
    #[error("{0} is not empty and not a lab's folder: name another with --dir")]
    NotOurs(PathBuf),
    /// The kernel does not let this user make namespaces.
    #[error(
        "the kernel does not allow this user to make network namespaces ({0}): run as root, or allow user namespaces \
         (sysctl kernel.unprivileged_userns_clone, kernel.apparmor_restrict_unprivileged_userns, user.max_user_namespaces)"
    )]
    Namespace(nix::errno::Errno),
    /// A system call about processes or terminals failed.
    #[error("cannot {what}")]
    System {
        /// What was tried.
        what: String,
        /// Cause.
        #[source]
        source: nix::errno::Errno,
    },
    /// A file, socket or program cannot be used.
    #[error("cannot {what}")]
    Io {
        /// What was tried, with its subject.
        what: String,
        /// Cause.
        #[source]
        source: io::Error,
    },
    /// A program said no.
    #[error("{what} failed: {said}")]
    Program {
        /// Which program, on what.
        what: String,
        /// Its last words.
        said: String,
    },
    /// The keeper answered with a refusal.
    #[error("{0}")]
    Refused(String),
}

impl LabError {
    /// For `map_err`: a file or program that cannot be used.
    pub(super) fn io(what: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let what = what.into();
        move |source| Self::Io { what, source }
    }

    /// For `map_err`: a system call that failed.
    pub(super) fn system(what: impl Into<String>) -> impl FnOnce(nix::errno::Errno) -> Self {
        let what = what.into();
        move |source| Self::System { what, source }
    }

    /// The error and its causes in one line.
    pub fn chain(&self) -> String {
        crate::causes::chain(self)
    }
}
