//! Small files in memory, once for all who fetch them.
//!
//! A rack that is switched on fetches one loader a thousand times. From here a block of it costs a copy; from the file it would
//! cost a read, and each transfer a buffer.
//!
//! Invariant: what is handed out is the file of one moment, whole: it was read between two looks that saw the same file.
//! Invariant: no more than [`CAPACITY`] bytes are kept beside what running transfers hold on to.

use std::collections::HashMap;
use std::fs::{File, Metadata};
use std::io;
use std::os::unix::fs::{FileExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex};

use bytes::Bytes;

use super::lock;

/// Longest file that is kept, in bytes: loaders have one or two million, kernels some ten.
pub(super) const LONGEST: u64 = 16 << 20;
/// Bytes that are kept.
const CAPACITY: usize = 64 << 20;

/// The files.
#[derive(Debug, Default)]
pub(super) struct Shelf {
    places: Mutex<HashMap<PathBuf, Arc<Place>>>,
    /// Counts uses, to know which was the last.
    uses: AtomicU64,
}

#[derive(Debug, Default)]
struct Place {
    /// Held while the file is read: who else wants it waits for the one copy.
    copy: Mutex<Option<Copy>>,
    used: AtomicU64,
}

#[derive(Debug)]
struct Copy {
    identity: Identity,
    bytes: Bytes,
}

/// Which file, in which state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Identity {
    device: u64,
    inode: u64,
    length: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl From<&Metadata> for Identity {
    fn from(found: &Metadata) -> Self {
        Self {
            device: found.dev(),
            inode: found.ino(),
            length: found.len(),
            modified: (found.mtime(), found.mtime_nsec()),
            changed: (found.ctime(), found.ctime_nsec()),
        }
    }
}

impl Shelf {
    /// The bytes of an open file, no longer than [`LONGEST`]. Blocks. `None`: the file is being changed.
    ///
    /// # Errors
    /// If it cannot be read.
    pub(super) fn take(&self, path: &Path, file: &File, found: &Metadata) -> io::Result<Option<Bytes>> {
        let place = self.place(path);
        place.used.store(self.uses.fetch_add(1, Relaxed), Relaxed);
        let identity = Identity::from(found);
        let mut copy = lock(&place.copy);
        if let Some(copy) = copy.as_ref().filter(|copy| copy.identity == identity) {
            return Ok(Some(copy.bytes.clone()));
        }
        let length = usize::try_from(found.len()).map_err(io::Error::other)?;
        let mut bytes = vec![0; length];
        file.read_exact_at(&mut bytes, 0)?;
        if Identity::from(&file.metadata()?) != identity {
            return Ok(None);
        }
        let bytes = Bytes::from(bytes);
        *copy = Some(Copy {
            identity,
            bytes: bytes.clone(),
        });
        drop(copy);
        self.make_room();
        Ok(Some(bytes))
    }

    fn place(&self, path: &Path) -> Arc<Place> {
        let mut places = lock(&self.places);
        if let Some(place) = places.get(path) {
            return place.clone();
        }
        places.entry(path.to_owned()).or_default().clone()
    }

    /// Gives up what was not asked for the longest, until the rest is within the bounds.
    fn make_room(&self) {
        let mut places = lock(&self.places);
        // One that is being read right now is in use, whatever its size.
        let size = |place: &Place| place.copy.try_lock().ok()?.as_ref().map(|copy| copy.bytes.len());
        let mut sizes: Vec<_> = (places.iter())
            .filter_map(|(path, place)| Some((place.used.load(Relaxed), path.clone(), size(place)?)))
            .collect();
        let mut total: usize = sizes.iter().map(|(_, _, size)| size).sum();
        sizes.sort_unstable_by_key(|(used, _, _)| *used);
        for (_, path, size) in sizes {
            if total <= CAPACITY {
                break;
            }
            places.remove(&path);
            total -= size;
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn take(shelf: &Shelf, path: &Path) -> Option<Bytes> {
        let file = File::open(path).unwrap();
        let found = file.metadata().unwrap();
        shelf.take(path, &file, &found).unwrap()
    }

    #[test]
    fn a_file_is_read_once_and_again_when_it_is_another() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("loader");
        std::fs::write(&path, b"first").unwrap();
        let shelf = Shelf::default();
        let (one, two) = (take(&shelf, &path).unwrap(), take(&shelf, &path).unwrap());
        assert_eq!(one, "first");
        assert_eq!(one.as_ptr(), two.as_ptr(), "the same memory");
        // As everybody replaces a file: another one takes its name.
        std::fs::write(folder.path().join("new"), b"other").unwrap();
        std::fs::rename(folder.path().join("new"), &path).unwrap();
        assert_eq!(take(&shelf, &path).unwrap(), "other");
        assert_eq!(one, "first", "who has begun goes on with what it began");
    }

    #[test]
    fn what_was_not_asked_for_the_longest_goes_first() {
        let folder = tempfile::tempdir().unwrap();
        let shelf = Shelf::default();
        let path = |n: usize| folder.path().join(n.to_string());
        for n in 0..6 {
            let file = File::create(path(n)).unwrap();
            file.set_len(LONGEST).unwrap();
            take(&shelf, &path(n)).unwrap();
            take(&shelf, &path(0)).unwrap();
        }
        let kept = lock(&shelf.places);
        assert!(kept.contains_key(&path(0)) && kept.contains_key(&path(5)) && !kept.contains_key(&path(1)));
        assert_eq!(kept.len(), CAPACITY / usize::try_from(LONGEST).unwrap());
    }
}
