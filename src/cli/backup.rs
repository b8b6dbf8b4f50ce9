//! `bellwether backup` and `bellwether restore`.

use model::measure;
use serde_json::json;

use super::args::{Backup, Restore};
use super::paths::Paths;
use super::{Failure, Printer};
use crate::backup::{self, BackupError, Wishes};

/// Writes everything into one file.
pub async fn backup(printer: &Printer, paths: &Paths, args: &Backup) -> Result<(), Failure> {
    let wishes = Wishes {
        images: args.images,
        force: args.force,
    };
    let manifest = backup::backup(paths.state(), &args.file, wishes)
        .await
        .map_err(|error| failure(&error))?;
    let size = std::fs::metadata(&args.file).map_or(0, |metadata| metadata.len());
    if !printer.json() {
        anstream::eprintln!(
            "{} holds the keys that tokens are made with: keep it as you keep a password.",
            args.file.display()
        );
    }
    printer.value(
        &json!({ "file": args.file, "size": size, "manifest": manifest }),
        || {
            format!(
                "{}: {} up to event {}, {} from {}\n",
                args.file.display(),
                measure::count(manifest.files.len(), "file"),
                manifest.seq,
                measure::size(size),
                measure::size(manifest.size()),
            )
        },
    )
}

/// Makes a state folder of such a file.
pub async fn restore(printer: &Printer, paths: &Paths, args: &Restore) -> Result<(), Failure> {
    let restored = backup::restore(&args.file, paths.state(), args.force)
        .await
        .map_err(|error| failure(&error))?;
    let manifest = &restored.manifest;
    let value = json!({ "state": paths.state(), "aside": restored.aside, "manifest": manifest });
    printer.value(&value, || {
        let state = paths.state().display();
        let mut out = format!(
            "{state} is as it was at {}, up to event {}\n",
            manifest.made.strftime("%Y-%m-%d %H:%M:%S UTC"),
            manifest.seq
        );
        if let Some(aside) = &restored.aside {
            out += &format!("what was there is in {}\n", aside.display());
        }
        out += &format!("the cluster file that was in force is {state}/{}\n", backup::CLUSTER);
        if !manifest.images {
            out += "images are not in the archive: build them again, or copy the folder `images`\n";
        }
        out
    })
}

fn failure(error: &BackupError) -> Failure {
    let text = crate::causes::chain(error);
    match error {
        BackupError::Exists(_) | BackupError::NotEmpty(_) | BackupError::NoState(_) => Failure::usage(text),
        _ => Failure::new(text),
    }
}
