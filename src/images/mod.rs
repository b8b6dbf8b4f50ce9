//! Images: a root filesystem with its kernel and initrd, a whole disk, or the agent that writes them to disks; each in a
//! folder of its own.
//!
//! Invariant: a folder that [`catalog`] shows is complete; a build works beside it and moves in at its end.
//! Invariant: nothing here talks to the network itself; `apt` does, with the sources of this host.

pub mod build;
pub mod catalog;
pub mod import;
pub mod manifest;
pub mod progress;
pub mod recipe;
mod run;
pub mod tools;

pub use build::{BuildError, Folders, Options, Outcome, build};
pub use catalog::CatalogError;
pub use import::{Import, ImportError, import};
pub use manifest::{FileEntry, Kind, Manifest};
pub use progress::{Phase, Progress};
