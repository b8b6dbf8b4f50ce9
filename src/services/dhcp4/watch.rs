//! Which networks may be answered: each is listened to first, and left alone while another DHCP server answers there.
//!
//! Invariant: no socket and no clock in here. The caller looks at the interfaces, sends the questions, hears the
//! answers, and says what time it is.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::time::Duration;

use model::cluster::{Cluster, DhcpMode, Network};
use model::event::What;
use tokio::time::Instant;

use crate::links::Interface;

/// How many questions are asked, and how far apart: other servers probe an address before they offer it, which takes
/// them a second or more.
const QUESTIONS: u8 = 3;
const BETWEEN: Duration = Duration::from_secs(1);
/// How often a network that was left alone is listened to again.
const AGAIN: Duration = Duration::from_secs(60);
/// How soon after it was silent once.
const CONFIRM: Duration = Duration::from_secs(5);
/// How often it must be silent to be taken over.
const SILENCES: u8 = 2;

/// Where a network is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    pub interface: String,
    pub index: u32,
    /// Our address there.
    pub address: Ipv4Addr,
    /// Whether there is somebody at the other end of the cable.
    pub running: bool,
}

/// What the caller shall do.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Act {
    /// Ask on this interface which servers there are.
    Ask(u32),
    /// Write down what became of a network.
    Note { network: String, what: Box<What> },
}

/// Questions under way.
#[derive(Debug, Clone)]
struct Listening {
    asked: u8,
    next: Instant,
}

impl Listening {
    fn begin(now: Instant) -> Self {
        Self { asked: 0, next: now }
    }

    /// Asks what is due; whether it is over.
    fn tick(&mut self, now: Instant, index: u32, acts: &mut Vec<Act>) -> bool {
        if now < self.next {
            return false;
        }
        if self.asked == QUESTIONS {
            return true;
        }
        self.asked += 1;
        self.next = now + BETWEEN;
        acts.push(Act::Ask(index));
        false
    }
}

#[derive(Debug, Clone)]
enum State {
    /// No interface is on it, or nothing is done there, for this reason.
    Absent(String),
    /// Nobody is answered there, but what is asked is written down.
    Observing(Place),
    /// It was not listened to yet.
    Listening(Place, Listening),
    /// It is answered. It is listened to once more when its cable was plugged in.
    Serving(Place, Option<Listening>),
    /// It is left to this server, and listened to from time to time.
    Refused {
        place: Place,
        server: Ipv4Addr,
        silences: u8,
        next: Instant,
        listening: Option<Listening>,
    },
}

impl State {
    fn place(&self) -> Option<&Place> {
        match self {
            Self::Absent(_) => None,
            Self::Observing(place)
            | Self::Listening(place, _)
            | Self::Serving(place, _)
            | Self::Refused { place, .. } => Some(place),
        }
    }

    /// What stands in the journal; nothing before it was listened to.
    fn what(&self, http_port: u16) -> Option<What> {
        Some(match self {
            Self::Listening(..) => return None,
            Self::Absent(why) => What::NetworkAbsent { why: why.clone() },
            Self::Observing(place) => What::NetworkAbsent {
                why: format!("dhcp: observe answers nobody on {}", place.interface),
            },
            Self::Serving(place, _) => What::NetworkServed {
                interface: place.interface.clone(),
                address: place.address,
                http_port,
            },
            Self::Refused { place, server, .. } => What::NetworkRefused {
                server: *server,
                interface: place.interface.clone(),
            },
        })
    }
}

/// What is known of each network.
#[derive(Debug)]
pub(super) struct Watch {
    http_port: u16,
    networks: BTreeMap<String, State>,
}

impl Watch {
    pub fn new(http_port: u16) -> Self {
        Self {
            http_port,
            networks: BTreeMap::new(),
        }
    }

    /// Looks at cluster and interfaces anew. `listens` tells whether an interface can be listened to.
    pub fn look(
        &mut self,
        now: Instant,
        cluster: &Cluster,
        interfaces: &[Interface],
        listens: impl Fn(u32) -> bool,
    ) -> Vec<Act> {
        let mut acts = Vec::new();
        let before = std::mem::take(&mut self.networks);
        for network in cluster.networks.iter().filter(|network| network.dhcp != DhcpMode::Off) {
            let old = before.get(&network.name);
            let state = match place(network, interfaces) {
                Err(why) => State::Absent(why),
                Ok(place) => at(now, network, place, old, &listens),
            };
            let what = state.what(self.http_port);
            if what.is_some() && what != old.and_then(|old| old.what(self.http_port)) {
                acts.extend(note(&network.name, what));
            }
            self.networks.insert(network.name.clone(), state);
        }
        acts
    }

    /// Does what is due.
    pub fn tick(&mut self, now: Instant) -> Vec<Act> {
        let mut acts = Vec::new();
        for (name, state) in &mut self.networks {
            let before = state.what(self.http_port);
            let next = match state {
                State::Absent(_) | State::Observing(_) | State::Serving(_, None) => None,
                State::Listening(place, listening) => listening
                    .tick(now, place.index, &mut acts)
                    .then(|| State::Serving(place.clone(), None)),
                State::Serving(place, Some(listening)) => listening
                    .tick(now, place.index, &mut acts)
                    .then(|| State::Serving(place.clone(), None)),
                State::Refused {
                    place,
                    silences,
                    next,
                    listening,
                    ..
                } => {
                    if listening.is_none() && now >= *next {
                        *listening = Some(Listening::begin(now));
                    }
                    let over = listening
                        .as_mut()
                        .is_some_and(|listening| listening.tick(now, place.index, &mut acts));
                    if over {
                        *silences += 1;
                        *listening = None;
                        *next = now + CONFIRM;
                    }
                    (*silences >= SILENCES).then(|| State::Serving(place.clone(), None))
                }
            };
            if let Some(next) = next {
                *state = next;
            }
            let what = state.what(self.http_port);
            if what != before {
                acts.extend(note(name, what));
            }
        }
        acts
    }

    /// Another server's answer was heard on an interface. The names of networks that are answered all the same come
    /// second.
    pub fn heard(&mut self, now: Instant, index: u32, server: Ipv4Addr) -> (Vec<Act>, Vec<String>) {
        let (mut acts, mut served) = (Vec::new(), Vec::new());
        for (name, state) in &mut self.networks {
            if state.place().is_none_or(|place| place.index != index) {
                continue;
            }
            let before = state.what(self.http_port);
            match state {
                State::Listening(place, _) | State::Serving(place, Some(_)) => {
                    *state = State::Refused {
                        place: place.clone(),
                        server,
                        silences: 0,
                        next: now + AGAIN,
                        listening: None,
                    };
                }
                State::Refused {
                    server: known,
                    silences,
                    next,
                    listening,
                    ..
                } => {
                    (*known, *silences, *listening) = (server, 0, None);
                    *next = now + AGAIN;
                }
                State::Serving(_, None) => served.push(name.clone()),
                State::Absent(_) | State::Observing(_) => {}
            }
            let what = state.what(self.http_port);
            if what != before {
                acts.extend(note(name, what));
            }
        }
        (acts, served)
    }

    /// When something is due next.
    pub fn deadline(&self) -> Option<Instant> {
        let due = |state: &State| match state {
            State::Absent(_) | State::Observing(_) | State::Serving(_, None) => None,
            State::Listening(_, listening) | State::Serving(_, Some(listening)) => Some(listening.next),
            State::Refused { next, listening, .. } => Some(listening.as_ref().map_or(*next, |l| l.next)),
        };
        self.networks.values().filter_map(due).min()
    }

    /// The networks on an interface, with our address on each.
    pub fn on(&self, index: u32) -> impl Iterator<Item = (&str, Ipv4Addr)> {
        let places = self
            .networks
            .iter()
            .filter_map(|(name, state)| Some((name, state.place()?)));
        places
            .filter(move |(_, place)| place.index == index)
            .map(|(name, place)| (name.as_str(), place.address))
    }
}

fn note(network: &str, what: Option<What>) -> Option<Act> {
    Some(Act::Note {
        network: network.to_string(),
        what: Box::new(what?),
    })
}

/// What is to be done with a network that is at a place now.
fn at(now: Instant, network: &Network, place: Place, old: Option<&State>, listens: &impl Fn(u32) -> bool) -> State {
    match network.dhcp {
        DhcpMode::Off | DhcpMode::Observe => return State::Observing(place),
        // There is another server by intention.
        DhcpMode::Proxy => return State::Serving(place, None),
        DhcpMode::Serve if network.beside_other_servers => return State::Serving(place, None),
        DhcpMode::Serve => {}
    }
    if !listens(place.index) {
        return State::Absent(format!(
            "{} cannot be listened to for other DHCP servers: it must be Ethernet, and CAP_NET_RAW is needed",
            place.interface
        ));
    }
    let same = |old: &Place| (old.index, old.address) == (place.index, place.address);
    match old {
        // Without a cable its silence meant nothing.
        Some(State::Serving(before, None)) if same(before) && place.running && !before.running => {
            State::Serving(place, Some(Listening::begin(now)))
        }
        Some(State::Serving(before, listening)) if same(before) => State::Serving(place, listening.clone()),
        Some(State::Listening(before, listening)) if same(before) => State::Listening(place, listening.clone()),
        Some(state @ State::Refused { place: before, .. }) if same(before) => state.clone(),
        _ => State::Listening(place, Listening::begin(now)),
    }
}

/// Finds the interface of a network.
pub(super) fn place(network: &Network, interfaces: &[Interface]) -> Result<Place, String> {
    let found = match &network.interface {
        Some(name) => match interfaces.iter().find(|interface| interface.name == *name) {
            Some(interface) => interface,
            None => return Err(format!("there is no interface {name} (ip link)")),
        },
        None => match interfaces.iter().find(|i| i.address_in(network.prefix).is_some()) {
            Some(interface) => interface,
            None => {
                return Err(format!(
                    "no interface has an address in {} (ip address)",
                    network.prefix
                ));
            }
        },
    };
    let Some(address) = found.address_in(network.prefix) else {
        return Err(format!(
            "{} has no address in {} (ip address)",
            found.name, network.prefix
        ));
    };
    if !found.up {
        return Err(format!("{0} is down: ip link set {0} up", found.name));
    }
    Ok(Place {
        interface: found.name.clone(),
        index: found.index,
        address,
        running: found.running,
    })
}

#[cfg(test)]
mod tests;
