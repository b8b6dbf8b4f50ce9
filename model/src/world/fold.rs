//! Folding an event into the world.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::{Applied, Boot, Lease, Machine, NetworkState, NodeState, Serving, Step, TargetChoice, World};
use crate::event::{DhcpAsk, Event, Outcome, Role, Stage, Subject, Transfer, What};

/// Silence after which a firmware's DISCOVER counts as a new boot even if nothing else had happened: longer than the
/// longest retry of a PXE client (4 + 8 + 16 + 32 s, PXE 2.1 section 2.2.2).
const NEW_BOOT_AFTER: SignedDuration = SignedDuration::from_secs(90);

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

    /// A text that was applied once was valid then; should a newer version of the rules refuse it, the old cluster
    /// stays.
    pub(super) fn read_cluster(&mut self, text: &str) {
        if let Some(cluster) = crate::config::read(text).cluster {
            self.cluster = Arc::new(cluster);
        }
    }

    fn fold(&mut self, event: &Event) {
        self.seq = self.seq.max(event.seq);
        match &event.what {
            What::ServerStarted { .. } => self.networks.clear(),
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
                if let Subject::Image(name) = &event.subject {
                    self.images.insert(name.clone(), Arc::new(image.clone()));
                }
            }
            What::ImageRemoved {} => {
                if let Subject::Image(name) = &event.subject {
                    self.images.remove(name);
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
            What::ServerStopped {}
            | What::DhcpOffered { .. }
            | What::DhcpIgnored { .. }
            | What::DhcpElsewhere { .. }
            | What::DhcpRefused { .. }
            | What::DhcpInformed { .. }
            | What::Transfer(_)
            | What::ScriptServed { .. }
            | What::AnswersServed { .. }
            | What::HookCalled { .. }
            | What::HookRefused { .. }
            | What::TargetSet { .. }
            | What::Power { .. } => {}
        }
        match &event.subject {
            Subject::Node(name) => {
                let mut state = self.nodes.get(name.as_str()).cloned().unwrap_or_default();
                Arc::make_mut(&mut state).fold(event);
                self.nodes.insert(Arc::from(name.as_str()), state);
            }
            Subject::Machine(_) => self.machine(event),
            Subject::Cluster | Subject::Network(_) | Subject::Image(_) => {}
        }
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

impl NodeState {
    fn fold(&mut self, event: &Event) {
        let at = event.at;
        if let What::TargetSet { target, once } = &event.what {
            self.choice = target.as_ref().map(|target| TargetChoice {
                target: target.clone(),
                once: *once,
                actor: event.actor.clone(),
                at,
            });
            return;
        }
        if let What::HookRefused { .. } = &event.what {
            return; // Whoever called has no token: it says nothing about the node.
        }
        if !matches!(event.what, What::Power { .. }) {
            self.last_seen = Some(at);
        }
        if self.begins_boot(event) {
            self.begin(event);
        }
        match &event.what {
            What::DhcpElsewhere { server, .. } => self.elsewhere = Some((*server, at)),
            What::DhcpIgnored { why, .. } => self.ignored = Some((why.clone(), at)),
            What::ScriptServed { .. } if self.choice.as_ref().is_some_and(|c| c.once) => self.choice = None,
            What::HookCalled { hook, host_keys, .. } => {
                if hook == "ready" {
                    self.last_ready = Some(at);
                }
                if !host_keys.is_empty() {
                    self.host_keys.clone_from(host_keys);
                }
            }
            _ => {}
        }
        if let Some(ask) = event.what.ask()
            && ask.stage.is_firmware()
            && ask.arch.is_some()
        {
            self.arch = ask.arch;
        }
        if let Some(boot) = &mut self.boot {
            boot.fold(event);
        }
    }

    /// Whether this event is the first sign of life of a new boot.
    fn begins_boot(&self, event: &Event) -> bool {
        let Some(boot) = &self.boot else {
            return matches!(&event.what, What::Power { action } if action != "off")
                || matches!(event.what, What::ScriptServed { .. })
                || event.what.ask().is_some_and(|ask| ask.stage != Stage::Os);
        };
        match &event.what {
            What::Power { action } => action != "off",
            // A loader may ask for its script again (a failed fetch, a person at its prompt), but a booted node that
            // asks has been switched on anew without our DHCP having been asked.
            What::ScriptServed { .. } => boot.is_ready() || boot.reached(Step::LocalBoot).is_some(),
            what => match what.ask() {
                // Firmware asks again after the loader was handed over: the machine was restarted, or the firmware
                // refused the loader and tries its next entry. A repeated DISCOVER before that is the same boot.
                Some(ask) if ask.stage.is_firmware() => {
                    boot.marks.iter().any(|m| m.step >= Step::Loader)
                        || (boot.reached(Step::Discover).is_some()
                            && event.at.duration_since(boot.last) > NEW_BOOT_AFTER)
                }
                // iPXE in ROM is itself the firmware: it begins a boot unless a loader was just handed over to it.
                Some(ask) if ask.stage == Stage::Ipxe => {
                    boot.reached(Step::Script).is_some()
                        || (boot.reached(Step::LoaderDhcp).is_some() || boot.reached(Step::Loader).is_some())
                            && event.at.duration_since(boot.last) > NEW_BOOT_AFTER
                }
                _ => false,
            },
        }
    }

    fn begin(&mut self, event: &Event) {
        self.boots += 1;
        if let Some(old) = self.boot.replace(Boot::begin(event.seq, event.at)) {
            self.earlier.insert(0, old);
            self.earlier.truncate(Self::BOOTS_KEPT);
        }
        self.elsewhere = None;
        self.ignored = None;
    }
}

impl Boot {
    fn fold(&mut self, event: &Event) {
        let at = event.at;
        self.last = at;
        if let Some(ask) = event.what.ask() {
            self.stage = Some(ask.stage);
            if ask.stage.is_firmware() && ask.arch.is_some() {
                self.arch = ask.arch;
            }
        }
        match &event.what {
            What::Power { .. } => self.note(Step::Power, at),
            What::DhcpOffered { ask, .. } | What::DhcpIgnored { ask, .. } | What::DhcpElsewhere { ask, .. } => {
                if ask.message == "discover" && (ask.stage.is_firmware() || self.reached(Step::Loader).is_none()) {
                    self.discovers += 1;
                }
                if ask.stage != Stage::Os {
                    self.note(Step::Discover, at);
                }
            }
            What::DhcpLeased { ask, .. } | What::DhcpInformed { ask, .. } => self.note(
                match ask.stage {
                    Stage::Firmware | Stage::HttpFirmware => Step::Dhcp,
                    Stage::Ipxe => Step::LoaderDhcp,
                    Stage::Os => Step::OsDhcp,
                },
                at,
            ),
            What::Transfer(transfer) => self.transferred(transfer, at),
            What::ScriptServed { target, .. } => {
                self.note(Step::Script, at);
                self.target.get_or_insert_with(|| target.clone());
                if target == "local" {
                    self.note(Step::LocalBoot, at);
                }
            }
            What::AnswersServed { .. } => self.note(Step::Answers, at),
            What::HookCalled { hook, detail, .. } => match hook.as_str() {
                "ready" => self.note(Step::Ready, at),
                "failed" => self.trouble = Some(detail.clone()),
                _ => {}
            },
            _ => {}
        }
    }

    fn transferred(&mut self, transfer: &Transfer, at: Timestamp) {
        let step = match transfer.role {
            Role::Loader => Step::Loader,
            Role::Kernel => Step::Kernel,
            Role::Initrd => Step::Initrd,
            Role::Root => Step::Root,
            Role::File => return,
        };
        match &transfer.outcome {
            Outcome::Complete => {
                self.note(step, at);
                self.trouble = None;
            }
            Outcome::Probed | Outcome::Partial => {}
            bad => self.trouble = Some(format!("{} {}: {bad}", transfer.role.as_str(), transfer.path)),
        }
    }
}
