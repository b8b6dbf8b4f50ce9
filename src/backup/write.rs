//! Making an archive.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use model::event::What;
use sha2::{Digest as _, Sha256};

use super::manifest::{self, FORMAT, Manifest, Part};
use super::{BackupError, CLUSTER, JOURNAL};
use crate::images::manifest::{FILE as IMAGE_MANIFEST, hex};
use crate::journal::Filter;
use crate::store::Store;

/// What shall be in an archive, and what may happen to a file of its name.
#[derive(Debug, Clone, Copy, Default)]
pub struct Wishes {
    /// Images and media, not only their descriptions.
    pub images: bool,
    /// Take the place of a file that is there.
    pub force: bool,
}

/// Level 3 of zstd keeps up with a disk on one core.
const LEVEL: i32 = 3;
/// What is made anew by itself, or belongs to the running server.
const LEFT_OUT: [&str; 4] = ["lock", "control.sock", "cache", "lab"];
/// Large, and built or fetched again: in an archive only on request.
const LARGE: [&str; 2] = ["images", "media"];

/// Writes an archive of a state folder, beside a running server or without one.
///
/// # Errors
/// See [`BackupError`]; then there is no new file.
pub async fn backup(state: &Path, archive: &Path, wishes: Wishes) -> Result<Manifest, BackupError> {
    if archive.exists() && !wishes.force {
        return Err(BackupError::Exists(archive.to_path_buf()));
    }
    let journal = state.join(JOURNAL);
    if !journal.is_file() {
        return Err(BackupError::NoState(state.to_path_buf()));
    }
    let unfinished = beside(archive, "unfinished");
    let copy = beside(archive, "journal");
    let made = make(state, &journal, &unfinished, &copy, wishes).await;
    fs::remove_file(&copy).ok();
    let named = made.and_then(|manifest| {
        fs::rename(&unfinished, archive).map_err(BackupError::file("write", archive))?;
        sync_folder_of(archive).map_err(BackupError::file("write", archive))?;
        Ok(manifest)
    });
    if named.is_err() {
        fs::remove_file(&unfinished).ok();
    }
    named
}

/// A hidden file in the folder of the archive: there is room for it, or there is none for the archive either.
fn beside(archive: &Path, what: &str) -> PathBuf {
    let name = archive.file_name().unwrap_or_default().to_string_lossy();
    archive.with_file_name(format!(".{name}.{what}-{}", std::process::id()))
}

pub(super) fn sync_folder_of(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|p| *p != Path::new("")).unwrap_or(Path::new("."));
    File::open(folder)?.sync_all()
}

async fn make(
    state: &Path,
    journal: &Path,
    unfinished: &Path,
    copy: &Path,
    wishes: Wishes,
) -> Result<Manifest, BackupError> {
    let store = Store::open_read_only(journal).await?;
    let copied = store.copy_to(copy).await;
    store.close().await;
    copied?;
    // All that is said of the journal is said of the copy: the original has gone on.
    let store = Store::open_read_only(copy).await?;
    let seq = store.last_seq().await?;
    let schema = store.schema().await?;
    let applied = Filter {
        kinds: vec!["cluster.applied".into()],
        limit: 1,
        newest_first: true,
        ..Filter::default()
    };
    let cluster = store.events(&applied).await?.pop().and_then(|event| match event.what {
        What::ClusterApplied { text, .. } => Some(text),
        _ => None,
    });
    store.close().await;

    let mut archive = Archive::create(unfinished)?;
    archive.file(JOURNAL, copy)?;
    if let Some(text) = &cluster {
        archive.bytes(CLUSTER, 0o600, text.as_bytes())?;
    }
    for (path, name) in files(state, wishes.images)? {
        archive.file(&name, &path)?;
    }
    archive.finish(Manifest {
        format: FORMAT,
        program: env!("CARGO_PKG_VERSION").into(),
        schema,
        made: Timestamp::now(),
        cluster: cluster.map(|text| model::config::read_applied(&text).name),
        seq,
        images: wishes.images,
        files: Vec::new(),
    })
}

/// Everything else that the state folder holds. What a later version keeps there is taken along without being known.
fn files(state: &Path, images: bool) -> Result<Vec<(PathBuf, String)>, BackupError> {
    let mut found = Vec::new();
    for (path, name) in entries(state)? {
        let journal = name.starts_with(JOURNAL);
        if journal || LEFT_OUT.contains(&&*name) || name == CLUSTER || name == manifest::NAME {
            continue;
        }
        let only = (LARGE.contains(&&*name) && !images).then_some(IMAGE_MANIFEST);
        walk(&path, &name, only, &mut found)?;
    }
    Ok(found)
}

/// Plain files below a path; of links and sockets, and of what begins with a dot, nothing.
fn walk(path: &Path, name: &str, only: Option<&str>, found: &mut Vec<(PathBuf, String)>) -> Result<(), BackupError> {
    let kind = fs::symlink_metadata(path).map_err(BackupError::file("read", path))?;
    if kind.is_file() {
        if only.is_none_or(|only| path.file_name().is_some_and(|file| file == only)) {
            found.push((path.to_path_buf(), name.to_string()));
        }
    } else if kind.is_dir() {
        for (below, file) in entries(path)? {
            walk(&below, &format!("{name}/{file}"), only, found)?;
        }
    }
    Ok(())
}

fn entries(folder: &Path) -> Result<Vec<(PathBuf, String)>, BackupError> {
    let listed = fs::read_dir(folder).map_err(BackupError::file("read", folder))?;
    let mut entries = Vec::new();
    for entry in listed {
        let entry = entry.map_err(BackupError::file("read", folder))?;
        if let Ok(name) = entry.file_name().into_string()
            && !name.starts_with('.')
        {
            entries.push((entry.path(), name));
        }
    }
    entries.sort();
    Ok(entries)
}

/// The archive that is being written.
struct Archive {
    path: PathBuf,
    tar: tar::Builder<zstd::Encoder<'static, File>>,
    parts: Vec<Part>,
}

impl Archive {
    fn create(path: &Path) -> Result<Self, BackupError> {
        let file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(path)
            .map_err(BackupError::file("write", path))?;
        let mut zstd = zstd::Encoder::new(file, LEVEL).map_err(BackupError::file("write", path))?;
        zstd.include_checksum(true).map_err(BackupError::file("write", path))?;
        Ok(Self {
            path: path.to_path_buf(),
            tar: tar::Builder::new(zstd),
            parts: Vec::new(),
        })
    }

    fn file(&mut self, name: &str, path: &Path) -> Result<(), BackupError> {
        let file = match File::open(path) {
            Ok(file) => file,
            // A log that was removed since it was listed: nothing is lost that anybody wanted to keep.
            Err(error) if error.kind() == io::ErrorKind::NotFound && name != JOURNAL => return Ok(()),
            Err(error) => return Err(BackupError::file("read", path)(error)),
        };
        let metadata = file.metadata().map_err(BackupError::file("read", path))?;
        // A log that grows meanwhile is taken as long as it was.
        self.entry(name, metadata.mode() & 0o7777, metadata.len(), file)
            .map_err(BackupError::file("archive", path))
    }

    fn bytes(&mut self, name: &str, mode: u32, bytes: &[u8]) -> Result<(), BackupError> {
        self.entry(name, mode, bytes.len() as u64, bytes)
            .map_err(BackupError::file("write", self.path.clone()))
    }

    fn entry(&mut self, name: &str, mode: u32, size: u64, content: impl Read) -> io::Result<()> {
        let mut header = tar::Header::new_gnu();
        header.set_size(size);
        header.set_mode(mode);
        header.set_mtime(Timestamp::now().as_second().unsigned_abs());
        let mut digest = Digesting {
            inner: content.take(size),
            digest: Sha256::new(),
            read: 0,
        };
        self.tar.append_data(&mut header, name, &mut digest)?;
        if digest.read != size {
            return Err(io::Error::other(format!(
                "it became shorter while it was read: {} of {size} bytes",
                digest.read
            )));
        }
        self.parts.push(Part {
            path: name.to_string(),
            size,
            sha256: hex(&digest.digest.finalize()),
            mode,
        });
        Ok(())
    }

    fn finish(mut self, manifest: Manifest) -> Result<Manifest, BackupError> {
        let manifest = Manifest {
            files: std::mem::take(&mut self.parts),
            ..manifest
        };
        let text = serde_json::to_vec_pretty(&manifest).expect("a manifest always serialises");
        self.bytes(manifest::NAME, 0o600, &text)?;
        let written = self.tar.into_inner().and_then(|zstd| {
            let mut file = zstd.finish()?;
            file.flush()?;
            file.sync_all()
        });
        written.map_err(BackupError::file("write", self.path))?;
        Ok(manifest)
    }
}

/// Digests what is read through it.
struct Digesting<R> {
    inner: R,
    digest: Sha256,
    read: u64,
}

impl<R: Read> Read for Digesting<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.inner.read(buffer)?;
        self.digest.update(&buffer[..length]);
        self.read += length as u64;
        Ok(length)
    }
}
