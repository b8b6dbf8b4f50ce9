//! The one task that decides: messages, answers of the wire, written leases and passing time come in here.

mod links;
mod outbox;
mod record;
mod send;

use std::collections::HashMap;
use std::future::Future;
use std::net::Ipv4Addr;
use std::pin::Pin;
use std::sync::Arc;

use jiff::Timestamp;
use model::cluster::Cluster;
use model::dhcp::{self, Decision, Effect, Link, Offers, Reason, Received, decide};
use model::event::NewEvent;
use model::world::World;
use tokio::sync::mpsc;
use tokio::time::Instant;
use wire::dhcp4::Packet;

use super::Dhcp4;
use super::counters::{Dhcp4Counters, add};
use super::ears::{Ears, EchoSocket, Sound, Sounds};
use super::port::{Arrival, Port};
use super::probes::{Due, Probes};
use super::quiet::Quiet;
use super::watch::Watch;
use crate::journal::{Journal, JournalError};
use crate::recorder::Recorder;
use outbox::Outbox;
use send::Outgoing;

/// What every link carries without fragments.
const MTU: u16 = 1500;

/// Events that are being written, and what follows.
pub(super) type Waiting = Pin<Box<dyn Future<Output = Written> + Send>>;

/// What is to be written, and what waits for that. All that comes in one turn is written as one: what each write costs
/// beside the disk counts when thousands of machines ask in a second.
#[derive(Debug, Default)]
struct Pending {
    events: Vec<NewEvent>,
    follows: Vec<Follows>,
}

/// What follows a write.
#[derive(Debug)]
struct Follows {
    /// What was waited with.
    outgoing: Option<Outgoing>,
    /// The address whose lease it was.
    settled: Option<Ipv4Addr>,
}

/// The end of a write.
#[derive(Debug)]
pub(super) struct Written {
    result: Result<(), JournalError>,
    follows: Vec<Follows>,
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
    recorder: Recorder,
    http_port: u16,
    main: Arc<Port>,
    second: Option<Arc<Port>>,
    sounds: Sounds,
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
    pending: Pending,
    /// What may leave.
    outbox: Outbox<Outgoing>,
    /// The interface whose hardware address was looked up last, and when.
    mac_of: Option<(u32, Instant)>,
    cluster: Arc<Cluster>,
    look_at: Instant,
}

impl Server {
    pub fn new(config: Dhcp4, main: Port, second: Option<Port>, sounds: mpsc::Sender<Sound>) -> Self {
        let counters = config.counters.clone();
        let now = Instant::now();
        Self {
            cluster: config.journal.world().cluster.clone(),
            journal: config.journal,
            counters: config.counters,
            recorder: config.recorder,
            http_port: config.http_port,
            main: Arc::new(main),
            second: second.map(Arc::new),
            sounds: Sounds { to: sounds, counters },
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
            pending: Pending::default(),
            outbox: Outbox::new(now),
            mac_of: None,
            look_at: now,
        }
    }

    /// The ports to receive on.
    pub fn ports(&self) -> (Arc<Port>, Option<Arc<Port>>) {
        (self.main.clone(), self.second.clone())
    }

    /// The write of what has come up since this was last asked.
    pub fn begin_write(&mut self) -> Option<Waiting> {
        if self.pending.follows.is_empty() {
            return None;
        }
        let Pending { events, follows } = std::mem::take(&mut self.pending);
        let journal = self.journal.clone();
        Some(Box::pin(async move {
            let result = journal.commit(events).await.map(drop);
            Written { result, follows }
        }))
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

    /// Does what is due.
    pub fn tick(&mut self) {
        let now = Instant::now();
        if now >= self.look_at {
            self.look();
        }
        let acts = self.watch.tick(now);
        self.act(acts);
        while let Some(due) = self.probes.due(now) {
            match due {
                Due::Ask(probe) => self.ask(&probe),
                Due::Free(probe, question) => {
                    self.offers.probed(probe.address, Timestamp::now());
                    self.decide_again(&question);
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
        self.decide(&packet, arrival, second_port);
    }

    /// What waited for the wire's answer is decided now.
    fn decide_again(&mut self, question: &Question) {
        if let Ok(packet) = Packet::parse(&question.bytes) {
            self.decide(&packet, question.arrival, question.second_port);
        }
    }

    fn decide(&mut self, packet: &Packet<'_>, arrival: Arrival, second_port: bool) {
        let world = self.journal.world();
        let link = self.link(&world, packet, &arrival);
        let received = Received {
            packet,
            link: &link,
            src: arrival.from,
            unicast: self.own.contains(&arrival.to),
            port4011: second_port,
        };
        let now = Timestamp::now();
        let Decision { effect, events, why } = decide(&world, &mut self.offers, now, &received);
        self.counters.decided(why);
        let asked = self.record(&world, &received, &arrival, now, &effect, why);
        match effect {
            Effect::Probe(probe) => self.probe(probe, packet.bytes(), arrival, second_port),
            Effect::Silent if matches!(why, Reason::Released | Reason::Declined) => self.write(events, None, None),
            Effect::Silent => self.observe(events),
            Effect::Reply(reply) => {
                let durable = reply.durable;
                let outgoing = self.ready(*reply, &link, arrival.interface, second_port, asked);
                match durable {
                    Some(address) => self.write(events, Some(outgoing), Some(address)),
                    None => {
                        self.leave(outgoing);
                        self.send_some();
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

    /// Writes events; then the message goes out.
    fn write(&mut self, events: Vec<NewEvent>, outgoing: Option<Outgoing>, settled: Option<Ipv4Addr>) {
        self.pending.events.extend(events);
        self.pending.follows.push(Follows { outgoing, settled });
    }

    /// Events are durable, or cannot be made so.
    pub fn written(&mut self, written: Written) {
        for Follows { outgoing, settled } in written.follows {
            if let Some(address) = settled {
                self.offers.settle(address);
            }
            match (&written.result, outgoing) {
                (Ok(()), Some(outgoing)) => self.leave(outgoing),
                (Ok(()), None) => {}
                (Err(error), outgoing) => {
                    add(&self.counters.commit_errors, 1);
                    // The journal says it aloud, once; here it would be once for every packet.
                    tracing::debug!(%error, lost = outgoing.is_some(), "what DHCP did cannot be written down; no answer is given");
                }
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
        // What came before in this turn is written first.
        match self.pending.follows.is_empty() {
            true => self.journal.observe(events),
            false => self.pending.events.extend(events),
        }
    }
}
