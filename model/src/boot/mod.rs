//! What a booting machine gets: which loader, which script, and the token that ties its callbacks to this boot.

mod asked;
pub mod grub;
mod identify;
mod loader;
mod payload;
mod script;
mod target;
#[cfg(test)]
mod tests;
mod token;

pub use asked::single_slashes;
pub use identify::{Client, Identified, identify};
pub use loader::{BootFile, Chosen, LOADERS, boot_file, choose, default_loader, likely_arch, remedy};
pub use payload::{Payload, payload};
pub use script::{Dialect, autoexec, boot_script, script_in};
pub use target::{Resolved, resolve};
pub use token::{Key, Occasion};

use std::net::Ipv4Addr;

/// Where a node reaches this server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Site {
    /// Our address on the node's network.
    pub address: Ipv4Addr,
    /// Port of the HTTP door.
    pub http_port: u16,
}

impl Site {
    /// `http://10.77.0.1`, with the port where it is not 80; no trailing slash.
    pub fn base(&self) -> String {
        if self.http_port == 80 {
            format!("http://{}", self.address)
        } else {
            format!("http://{}:{}", self.address, self.http_port)
        }
    }
}

/// An answer as text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rendered {
    /// The answer, byte for byte.
    pub text: String,
    /// Its media type.
    pub content_type: &'static str,
}

impl Rendered {
    pub(crate) fn plain(text: String) -> Self {
        Self {
            text,
            content_type: "text/plain; charset=utf-8",
        }
    }
}
