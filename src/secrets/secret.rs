//! A secret, and that it is not shown.

use std::fmt;
use std::path::PathBuf;

/// A password. `Debug` does not show it; its memory is overwritten when it is dropped.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Vec<u8>);

/// Why a password cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// The environment variable is not set.
    #[error("the environment variable {name}, which should hold the password, is not set in the process that needs it")]
    Variable {
        /// Its name.
        name: String,
    },
    /// The file cannot be read.
    #[error("the password cannot be read from {path}")]
    File {
        /// The file.
        path: PathBuf,
        /// Cause.
        #[source]
        source: std::io::Error,
    },
    /// The file is empty.
    #[error("{path}, which should hold the password, is empty")]
    Empty {
        /// The file.
        path: PathBuf,
    },
    /// The store has none of that name.
    #[error("there is no secret {name} in the store: bellwether secret set {name}")]
    NotStored {
        /// Its name.
        name: String,
    },
    /// The store is the server's.
    #[error("the store of secrets is the server's: name env:NAME or file:/path here")]
    NoStore,
    /// Neither `env:NAME` nor `file:/path` nor `store:NAME`.
    #[error("{place} is no place of a password: env:NAME, file:/path or store:NAME")]
    Place {
        /// What was given.
        place: String,
    },
}

impl Secret {
    /// A password that is known already.
    pub fn new(secret: impl Into<Vec<u8>>) -> Self {
        Self(secret.into())
    }

    /// The password at `env:NAME` or `file:/path`; of a file the first line.
    ///
    /// # Errors
    /// See [`SecretError`].
    pub(super) fn read(place: &str) -> Result<Self, SecretError> {
        if let Some(name) = place.strip_prefix("env:") {
            let value = std::env::var_os(name).ok_or_else(|| SecretError::Variable { name: name.into() })?;
            return Ok(Self(std::os::unix::ffi::OsStringExt::into_vec(value)));
        }
        let path = place.strip_prefix("file:").map(PathBuf::from);
        let path = path.ok_or_else(|| SecretError::Place { place: place.into() })?;
        let mut content = std::fs::read(&path).map_err(|source| SecretError::File {
            path: path.clone(),
            source,
        })?;
        let end = content.iter().position(|byte| matches!(byte, b'\n' | b'\r'));
        content.truncate(end.unwrap_or(content.len()));
        match content.is_empty() {
            true => Err(SecretError::Empty { path }),
            false => Ok(Self(content)),
        }
    }

    /// The password itself.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl Drop for Secret {
    fn drop(&mut self) {
        // The compiler must not think that nobody looks.
        std::hint::black_box(&mut self.0).fill(0);
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_password_comes_from_a_file_or_the_environment_and_is_never_shown() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let place = format!("file:{}", file.path().display());
        assert!(matches!(Secret::read(&place), Err(SecretError::Empty { .. })));
        std::fs::write(file.path(), "geheim\r\nmore\n").unwrap();
        let secret = Secret::read(&place).unwrap();
        assert_eq!(secret.expose(), b"geheim");
        assert_eq!(format!("{secret:?}"), "Secret(…)");
        let path = Secret::read("env:PATH").unwrap();
        assert!(!path.expose().is_empty());
        let error = Secret::read("env:BELLWETHER_NO_SUCH_VARIABLE").unwrap_err();
        assert!(error.to_string().contains("BELLWETHER_NO_SUCH_VARIABLE"));
        assert!(matches!(Secret::read("geheim"), Err(SecretError::Place { .. })));
    }
}
