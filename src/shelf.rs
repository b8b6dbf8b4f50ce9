//! A folder of bundles, each a folder of its own with a manifest in it: so images are kept, and media.
//!
//! Invariant: a folder whose name starts with a dot is no bundle (one that is being made or removed).

use std::io;
use std::path::{Path, PathBuf};

/// Longest name of a bundle, in characters.
const NAME: usize = 64;

/// Whether a word can be the name of a bundle: it becomes a folder and a part of addresses.
pub fn is_name(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    name.bytes().next().is_some_and(plain)
        && name.len() <= NAME
        && name
            .bytes()
            .all(|byte| plain(byte) || matches!(byte, b'-' | b'_' | b'.'))
}

/// The bundles in a folder, by name, whatever state they are in. A folder that is not there holds none.
pub fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(folder)
        .into_iter()
        .flatten()
        .flatten()
        .filter(|entry| entry.path().is_dir())
        .filter_map(|entry| entry.file_name().into_string().ok())
        .filter(|name| is_name(name))
        .collect();
    names.sort();
    names
}

/// Removes the bundle at a path. It is out of sight before its first file goes.
///
/// # Errors
/// The folder that could not be moved or removed, and why.
pub fn remove(path: PathBuf) -> Result<(), (PathBuf, io::Error)> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let aside = path.with_file_name(format!(".removed-{name}-{}", std::process::id()));
    std::fs::rename(&path, &aside).map_err(|error| (path, error))?;
    std::fs::remove_dir_all(&aside).map_err(|error| (aside, error))
}
