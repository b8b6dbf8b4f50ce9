//! What is seen, asked and heard on the links themselves.

use std::net::Ipv4Addr;
use std::time::Duration;

use jiff::Timestamp;
use model::cluster::DhcpMode;
use model::dhcp::{self, Probe};
use model::event::{NewEvent, Subject, What};
use tokio::time::Instant;
use wire::Mac;

use super::super::counters::add;
use super::super::ears::{Ears, EchoSocket, Sound};
use super::super::port::Arrival;
use super::super::watch::{self, Act};
use super::{Question, Server};
use crate::links::interfaces;

/// How often the interfaces are looked at.
const LOOK: Duration = Duration::from_secs(3);
/// For how long what was seen of an interface is good enough to ask from it.
const FRESH: Duration = Duration::from_millis(200);
/// For how long its hardware address is: a storm of strangers probes thousands of addresses in a second.
const PRESENT: Duration = Duration::from_millis(10);
/// How often the same rival is named in the log.
const NAME_AGAIN: Duration = Duration::from_secs(600);

impl Server {
    /// Looks at the interfaces.
    pub fn look(&mut self) {
        let now = Instant::now();
        self.look_at = now + LOOK;
        let found = match interfaces() {
            Ok(found) => found,
            Err(error) => return tracing::warn!(%error, "cannot look at the interfaces; going on with what is known"),
        };
        self.own = found
            .iter()
            .flat_map(|i| i.addresses.iter().map(|net| net.addr()))
            .collect();
        let places = self
            .cluster
            .networks
            .iter()
            .filter_map(|n| watch::place(n, &found).ok());
        let wanted: Vec<u32> = places.map(|place| place.index).collect();
        self.ears.retain(|index, _| wanted.contains(index));
        self.deaf.retain(|index, _| wanted.contains(index));
        for interface in found.iter().filter(|i| wanted.contains(&i.index)) {
            if let Some(ears) = self.ears.get_mut(&interface.index) {
                if let Some(mac) = interface.mac.filter(|mac| *mac != ears.mac()) {
                    ears.set_mac(mac);
                }
                continue;
            }
            match Ears::open(interface, &self.sounds) {
                Ok(ears) => {
                    self.deaf.remove(&interface.index);
                    self.ears.insert(interface.index, ears);
                }
                Err(error) => {
                    let error = error.to_string();
                    if self.deaf.insert(interface.index, error.clone()).as_ref() != Some(&error) {
                        tracing::warn!(
                            interface = interface.name,
                            error,
                            "frames cannot be heard or sent: addresses are offered without a probe"
                        );
                    }
                }
            }
        }
        let ears = &self.ears;
        let acts = self
            .watch
            .look(now, &self.cluster, &found, |index| ears.contains_key(&index));
        self.act(acts);
    }

    pub(super) fn act(&mut self, acts: Vec<Act>) {
        for act in acts {
            match act {
                Act::Ask(index) => {
                    if let Some(ears) = self.ears.get(&index)
                        && let Err(error) = ears.ask_servers(std::process::id() ^ 0xbe11_0000 ^ index)
                    {
                        tracing::debug!(%error, index, "cannot ask for other DHCP servers");
                    }
                }
                Act::Note { network, what } => {
                    match &*what {
                        What::NetworkServed { interface, address, .. } => {
                            tracing::info!(network, interface, %address, "network is served");
                        }
                        What::NetworkRefused { server, interface } => tracing::warn!(
                            network,
                            interface,
                            %server,
                            "another DHCP server answers here: the network is left to it. Stop it, or set \
                             `beside_other_servers: true` (or `dhcp: proxy`) for the network"
                        ),
                        What::NetworkAbsent { why } => tracing::warn!(network, why, "network is not served"),
                        _ => {}
                    }
                    let event = NewEvent::new(Timestamp::now(), dhcp::ACTOR, Subject::Network(network), *what);
                    self.write(vec![event], None, None);
                }
            }
        }
    }

    pub(super) fn probe(&mut self, probe: Probe, bytes: &[u8], arrival: Arrival, second_port: bool) {
        if !self.probes.has_room() {
            return add(&self.counters.unprobed, 1);
        }
        add(&self.counters.probes, 1);
        // An answer comes to the hardware address that we ask from, so it had better be today's.
        if probe.on_link && self.look_at < Instant::now() + LOOK - FRESH {
            self.look();
        }
        self.ask(&probe);
        let question = Question {
            bytes: bytes.to_vec(),
            arrival,
            second_port,
        };
        self.probes.begun(Instant::now(), probe, question);
    }

    pub(super) fn ask(&mut self, probe: &Probe) {
        let interface = self.interface_of(&probe.network);
        if let Some(index) = interface.filter(|_| probe.on_link) {
            self.refresh_mac(index);
        }
        let asked = if probe.on_link {
            interface
                .and_then(|index| self.ears.get(&index))
                .map(|ears| ears.ask_arp(probe.address))
        } else {
            self.echo().map(|echo| echo.ask(probe.address))
        };
        if let Some(Err(error)) = asked {
            tracing::debug!(%error, address = %probe.address, "cannot probe an address");
        }
    }

    /// A bridge takes another hardware address when a port joins it, as that of the very machine that asks may just
    /// have done: an answer to the old one would never come.
    fn refresh_mac(&mut self, index: u32) {
        let now = Instant::now();
        if self.mac_of.is_some_and(|(of, at)| of == index && now < at + PRESENT) {
            return;
        }
        self.mac_of = Some((index, now));
        let Ok(found) = interfaces() else { return };
        let mac = found.iter().find(|i| i.index == index).and_then(|i| i.mac);
        if let (Some(ears), Some(mac)) = (self.ears.get_mut(&index), mac) {
            ears.set_mac(mac);
        }
    }

    fn interface_of(&self, network: &str) -> Option<u32> {
        let has = |index: &&u32| self.watch.on(**index).any(|(name, _)| name == network);
        self.ears.keys().find(has).copied()
    }

    fn echo(&mut self) -> Option<&EchoSocket> {
        if self.echo.is_none() && !self.echo_failed {
            match EchoSocket::open(&self.sounds) {
                Ok(echo) => self.echo = Some(echo),
                Err(error) => {
                    self.echo_failed = true;
                    tracing::warn!(%error, "no ICMP socket: addresses behind relay agents are offered without a probe");
                }
            }
        }
        self.echo.as_ref()
    }

    /// Something was heard on the wire.
    pub fn heard(&mut self, sound: Sound) {
        match sound {
            Sound::Arp(arp) => {
                // It can claim no other addresses than those that it names.
                let named = [arp.sender_ip, arp.target_ip].into_iter();
                let claimed = named
                    .filter(|address| self.probes.has(*address))
                    .find(|address| arp.claims(*address, Mac::ZERO));
                let own = self.own_mac(arp.sender_mac);
                if let Some(address) = claimed.filter(|_| !own) {
                    self.taken(address, Some(arp.sender_mac));
                }
            }
            Sound::Echo(address) => self.taken(address, None),
            Sound::Server { index, server } => self.rival(index, server),
            Sound::Lost(index) => {
                self.ears.remove(&index);
                self.look();
            }
        }
    }

    fn own_mac(&self, mac: Mac) -> bool {
        self.ears.values().any(|ears| ears.mac() == mac)
    }

    fn taken(&mut self, address: Ipv4Addr, by: Option<Mac>) {
        let Some((probe, question)) = self.probes.answered(address, by) else {
            return;
        };
        add(&self.counters.conflicts, 1);
        tracing::warn!(%address, by = ?by, network = probe.network, "an address of the pool is in use without a lease");
        let now = Timestamp::now();
        self.offers.block(address, now);
        let event = dhcp::conflict(now, &probe.network, address, by);
        self.write(vec![event], None, None);
        self.decide_again(&question);
    }

    fn rival(&mut self, index: u32, server: Ipv4Addr) {
        // Our own answers come by too, sent by us or brought by a relay agent.
        if self.own.contains(&server) {
            return;
        }
        add(&self.counters.foreign, 1);
        let now = Instant::now();
        let (acts, mut served) = self.watch.heard(now, index, server);
        self.act(acts);
        // Where others are there by intention, they are no news.
        served.retain(|name| {
            let network = self.cluster.network(name);
            network.is_some_and(|n| n.dhcp == DhcpMode::Serve && !n.beside_other_servers)
        });
        let known = self.rivals.get(&server).is_some_and(|at| now < *at + NAME_AGAIN);
        if !served.is_empty() && !known {
            self.rivals.retain(|_, at| now < *at + NAME_AGAIN);
            self.rivals.insert(server, now);
            let on = served.join(", ");
            tracing::warn!(%server, networks = on, "another DHCP server answers on a network that is served");
        }
    }
}
