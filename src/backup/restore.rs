//! Putting an archive back.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _, chown};
use std::path::{Component, Path, PathBuf};

use jiff::Timestamp;
use sha2::{Digest as _, Sha256};

use super::manifest::{self, FORMAT, Manifest, Part};
use super::write::sync_folder_of;
use super::{BackupError, JOURNAL};
use crate::images::manifest::hex;
use crate::store::{Lock, Store, StoreError};

/// A manifest is never longer, in bytes: some 100,000 files.
const LONGEST_MANIFEST: u64 = 32 << 20;

/// What was put back.
#[derive(Debug, Clone)]
pub struct Restored {
    /// What the archive said of itself.
    pub manifest: Manifest,
    /// Where the state that was there is now.
    pub aside: Option<PathBuf>,
}

/// Makes a state folder of an archive.
///
/// # Errors
/// See [`BackupError`]; then the state folder is as it was.
pub async fn restore(archive: &Path, state: &Path, force: bool) -> Result<Restored, BackupError> {
    let state = std::path::absolute(state).map_err(BackupError::file("find", state))?;
    // Where a link leads is what is exchanged, not the link.
    let state = fs::canonicalize(&state).unwrap_or(state);
    let lock = claim(&state, force)?;
    let fresh = sibling(&state, "restoring");
    let outcome = unpack(archive, &fresh).and_then(|manifest| {
        hand_over(&fresh, &state)?;
        Ok(manifest)
    });
    let manifest = match outcome {
        Ok(manifest) => match verify_journal(archive, &fresh).await {
            Ok(()) => manifest,
            Err(error) => return Err(given_up(&fresh, error)),
        },
        Err(error) => return Err(given_up(&fresh, error)),
    };
    let aside = exchange(&fresh, &state).map_err(|error| given_up(&fresh, error))?;
    drop(lock);
    Ok(Restored { manifest, aside })
}

fn given_up(fresh: &Path, error: BackupError) -> BackupError {
    fs::remove_dir_all(fresh).ok();
    error
}

/// Nobody else may use the folder from now on.
fn claim(state: &Path, force: bool) -> Result<Option<Lock>, BackupError> {
    let mut entries = match fs::read_dir(state) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(BackupError::file("read", state)(error)),
    };
    if entries.next().is_none() {
        return Ok(None);
    }
    let lock = match Lock::take(state) {
        Ok(lock) => lock,
        Err(StoreError::InUse { pid, .. }) => {
            return Err(BackupError::Running {
                path: state.to_path_buf(),
                pid,
            });
        }
        Err(error) => return Err(error.into()),
    };
    if !force {
        return Err(BackupError::NotEmpty(state.to_path_buf()));
    }
    Ok(Some(lock))
}

/// A folder beside the state folder, on the same file system, so that a rename is enough.
fn sibling(state: &Path, what: &str) -> PathBuf {
    let name = state.file_name().unwrap_or_default().to_string_lossy();
    state.with_file_name(format!("{name}.{what}-{}", std::process::id()))
}

/// Unpacks an archive into a new folder and compares every file with what the manifest says.
fn unpack(archive: &Path, fresh: &Path) -> Result<Manifest, BackupError> {
    let damaged = |what: String| BackupError::Damaged {
        path: archive.to_path_buf(),
        what,
    };
    let file = File::open(archive).map_err(BackupError::file("read", archive))?;
    let parent = fresh.parent().unwrap_or(Path::new("/"));
    fs::create_dir_all(parent).map_err(BackupError::file("make", parent))?;
    fs::remove_dir_all(fresh).ok();
    let private = |path: &Path| {
        let made = DirBuilder::new().recursive(true).mode(0o750).create(path);
        made.map_err(BackupError::file("make", path))
    };
    private(fresh)?;
    let zstd = zstd::Decoder::new(file).map_err(|e| damaged(e.to_string()))?;
    let mut tar = tar::Archive::new(zstd);
    let mut found: Vec<Part> = Vec::new();
    let mut said: Option<Manifest> = None;
    for entry in tar.entries().map_err(|e| damaged(e.to_string()))? {
        let mut entry = entry.map_err(|e| damaged(e.to_string()))?;
        let name = name(&entry).map_err(&damaged)?;
        if name == manifest::NAME {
            said = Some(read_manifest(archive, &mut entry)?);
            continue;
        }
        let path = fresh.join(&name);
        if let Some(folder) = path.parent() {
            private(folder)?;
        }
        let mode = entry.header().mode().unwrap_or(0o600) & 0o777;
        let (size, sha256) = write_out(&mut entry, &path, mode).map_err(|error| match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::PermissionDenied | io::ErrorKind::AlreadyExists => {
                BackupError::file("write", &path)(error)
            }
            _ => damaged(format!("{name}: {error}")),
        })?;
        found.push(Part {
            path: name,
            size,
            sha256,
            mode,
        });
    }
    let said = said.ok_or_else(|| damaged("it ends before its manifest".into()))?;
    compare(&said, &found).map_err(damaged)?;
    Ok(said)
}

/// The name of a plain file below the state folder. An archive comes from outside: no other kind and no other place.
fn name<R: Read>(entry: &tar::Entry<'_, R>) -> Result<String, String> {
    let path = entry.path().map_err(|e| e.to_string())?;
    let shown = path.to_string_lossy().into_owned();
    if !entry.header().entry_type().is_file() {
        return Err(format!("{shown} is no plain file"));
    }
    let plain = path.components().all(|part| matches!(part, Component::Normal(_)));
    if !plain || path.as_os_str().is_empty() {
        return Err(format!("{shown} leads out of the state folder"));
    }
    Ok(shown)
}

fn read_manifest(archive: &Path, entry: &mut impl Read) -> Result<Manifest, BackupError> {
    let damaged = |what: String| BackupError::Damaged {
        path: archive.to_path_buf(),
        what,
    };
    let mut text = Vec::new();
    let read = entry.take(LONGEST_MANIFEST).read_to_end(&mut text);
    read.map_err(|e| damaged(format!("its manifest: {e}")))?;
    let value: serde_json::Value = serde_json::from_slice(&text).map_err(|e| damaged(format!("its manifest: {e}")))?;
    // Before the rest is looked at: a later format may look otherwise.
    let format = value["format"].as_u64().and_then(|format| u32::try_from(format).ok());
    match format {
        Some(found) if found > FORMAT => Err(BackupError::Newer {
            path: archive.to_path_buf(),
            found,
            known: FORMAT,
        }),
        _ => serde_json::from_value(value).map_err(|e| damaged(format!("its manifest: {e}"))),
    }
}

fn write_out(entry: &mut impl Read, path: &Path, mode: u32) -> io::Result<(u64, String)> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    let (mut digest, mut size) = (Sha256::new(), 0);
    let mut buffer = vec![0; 256 << 10];
    loop {
        let length = entry.read(&mut buffer)?;
        if length == 0 {
            break;
        }
        digest.update(&buffer[..length]);
        file.write_all(&buffer[..length])?;
        size += length as u64;
    }
    file.set_permissions(fs::Permissions::from_mode(mode))?;
    file.sync_all()?;
    Ok((size, hex(&digest.finalize())))
}

/// What differs first, in words.
fn compare(said: &Manifest, found: &[Part]) -> Result<(), String> {
    for part in &said.files {
        match found.iter().find(|other| other.path == part.path) {
            None => return Err(format!("{} is missing", part.path)),
            Some(other) if other.size != part.size => {
                return Err(format!("{} has {} bytes, not {}", part.path, other.size, part.size));
            }
            Some(other) if other.sha256 != part.sha256 => {
                return Err(format!(
                    "the SHA-256 of {} is {}, not {}",
                    part.path, other.sha256, part.sha256
                ));
            }
            Some(_) => {}
        }
    }
    let extra = found
        .iter()
        .find(|part| said.files.iter().all(|other| other.path != part.path));
    match extra {
        Some(part) => Err(format!("{} is in it, but not in its manifest", part.path)),
        None if said.files.iter().all(|part| part.path != JOURNAL) => Err("there is no journal in it".into()),
        None => Ok(()),
    }
}

async fn verify_journal(archive: &Path, fresh: &Path) -> Result<(), BackupError> {
    let store = Store::open_read_only(&fresh.join(JOURNAL)).await?;
    let checked = store.check().await;
    store.close().await;
    checked.map_err(|error| match error {
        StoreError::Damaged { what, .. } => BackupError::Damaged {
            path: archive.to_path_buf(),
            what: format!("its journal: {what}"),
        },
        error => error.into(),
    })
}

/// Root restores for whoever owned the state, or for the packaged server's user.
fn hand_over(fresh: &Path, state: &Path) -> Result<(), BackupError> {
    if !nix::unistd::geteuid().is_root() {
        return Ok(());
    }
    let before = fs::metadata(state)
        .ok()
        .map(|metadata| (metadata.uid(), metadata.gid()));
    let packaged = || {
        let user = nix::unistd::User::from_name("bellwether").ok().flatten()?;
        (state == Path::new("/var/lib/bellwether")).then(|| (user.uid.as_raw(), user.gid.as_raw()))
    };
    match before.or_else(packaged) {
        Some((uid, gid)) if (uid, gid) != (0, 0) => give(fresh, uid, gid),
        _ => Ok(()),
    }
}

fn give(path: &Path, uid: u32, gid: u32) -> Result<(), BackupError> {
    chown(path, Some(uid), Some(gid)).map_err(BackupError::file("hand over", path))?;
    if path.is_dir() {
        for entry in fs::read_dir(path).map_err(BackupError::file("read", path))?.flatten() {
            give(&entry.path(), uid, gid)?;
        }
    }
    Ok(())
}

/// The moment in which it takes effect.
fn exchange(fresh: &Path, state: &Path) -> Result<Option<PathBuf>, BackupError> {
    sync_folders(fresh).map_err(BackupError::file("write", fresh))?;
    let there = fs::read_dir(state).is_ok_and(|mut entries| entries.next().is_some());
    let aside = there.then(|| {
        let stamp = Timestamp::now().strftime("%Y%m%d-%H%M%S").to_string();
        let name = state.file_name().unwrap_or_default().to_string_lossy();
        state.with_file_name(format!("{name}.before-{stamp}"))
    });
    if let Some(aside) = &aside {
        fs::rename(state, aside).map_err(BackupError::file("move aside", state))?;
    }
    if let Err(error) = fs::rename(fresh, state) {
        if let Some(aside) = &aside {
            fs::rename(aside, state).ok();
        }
        return Err(BackupError::file("replace", state)(error));
    }
    sync_folder_of(state).map_err(BackupError::file("write", state))?;
    Ok(aside)
}

fn sync_folders(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            sync_folders(&entry.path())?;
        }
    }
    File::open(folder)?.sync_all()
}
