//! Debian's installer: what it is started with, what it is told, and whether that would work.
//!
//! Everything is derived when it is asked for, from the cluster, the node and the medium; nothing is written anywhere.
//!
//! Invariant: nothing that does not pass [`lint`] is served: an installation that cannot come to its end does not begin.
//! Invariant: no value of the cluster file can end the place it stands in, be that a line of the preseed, a word of a
//! shell script or an argument of the kernel.

mod answers;
mod boot;
mod disk;
pub mod lint;
pub mod quote;
pub mod said;
#[cfg(test)]
mod tests;

pub use boot::{InstallerBoot, installer_boot};

use thiserror::Error;

use crate::boot::{Rendered, Site};
use crate::cluster::{Node, Recipe};
use crate::templates;
use crate::world::{Medium, World};
use quote::Unsayable;

/// Releases of Debian that can be installed, with their code names.
pub const RELEASES: [(&str, &str); 2] = [("debian-12", "bookworm"), ("debian-13", "trixie")];

/// The documents of an installation, in the order in which the installer asks for them.
pub const DOCUMENTS: [&str; 4] = ["preseed.cfg", "start.sh", "disk.sh", "end.sh"];

/// The code name of a release, `bookworm` of `debian-12`.
pub fn codename(os: &str) -> Option<&'static str> {
    RELEASES.iter().find(|(name, _)| *name == os).map(|&(_, name)| name)
}

/// Why a node cannot be installed, in words for the person who asked for it.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Blocked {
    /// The node does not say what to install.
    #[error("nothing says what to install: give the node or its profile a `medium`, such as debian-12")]
    NoMediumNamed,
    /// The medium is not there.
    #[error("the medium {name} is not here: bellwether media add {name}")]
    NoMedium {
        /// Its name.
        name: String,
    },
    /// The medium is of something that this program cannot install.
    #[error("the medium {name} holds {os}, which cannot be installed: debian-12 and debian-13 can")]
    UnknownSystem {
        /// Its name.
        name: String,
        /// What it holds.
        os: String,
    },
    /// The medium is for other machines.
    #[error("the medium {name} is for {medium}, the node is {node}")]
    OtherArchitecture {
        /// Its name.
        name: String,
        /// Its architecture.
        medium: String,
        /// The node's.
        node: &'static str,
    },
    /// A secret would have to travel in the clear.
    #[error(
        "layout.passphrase_from: everything that the installer fetches travels in the clear, so a passphrase is not given to it; \
         leave the line out and type the passphrase at the machine's console when it asks"
    )]
    Passphrase,
    /// A value cannot stand where it has to.
    #[error("{what}: {why}")]
    Unsayable {
        /// Which value.
        what: String,
        /// Why not.
        why: Unsayable,
    },
    /// The kernel would not take its command line.
    #[error("kernel arguments: {0}")]
    CommandLine(String),
    /// The preseed has mistakes; Debian's installer would stop at them or do something else.
    #[error("the preseed would not work: {}", faults(.0))]
    Lint(Vec<lint::Fault>),
}

fn faults(faults: &[lint::Fault]) -> String {
    let texts: Vec<String> = faults.iter().map(ToString::to_string).collect();
    texts.join("; ")
}

/// A document of a node's installation: one of [`DOCUMENTS`]. `None`: there is no such document.
///
/// `token` is that of the attempt; it stands in every address that the installer calls.
///
/// # Errors
/// If the installation could not come to its end.
pub fn document(world: &World, node: &Node, site: Site, token: &str, name: &str) -> Option<Result<Rendered, Blocked>> {
    let template = match name {
        "preseed.cfg" => "preseed.cfg",
        "start.sh" => "installer-start.sh",
        "disk.sh" => "installer-disk.sh",
        "end.sh" => "installer-end.sh",
        _ => return None,
    };
    Some(render(world, node, site, token, template))
}

/// Whether a node could be installed now: everything that it would be given is made and checked.
///
/// # Errors
/// If it could not.
pub fn check(world: &World, node: &Node, site: Site) -> Result<(), Blocked> {
    // As long as a real one, which is not known before the installation begins.
    let token = "0".repeat(32);
    for name in DOCUMENTS {
        document(world, node, site, &token, name).expect("each of the documents is one")?;
    }
    installer_boot(world, node, site, &token, None).map(|_| ())
}

fn render(world: &World, node: &Node, site: Site, token: &str, template: &str) -> Result<Rendered, Blocked> {
    let (name, medium) = medium_of(world, node)?;
    let values = answers::answers(&world.cluster, node, site, token, name, medium)?;
    let text = templates::render(template, &values);
    if template == "preseed.cfg" {
        let found = lint::lint(&text);
        if !found.is_empty() {
            return Err(Blocked::Lint(found));
        }
    }
    Ok(Rendered::plain(text))
}

/// The medium that a node is installed from.
fn medium_of<'a>(world: &'a World, node: &'a Node) -> Result<(&'a str, &'a Medium), Blocked> {
    let name = node.settings.medium.as_ref().ok_or(Blocked::NoMediumNamed)?;
    let name = name.value.as_str();
    let medium = world
        .media
        .get(name)
        .ok_or_else(|| Blocked::NoMedium { name: name.to_string() })?;
    let layout = node.settings.layout.as_ref().map(|layout| &layout.value);
    if medium.architecture != node.architecture.as_str() {
        return Err(Blocked::OtherArchitecture {
            name: name.to_string(),
            medium: medium.architecture.clone(),
            node: node.architecture.as_str(),
        });
    }
    if layout.is_some_and(|layout| layout.recipe == Recipe::Encrypted && layout.passphrase_from.is_some()) {
        return Err(Blocked::Passphrase);
    }
    Ok((name, medium))
}
