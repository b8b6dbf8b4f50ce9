//! The folder of images: which there are, whether they are whole, and how one goes away.

use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

use super::manifest::{self, FileEntry, Manifest};
use crate::shelf;

/// An image that cannot be shown, checked or removed.
#[derive(Debug, Error)]
pub enum CatalogError {
    /// No such image.
    #[error("there is no image {name}; {}", known_images(known))]
    Unknown {
        /// What was asked for.
        name: String,
        /// What there is.
        known: Vec<String>,
    },
    /// A name that cannot be one.
    #[error(
        "{0:?} cannot be an image's name: use lower-case letters, digits, '-', '_' and '.', starting with a letter or digit"
    )]
    BadName(String),
    /// A folder or file that cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A manifest with mistakes.
    #[error("{} is not a manifest: {source}; build the image again", path.display())]
    NotAManifest {
        /// Which.
        path: PathBuf,
        /// Where in it.
        source: serde_json::Error,
    },
    /// A manifest of some other image: the folder was renamed or copied by hand.
    #[error("{} describes the image {found}, not {name}; build the image again", path.display())]
    OtherName {
        /// Which.
        path: PathBuf,
        /// The folder's name.
        name: String,
        /// The manifest's.
        found: String,
    },
    /// A manifest without something that its kind of image needs.
    #[error("{} says nothing of {what}; build the image again", path.display())]
    Lacks {
        /// Which.
        path: PathBuf,
        /// What is missing.
        what: &'static str,
    },
    /// A manifest that points out of its folder.
    #[error("{} names the file {file:?}, which is not in its folder; build the image again", path.display())]
    Outside {
        /// Which.
        path: PathBuf,
        /// What it says.
        file: String,
    },
    /// A file that is not what the manifest says.
    #[error("{} is not what was built ({what}); build the image again", path.display())]
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

fn known_images(known: &[String]) -> String {
    if known.is_empty() {
        "there are none yet: bellwether image build debian-12".to_string()
    } else {
        format!("there are {}", known.join(", "))
    }
}

/// Whether a word can be the name of an image: it becomes a folder and a part of addresses.
///
/// # Errors
/// [`CatalogError::BadName`].
pub fn check_name(name: &str) -> Result<(), CatalogError> {
    match shelf::is_name(name) {
        true => Ok(()),
        false => Err(CatalogError::BadName(name.to_string())),
    }
}

/// Every image by name, the broken ones with what is wrong. A folder that is not there holds no images.
pub fn list(folder: &Path) -> Vec<(String, Result<Manifest, CatalogError>)> {
    shelf::names(folder)
        .into_iter()
        .map(|name| (name.clone(), show(folder, &name)))
        .collect()
}

/// One image.
///
/// # Errors
/// If there is none of that name or its manifest cannot be used.
pub fn show(folder: &Path, name: &str) -> Result<Manifest, CatalogError> {
    let image = find(folder, name)?;
    let path = image.join(manifest::FILE);
    let text = std::fs::read(&path).map_err(|source| CatalogError::Read {
        path: path.clone(),
        source,
    })?;
    let manifest: Manifest = serde_json::from_slice(&text).map_err(|source| CatalogError::NotAManifest {
        path: path.clone(),
        source,
    })?;
    if manifest.name != name {
        return Err(CatalogError::OtherName {
            path,
            name: name.to_string(),
            found: manifest.name,
        });
    }
    if let Some(what) = manifest.lacks() {
        return Err(CatalogError::Lacks { path, what });
    }
    for file in manifest.files() {
        if file.path.is_empty() || file.path.starts_with('.') || file.path.contains('/') {
            return Err(CatalogError::Outside {
                path,
                file: file.path.clone(),
            });
        }
        let at = image.join(&file.path);
        let size = std::fs::metadata(&at)
            .map_err(|source| CatalogError::Read {
                path: at.clone(),
                source,
            })?
            .len();
        if size != file.size {
            return Err(CatalogError::Differs {
                path: at,
                what: format!("{size} bytes, not {}", file.size),
            });
        }
    }
    Ok(manifest)
}

/// Reads every byte of an image and compares it with its manifest.
///
/// # Errors
/// If it is not whole.
pub fn verify(folder: &Path, name: &str) -> Result<Manifest, CatalogError> {
    let manifest = show(folder, name)?;
    for file in manifest.files() {
        verify_file(&folder.join(name), file)?;
    }
    Ok(manifest)
}

fn verify_file(image: &Path, file: &FileEntry) -> Result<(), CatalogError> {
    let path = image.join(&file.path);
    match manifest::digest(&path) {
        Ok((_, sha256)) if sha256 == file.sha256 => Ok(()),
        Ok((_, sha256)) => Err(CatalogError::Differs {
            path,
            what: format!("its SHA-256 is {sha256}, not {}", file.sha256),
        }),
        Err(source) => Err(CatalogError::Read { path, source }),
    }
}

/// Removes an image, a broken one too. It is out of sight before its first file goes.
///
/// # Errors
/// If there is none of that name or it cannot be removed.
pub fn remove(folder: &Path, name: &str) -> Result<(), CatalogError> {
    shelf::remove(find(folder, name)?).map_err(|(path, source)| CatalogError::Remove { path, source })
}

fn find(folder: &Path, name: &str) -> Result<PathBuf, CatalogError> {
    check_name(name)?;
    let path = folder.join(name);
    if path.is_dir() {
        Ok(path)
    } else {
        Err(CatalogError::Unknown {
            name: name.to_string(),
            known: shelf::names(folder),
        })
    }
}

#[cfg(test)]
mod tests;
