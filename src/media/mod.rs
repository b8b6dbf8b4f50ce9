//! Media: the kernels and initial RAM disks of installers, each in a folder of its own.
//!
//! Invariant: a folder that [`catalog`] shows is complete and was checked; what is fetched is fetched beside it and
//! moves in at the end.
//! Invariant: nothing here talks to the network itself; `apt` does, and nothing that comes over the network is taken
//! without a signature of Debian's that leads to it.

pub mod add;
pub mod catalog;
mod command;
pub mod fetch;
pub mod manifest;
pub mod watch;

pub use add::{AddError, From, Options, Outcome, add};
pub use catalog::MediumError;
pub use manifest::Manifest;

use std::path::{Path, PathBuf};

/// The folder of media in a state folder.
pub fn folder(state: &Path) -> PathBuf {
    state.join("media")
}
