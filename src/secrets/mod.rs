//! Passwords and tokens: where they are, and the store for those that have no other place.
//!
//! Invariant: a secret is never shown, logged or written into the journal; who put it there and under which name is.
//! Invariant: what is in the store is a file of its own that the server's user alone may read, whole or not there.

mod secret;

pub use secret::{Secret, SecretError};

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::PathBuf;

use jiff::Timestamp;
use model::cluster::is_secret_name;

/// Most octets of a secret in the store.
pub const LONGEST: usize = 4096;
/// Most secrets in the store.
const MOST: usize = 10_000;

/// Why the store does not do what is wanted of it.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Not a name.
    #[error("{0:?} is no name of a secret: letters, digits, `-`, `_` and `.`, at most 64, a letter or digit first")]
    Name(String),
    /// Nothing, or something with a line's end or a NUL in it, or too much.
    #[error("a secret is one line of 1 to {LONGEST} octets")]
    Form,
    /// Full.
    #[error("there are {MOST} secrets already: remove some")]
    Full,
    /// There is none of that name.
    #[error("there is no secret {0}")]
    Unknown(String),
    /// The folder does not do what it should.
    #[error("cannot {what} the secret in {}", path.display())]
    Folder {
        /// What was to be done.
        what: &'static str,
        /// With which file.
        path: PathBuf,
        /// Cause.
        #[source]
        source: io::Error,
    },
}

/// How secrets are read; in a server with its store.
#[derive(Debug, Clone, Default)]
pub struct Secrets {
    folder: Option<PathBuf>,
}

impl Secrets {
    /// Those of a server, whose store is a folder. It is made when the first one is put there.
    pub fn of_server(folder: PathBuf) -> Self {
        Self { folder: Some(folder) }
    }

    /// The secret at `env:NAME`, `file:/path` or `store:NAME`; of a file the first line. Read anew each time: whoever changes it
    /// does not start the server again.
    ///
    /// # Errors
    /// See [`SecretError`].
    pub fn read(&self, place: &str) -> Result<Secret, SecretError> {
        let Some(name) = place.strip_prefix("store:") else {
            return Secret::read(place);
        };
        let folder = self.folder.as_ref().ok_or(SecretError::NoStore)?;
        if !is_secret_name(name) {
            return Err(SecretError::Place { place: place.into() });
        }
        match fs::read(folder.join(name)) {
            Ok(octets) => Ok(Secret::new(octets)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Err(SecretError::NotStored { name: name.into() }),
            Err(source) => Err(SecretError::File {
                path: folder.join(name),
                source,
            }),
        }
    }

    /// Puts a secret into the store, in the place of one of that name.
    ///
    /// # Errors
    /// See [`StoreError`]; then the store is as it was.
    pub fn put(&self, name: &str, secret: &Secret) -> Result<(), StoreError> {
        let path = self.path(name)?;
        let octets = secret.expose();
        if octets.is_empty() || octets.len() > LONGEST || octets.iter().any(|octet| b"\n\r\0".contains(octet)) {
            return Err(StoreError::Form);
        }
        let failed = |source| StoreError::Folder {
            what: "keep",
            path: path.clone(),
            source,
        };
        let folder = path.parent().expect("it is in a folder");
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(folder)
            .map_err(failed)?;
        if !path.exists() && self.list().map_err(failed)?.len() >= MOST {
            return Err(StoreError::Full);
        }
        // Not a name of a secret, so nobody reads it before it is whole.
        let aside = folder.join(format!(".{name}"));
        let written = || -> io::Result<()> {
            let mut options = OpenOptions::new();
            let mut file = options
                .write(true)
                .create(true)
                .truncate(true)
                .mode(0o600)
                .open(&aside)?;
            file.write_all(octets)?;
            file.sync_all()?;
            fs::rename(&aside, &path)?;
            fs::File::open(folder)?.sync_all()
        };
        written().map_err(failed)
    }

    /// The names in the store, and when each was put there.
    ///
    /// # Errors
    /// The folder cannot be read.
    pub fn list(&self) -> io::Result<Vec<(String, Timestamp)>> {
        let Some(folder) = &self.folder else {
            return Ok(Vec::new());
        };
        let entries = match fs::read_dir(folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        let mut found = Vec::new();
        for entry in entries {
            let entry = entry?;
            if let Ok(name) = entry.file_name().into_string()
                && is_secret_name(&name)
            {
                let modified = entry.metadata()?.modified()?;
                found.push((name, Timestamp::try_from(modified).unwrap_or_default()));
            }
        }
        found.sort();
        Ok(found)
    }

    /// Removes a secret from the store.
    ///
    /// # Errors
    /// There is none of that name, or its file cannot be removed.
    pub fn remove(&self, name: &str) -> Result<(), StoreError> {
        let path = self.path(name)?;
        fs::remove_file(&path).map_err(|source| match source.kind() {
            io::ErrorKind::NotFound => StoreError::Unknown(name.into()),
            _ => StoreError::Folder {
                what: "remove",
                path,
                source,
            },
        })
    }

    fn path(&self, name: &str) -> Result<PathBuf, StoreError> {
        let folder = self.folder.as_ref().filter(|_| is_secret_name(name));
        let folder = folder.ok_or_else(|| StoreError::Name(name.chars().take(80).collect()))?;
        Ok(folder.join(name))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn the_store_keeps_a_secret_whole_and_for_itself() {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("secrets");
        let secrets = Secrets::of_server(place.clone());
        assert_eq!(secrets.list().unwrap(), []);
        assert!(matches!(secrets.read("store:bmc"), Err(SecretError::NotStored { .. })));
        secrets.put("bmc", &Secret::new("first")).unwrap();
        secrets.put("bmc", &Secret::new("second ")).unwrap();
        assert_eq!(secrets.read("store:bmc").unwrap().expose(), b"second ");
        let mode = |path: &std::path::Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&place), mode(&place.join("bmc"))), (0o700, 0o600));
        let names: Vec<_> = secrets.list().unwrap().into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["bmc"]);
        secrets.remove("bmc").unwrap();
        assert!(matches!(secrets.remove("bmc"), Err(StoreError::Unknown(_))));
        assert!(matches!(
            Secrets::default().read("store:bmc"),
            Err(SecretError::NoStore)
        ));
    }

    #[test]
    fn no_name_leads_out_of_the_store_and_no_secret_is_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let secrets = Secrets::of_server(folder.path().to_path_buf());
        for name in ["", ".", "..", "../x", "a/b", ".a", "a b", "ä", &"x".repeat(65)] {
            assert!(
                matches!(secrets.put(name, &Secret::new("x")), Err(StoreError::Name(_))),
                "{name}"
            );
            assert!(secrets.read(&format!("store:{name}")).is_err(), "{name}");
        }
        for octets in ["", "a\nb", "a\0", &"x".repeat(LONGEST + 1)] {
            assert!(matches!(secrets.put("a", &Secret::new(octets)), Err(StoreError::Form)));
        }
        assert_eq!(secrets.list().unwrap(), []);
    }
}
