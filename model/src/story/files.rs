//! What is fetched.

use super::{ADDRESS, Story};
use crate::event::{Outcome, Protocol, Role, Transfer, What};

impl Story {
    pub(crate) fn transfer(self, role: Role, path: &str, bytes: u64, total: u64, seconds: f64, how: Outcome) -> Self {
        let protocol = match role {
            Role::Loader if !path.starts_with("loaders/") => Protocol::Tftp,
            _ => Protocol::Http,
        };
        self.wait(seconds).of_node(
            "files",
            What::Transfer(Transfer {
                protocol,
                path: path.into(),
                role,
                client: ADDRESS.into(),
                bytes,
                total,
                duration_ms: (seconds * 1000.0) as u64,
                outcome: how,
            }),
        )
    }

    pub(crate) fn fetched(self, role: Role, path: &str, size: u64, seconds: f64) -> Self {
        self.transfer(role, path, size, size, seconds, Outcome::Complete)
    }

    pub(crate) fn missing(self, role: Role, path: &str) -> Self {
        self.transfer(role, path, 0, 0, 0.0, Outcome::NotFound)
    }

    /// The size probe of EDK2, then the loader.
    pub(crate) fn loader(self, file: &str) -> Self {
        self.wait(0.01)
            .transfer(Role::Loader, file, 0, 174_080, 0.002, Outcome::Probed)
            .fetched(Role::Loader, file, 174_080, 0.06)
    }

    pub(crate) fn loader_timed_out(self, file: &str, bytes: u64) -> Self {
        self.transfer(Role::Loader, file, bytes, 174_080, 20.0, Outcome::TimedOut)
    }

    pub(crate) fn kernel(self) -> Self {
        self.fetched(Role::Kernel, "images/debian-12/vmlinuz", 14_200_000, 0.24)
    }

    pub(crate) fn missing_kernel(self) -> Self {
        self.missing(Role::Kernel, "images/debian-12/vmlinuz")
    }

    pub(crate) fn initrd(self) -> Self {
        self.fetched(Role::Initrd, "images/debian-12/initrd.img", 33_000_000, 0.5)
    }

    pub(crate) fn root(self) -> Self {
        self.fetched(Role::Root, "images/debian-12/root.squashfs", 174_000_000, 1.8)
    }
}
