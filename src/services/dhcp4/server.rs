//! The one task that decides: messages, answers of the wire, written leases and passing time come in here.

use std::collections::HashMap;
use std::future::Future;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use model::cluster::{Cluster, DhcpMode};
use model::dhcp::{self, Decision, Destination, Effect, Link, Offers, Probe, Reason, Received, Reply, decide};
use model::event::{NewEvent, Subject, What};
use model::world::World;
use tokio::sync::mpsc;
use tokio::time::Instant;
use wire::Mac;
use wire::dhcp4::{CLIENT_PORT, MessageType, Packet, SERVER_PORT, code};

use super::counters::{Dhcp4Counters, add};
use super::ears::{Ears, EchoSocket, Sound};
use super::port::{Arrival, Port};
use super::probes::{Due, Probes};
use super::quiet::Quiet;
use super::watch::{Act, Watch};
use super::{Dhcp4, watch};
use crate::journal::{Journal, JournalError};
use crate::links::interfaces;

/// How often the interfaces are looked at.
const LOOK: Duration = Duration::from_secs(3);
/// For how long what was seen of an interface is good enough to ask from it.
const FRESH: Duration = Duration::from_millis(200);
/// How often the same rival is named in the log.
const NAME_AGAIN: Duration = Duration::from_secs(600);
/// What every link carries without fragments.
const MTU: u16 = 1500;

/// Events that are being written, and what follows.
pub(super) type Waiting = Pin<Box<dyn Future<Output = Written> + Send>>;

/// The end of a write.
#[derive(Debug)]
pub(super) struct Written {
    result: Result<(), JournalError>,
    /// What was waited with.
    outgoing: Option<Outgoing>,
    /// The address whose lease it was.
    settled: Option<Ipv4Addr>,
}

/// A message that is ready to go.
#[derive(Debug)]
struct Outgoing {
    bytes: Vec<u8>,
    kind: Option<MessageType>,
    destination: Destination,
    source: Ipv4Addr,
    interface: u32,
    second_port: bool,
}

/// A message that waits for the wire's answer.
#[derive(Debug)]
struct Question {
    bytes: Vec<u8>,
    arrival: Arrival,
    second_port: bool,
}

/// Everything that the task holds.
pub(super) struct Server {
    journal: Journal,
    counters: Arc<Dhcp4Counters>,
    http_port: u16,
    main: Arc<Port>,
    second: Option<Arc<Port>>,
    sounds: mpsc::Sender<Sound>,
    ears: HashMap<u32, Ears>,
    /// Interfaces that could not be listened to, so that it is said once.
    deaf: HashMap<u32, String>,
    echo: Option<EchoSocket>,
    echo_failed: bool,
    own: Vec<Ipv4Addr>,
    watch: Watch,
    offers: Offers,
    probes: Probes<Question>,
    quiet: Quiet,
    rivals: HashMap<Ipv4Addr, Instant>,
    waiting: Vec<Waiting>,
    cluster: Arc<Cluster>,
    look_at: Instant,
}

impl Server {
    pub fn new(config: Dhcp4, main: Port, second: Option<Port>, sounds: mpsc::Sender<Sound>) -> Self {
        let now = Instant::now();
        Self {
            cluster: config.journal.world().cluster.clone(),
            journal: config.journal,
            counters: config.counters,
            http_port: config.http_port,
            main: Arc::new(main),
            second: second.map(Arc::new),
            sounds,
            ears: HashMap::new(),
            deaf: HashMap::new(),
            echo: None,
            echo_failed: false,
            own: Vec::new(),
            watch: Watch::new(config.http_port),
            offers: Offers::default(),
            probes: Probes::default(),
            quiet: Quiet::new(now),
            rivals: HashMap::new(),
            waiting: Vec::new(),
            look_at: now,
        }
    }

    /// The ports to receive on.
    pub fn ports(&self) -> (Arc<Port>, Option<Arc<Port>>) {
        (self.main.clone(), self.second.clone())
    }

    /// The writes that were begun since this was last asked.
    pub fn take_waiting(&mut self) -> Vec<Waiting> {
        std::mem::take(&mut self.waiting)
    }

    /// When [`Server::tick`] is due.
    pub fn deadline(&self) -> Instant {
        let due = [self.watch.deadline(), self.probes.deadline()];
        due.into_iter().flatten().fold(self.look_at, Instant::min)
    }

    /// Looks at the interfaces anew if the networks changed.
    pub fn cluster_changed(&mut self, cluster: &Arc<Cluster>) {
        if !Arc::ptr_eq(cluster, &self.cluster) {
            self.cluster = cluster.clone();
            self.look();
        }
    }

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

    /// Does what is due.
    pub fn tick(&mut self) {
        let now = Instant::now();
        if now >= self.look_at {
            self.look();
        }
        let acts = self.watch.tick(now);
        self.act(acts);
        for due in self.probes.tick(now) {
            match due {
                Due::Ask(probe) => self.ask(&probe),
                Due::Free(probe, question) => {
                    self.offers.probed(probe.address, Timestamp::now());
                    self.decide(&question.bytes, question.arrival, question.second_port);
                }
            }
        }
    }

    fn act(&mut self, acts: Vec<Act>) {
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

    /// A datagram came in.
    pub fn received(&mut self, buffer: &[u8], arrival: Arrival, second_port: bool) {
        let bytes = &buffer[..arrival.length];
        let packet = match Packet::parse(bytes) {
            Ok(packet) => packet,
            Err(problem) => {
                add(&self.counters.malformed, 1);
                return tracing::debug!(%problem, from = %arrival.from, "no DHCP message");
            }
        };
        // Our own question, brought back by a relay agent.
        if packet
            .mac()
            .is_some_and(|mac| self.ears.values().any(|ears| ears.asker == mac))
        {
            return;
        }
        self.counters.received(packet.message_type().and_then(Result::ok));
        add(&self.counters.anomalies, packet.anomalies().count() as u64);
        self.decide(bytes, arrival, second_port);
    }

    fn decide(&mut self, bytes: &[u8], arrival: Arrival, second_port: bool) {
        let Ok(packet) = Packet::parse(bytes) else { return };
        let world = self.journal.world();
        let link = self.link(&world, &packet, &arrival);
        let received = Received {
            packet: &packet,
            link: &link,
            src: arrival.from,
            unicast: self.own.contains(&arrival.to),
            port4011: second_port,
        };
        let Decision { effect, events, why } = decide(&world, &mut self.offers, Timestamp::now(), &received);
        self.counters.decided(why);
        match effect {
            Effect::Probe(probe) => self.probe(probe, bytes, arrival, second_port),
            Effect::Silent if matches!(why, Reason::Released | Reason::Declined) => self.write(events, None, None),
            Effect::Silent => self.observe(events),
            Effect::Reply(reply) => {
                let durable = reply.durable;
                let outgoing = self.ready(*reply, &link, arrival.interface, second_port);
                match durable {
                    Some(address) => self.write(events, Some(outgoing), Some(address)),
                    None => {
                        self.send(&outgoing);
                        self.observe(events);
                    }
                }
            }
        }
    }

    /// The link on which a message came in. Where one interface carries several networks, it is the one on which the
    /// NIC is declared.
    fn link(&self, world: &World, packet: &Packet<'_>, arrival: &Arrival) -> Link {
        let mut here = self.watch.on(arrival.interface);
        let first = here.next();
        let declared = here
            .next()
            .and_then(|_| dhcp::identify(world, packet))
            .and_then(|known| known.node.nic(packet.mac()?)?.network.as_deref())
            .and_then(|name| self.watch.on(arrival.interface).find(|(network, _)| *network == name));
        let (network, address) = match declared.or(first) {
            Some((network, address)) => (Some(network.to_string()), address),
            None => (None, arrival.local),
        };
        Link {
            network,
            address,
            http_port: self.http_port,
            mtu: MTU,
        }
    }

    fn ready(&self, reply: Reply, link: &Link, interface: u32, second_port: bool) -> Outgoing {
        let mut bytes = Vec::with_capacity(reply.budget);
        let dropped = reply.message.encode(reply.budget, &mut bytes);
        add(&self.counters.dropped_options, dropped.codes().count() as u64);
        let kind = reply.message.get(code::MESSAGE_TYPE).and_then(|value| value.first());
        Outgoing {
            bytes,
            kind: kind.map(|octet| MessageType::from_code(*octet)),
            destination: reply.destination,
            source: link.address,
            interface,
            second_port,
        }
    }

    fn send(&self, outgoing: &Outgoing) {
        let port = match &self.second {
            Some(second) if outgoing.second_port => second,
            _ => &self.main,
        };
        let Outgoing {
            bytes,
            source,
            interface,
            ..
        } = outgoing;
        let broadcast = || {
            let everybody = SocketAddrV4::new(Ipv4Addr::BROADCAST, CLIENT_PORT);
            port.send(bytes, everybody, *source, Some(*interface))
        };
        let sent = match outgoing.destination {
            Destination::Relay(relay) => port.send(bytes, SocketAddrV4::new(relay, SERVER_PORT), *source, None),
            Destination::Client(client) => port.send(bytes, SocketAddrV4::new(client, CLIENT_PORT), *source, None),
            Destination::Back(from) => port.send(bytes, from, *source, None),
            Destination::Broadcast => broadcast(),
            Destination::Hardware(address, mac) => match self.ears.get(interface) {
                Some(ears) => {
                    let from = SocketAddrV4::new(*source, port.number);
                    ears.send(bytes, mac, from, SocketAddrV4::new(address, CLIENT_PORT))
                        .or_else(|_| broadcast())
                }
                None => broadcast(),
            },
        };
        match sent {
            Ok(()) => self.counters.sent(outgoing.kind),
            Err(error) => {
                add(&self.counters.send_errors, 1);
                tracing::debug!(%error, destination = ?outgoing.destination, "an answer could not be sent");
            }
        }
    }

    /// Writes events; then the message goes out.
    fn write(&mut self, events: Vec<NewEvent>, outgoing: Option<Outgoing>, settled: Option<Ipv4Addr>) {
        let journal = self.journal.clone();
        self.waiting.push(Box::pin(async move {
            let result = journal.commit(events).await.map(drop);
            Written {
                result,
                outgoing,
                settled,
            }
        }));
    }

    /// Events are durable, or cannot be made so.
    pub fn written(&mut self, written: Written) {
        if let Some(address) = written.settled {
            self.offers.settle(address);
        }
        match (written.result, written.outgoing) {
            (Ok(()), Some(outgoing)) => self.send(&outgoing),
            (Ok(()), None) => {}
            (Err(error), outgoing) => {
                add(&self.counters.commit_errors, 1);
                tracing::error!(%error, lost = outgoing.is_some(), "what DHCP did cannot be written down; no answer is given");
            }
        }
    }

    fn observe(&mut self, mut events: Vec<NewEvent>) {
        let now = Instant::now();
        events.retain(|event| {
            let admitted = self.quiet.admits(event, now);
            add(&self.counters.suppressed, u64::from(!admitted));
            admitted
        });
        self.journal.observe(events);
    }

    fn probe(&mut self, probe: Probe, bytes: &[u8], arrival: Arrival, second_port: bool) {
        let question = Question {
            bytes: bytes.to_vec(),
            arrival,
            second_port,
        };
        add(&self.counters.probes, 1);
        // An answer comes to the hardware address that we ask from, so it had better be today's.
        if probe.on_link && self.look_at < Instant::now() + LOOK - FRESH {
            self.look();
        }
        if self.probes.begin(Instant::now(), probe, question) {
            self.tick();
        }
    }

    fn ask(&mut self, probe: &Probe) {
        let interface = self.interface_of(&probe.network);
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
                let claimed = self.probes.addresses().find(|address| arp.claims(*address, Mac::ZERO));
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
        self.decide(&question.bytes, question.arrival, question.second_port);
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
