//! Images: a bootable root filesystem with its kernel and initrd, each in a folder of its own.
//!
//! Invariant: a folder that [`catalog`] shows is complete; a build works beside it and moves in at its end.
//! Invariant: nothing here talks to the network itself; `apt` does, with the sources of this host.

pub mod build;
pub mod catalog;
pub mod manifest;
pub mod progress;
pub mod recipe;
mod run;
pub mod tools;

pub use build::{BuildError, Folders, Options, Outcome, build};
pub use catalog::CatalogError;
pub use manifest::{FileEntry, Manifest};
pub use progress::{Phase, Progress};
