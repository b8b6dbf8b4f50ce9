//! The file itself, before SQLite touches it: whose it is, and whether its log belongs to it.
//!
//! Invariant: a file that is not ours is never written to.
//! Invariant: nothing here opens the file while this process has a connection to it: closing it would give up
//! the locks that SQLite holds.

use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use super::StoreError;

/// Marks a SQLite file as ours, in its header: "Bell" in ASCII.
pub(super) const APPLICATION_ID: [u8; 4] = *b"Bell";
/// Offset of the application id, <https://www.sqlite.org/fileformat.html#application_id>.
const APPLICATION_ID_AT: usize = 68;
/// Length of the file header.
const HEADER: usize = 100;
/// First bytes of every SQLite file.
const MAGIC: &[u8; 16] = b"SQLite format 3\0";

/// Makes the file if there is none and returns its length. It holds keys: only its owner may read it, and SQLite gives
/// its companions the same mode.
pub(super) fn ensure(path: &Path) -> Result<u64, StoreError> {
    OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(path)
        .and_then(|file| file.metadata())
        .map(|metadata| metadata.len())
        .map_err(|source| StoreError::Open {
            path: path.to_path_buf(),
            source,
        })
}

/// SQLite takes an empty file for a new database and deletes the log beside it, which may hold events.
pub(super) fn refuse_orphaned_log(path: &Path) -> Result<(), StoreError> {
    if has_log(path) {
        return Err(StoreError::Damaged {
            path: path.to_path_buf(),
            what: format!("it is empty, but its log {} is not", companion(path, "-wal").display()),
        });
    }
    Ok(())
}

/// Whether something waits in the write-ahead log.
pub(super) fn has_log(path: &Path) -> bool {
    std::fs::metadata(companion(path, "-wal")).is_ok_and(|metadata| metadata.len() > 0)
}

/// Whether the process that made the file died before it was marked: SQLite will undo what it had written.
pub(super) fn is_half_made(path: &Path) -> bool {
    companion(path, "-journal").exists()
}

fn companion(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

/// Waits until a file is on the disk. It must not be one that this process has open as a database.
pub(super) fn sync(path: &Path) -> Result<(), StoreError> {
    File::open(path)
        .and_then(|file| file.sync_all())
        .map_err(|source| StoreError::Open {
            path: path.to_path_buf(),
            source,
        })
}

/// The name of a new file is not safe from a power loss before its directory is synced.
pub(super) fn sync_directory(directory: &Path) -> Result<(), StoreError> {
    File::open(directory)
        .and_then(|file| file.sync_all())
        .map_err(|source| StoreError::Directory {
            path: directory.to_path_buf(),
            source,
        })
}

/// Whether the file begins as a journal of ours does.
pub(super) fn check_header(path: &Path) -> Result<(), StoreError> {
    let mut header = [0; HEADER];
    let read = File::open(path).and_then(|mut file| file.read_exact(&mut header));
    match read {
        Ok(()) if !header.starts_with(MAGIC) => {}
        Ok(()) if header[APPLICATION_ID_AT..][..4] == APPLICATION_ID => return Ok(()),
        Ok(()) => {}
        Err(e) if e.kind() == io::ErrorKind::UnexpectedEof => {}
        Err(source) => {
            return Err(StoreError::Open {
                path: path.to_path_buf(),
                source,
            });
        }
    }
    Err(StoreError::Foreign {
        path: path.to_path_buf(),
    })
}
