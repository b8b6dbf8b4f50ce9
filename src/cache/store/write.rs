//! A file that is being written, until it has its name.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use model::cache::{Meta, seal};
use sha2::{Digest as _, Sha256};

use super::{Entry, Store, StoreError, hex, unix_seconds};

/// A file that is being written. Dropped before it is sealed, it leaves nothing.
#[derive(Debug)]
pub struct Draft {
    store: Arc<Store>,
    path: PathBuf,
    file: Arc<File>,
    digest: Sha256,
    written: u64,
    reserved: u64,
    named: bool,
}

/// A draft whose content is complete, with its digest.
#[derive(Debug)]
pub struct Sealed {
    draft: Draft,
    /// SHA-256 of the content, hexadecimal.
    pub sha256: String,
}

impl Store {
    /// Begins a file of that length, if it is known. Blocks.
    ///
    /// # Errors
    /// If there is no room, or the disk refuses.
    pub fn draft(self: &Arc<Self>, length: Option<u64>) -> Result<Draft, StoreError> {
        let reserved = length.unwrap_or_default();
        self.make_room(reserved)?;
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let path = self.root.join("drafts").join(number.to_string());
        let file = File::options().read(true).write(true).create_new(true).open(&path);
        let file = Arc::new(file.map_err(StoreError::io("make", &path))?);
        self.reserved.fetch_add(reserved, Ordering::Relaxed);
        Ok(Draft {
            store: self.clone(),
            path,
            file,
            digest: Sha256::new(),
            written: 0,
            reserved,
            named: false,
        })
    }
}

impl Draft {
    /// The file, for those who read it as it grows.
    pub fn file(&self) -> Arc<File> {
        self.file.clone()
    }

    /// Appends. Blocks.
    ///
    /// # Errors
    /// If the disk refuses, or the content is longer than everything that may be stored.
    pub fn write(&mut self, bytes: &[u8]) -> io::Result<u64> {
        if self.written + bytes.len() as u64 > self.store.limit() {
            return Err(io::ErrorKind::StorageFull.into());
        }
        (&*self.file).write_all(bytes)?;
        self.digest.update(bytes);
        self.written += bytes.len() as u64;
        Ok(self.written)
    }

    /// The content is complete.
    pub fn complete(mut self) -> Sealed {
        let sha256 = hex(&std::mem::take(&mut self.digest).finalize());
        Sealed { draft: self, sha256 }
    }
}

impl Sealed {
    /// Length of the content in bytes.
    pub fn length(&self) -> u64 {
        self.draft.written
    }

    /// Puts what is known behind the content, makes both durable and gives them their name. Blocks.
    ///
    /// # Errors
    /// If the disk refuses; nothing is stored then.
    pub fn store(mut self, meta: Meta) -> Result<Arc<Entry>, StoreError> {
        let draft = &mut self.draft;
        let path = draft.store.object(&meta.key);
        let folder = path.parent().expect("an object lies in a folder").to_path_buf();
        let mut file = &*draft.file;
        file.write_all(&seal(&meta))
            .map_err(StoreError::io("write", &draft.path))?;
        file.sync_data().map_err(StoreError::io("sync", &draft.path))?;
        fs::create_dir_all(&folder).map_err(StoreError::io("make", &folder))?;
        fs::rename(&draft.path, &path).map_err(StoreError::io("rename", &draft.path))?;
        draft.named = true;
        File::open(&folder)
            .and_then(|folder| folder.sync_all())
            .map_err(StoreError::io("sync", &folder))?;
        let entry = draft.store.insert(path, meta, unix_seconds());
        *entry.open.lock().expect("nobody panics while holding it") = Arc::downgrade(&draft.file);
        Ok(entry)
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        self.store.reserved.fetch_sub(self.reserved, Ordering::Relaxed);
        if !self.named {
            fs::remove_file(&self.path).ok();
        }
    }
}
