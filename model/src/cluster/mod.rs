//! The checked cluster: what `cluster.yaml` means once every reference is resolved and every rule holds.
//!
//! Invariant: a `Cluster` is valid by construction. Names, MACs and addresses are unique, addresses lie in their
//! networks, networks do not overlap, references resolve. It is made only by [`crate::config`].
//! Invariant: looking up one node costs the same in a cluster of ten and of a hundred thousand.

mod bmc;
mod cache;
mod console;
mod doors;
mod faces;
mod install;
mod network;
mod node;
mod ready;
mod recorder;
mod secret;
mod select;
mod settings;

pub use bmc::{Bmc, PRIVILEGES, QUIRKS};
pub use cache::Cache;
pub use console::{ConsoleVia, SshConsole};
pub use doors::{DhcpMode, Doors};
pub use faces::{Face, Faces, PelagosWays};
pub use install::{AfterInstall, DiskRule, Filesystem, Layout, Pick, Recipe, Via};
pub use network::{Network, Range, Route};
pub use node::{Architecture, Console, Nic, Node};
pub use ready::{Act, NodeStep, ReadyWhen};
pub use recorder::Recorder;
pub use secret::is_secret_name;
pub use settings::{BootTarget, FileEntry, Layer, LoaderChoice, Origin, PackageSource, Settings, Sourced, UserAccount};

use std::collections::HashMap;
use std::net::Ipv4Addr;
use std::sync::{Arc, OnceLock};

use wire::Mac;

use crate::answers::Written;

/// A whole declared cluster.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Cluster {
    /// Name of the cluster, a DNS label.
    pub name: String,
    /// DNS domain that node names live in, without a trailing dot (`lab.example`). May be empty.
    pub domain: String,
    /// Networks in the order of the file.
    pub networks: Vec<Arc<Network>>,
    /// Group names in the order of the file.
    pub groups: Vec<String>,
    /// Profile names in the order of the file.
    pub profiles: Vec<String>,
    /// Nodes in the order of the file, ranges expanded.
    pub nodes: Vec<Arc<Node>>,
    /// Settings of a machine that is no node: the defaults layer alone.
    pub defaults: Arc<Settings>,
    /// Which services are open, and where.
    pub doors: Doors,
    /// The package cache.
    pub cache: Cache,
    /// How much of the machines' packets is kept.
    pub recorder: Recorder,
    /// Foreign protocols that are spoken.
    pub faces: Faces,
    index: Index,
    layers: Layers,
}

/// The layers that the nodes' settings were laid together from, kept so that every value can be explained.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Layers {
    /// Settings of every profile.
    pub profiles: HashMap<String, Arc<Settings>>,
    /// Settings of every group.
    pub groups: HashMap<String, Arc<Settings>>,
    /// The nodes' own settings, in the order of the nodes; `None` where a node has none.
    pub own: Vec<Option<Arc<Settings>>>,
}

#[derive(Debug, Clone, PartialEq, Default)]
struct Index {
    name: HashMap<String, usize>,
    mac: HashMap<Mac, usize>,
    address: HashMap<Ipv4Addr, usize>,
    uuid: HashMap<String, usize>,
    serial: HashMap<String, usize>,
    client_id: HashMap<Vec<u8>, usize>,
    /// Derived once and only when somebody asks: every node of a cluster gets the same lines.
    hosts: OnceLock<String>,
    hosts_written: OnceLock<Written>,
}

impl Cluster {
    /// Builds the indexes that make look-ups flat. The parts have been checked by [`crate::config`].
    #[allow(clippy::too_many_arguments)]
    pub(crate) fn assemble(
        name: String,
        domain: String,
        networks: Vec<Arc<Network>>,
        groups: Vec<String>,
        profiles: Vec<String>,
        nodes: Vec<Arc<Node>>,
        defaults: Arc<Settings>,
        doors: Doors,
    ) -> Self {
        let mut index = Index::default();
        for (at, node) in nodes.iter().enumerate() {
            index.name.insert(node.name.to_string(), at);
            for nic in &node.nics {
                if let Some(mac) = nic.mac {
                    index.mac.insert(mac, at);
                }
                if let Some(address) = nic.address {
                    index.address.insert(address, at);
                }
            }
            if let Some(uuid) = &node.uuid {
                index.uuid.insert(uuid.to_lowercase(), at);
            }
            if let Some(serial) = &node.serial {
                index.serial.insert(serial.clone(), at);
            }
            if let Some(id) = &node.client_id {
                index.client_id.insert(id.clone(), at);
            }
        }
        Self {
            name,
            domain,
            networks,
            groups,
            profiles,
            nodes,
            defaults,
            doors,
            cache: Cache::default(),
            recorder: Recorder::default(),
            faces: Faces::default(),
            index,
            layers: Layers::default(),
        }
    }

    /// Keeps the layers beside what was made of them.
    pub(crate) fn with_layers(mut self, layers: Layers) -> Self {
        self.layers = layers;
        self
    }

    /// Declares the package cache.
    pub(crate) fn with_cache(mut self, cache: Cache) -> Self {
        self.cache = cache;
        self
    }

    /// Declares the recorder.
    pub(crate) fn with_recorder(mut self, recorder: Recorder) -> Self {
        self.recorder = recorder;
        self
    }

    /// Declares the faces.
    pub(crate) fn with_faces(mut self, faces: Faces) -> Self {
        self.faces = faces;
        self
    }

    /// The settings of a node layer by layer, lowest first.
    pub(crate) fn layers_of<'a>(&'a self, node: &'a Node) -> Vec<&'a Settings> {
        let mut found = vec![&*self.defaults];
        let profile = node.profile.as_ref().and_then(|p| self.layers.profiles.get(&p.value));
        found.extend(profile.map(|settings| &**settings));
        found.extend(
            node.groups
                .iter()
                .filter_map(|g| self.layers.groups.get(g))
                .map(|settings| &**settings),
        );
        let own = self.index.name.get(&*node.name).and_then(|at| self.layers.own.get(*at));
        found.extend(own.and_then(Option::as_ref).map(|settings| &**settings));
        found
    }

    /// The node as it would be with another profile.
    ///
    /// # Errors
    /// If there is no such profile.
    pub fn node_as(&self, node: &Arc<Node>, profile: &str) -> Result<Arc<Node>, String> {
        if node.profile.as_ref().is_some_and(|own| own.value == profile) {
            return Ok(node.clone());
        }
        if !self.layers.profiles.contains_key(profile) {
            let names = self.profiles.iter().map(String::as_str);
            let help = crate::config::suggest::did_you_mean(profile, names)
                .unwrap_or_else(|| "see `profiles` in the cluster file".into());
            return Err(format!("there is no profile `{profile}`: {help}"));
        }
        let mut wanted = Node::clone(node);
        wanted.profile = Some(Sourced {
            value: profile.to_string(),
            origin: Origin {
                layer: Layer::Node(node.name.to_string()),
                line: node.line,
            },
        });
        let mut settings = Settings::default();
        for layer in self.layers_of(&wanted) {
            settings.overlay(layer);
        }
        wanted.settings = Arc::new(settings);
        Ok(Arc::new(wanted))
    }

    /// The node of that name.
    pub fn node(&self, name: &str) -> Option<&Arc<Node>> {
        self.at(self.index.name.get(name))
    }

    /// The node that has a NIC with that MAC.
    pub fn by_mac(&self, mac: Mac) -> Option<&Arc<Node>> {
        self.at(self.index.mac.get(&mac))
    }

    /// The node that has that address reserved on one of its NICs.
    pub fn by_address(&self, address: Ipv4Addr) -> Option<&Arc<Node>> {
        self.at(self.index.address.get(&address))
    }

    /// The node with that SMBIOS UUID in its usual text form; letter case does not matter.
    pub fn by_uuid(&self, uuid: &str) -> Option<&Arc<Node>> {
        self.at(self.index.uuid.get(&uuid.to_lowercase()))
    }

    /// The node with that SMBIOS serial number.
    pub fn by_serial(&self, serial: &str) -> Option<&Arc<Node>> {
        self.at(self.index.serial.get(serial))
    }

    /// The node that declares that DHCP client identifier (option 61, type byte included).
    pub fn by_client_id(&self, id: &[u8]) -> Option<&Arc<Node>> {
        self.at(self.index.client_id.get(id))
    }

    /// The network of that name.
    pub fn network(&self, name: &str) -> Option<&Arc<Network>> {
        self.networks.iter().find(|n| n.name == name)
    }

    /// The network whose prefix holds that address. Networks do not overlap, so there is at most one.
    pub fn network_of(&self, address: Ipv4Addr) -> Option<&Arc<Network>> {
        self.networks.iter().find(|n| n.prefix.contains(&address))
    }

    /// Nodes of a group in the order of the file.
    pub fn members<'a>(&'a self, group: &'a str) -> impl Iterator<Item = &'a Arc<Node>> + 'a {
        self.nodes.iter().filter(move |n| n.groups.iter().any(|g| g == group))
    }

    /// `name.domain`, or the bare name where the cluster has no domain.
    pub fn fqdn(&self, node: &Node) -> String {
        if self.domain.is_empty() {
            node.name.to_string()
        } else {
            format!("{}.{}", node.name, self.domain)
        }
    }

    /// The lines of `/etc/hosts` for all nodes.
    pub fn hosts(&self) -> &str {
        self.index.hosts.get_or_init(|| crate::answers::host_lines(self))
    }

    /// The same as they stand in a cloud-config.
    pub(crate) fn hosts_written(&self) -> &Written {
        self.index.hosts_written.get_or_init(|| Written::new(self.hosts()))
    }

    fn at(&self, index: Option<&usize>) -> Option<&Arc<Node>> {
        index.and_then(|i| self.nodes.get(*i))
    }
}
