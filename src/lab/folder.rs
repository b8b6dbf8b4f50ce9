//! The lab's folder: where everything of one lab lies.
//!
//! Invariant: a folder that is not a lab's is never written to and never removed.

use std::fs;
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::LabError;

/// The longest path of a Unix socket (`sun_path` holds 108 bytes with the final NUL, unix(7)).
const SOCKET_PATH: usize = 107;

/// What marks a folder as a lab's.
const MARK: &str = "plan.json";

/// Everything that a lab may leave in its folder.
const CONTENTS: [&str; 8] = [
    "machines",
    "state",
    "cluster.yaml",
    "status.json",
    "control.sock",
    "keeper.log",
    "server.log",
    MARK,
];

/// The folder of one lab.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Folder {
    root: PathBuf,
}

impl Folder {
    /// The given folder, or this user's usual one.
    ///
    /// # Errors
    /// If it cannot be named absolutely.
    pub fn new(chosen: Option<PathBuf>) -> Result<Self, LabError> {
        let root = chosen.unwrap_or_else(usual);
        let shown = root.display().to_string();
        let root = std::path::absolute(&root).map_err(LabError::io(format!("find {shown}")))?;
        Ok(Self { root })
    }

    /// The folder itself.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The server's state folder.
    pub fn state(&self) -> PathBuf {
        self.root.join("state")
    }

    /// The server's control socket.
    pub fn server_socket(&self) -> PathBuf {
        self.state().join("control.sock")
    }

    /// The server's log.
    pub fn server_log(&self) -> PathBuf {
        self.root.join("server.log")
    }

    /// The keeper's control socket.
    pub fn control(&self) -> PathBuf {
        self.root.join("control.sock")
    }

    /// The keeper's log.
    pub fn keeper_log(&self) -> PathBuf {
        self.root.join("keeper.log")
    }

    /// What the lab is to be.
    pub fn plan(&self) -> PathBuf {
        self.root.join(MARK)
    }

    /// What the lab is, as the keeper saw it last.
    pub fn status(&self) -> PathBuf {
        self.root.join("status.json")
    }

    /// The cluster file, where it was not given.
    pub fn cluster_file(&self) -> PathBuf {
        self.root.join("cluster.yaml")
    }

    /// A file of a machine: `console.log`, `console.sock`, `qmp.sock`, `vars.fd`, `disk.raw`, `qemu.log`.
    pub fn machine(&self, machine: &str, file: &str) -> PathBuf {
        self.root.join("machines").join(machine).join(file)
    }

    /// Whether a lab was made here.
    pub fn is_lab(&self) -> bool {
        self.plan().exists()
    }

    /// Makes the folder with a place for each machine, readable by this user alone.
    ///
    /// # Errors
    /// If the folder holds something else, or its path is too long for the sockets in it.
    pub fn make<'a>(&self, machines: impl Iterator<Item = &'a str>) -> Result<(), LabError> {
        use std::os::unix::fs::PermissionsExt as _;
        if !self.is_lab() && fs::read_dir(&self.root).is_ok_and(|mut entries| entries.next().is_some()) {
            return Err(LabError::NotOurs(self.root.clone()));
        }
        let make = |path: &Path| fs::create_dir_all(path).map_err(LabError::io(format!("make {}", path.display())));
        make(&self.root)?;
        fs::set_permissions(&self.root, fs::Permissions::from_mode(0o700))
            .map_err(LabError::io(format!("close {} to others", self.root.display())))?;
        make(&self.state())?;
        for machine in machines {
            let socket = self.machine(machine, "console.sock");
            if socket.as_os_str().len() > SOCKET_PATH {
                let too_long = format!(
                    "{} is too long for a Unix socket: choose a shorter --dir",
                    socket.display()
                );
                return Err(LabError::Wish(too_long));
            }
            make(socket.parent().expect("a machine's file lies in the machine's folder"))?;
        }
        Ok(())
    }

    /// Lets the lab's server see a folder of images, unless it has one of its own or there is none to see.
    ///
    /// # Errors
    /// If the link cannot be made.
    pub fn lend_images(&self, images: &Path) -> Result<(), LabError> {
        let own = self.state().join("images");
        if !images.is_dir() || own.exists() {
            return Ok(());
        }
        // Left over from a folder of images that is gone.
        fs::remove_file(&own).ok();
        let images = std::path::absolute(images).map_err(LabError::io(format!("find {}", images.display())))?;
        std::os::unix::fs::symlink(images, &own).map_err(LabError::io(format!("make {}", own.display())))
    }

    /// Removes what a lab made. Foreign files are left, and then the folder too.
    ///
    /// # Errors
    /// If something cannot be removed.
    pub fn remove(&self) -> Result<(), LabError> {
        if !self.is_lab() {
            return Ok(());
        }
        for name in CONTENTS {
            let path = self.root.join(name);
            let removed = if path.is_dir() {
                fs::remove_dir_all(&path)
            } else {
                fs::remove_file(&path)
            };
            match removed {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    return Err(LabError::io(format!("remove {}", path.display()))(error));
                }
                _ => {}
            }
        }
        fs::remove_dir(&self.root).ok();
        Ok(())
    }

    /// Reads one of the folder's JSON files.
    ///
    /// # Errors
    /// If it is missing or was written by another version.
    pub fn read<T: DeserializeOwned>(&self, path: &Path) -> Result<T, LabError> {
        let what = || format!("read {}", path.display());
        let bytes = fs::read(path).map_err(LabError::io(what()))?;
        serde_json::from_slice(&bytes).map_err(|error| LabError::io(what())(error.into()))
    }

    /// Writes one of the folder's JSON files so that a reader sees the old or the new one, never half of it.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn write<T: Serialize>(&self, path: &Path, value: &T) -> Result<(), LabError> {
        let what = || format!("write {}", path.display());
        let text = serde_json::to_vec_pretty(value).map_err(|error| LabError::io(what())(error.into()))?;
        let new = path.with_extension("new");
        fs::write(&new, text).map_err(LabError::io(what()))?;
        fs::rename(&new, path).map_err(LabError::io(what()))
    }
}

fn usual() -> PathBuf {
    if nix::unistd::geteuid().is_root() {
        return PathBuf::from("/run/bellwether-lab");
    }
    match std::env::var_os("XDG_RUNTIME_DIR")
        .map(PathBuf::from)
        .filter(|path| path.is_absolute())
    {
        Some(runtime) => runtime.join("bellwether-lab"),
        None => std::env::temp_dir().join(format!("bellwether-lab-{}", nix::unistd::geteuid())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folder_with_foreign_files_is_neither_used_nor_removed() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("thesis.tex"), "years of work").unwrap();
        let folder = Folder::new(Some(dir.path().to_path_buf())).unwrap();
        assert!(matches!(folder.make(["n1"].into_iter()), Err(LabError::NotOurs(_))));
        folder.remove().unwrap();
        assert!(dir.path().join("thesis.tex").exists());
    }

    #[test]
    fn removing_a_lab_leaves_foreign_files_in_its_folder() {
        let dir = tempfile::tempdir().unwrap();
        let folder = Folder::new(Some(dir.path().join("lab"))).unwrap();
        folder.make(["n1"].into_iter()).unwrap();
        folder.write(&folder.plan(), &1).unwrap();
        fs::write(folder.root().join("notes"), "mine").unwrap();
        folder.remove().unwrap();
        assert!(folder.root().join("notes").exists());
        assert!(!folder.state().exists() && !folder.is_lab());
        fs::remove_file(folder.root().join("notes")).unwrap();
    }

    #[test]
    fn path_too_long_for_a_socket_is_refused_before_anything_starts() {
        let dir = tempfile::tempdir().unwrap();
        let folder = Folder::new(Some(dir.path().join("x".repeat(90)))).unwrap();
        let refused = folder.make(["n1"].into_iter()).unwrap_err().to_string();
        assert!(refused.contains("choose a shorter --dir"), "{refused}");
    }
}
