//! Boot loaders: where they are on this host, under which names they go out, and which of them there are.

use std::path::PathBuf;
use std::sync::Arc;

use jiff::Timestamp;
use model::boot::LOADERS;
use model::event::{NewEvent, Subject, What};

use crate::journal::{Journal, JournalError};

/// Where Debian's packages `ipxe`, `grub-efi-*-bin`, `shim-signed` and `grub-efi-*-signed` put their files.
const PACKAGED: [&str; 6] = [
    "/usr/lib/ipxe",
    "/usr/lib/grub/x86_64-efi/monolithic",
    "/usr/lib/grub/arm64-efi/monolithic",
    "/usr/lib/shim",
    "/usr/lib/grub/x86_64-efi-signed",
    "/usr/lib/grub/arm64-efi-signed",
];

/// What is signed has other names on disk than those that firmware likes and shim asks for: shim wants `grubx64.efi`
/// beside itself, and of Debian's GRUBs the one that boots from the network is meant. A name stands for the first file that
/// is there. Packages have unsigned ones of the plain names, so those count only in a folder of the site's own.
const SIGNED: [(&str, &str); 4] = [
    ("shimx64.efi", "shimx64.efi.signed"),
    ("shimaa64.efi", "shimaa64.efi.signed"),
    ("grubx64.efi", "grubnetx64.efi.signed"),
    ("grubaa64.efi", "grubnetaa64.efi.signed"),
];

/// The folders of iPXE's archive that hold its signed files, and its shim there: `NAME-shim.efi` is a link to it, which
/// does not survive every way of copying.
const IPXE_SIGNED: [(&str, &str); 2] = [("x86_64-sb", "shimx64.efi"), ("arm64-sb", "shimaa64.efi")];

/// The folders with boot loaders, searched in order.
#[derive(Debug, Clone)]
pub struct Loaders(Arc<Folders>);

#[derive(Debug)]
struct Folders {
    /// The site's.
    own: Vec<PathBuf>,
    /// The packages'.
    packaged: Vec<PathBuf>,
}

impl Loaders {
    /// These folders, then the packaged ones.
    pub fn new(own: Vec<PathBuf>) -> Self {
        let packaged = PACKAGED.map(PathBuf::from).to_vec();
        Self(Arc::new(Folders { own, packaged }))
    }

    /// The first file of that name: a plain one, or one in a folder of iPXE's signed files. Any other name with a slash,
    /// and one that begins with a dot, finds nothing, so no path leads out of the folders.
    pub fn find(&self, name: &str) -> Option<PathBuf> {
        let plain = |name: &str| !name.is_empty() && !name.starts_with('.') && !name.contains(['/', '\\', '\0']);
        let Folders { own, packaged } = &*self.0;
        let (own_names, packaged_names): (Vec<String>, Vec<String>) = match name.split_once('/') {
            None if plain(name) => match SIGNED.iter().find(|(known, _)| *known == name) {
                Some((known, signed)) => {
                    let signed = (*signed).to_string();
                    (vec![signed.clone(), (*known).to_string()], vec![signed])
                }
                None => (vec![name.to_string()], vec![name.to_string()]),
            },
            Some((folder, file)) if plain(file) => {
                let (_, shim) = IPXE_SIGNED.iter().find(|(known, _)| *known == folder)?;
                let mut files = vec![format!("{folder}/{file}"), format!("ipxeboot/{folder}/{file}")];
                if file.ends_with("-shim.efi") {
                    files.extend([format!("{folder}/{shim}"), format!("ipxeboot/{folder}/{shim}")]);
                }
                (files, Vec::new())
            }
            _ => return None,
        };
        let in_folders = |folders: &[PathBuf], names: &[String]| {
            let paths = folders
                .iter()
                .flat_map(|folder| names.iter().map(move |name| folder.join(name)));
            paths.into_iter().find(|path| path.is_file())
        };
        in_folders(own, &own_names).or_else(|| in_folders(packaged, &packaged_names))
    }

    /// The loaders that firmware can be given. A shim counts only if what it starts is there as well.
    pub fn there(&self) -> Vec<String> {
        let second = |file: &str| match file {
            "shimx64.efi" => Some("grubx64.efi".to_string()),
            "shimaa64.efi" => Some("grubaa64.efi".to_string()),
            _ => file.strip_suffix("-shim.efi").map(|stem| format!("{stem}.efi")),
        };
        LOADERS
            .into_iter()
            .filter(|file| self.find(file).is_some())
            .filter(|file| second(file).is_none_or(|second| self.find(&second).is_some()))
            .map(String::from)
            .collect()
    }
}

/// Looks which loaders there are and writes it down if that is news: an answer never names a signed loader that cannot be
/// had.
///
/// # Errors
/// If the journal cannot keep it.
pub async fn rescan(journal: &Journal, loaders: &Loaders) -> Result<(), JournalError> {
    let looked = loaders.clone();
    let files = tokio::task::spawn_blocking(move || looked.there())
        .await
        .unwrap_or_default();
    if journal.world().loaders.as_ref().is_some_and(|known| **known == files) {
        return Ok(());
    }
    let what = What::LoadersFound { files };
    let found = NewEvent::new(Timestamp::now(), "serve", Subject::Cluster, what);
    journal.commit(vec![found]).await.map(|_| ())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(files: &[&str]) -> (tempfile::TempDir, Loaders) {
        let folder = tempfile::tempdir().unwrap();
        for file in files {
            let path = folder.path().join(file);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, file).unwrap();
        }
        let own = vec![folder.path().join("own")];
        let packaged = vec![folder.path().to_path_buf()];
        (folder, Loaders(Arc::new(Folders { own, packaged })))
    }

    fn found(loaders: &Loaders, name: &str) -> Option<String> {
        loaders.find(name).map(|path| std::fs::read_to_string(path).unwrap())
    }

    #[test]
    fn signed_files_go_out_under_the_names_that_are_asked_for() {
        let (_folder, loaders) = folder(&["shimx64.efi", "shimx64.efi.signed", "grubnetx64.efi.signed"]);
        assert_eq!(found(&loaders, "shimx64.efi").as_deref(), Some("shimx64.efi.signed"));
        assert_eq!(found(&loaders, "grubx64.efi").as_deref(), Some("grubnetx64.efi.signed"));
        assert_eq!(found(&loaders, "shimaa64.efi"), None);
        let (_folder, loaders) = folder(&["shimx64.efi", "own/shimx64.efi", "grubx64.efi"]);
        assert_eq!(found(&loaders, "shimx64.efi").as_deref(), Some("own/shimx64.efi"));
        assert_eq!(found(&loaders, "grubx64.efi"), None, "an unsigned one of a package");
    }

    #[test]
    fn a_shim_counts_only_with_what_it_starts() {
        let (_folder, loaders) = folder(&["shimx64.efi.signed", "snponly.efi"]);
        assert_eq!(loaders.there(), ["snponly.efi"]);
        let (_folder, loaders) = folder(&["shimx64.efi.signed", "grubnetx64.efi.signed"]);
        assert_eq!(loaders.there(), ["shimx64.efi"]);
    }

    #[test]
    fn the_archive_of_ipxe_can_be_unpacked_into_a_loader_folder_with_or_without_its_links() {
        let files = [
            "own/ipxeboot/x86_64-sb/shimx64.efi",
            "own/ipxeboot/x86_64-sb/snponly.efi",
        ];
        let (_folder, loaders) = folder(&files);
        assert_eq!(loaders.there(), ["x86_64-sb/snponly-shim.efi"]);
        assert_eq!(found(&loaders, "x86_64-sb/snponly-shim.efi").as_deref(), Some(files[0]));
        assert_eq!(found(&loaders, "x86_64-sb/snponly.efi").as_deref(), Some(files[1]));
    }

    #[test]
    fn no_name_leads_out_of_the_folders() {
        let (_folder, loaders) = folder(&["a/b.efi", ".hidden", "own/a/b.efi"]);
        for name in [
            "a/b.efi",
            "../x",
            "x86_64-sb/../a/b.efi",
            "x86_64-sb/a/b",
            ".hidden",
            "",
            "/etc/passwd",
        ] {
            assert_eq!(loaders.find(name), None, "{name}");
        }
    }
}
