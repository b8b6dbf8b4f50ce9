//! What installers are started with and told, and whether that would work: Debian's own, and our agent's plan.
//!
//! Invariant: a document is a function of the picture and the token; nothing is kept for an installation.
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

use std::net::Ipv4Addr;

use thiserror::Error;
use wire::Mac;

use crate::agent;
use crate::boot::{Rendered, Site};
use crate::cluster::{Node, Recipe, Via};
use crate::deployment::Deployment;
use crate::templates;
use crate::world::{Medium, World};
use quote::Unsayable;

/// Releases of Debian that can be installed, with their code names.
pub const RELEASES: [(&str, &str); 2] = [("debian-12", "bookworm"), ("debian-13", "trixie")];

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

/// An installation that asks, or that would.
#[derive(Debug, Clone, Copy)]
pub struct Installation<'a> {
    /// The picture.
    pub world: &'a World,
    /// The node, with the settings of the profile that it is installed with.
    pub node: &'a Node,
    /// Its deployment; `None` for a look at what would be said.
    pub deployment: Option<&'a Deployment>,
    /// Where the node reaches us.
    pub site: Site,
    /// Token of the attempt.
    pub token: &'a str,
    /// NIC that booted, where it is known.
    pub mac: Option<Mac>,
}

/// The document of that name; `None` if there is none, an error with the reason if it cannot be given.
pub fn document(asked: &Installation, name: &str) -> Option<Result<Rendered, String>> {
    let template = match (asked.node.settings.via(), name) {
        (Via::Image, "plan") => return Some(agent::plan(asked.world, asked.site, asked.node, asked.token)),
        (Via::Installer, "preseed.cfg") => "preseed.cfg",
        (Via::Installer, "start.sh") => "installer-start.sh",
        (Via::Installer, "disk.sh") => "installer-disk.sh",
        (Via::Installer, "end.sh") => "installer-end.sh",
        _ => return None,
    };
    Some(render(asked, template).map_err(|blocked| blocked.to_string()))
}

/// Whether a node could be installed now: everything that it would be given is made and checked.
///
/// # Errors
/// If it could not.
pub fn check(world: &World, node: &Node) -> Result<(), Blocked> {
    let site = world.site_of(node).unwrap_or(SOMEWHERE);
    // As long as a real one, which is not known before the installation begins.
    let token = "0".repeat(32);
    let installation = Installation {
        world,
        node,
        deployment: None,
        site,
        token: &token,
        mac: None,
    };
    for template in [
        "preseed.cfg",
        "installer-start.sh",
        "installer-disk.sh",
        "installer-end.sh",
    ] {
        render(&installation, template)?;
    }
    installer_boot(world, node).map(drop)
}

/// An address as long as any, for what is only looked at while no network is served.
const SOMEWHERE: Site = Site {
    address: Ipv4Addr::new(255, 255, 255, 255),
    http_port: 65535,
};

fn render(installation: &Installation, template: &str) -> Result<Rendered, Blocked> {
    let (name, medium) = medium_of(installation.world, installation.node)?;
    let values = answers::answers(installation, name, medium)?;
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
