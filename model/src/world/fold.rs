//! Folding an event into the world.

use std::sync::Arc;

use jiff::Timestamp;

use super::{Applied, Lease, Machine, NetworkState, NodeState, Serving, World};
use crate::event::{DhcpAsk, Event, Seq, Subject, What};

impl World {
    /// Folds one event into the world. Never fails: what does not fit (a node that is gone) changes nothing but `seq`.
    ///
    /// The cluster itself is re-read from its text on `cluster.applied`; [`World::replay`] reads only the last one.
    pub fn apply(&mut self, event: &Event) {
        self.fold(event);
        if let What::ClusterApplied { text, .. } = &event.what {
            self.read_cluster(text);
        }
    }

    /// Folds many events at once, as at start. Equal to applying each, but a cluster file that was replaced later is
    /// not parsed.
    pub fn replay<'a>(&mut self, events: impl IntoIterator<Item = &'a Event>) {
        let before = self.applied.as_ref().map(|a| a.seq);
        for event in events {
            self.fold(event);
        }
        if let Some(applied) = self.applied.clone()
            && before != Some(applied.seq)
        {
            self.read_cluster(&applied.text);
        }
    }

    /// The cluster is a function of the text alone, so that a snapshot and a replay cannot differ.
    pub(super) fn read_cluster(&mut self, text: &str) {
        self.cluster = Arc::new(crate::config::read_applied(text));
    }

    fn fold(&mut self, event: &Event) {
        self.seq = self.seq.max(event.seq);
        match &event.what {
            What::ServerStarted { .. } => {
                self.networks.clear();
                self.upstream_troubles.clear();
            }
            // The cache tells of few upstreams; a bound holds whatever it does.
            What::CacheTrouble { upstream, why, .. } if self.upstream_troubles.len() < 256 => {
                self.upstream_troubles.insert(upstream.clone(), (event.at, why.clone()));
            }
            What::CacheRecovered { upstream } => {
                self.upstream_troubles.remove(upstream);
            }
            What::ClusterApplied { digest, text, .. } => {
                self.applied = Some(Arc::new(Applied {
                    digest: digest.clone(),
                    text: text.clone(),
                    at: event.at,
                    actor: event.actor.clone(),
                    seq: event.seq,
                }));
            }
            What::NetworkServed {
                interface,
                address,
                http_port,
            } => self.serving(
                event,
                Serving::Yes {
                    interface: interface.clone(),
                    address: *address,
                    http_port: *http_port,
                },
            ),
            What::NetworkRefused { server, .. } => self.serving(event, Serving::Refused { server: *server }),
            What::NetworkAbsent { why } => self.serving(event, Serving::Absent { why: why.clone() }),
            What::ImageAdded(image) => {
                if let Some(name) = self.without_bundle(event) {
                    self.images.insert(name, Arc::new(image.clone()));
                }
            }
            What::DiskImageAdded(image) => {
                if let Some(name) = self.without_bundle(event) {
                    self.disk_images.insert(name, Arc::new(image.clone()));
                }
            }
            What::AgentAdded(agent) => {
                if let Some(name) = self.without_bundle(event) {
                    self.agents.insert(name, Arc::new(agent.clone()));
                }
            }
            What::LoadersFound { files } => self.loaders = Some(Arc::new(files.clone())),
            What::ImageRemoved {} => {
                self.without_bundle(event);
            }
            What::MediumAdded(medium) => {
                if let Subject::Medium(name) = &event.subject {
                    self.media.insert(name.clone(), Arc::new(medium.clone()));
                }
            }
            What::MediumRemoved {} => {
                if let Subject::Medium(name) = &event.subject {
                    self.media.remove(name);
                }
            }
            What::DhcpLeased {
                ask,
                address,
                until,
                reserved,
                ..
            } => {
                self.leased(event, ask, *address, *until, *reserved);
            }
            What::DhcpReleased { address, mac } => {
                if self.leases.at(*address).is_some_and(|lease| lease.mac == *mac) {
                    self.leases.remove(*address);
                }
            }
            What::DhcpConflict { address, until, .. } => {
                self.leases.remove(*address);
                self.conflicts.insert(*address, *until);
            }
            What::DhcpElsewhere { ask, server, address } => {
                if let (Some(address), Subject::Node(name)) = (address, &event.subject) {
                    self.elsewhere.put(*address, ask.mac, Arc::from(name.as_str()));
                }
                if let Some(state) = self.networks.get_mut(&ask.network) {
                    Arc::make_mut(state).foreign = Some((*server, event.at));
                }
            }
            What::ServerStopped {}
            | What::DhcpOffered { .. }
            | What::DhcpIgnored { .. }
            | What::DhcpRefused { .. }
            | What::DhcpInformed { .. }
            | What::Transfer(_)
            | What::ScriptServed { .. }
            | What::AnswersServed { .. }
            | What::HookCalled { .. }
            | What::HookRefused { .. }
            | What::TargetSet { .. }
            | What::CacheTrouble { .. }
            | What::DeploymentArmed { .. }
            | What::DeploymentEnded { .. }
            | What::ReadySeen { .. }
            | What::StepBegan { .. }
            | What::StepEnded { .. }
            | What::SystemAnswered { .. }
            | What::InstallerSaid { .. }
            | What::BmcBoot { .. }
            | What::BmcFailed { .. }
            | What::BmcTrusted { .. }
            | What::SshTrusted { .. }
            | What::SecretKept { .. }
            | What::SecretRemoved { .. }
            | What::ConsoleSaid { .. }
            | What::Power { .. } => {}
        }
        match &event.subject {
            Subject::Node(name) => {
                let boot = self.node(name, event);
                self.deployments.fold(event, boot);
            }
            Subject::Machine(_) => self.machine(event),
            Subject::Cluster | Subject::Network(_) | Subject::Image(_) | Subject::Medium(_) => {}
        }
    }

    /// Folds an event into what is known of a node; says which boot is the present one. In its place: what nobody else looks at is not copied.
    fn node(&mut self, name: &str, event: &Event) -> Option<Seq> {
        let fold = |state: &mut Arc<NodeState>| {
            let state = Arc::make_mut(state);
            state.fold(event);
            state.boot.as_ref().map(|boot| boot.id)
        };
        match self.nodes.get_mut(name) {
            Some(state) => fold(state),
            None => {
                let mut state = Arc::default();
                let boot = fold(&mut state);
                self.nodes.insert(Arc::from(name), state);
                boot
            }
        }
    }

    /// Takes away whatever there is of the image that an event is about, and says its name.
    fn without_bundle(&mut self, event: &Event) -> Option<String> {
        let Subject::Image(name) = &event.subject else {
            return None;
        };
        self.images.remove(name);
        self.disk_images.remove(name);
        self.agents.remove(name);
        Some(name.clone())
    }

    fn serving(&mut self, event: &Event, serving: Serving) {
        let Subject::Network(name) = &event.subject else { return };
        let mut foreign = self.networks.get(name).and_then(|n| n.foreign);
        if let Serving::Refused { server } = serving {
            foreign = Some((server, event.at));
        }
        self.networks.insert(
            name.clone(),
            Arc::new(NetworkState {
                serving,
                since: event.at,
                foreign,
            }),
        );
    }

    fn leased(&mut self, event: &Event, ask: &DhcpAsk, address: std::net::Ipv4Addr, until: Timestamp, reserved: bool) {
        let since = match self.leases.at(address) {
            Some(old) if old.mac == ask.mac => old.since,
            _ => event.at,
        };
        let node = match &event.subject {
            Subject::Node(name) => Some(Arc::from(name.as_str())),
            _ => None,
        };
        self.conflicts.remove(&address);
        self.leases.put(Lease {
            address,
            mac: ask.mac,
            node,
            network: Arc::from(ask.network.as_str()),
            until,
            since,
            reserved,
            client_id: ask.client_id.clone(),
            hostname: ask.hostname.clone(),
        });
    }

    fn machine(&mut self, event: &Event) {
        let Some(ask) = event.what.ask() else { return };
        let first_seen = self.machines.get(&ask.mac).map_or(event.at, |m| m.first_seen);
        let old = self.machines.get(&ask.mac);
        let machine = Machine {
            mac: ask.mac,
            network: ask.network.clone(),
            first_seen,
            last_seen: event.at,
            stage: ask.stage,
            arch: ask.arch.or(old.and_then(|m| m.arch)),
            uuid: ask.uuid.clone().or_else(|| old.and_then(|m| m.uuid.clone())),
            hostname: ask.hostname.clone().or_else(|| old.and_then(|m| m.hostname.clone())),
            vendor_class: ask
                .vendor_class
                .clone()
                .or_else(|| old.and_then(|m| m.vendor_class.clone())),
        };
        self.machines.insert(ask.mac, Arc::new(machine));
        if self.machines.len() > Machine::KEPT {
            let mut by_age: Vec<_> = self.machines.values().map(|m| (m.last_seen, m.mac)).collect();
            by_age.sort_unstable();
            // A batch at a time, so that a flood costs its sort once in a thousand machines.
            for (_, mac) in by_age.iter().take(Machine::KEPT / 4) {
                self.machines.remove(mac);
            }
        }
    }
}

impl What {
    /// The DHCP question in it.
    pub fn ask(&self) -> Option<&DhcpAsk> {
        match self {
            Self::DhcpOffered { ask, .. }
            | Self::DhcpIgnored { ask, .. }
            | Self::DhcpLeased { ask, .. }
            | Self::DhcpElsewhere { ask, .. }
            | Self::DhcpRefused { ask, .. }
            | Self::DhcpInformed { ask, .. } => Some(ask),
            _ => None,
        }
    }
}
