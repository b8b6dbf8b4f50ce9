//! The look at the disk at the start: what is whole is remembered, what is torn is removed.

use std::fs::{self, File};
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::time::UNIX_EPOCH;

use model::cache::{Meta, TAIL, unseal};

use super::{Store, StoreError};
use crate::cache::counters::count;

/// Length of most lines of knowledge with their seal: one read decides.
const GUESS: usize = 1024;

pub(super) fn scan(store: &Store) -> Result<(), StoreError> {
    let (objects, drafts) = (store.root.join("objects"), store.root.join("drafts"));
    // What was being written when the server ended is begun anew.
    match fs::remove_dir_all(&drafts) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            return Err(StoreError::io("clear", &drafts)(error));
        }
        _ => {}
    }
    fs::create_dir_all(&drafts).map_err(StoreError::io("make", &drafts))?;
    fs::create_dir_all(&objects).map_err(StoreError::io("make", &objects))?;
    for folder in fs::read_dir(&objects)
        .map_err(StoreError::io("read", &objects))?
        .flatten()
    {
        for file in fs::read_dir(folder.path()).into_iter().flatten().flatten() {
            let path = file.path();
            match whole(&path) {
                Some((meta, used)) if store.object(&meta.key) == path => {
                    store.insert(path, meta, used);
                }
                _ => {
                    tracing::warn!(path = %path.display(), "a torn file of the package cache is removed");
                    count(&store.counters.repaired);
                    fs::remove_file(&path).ok();
                }
            }
        }
    }
    Ok(())
}

/// What a file is and when it was last used; `None` if it is not as it was sealed.
fn whole(path: &Path) -> Option<(Meta, u64)> {
    let file = File::open(path).ok()?;
    let about = file.metadata().ok()?;
    let length = about.len();
    let end = |need: usize| {
        let need = length.min(need as u64);
        let mut bytes = vec![0; usize::try_from(need).ok()?];
        file.read_exact_at(&mut bytes, length - need).ok()?;
        Some(bytes)
    };
    let meta = match unseal(&end(GUESS.max(TAIL))?, length) {
        Ok(meta) => meta,
        Err(need) => unseal(&end(need)?, length).unwrap_or(None),
    }?;
    let used = about
        .modified()
        .ok()?
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
        .as_secs();
    Some((meta, used))
}
