//! The cluster file as it is written: one struct per mapping, one field per key.
//!
//! Invariant: the doc comments here are the reference manual (`docs/cluster-file.md`) and the descriptions in the
//! JSON Schema. They are written for the person who edits a cluster file.

mod cache;
mod console;
mod faces;
mod install;
mod network;
mod node;
mod recorder;
mod settings;

pub(super) use cache::Cache;
pub(super) use console::ConsoleSsh;
pub(super) use faces::{Face, Faces, PelagosFace, TokenFace};
pub(super) use install::{Disk, Layout, Step};
pub(super) use network::{Doors, Network};
pub(super) use node::{BmcAccess, Defaults, Group, Node};
pub(super) use recorder::Recorder;
pub(super) use settings::{File, PackageSource, Settings, User};

use super::read::{Many, Named};
use super::scalar::{DnsName, HostName, PublicKey, TimeZone};
use super::section::declare_section;
use super::span::At;

declare_section! {
    /// The whole file.
    struct ClusterFile as "the cluster file" {
        /// Name of the cluster: letters, digits and hyphens, at most 63.
        cluster: Option<At<HostName>> = required,
        /// DNS domain that the node names live in. Example: `lab.example`.
        domain: Option<At<DnsName>>,
        /// Time zone of all nodes. The same as `timezone` under `defaults`.
        timezone: Option<At<TimeZone>>,
        /// Public keys that may log in as root on all nodes. The same as `ssh_keys` under `defaults`.
        ssh_keys: Many<At<PublicKey>>,
        /// User accounts on all nodes. The same as `users` under `defaults`.
        users: Vec<User>,
        /// Settings of all nodes: the lowest layer.
        defaults: Defaults,
        /// Networks by name. They must not overlap.
        networks: Named<Network>,
        /// Groups by name. A group carries settings for the nodes in it.
        groups: Named<Group>,
        /// Profiles by name. A profile is what a node should run; a node has at most one.
        profiles: Named<Settings>,
        /// Nodes by name, or by a range of names: `nid[001-009]` declares nine nodes alike.
        nodes: Named<Node>,
        /// Which services are open, and on which port.
        doors: Doors,
        /// The package cache.
        cache: Cache,
        /// The recorder.
        recorder: Recorder,
        /// Foreign protocols, for the clients of other programs.
        faces: Faces,
    }
}
