//! Where things are on this host.

use std::path::{Path, PathBuf};

/// The state folder and what is in it.
#[derive(Debug, Clone)]
pub struct Paths {
    state: PathBuf,
}

impl Paths {
    /// The given state folder, or the usual one of this user.
    pub fn new(state: Option<PathBuf>) -> Self {
        Self {
            state: state.unwrap_or_else(usual),
        }
    }

    /// The state folder itself.
    pub fn state(&self) -> &Path {
        &self.state
    }

    /// The control socket.
    pub fn socket(&self) -> PathBuf {
        self.state.join("control.sock")
    }

    /// The site's own boot loaders.
    pub fn loaders(&self) -> PathBuf {
        self.state.join("loaders")
    }
}

fn usual() -> PathBuf {
    if nix::unistd::geteuid().is_root() {
        return PathBuf::from("/var/lib/bellwether");
    }
    let home = || std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".local/state"));
    std::env::var_os("XDG_STATE_HOME")
        .map(PathBuf::from)
        .filter(|path| path.is_absolute())
        .or_else(home)
        .unwrap_or_else(|| PathBuf::from("."))
        .join("bellwether")
}
