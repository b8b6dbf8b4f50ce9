//! What installers are told: the documents that they ask for with the token of their attempt.
//!
//! Invariant: a document is a function of the picture and the token; nothing is kept for an installation.

use wire::Mac;

use crate::agent;
use crate::boot::{Rendered, Site};
use crate::cluster::{Node, Via};
use crate::deployment::Deployment;
use crate::world::World;

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
    match (asked.node.settings.via(), name) {
        (Via::Image, "plan") => Some(agent::plan(asked.world, asked.site, asked.node, asked.token)),
        _ => None,
    }
}
