//! Boot loaders: where they are on this host, and how they go out over TFTP.

use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use jiff::Timestamp;
use model::boot::{Site, autoexec, local_grub};
use model::event::{NewEvent, Outcome, Protocol, Role, Transfer, What};

use crate::journal::Journal;
use crate::services::tftp::{Ending, Finished, Refusal, Report, Request, Resolve, Source};

/// Where Debian's packages `ipxe` and `grub-efi-*-bin` put their files.
const PACKAGED: [&str; 3] = [
    "/usr/lib/ipxe",
    "/usr/lib/grub/x86_64-efi/monolithic",
    "/usr/lib/grub/arm64-efi/monolithic",
];

/// The folders with boot loaders, searched in order.
#[derive(Debug, Clone)]
pub struct Loaders(Arc<Vec<PathBuf>>);

impl Loaders {
    /// These folders, then the packaged ones.
    pub fn new(mut folders: Vec<PathBuf>) -> Self {
        folders.extend(PACKAGED.map(PathBuf::from));
        Self(Arc::new(folders))
    }

    /// The first file of that plain name. A name with a slash, or one that begins with a dot, is no plain name, so no
    /// path leads out of the folders.
    pub fn find(&self, name: &str) -> Option<PathBuf> {
        let plain = !name.is_empty() && !name.starts_with('.') && !name.contains(['/', '\\', '\0']);
        plain.then(|| {
            self.0
                .iter()
                .map(|folder| folder.join(name))
                .find(|path| path.is_file())
        })?
    }
}

/// Answers TFTP: the loaders, `autoexec.ipxe` as newer iPXE asks for it, and the configuration of the GRUB that starts
/// a UEFI machine's own disk.
pub fn over_tftp(journal: Journal, loaders: Loaders, http_port: u16) -> Resolve {
    Arc::new(move |request: &Request| {
        if request.path == "grub/grub.cfg" {
            let world = journal.world();
            let node = world.node_at(request.client.ip().to_canonical());
            let architecture = node.map(|node| node.architecture).unwrap_or_default();
            return Ok(Source::Bytes(Bytes::from(local_grub(architecture).text)));
        }
        if request.path == "autoexec.ipxe" {
            return match request.local.to_canonical() {
                std::net::IpAddr::V4(address) => {
                    Ok(Source::Bytes(Bytes::from(autoexec(Site { address, http_port }).text)))
                }
                std::net::IpAddr::V6(_) => Err(Refusal::NotFound),
            };
        }
        let path = loaders.find(&request.path).ok_or(Refusal::NotFound)?;
        let len = std::fs::metadata(&path)
            .map_err(|error| Refusal::Failed(error.to_string()))?
            .len();
        Ok(Source::File { path, len })
    })
}

/// Writes each TFTP transfer into the journal when it ends.
pub fn reported(journal: Journal) -> Report {
    Arc::new(move |finished: Finished| {
        let client = finished.client.ip().to_canonical();
        let is_loader = [".efi", ".kpxe", ".pxe", ".0"]
            .iter()
            .any(|ending| finished.path.ends_with(ending));
        let transfer = Transfer {
            protocol: Protocol::Tftp,
            path: finished.path,
            role: if is_loader { Role::Loader } else { Role::File },
            client,
            bytes: finished.bytes,
            total: finished.total,
            duration_ms: u64::try_from(finished.duration.as_millis()).unwrap_or(u64::MAX),
            outcome: outcome(finished.ending),
        };
        let subject = journal.world().subject_at(client);
        journal.observe(vec![NewEvent::new(
            Timestamp::now(),
            "tftp",
            subject,
            What::Transfer(transfer),
        )]);
    })
}

fn outcome(ending: Ending) -> Outcome {
    use wire::tftp::Outcome as Tftp;
    match ending {
        Ending::Refused(Refusal::NotFound) => Outcome::NotFound,
        Ending::Refused(refusal) => Outcome::Refused(refusal.as_error().1.to_string()),
        Ending::Transfer(Tftp::Complete { .. }) => Outcome::Complete,
        Ending::Transfer(Tftp::Probed) => Outcome::Probed,
        // Firmware starts the loader without acknowledging its last block; it has it all the same.
        Ending::Transfer(Tftp::TimedOut {
            last_block_sent: true, ..
        }) => Outcome::Complete,
        Ending::Transfer(Tftp::TimedOut { .. }) => Outcome::TimedOut,
        Ending::Transfer(Tftp::Aborted { code, message }) => Outcome::Aborted(format!("{message} (error {})", code.0)),
        Ending::Transfer(Tftp::Failed { message }) => Outcome::Aborted(message),
    }
}
