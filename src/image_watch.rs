//! The images folder and the world: what is on disk is what can be booted.

use std::path::Path;

use jiff::Timestamp;
use model::event::{NewEvent, Subject, What};
use model::world::{Image, ImageFile};

use crate::images::{FileEntry, Manifest, catalog};
use crate::journal::{Journal, JournalError};

/// Compares the folder with the world and writes down what came, changed or went. Returns the names.
///
/// # Errors
/// If the journal cannot keep it. An image whose manifest cannot be read is left out with a warning.
pub async fn rescan(journal: &Journal, folder: &Path, actor: &str) -> Result<Vec<String>, JournalError> {
    let owned = folder.to_path_buf();
    let listed = tokio::task::spawn_blocking(move || catalog::list(&owned))
        .await
        .unwrap_or_default();
    let world = journal.world();
    let now = Timestamp::now();
    let mut events = Vec::new();
    let mut there = Vec::new();
    for (name, manifest) in listed {
        match manifest {
            Ok(manifest) => {
                let image = describe(&manifest);
                if world.images.get(&name).is_none_or(|known| **known != image) {
                    events.push(NewEvent::new(
                        now,
                        actor,
                        Subject::Image(name.clone()),
                        What::ImageAdded(image),
                    ));
                }
                there.push(name);
            }
            Err(error) => tracing::warn!(image = %name, %error, "an image cannot be used"),
        }
    }
    for name in world.images.keys().filter(|name| !there.contains(name)) {
        events.push(NewEvent::new(
            now,
            actor,
            Subject::Image(name.clone()),
            What::ImageRemoved {},
        ));
    }
    let changed: Vec<String> = events
        .iter()
        .filter_map(|event| match &event.subject {
            Subject::Image(name) => Some(name.clone()),
            _ => None,
        })
        .collect();
    if !events.is_empty() {
        journal.commit(events).await?;
    }
    Ok(changed)
}

fn describe(manifest: &Manifest) -> Image {
    let file = |entry: &FileEntry| ImageFile {
        name: entry.path.clone(),
        size: entry.size,
        sha256: entry.sha256.clone(),
    };
    Image {
        os: manifest.os.clone(),
        architecture: manifest.architecture.clone(),
        kernel: file(&manifest.kernel),
        initrd: file(&manifest.initrd),
        root: file(&manifest.root),
        built_at: manifest.built_at,
    }
}
