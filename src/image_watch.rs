//! The images folder and the world: what is on disk is what can be booted.

use std::path::Path;

use jiff::Timestamp;
use model::event::{NewEvent, Subject, What};
use model::world::{Agent, DiskImage, Image, ImageFile, OnDisk, World};

use crate::images::manifest::Kind;
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
                if let Some(what) = describe(&manifest).filter(|what| !known(&world, &name, what)) {
                    events.push(NewEvent::new(now, actor, Subject::Image(name.clone()), what));
                }
                there.push(name);
            }
            Err(error) => tracing::warn!(image = %name, %error, "an image cannot be used"),
        }
    }
    for name in world.bundles().filter(|name| !there.contains(name)) {
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

/// What the world is to know of an image; `None` for one that lacks a part, which the catalogue does not let through.
fn describe(manifest: &Manifest) -> Option<What> {
    let file = |entry: &Option<FileEntry>| {
        entry.as_ref().map(|entry| ImageFile {
            name: entry.path.clone(),
            size: entry.size,
            sha256: entry.sha256.clone(),
        })
    };
    let os = manifest.os.clone();
    let architecture = manifest.architecture.clone();
    let built_at = manifest.built_at;
    Some(match manifest.kind {
        Kind::System => What::ImageAdded(Image {
            os,
            architecture,
            kernel: file(&manifest.kernel)?,
            initrd: file(&manifest.initrd)?,
            root: file(&manifest.root)?,
            built_at,
            disk: file(&manifest.disk_initrd)
                .zip(manifest.unpacked)
                .map(|(initrd, unpacked)| OnDisk { initrd, unpacked }),
        }),
        Kind::Disk => What::DiskImageAdded(DiskImage {
            os,
            architecture,
            disk: file(&manifest.disk)?,
            unpacked: manifest.unpacked?,
            built_at,
        }),
        Kind::Agent => What::AgentAdded(Agent {
            architecture,
            kernel: file(&manifest.kernel)?,
            initrd: file(&manifest.initrd)?,
            built_at,
        }),
    })
}

/// Whether the world knows just this.
fn known(world: &World, name: &str, what: &What) -> bool {
    match what {
        What::ImageAdded(image) => world.images.get(name).is_some_and(|known| **known == *image),
        What::DiskImageAdded(image) => world.disk_images.get(name).is_some_and(|known| **known == *image),
        What::AgentAdded(agent) => world.agents.get(name).is_some_and(|known| **known == *agent),
        _ => true,
    }
}
