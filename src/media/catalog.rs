//! The folder of media: which there are, whether they are whole, and how one goes away.

use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

use super::manifest::{self, Manifest};
use crate::images::manifest::digest;
use crate::shelf;

/// A medium that cannot be shown, checked or removed.
#[derive(Debug, Error)]
pub enum MediumError {
    /// No such medium.
    #[error("there is no medium {name}; {}", known_media(known))]
    Unknown {
        /// What was asked for.
        name: String,
        /// What there is.
        known: Vec<String>,
    },
    /// A name that cannot be one.
    #[error(
        "{0:?} cannot be a medium's name: use lower-case letters, digits, '-', '_' and '.', starting with a letter or digit"
    )]
    BadName(String),
    /// A file that cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A manifest with mistakes.
    #[error("{} is not the manifest of the medium {name}: {why}; add the medium again", path.display())]
    Manifest {
        /// Which.
        path: PathBuf,
        /// The folder's name.
        name: String,
        /// What is wrong with it.
        why: String,
    },
    /// A file that is not what was added.
    #[error("{} is not what was added ({what}); add the medium again", path.display())]
    Differs {
        /// Which.
        path: PathBuf,
        /// In what.
        what: String,
    },
    /// Could not be removed.
    #[error("cannot remove {}: {source}", path.display())]
    Remove {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

fn known_media(known: &[String]) -> String {
    if known.is_empty() {
        "there are none yet: bellwether media add debian-12".to_string()
    } else {
        format!("there are {}", known.join(", "))
    }
}

/// Every medium by name, the broken ones with what is wrong. A folder that is not there holds none.
pub fn list(folder: &Path) -> Vec<(String, Result<Manifest, MediumError>)> {
    shelf::names(folder)
        .into_iter()
        .map(|name| (name.clone(), show(folder, &name)))
        .collect()
}

/// One medium.
///
/// # Errors
/// If there is none of that name, or its manifest or a file cannot be used.
pub fn show(folder: &Path, name: &str) -> Result<Manifest, MediumError> {
    let medium = find(folder, name)?;
    let path = medium.join(manifest::FILE);
    let text = std::fs::read(&path).map_err(|source| MediumError::Read {
        path: path.clone(),
        source,
    })?;
    let bad = |why: String| MediumError::Manifest {
        path: path.clone(),
        name: name.to_string(),
        why,
    };
    let manifest: Manifest = serde_json::from_slice(&text).map_err(|error| bad(error.to_string()))?;
    if manifest.name != name {
        return Err(bad(format!("it is that of {}", manifest.name)));
    }
    for file in manifest.files() {
        if file.path.is_empty() || file.path.starts_with('.') || file.path.contains('/') {
            return Err(bad(format!("its file {:?} is not in its folder", file.path)));
        }
        let at = medium.join(&file.path);
        let size = std::fs::metadata(&at).map(|meta| meta.len());
        match size {
            Ok(size) if size == file.size => {}
            Ok(size) => {
                let what = format!("{size} bytes, not {}", file.size);
                return Err(MediumError::Differs { path: at, what });
            }
            Err(source) => return Err(MediumError::Read { path: at, source }),
        }
    }
    Ok(manifest)
}

/// Reads every byte of a medium and compares it with its manifest.
///
/// # Errors
/// If it is not whole.
pub fn check(folder: &Path, name: &str) -> Result<Manifest, MediumError> {
    let manifest = show(folder, name)?;
    for file in manifest.files() {
        let path = folder.join(name).join(&file.path);
        match digest(&path) {
            Ok((_, sha256)) if sha256 == file.sha256 => {}
            Ok((_, sha256)) => {
                let what = format!("its SHA-256 is {sha256}, not {}", file.sha256);
                return Err(MediumError::Differs { path, what });
            }
            Err(source) => return Err(MediumError::Read { path, source }),
        }
    }
    Ok(manifest)
}

/// Removes a medium, a broken one too. It is out of sight before its first file goes.
///
/// # Errors
/// If there is none of that name or it cannot be removed.
pub fn remove(folder: &Path, name: &str) -> Result<(), MediumError> {
    shelf::remove(find(folder, name)?).map_err(|(path, source)| MediumError::Remove { path, source })
}

fn find(folder: &Path, name: &str) -> Result<PathBuf, MediumError> {
    if !shelf::is_name(name) {
        return Err(MediumError::BadName(name.to_string()));
    }
    let path = folder.join(name);
    if path.is_dir() {
        Ok(path)
    } else {
        Err(MediumError::Unknown {
            name: name.to_string(),
            known: shelf::names(folder),
        })
    }
}

#[cfg(test)]
mod tests;
