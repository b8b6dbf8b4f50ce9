//! What is stored: one file per entry, content first, knowledge behind it (see [`model::cache::seal`]).
//!
//! Invariant: a file below `objects/` is whole and durable: it was synced under another name before it got this one.
//! Invariant: no file is evicted while somebody reads it.
//! Invariant: no key becomes a path; names on disk are digests of keys.

mod scan;
mod write;

pub use write::{Draft, Sealed};

use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, RwLock, Weak};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, header};
use model::cache::{Kind, Meta};
use sha2::{Digest as _, Sha256};

use super::counters::{Counters, count};
use super::limits::Limits;
use super::memory::Memory;

/// A stored file.
#[derive(Debug)]
pub struct Entry {
    /// Number within this run of the server.
    pub id: u64,
    /// What is known about it.
    pub meta: Meta,
    /// What it is.
    pub kind: Kind,
    /// Headers of every answer with it.
    pub headers: HeaderMap,
    path: PathBuf,
    readers: AtomicUsize,
    used: AtomicU64,
    noted: AtomicU64,
    validated: AtomicU64,
    open: Mutex<Weak<File>>,
}

/// A file that is being read: it is not evicted before this is dropped.
#[derive(Debug)]
pub struct Held(pub Arc<Entry>);

impl Drop for Held {
    fn drop(&mut self) {
        self.0.readers.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Entry {
    /// When upstream last said that it is current, in seconds of the cache's clock.
    pub fn validated(&self) -> Option<u64> {
        self.validated.load(Ordering::Relaxed).checked_sub(1)
    }

    /// Upstream says that it is current; or, without a time, that has to be found out.
    pub fn validate(&self, now: Option<u64>) {
        self.validated.store(now.map_or(0, |now| now + 1), Ordering::Relaxed);
    }

    /// When it was last asked for, seconds since 1970.
    pub fn used(&self) -> u64 {
        self.used.load(Ordering::Relaxed)
    }

    fn hold(self: &Arc<Self>) -> Held {
        self.readers.fetch_add(1, Ordering::Relaxed);
        Held(self.clone())
    }
}

/// Everything that is stored.
#[derive(Debug)]
pub struct Store {
    root: PathBuf,
    index: RwLock<Index>,
    memory: Memory,
    limits: Limits,
    limit: AtomicU64,
    reserved: AtomicU64,
    next: AtomicU64,
    counters: Arc<Counters>,
}

#[derive(Debug, Default)]
struct Index {
    by_key: HashMap<String, Arc<Entry>>,
    /// Indices by their digest: a by-hash file and the plain one are the same.
    by_digest: HashMap<String, Arc<Entry>>,
    bytes: u64,
}

/// Why something cannot be stored.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The folder cannot be used.
    #[error("cannot {what} {path}")]
    Io {
        /// What was tried.
        what: &'static str,
        /// With what.
        path: PathBuf,
        /// Cause.
        #[source]
        source: io::Error,
    },
    /// It is larger than everything that may be stored.
    #[error("{0} bytes are more than the whole package cache may hold")]
    TooLarge(u64),
    /// There is no room and none can be made.
    #[error("there is no room for {0} bytes in the package cache")]
    NoRoom(u64),
}

impl StoreError {
    fn io<'a>(what: &'static str, path: &'a Path) -> impl FnOnce(io::Error) -> Self + 'a {
        move |source| Self::Io {
            what,
            path: path.to_path_buf(),
            source,
        }
    }
}

impl Store {
    /// Opens the folder, removes what is torn and remembers the rest. Blocks.
    ///
    /// # Errors
    /// If the folder cannot be made or read.
    pub fn open(root: &Path, limits: Limits, limit: u64, counters: Arc<Counters>) -> Result<Self, StoreError> {
        let store = Self {
            root: root.to_path_buf(),
            index: RwLock::default(),
            memory: Memory::new(limits.memory),
            limits,
            limit: AtomicU64::new(limit),
            reserved: AtomicU64::new(0),
            next: AtomicU64::new(1),
            counters,
        };
        scan::scan(&store)?;
        store.make_room(0).ok();
        Ok(store)
    }

    /// The entry of a key.
    pub fn get(&self, key: &str) -> Option<Arc<Entry>> {
        self.read().by_key.get(key).cloned()
    }

    /// An index with that content, under whatever name.
    pub fn by_digest(&self, digest: &str) -> Option<Arc<Entry>> {
        self.read().by_digest.get(digest).cloned()
    }

    /// All entries.
    pub fn all(&self) -> Vec<Arc<Entry>> {
        self.read().by_key.values().cloned().collect()
    }

    /// Number of entries and bytes on disk.
    pub fn size(&self) -> (usize, u64) {
        let index = self.read();
        (index.by_key.len(), index.bytes)
    }

    /// Most that may be stored, in bytes.
    pub fn limit(&self) -> u64 {
        self.limit.load(Ordering::Relaxed)
    }

    /// Sets the most that may be stored.
    pub fn set_limit(&self, limit: u64) {
        self.limit.store(limit, Ordering::Relaxed);
    }

    /// Notes that an entry is asked for, and keeps it from being evicted.
    pub fn hold(&self, entry: &Arc<Entry>) -> Held {
        entry.used.store(unix_seconds(), Ordering::Relaxed);
        entry.hold()
    }

    /// The content of a small file, from memory if it is there. Blocks if it is not.
    pub fn small(&self, held: &Held) -> Option<Bytes> {
        (held.0.meta.length <= self.limits.small).then(|| self.memory.get(held.0.id))?
    }

    /// Whether the file is one that is kept in memory.
    pub fn is_small(&self, entry: &Entry) -> bool {
        entry.meta.length <= self.limits.small
    }

    /// Reads a small file and remembers it. Blocks.
    ///
    /// # Errors
    /// If it cannot be read; it is forgotten then.
    pub fn read_small(&self, held: &Held) -> io::Result<Bytes> {
        use std::os::unix::fs::FileExt as _;
        let file = self.file(held)?;
        // Not longer than `small`: fits.
        let mut content = vec![0; held.0.meta.length as usize];
        file.read_exact_at(&mut content, 0)
            .inspect_err(|_| self.remove(&held.0))?;
        let content = Bytes::from(content);
        self.memory.put(held.0.id, content.clone());
        Ok(content)
    }

    /// The file of an entry, if it is open already.
    pub fn open_file(&self, held: &Held) -> Option<Arc<File>> {
        held.0.open.lock().expect("nobody panics while holding it").upgrade()
    }

    /// The open file of an entry. Blocks.
    ///
    /// # Errors
    /// If it cannot be opened; it is forgotten then.
    pub fn file(&self, held: &Held) -> io::Result<Arc<File>> {
        let mut open = held.0.open.lock().expect("nobody panics while holding it");
        if let Some(file) = open.upgrade() {
            return Ok(file);
        }
        let opened = File::open(&held.0.path).inspect_err(|_| self.remove(&held.0))?;
        // Read ahead: sending must find the file in memory. A refusal costs speed only.
        let sequential = nix::fcntl::PosixFadviseAdvice::POSIX_FADV_SEQUENTIAL;
        nix::fcntl::posix_fadvise(&opened, 0, 0, sequential).ok();
        let file = Arc::new(opened);
        *open = Arc::downgrade(&file);
        Ok(file)
    }

    /// Removes an entry from the index and its file from the disk; whoever reads it reads on.
    pub fn remove(&self, entry: &Arc<Entry>) {
        let mut index = self.write();
        if index
            .by_key
            .get(&entry.meta.key)
            .is_some_and(|known| known.id == entry.id)
        {
            self.forget(&mut index, entry);
            std::fs::remove_file(&entry.path).ok();
        }
    }

    fn forget(&self, index: &mut Index, entry: &Arc<Entry>) {
        index.by_key.remove(&entry.meta.key);
        if index
            .by_digest
            .get(&entry.meta.sha256)
            .is_some_and(|known| known.id == entry.id)
        {
            index.by_digest.remove(&entry.meta.sha256);
        }
        index.bytes = index.bytes.saturating_sub(entry.meta.length);
        self.memory.forget(entry.id);
    }

    /// Makes room for so many bytes below the limit and on the disk, by removing what was not asked for the longest.
    /// Blocks.
    ///
    /// # Errors
    /// If that much room cannot be made.
    pub fn make_room(&self, need: u64) -> Result<(), StoreError> {
        let limit = self.limit();
        if need > limit {
            return Err(StoreError::TooLarge(need));
        }
        let taken = self.size().1 + self.reserved.load(Ordering::Relaxed) + need;
        let mut excess = taken.saturating_sub(limit);
        if excess > 0 {
            // A twentieth more, so that the next ones find room without another look at everything.
            excess += limit / 20;
        }
        let wanted = need + self.limits.reserve;
        excess = excess.max(wanted.saturating_sub(self.free()));
        if excess > 0 {
            self.evict(excess);
        }
        let taken = self.size().1 + self.reserved.load(Ordering::Relaxed) + need;
        if taken > limit || (need > 0 && self.free() < wanted) {
            return Err(StoreError::NoRoom(need));
        }
        Ok(())
    }

    fn evict(&self, mut excess: u64) {
        let mut entries = self.all();
        entries.sort_unstable_by_key(|entry| entry.used());
        let mut index = self.write();
        for entry in entries {
            if excess == 0 {
                break;
            }
            let known = index
                .by_key
                .get(&entry.meta.key)
                .is_some_and(|known| known.id == entry.id);
            if !known || entry.readers.load(Ordering::Relaxed) > 0 {
                continue;
            }
            self.forget(&mut index, &entry);
            std::fs::remove_file(&entry.path).ok();
            excess = excess.saturating_sub(entry.meta.length);
            count(&self.counters.evicted);
        }
    }

    /// Free space of the disk in bytes; what cannot be found out is no reason to store nothing.
    fn free(&self) -> u64 {
        nix::sys::statvfs::statvfs(&self.root).map_or(u64::MAX, |stat| stat.blocks_available() * stat.fragment_size())
    }

    /// Writes down when entries were last asked for, so that a restart does not forget it. Blocks.
    pub fn note_uses(&self) {
        for entry in self.all() {
            let used = entry.used();
            if entry.noted.swap(used, Ordering::Relaxed) != used {
                let at = std::time::UNIX_EPOCH + std::time::Duration::from_secs(used);
                if let Ok(file) = File::options().append(true).open(&entry.path) {
                    file.set_modified(at).ok();
                }
            }
        }
    }

    fn insert(&self, path: PathBuf, meta: Meta, used: u64) -> Arc<Entry> {
        let path_of_key = meta
            .key
            .splitn(4, '/')
            .nth(3)
            .map(|path| format!("/{path}"))
            .unwrap_or_default();
        let kind = Kind::of(&path_of_key);
        let entry = Arc::new(Entry {
            id: self.next.fetch_add(1, Ordering::Relaxed),
            kind,
            headers: headers(&meta),
            meta,
            path,
            readers: AtomicUsize::new(0),
            used: AtomicU64::new(used),
            noted: AtomicU64::new(used),
            validated: AtomicU64::new(0),
            open: Mutex::default(),
        });
        let mut index = self.write();
        if let Some(before) = index.by_key.get(&entry.meta.key).cloned() {
            self.forget(&mut index, &before);
        }
        index.bytes += entry.meta.length;
        if kind == Kind::Index || model::cache::digest_in_path(&path_of_key).is_some() {
            index.by_digest.insert(entry.meta.sha256.clone(), entry.clone());
        }
        index.by_key.insert(entry.meta.key.clone(), entry.clone());
        entry
    }

    fn object(&self, key: &str) -> PathBuf {
        let name = hex(&Sha256::digest(key.as_bytes()));
        self.root.join("objects").join(&name[..2]).join(name)
    }

    fn read(&self) -> std::sync::RwLockReadGuard<'_, Index> {
        self.index.read().expect("nobody panics while holding it")
    }

    fn write(&self) -> std::sync::RwLockWriteGuard<'_, Index> {
        self.index.write().expect("nobody panics while holding it")
    }
}

/// Headers of answers with a file, as upstream gave them (but see [`Meta::shown_date`]).
pub fn headers(meta: &Meta) -> HeaderMap {
    let mut headers = HeaderMap::new();
    let date = meta.shown_date();
    for (name, value) in [
        (
            header::CONTENT_TYPE,
            meta.content_type.as_deref().or(Some("application/octet-stream")),
        ),
        (header::ETAG, meta.etag.as_deref()),
        (header::LAST_MODIFIED, date.as_deref()),
        (header::CONTENT_ENCODING, meta.content_encoding.as_deref()),
    ] {
        if let Some(value) = value.and_then(|value| HeaderValue::from_str(value).ok()) {
            headers.insert(name, value);
        }
    }
    headers
}

/// Seconds since 1970.
pub fn unix_seconds() -> u64 {
    std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .map_or(0, |since| since.as_secs())
}

/// Hexadecimal digits of a digest.
pub fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes
        .iter()
        .fold(String::with_capacity(bytes.len() * 2), |mut out, byte| {
            write!(out, "{byte:02x}").expect("writing to a String cannot fail");
            out
        })
}

#[cfg(test)]
mod tests;
