//! One server per state directory.
//!
//! Invariant: the kernel holds the lock, so a server that was killed leaves none behind; the pid in the file is only
//! for people to read.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use super::StoreError;

/// Name of the lock file in the state directory.
const FILE: &str = "lock";

/// The lock on a state directory, given back when dropped.
#[derive(Debug)]
pub struct Lock {
    file: File,
}

impl Lock {
    /// Takes the lock.
    ///
    /// # Errors
    /// Another process holds it, or the directory cannot be written to.
    pub fn take(directory: &Path) -> Result<Self, StoreError> {
        let unusable = |source| StoreError::Directory {
            path: directory.to_path_buf(),
            source,
        };
        let path = directory.join(FILE);
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o644)
            .open(&path)
            .map_err(unusable)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut text = String::new();
                // A holder that has not written its pid yet is just not named.
                let _ = file.read_to_string(&mut text);
                return Err(StoreError::InUse {
                    path,
                    pid: text.trim().parse().ok(),
                });
            }
            Err(TryLockError::Error(source)) => return Err(unusable(source)),
        }
        // On a full disk the file stays empty: better a nameless holder than no server.
        let _ = file
            .set_len(0)
            .and_then(|()| file.rewind())
            .and_then(|()| writeln!(file, "{}", std::process::id()));
        Ok(Self { file })
    }

    /// Gives the lock back before it is dropped.
    pub fn release(&self) {
        // Closing the file does the same, later.
        let _ = self.file.unlock();
    }
}
