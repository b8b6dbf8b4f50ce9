//! Small disks, to fill.

use std::path::Path;
use std::process::Command;

use super::client::succeed;

/// A small disk of its own.
pub struct Disk(tempfile::TempDir);

impl Disk {
    /// A disk of that size: `1m`.
    pub fn of(size: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let at = folder.path().to_str().unwrap();
        succeed(&["mount", "-t", "tmpfs", "-o", &format!("size={size}"), "none", at]);
        Self(folder)
    }

    /// Where it is mounted.
    pub fn path(&self) -> &Path {
        self.0.path()
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        Command::new("umount")
            .args(["-l", self.0.path().to_str().unwrap()])
            .output()
            .ok();
    }
}
