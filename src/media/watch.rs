//! The media folder and the world: what is on disk is what can be installed from.

use std::path::Path;

use jiff::Timestamp;
use model::event::{NewEvent, Subject, What};
use model::world::{ImageFile, Medium};

use super::{Manifest, catalog};
use crate::images::FileEntry;
use crate::journal::{Journal, JournalError};

/// Compares the folder with the world and writes down what came, changed or went. Returns the names.
///
/// # Errors
/// If the journal cannot keep it. A medium that cannot be used is left out with a warning.
pub async fn rescan(journal: &Journal, folder: &Path, actor: &str) -> Result<Vec<String>, JournalError> {
    let owned = folder.to_path_buf();
    let listed = tokio::task::spawn_blocking(move || catalog::list(&owned))
        .await
        .unwrap_or_default();
    let world = journal.world();
    let now = Timestamp::now();
    let mut changed = Vec::new();
    let mut there = Vec::new();
    for (name, manifest) in listed {
        match manifest {
            Ok(manifest) => {
                let medium = describe(&manifest);
                if world.media.get(&name).is_none_or(|known| **known != medium) {
                    changed.push((name.clone(), What::MediumAdded(medium)));
                }
                there.push(name);
            }
            Err(error) => tracing::warn!(medium = %name, %error, "a medium cannot be used"),
        }
    }
    let gone = world.media.keys().filter(|name| !there.contains(name));
    changed.extend(gone.map(|name| (name.clone(), What::MediumRemoved {})));
    let names = changed.iter().map(|(name, _)| name.clone()).collect();
    let events = changed
        .into_iter()
        .map(|(name, what)| NewEvent::new(now, actor, Subject::Medium(name), what));
    let events: Vec<NewEvent> = events.collect();
    if !events.is_empty() {
        journal.commit(events).await?;
    }
    Ok(names)
}

fn describe(manifest: &Manifest) -> Medium {
    let file = |entry: &FileEntry| ImageFile {
        name: entry.path.clone(),
        size: entry.size,
        sha256: entry.sha256.clone(),
    };
    Medium {
        os: manifest.os.clone(),
        architecture: manifest.architecture.clone(),
        version: manifest.version.clone(),
        kernel: file(&manifest.kernel),
        initrd: file(&manifest.initrd),
        extra: manifest.extra.iter().map(file).collect(),
        udeb_suite: manifest.udeb_suite.clone(),
        added_at: manifest.added_at,
    }
}
