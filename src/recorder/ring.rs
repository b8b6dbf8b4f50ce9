//! The memory of the recorder: chunks of a fixed size, each of one owner.
//!
//! Promise: nodes and strangers have parts of their own, so whatever strangers send pushes no node's packets out.
//! Promise: a node that has its share, or strangers that have theirs, push out their own oldest packets; only when all
//! memory is taken a node's packets push out those of the node that was silent for longest.
//! Invariant: no more chunks than the size allows, and no allocation for a packet: a chunk is made once, then used again.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::net::SocketAddr;
use std::sync::Arc;

use jiff::Timestamp;
use wire::Mac;

use super::{Owner, Packet};

/// Octets of packets in a chunk.
const DATA: usize = 7 << 10;
/// Packets in a chunk.
const PACKETS: usize = 10;
/// What a chunk takes.
const CHUNK: usize = DATA + PACKETS * size_of::<Head>();
/// Most that is kept of one packet, and of what is said of it; DHCP and TFTP never reach it on Ethernet.
const LONGEST: usize = DATA / 2;
/// The share of one node, in bytes: some ten boots.
const SHARE: usize = 128 << 10;
/// The strangers' part of the whole.
const STRANGERS: usize = 8;

/// Question or answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// A machine asks.
    Question,
    /// We answer.
    Answer,
}

/// What carried a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transport {
    /// A UDP datagram.
    Udp,
    /// A message of HTTP, over TCP.
    Http,
}

/// What is kept of a packet beside its bytes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Head {
    at: Timestamp,
    question: u64,
    from: SocketAddr,
    to: SocketAddr,
    mac: Option<Mac>,
    role: Role,
    transport: Transport,
    whole: u32,
    bytes: (u16, u16),
    said: (u16, u16),
}

impl Head {
    pub(super) fn of(packet: &Packet<'_>) -> Self {
        Self {
            at: packet.at,
            question: packet.question,
            from: packet.from,
            to: packet.to,
            mac: packet.mac,
            role: packet.role,
            transport: packet.transport,
            whole: u32::try_from(packet.whole).unwrap_or(u32::MAX),
            bytes: (0, 0),
            said: (0, 0),
        }
    }
}

/// A packet as it was kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// When it came, or left.
    pub at: Timestamp,
    /// Number of the question that it is, or answers.
    pub question: u64,
    /// Question or answer.
    pub role: Role,
    /// What carried it.
    pub transport: Transport,
    /// Who sent it.
    pub from: SocketAddr,
    /// To whom.
    pub to: SocketAddr,
    /// The machine's NIC, where the protocol tells.
    pub mac: Option<Mac>,
    /// What it carried, or the beginning of it.
    pub bytes: Vec<u8>,
    /// Octets of that on the wire.
    pub whole: u32,
    /// What is said of it: [`super::Said`] as JSON, or nothing.
    pub said: Vec<u8>,
}

#[derive(Debug)]
struct Chunk {
    /// Grows with every chunk that is begun.
    number: u64,
    heads: Vec<Head>,
    data: Vec<u8>,
}

impl Chunk {
    fn new(number: u64) -> Self {
        Self {
            number,
            heads: Vec::with_capacity(PACKETS),
            data: Vec::with_capacity(DATA),
        }
    }

    fn has_room(&self, octets: usize) -> bool {
        self.heads.len() < PACKETS && self.data.len() + octets <= DATA
    }

    fn put(&mut self, head: &Head, bytes: &[u8], said: &[u8]) {
        let mut place = |octets: &[u8]| {
            let start = self.data.len() as u16;
            self.data.extend_from_slice(octets);
            (start, self.data.len() as u16)
        };
        let (bytes, said) = (place(bytes), place(said));
        self.heads.push(Head { bytes, said, ..*head });
    }

    fn kept(&self) -> impl Iterator<Item = Kept> + '_ {
        self.heads.iter().map(|head| {
            let octets = |(start, end): (u16, u16)| self.data[usize::from(start)..usize::from(end)].to_vec();
            Kept {
                at: head.at,
                question: head.question,
                role: head.role,
                transport: head.transport,
                from: head.from,
                to: head.to,
                mac: head.mac,
                bytes: octets(head.bytes),
                whole: head.whole,
                said: octets(head.said),
            }
        })
    }
}

/// See the head of this file.
#[derive(Debug)]
pub(super) struct Ring {
    size: usize,
    nodes: HashMap<Arc<str>, VecDeque<Chunk>>,
    strangers: VecDeque<Chunk>,
    /// Whose each chunk of the nodes is, by its number: the first is the oldest.
    ages: BTreeMap<u64, Arc<str>>,
    begun: u64,
    forgotten: u64,
}

impl Ring {
    pub(super) fn new(size: usize) -> Self {
        Self {
            size,
            nodes: HashMap::new(),
            strangers: VecDeque::new(),
            ages: BTreeMap::new(),
            begun: 0,
            forgotten: 0,
        }
    }

    pub(super) fn is_on(&self) -> bool {
        self.size > 0
    }

    fn for_strangers(&self) -> usize {
        self.size / STRANGERS / CHUNK
    }

    fn for_nodes(&self) -> usize {
        (self.size - self.size / STRANGERS) / CHUNK
    }

    /// Keeps a packet; tells whether only its beginning, or `None` if nothing is kept at all.
    pub(super) fn put(&mut self, owner: Owner<'_>, head: &Head, bytes: &[u8], said: &[u8]) -> Option<bool> {
        if !self.is_on() {
            return None;
        }
        // Half of something said is of no use.
        let said = if said.len() > LONGEST { &[] } else { said };
        let kept = &bytes[..bytes.len().min(LONGEST)];
        let octets = kept.len() + said.len();
        match owner {
            Owner::Stranger => {
                if !self.strangers.back().is_some_and(|chunk| chunk.has_room(octets)) {
                    let full = self.strangers.len() >= self.for_strangers();
                    let old = if full { self.strangers.pop_front() } else { None };
                    let chunk = self.begin(old);
                    self.strangers.push_back(chunk);
                }
                self.strangers.back_mut()?.put(head, kept, said);
            }
            Owner::Node(name) => {
                let last = self.nodes.get_mut(name).and_then(VecDeque::back_mut);
                match last.filter(|chunk| chunk.has_room(octets)) {
                    Some(chunk) => chunk.put(head, kept, said),
                    None => {
                        let old = self.oldest_for(name);
                        let mut chunk = self.begin(old);
                        chunk.put(head, kept, said);
                        self.ages.insert(chunk.number, name.clone());
                        self.nodes.entry(name.clone()).or_default().push_back(chunk);
                    }
                }
            }
        }
        Some(kept.len() < head.whole as usize)
    }

    /// The chunk that a node may use again: its own oldest if it has its share, else the oldest of all if all are taken.
    fn oldest_for(&mut self, name: &Arc<str>) -> Option<Chunk> {
        let share = SHARE.min(self.size / 16).max(2 * CHUNK) / CHUNK;
        let owned = self.nodes.get(name).map_or(0, VecDeque::len);
        let owner = match () {
            () if owned >= share => name.clone(),
            () if self.ages.len() >= self.for_nodes() => self.ages.first_key_value()?.1.clone(),
            () => return None,
        };
        self.take_oldest(&owner)
    }

    fn take_oldest(&mut self, owner: &Arc<str>) -> Option<Chunk> {
        let chunks = self.nodes.get_mut(owner)?;
        let chunk = chunks.pop_front()?;
        if chunks.is_empty() {
            self.nodes.remove(owner);
        }
        self.ages.remove(&chunk.number);
        Some(chunk)
    }

    fn begin(&mut self, old: Option<Chunk>) -> Chunk {
        self.begun += 1;
        match old {
            None => Chunk::new(self.begun),
            Some(mut chunk) => {
                self.forgotten += chunk.heads.len() as u64;
                chunk.heads.clear();
                chunk.data.clear();
                chunk.number = self.begun;
                chunk
            }
        }
    }

    pub(super) fn of(&self, node: Option<&str>, macs: &[Mac]) -> Vec<Kept> {
        let own = node.and_then(|name| self.nodes.get(name)).into_iter().flatten();
        let foreign = self.strangers.iter().flat_map(Chunk::kept);
        let mut all: Vec<Kept> = own.flat_map(Chunk::kept).collect();
        all.extend(foreign.filter(|kept| kept.mac.is_some_and(|mac| macs.contains(&mac))));
        all.sort_by_key(|kept| kept.at);
        all
    }

    pub(super) fn resize(&mut self, size: usize) {
        self.size = size;
        while self.ages.len() > self.for_nodes() {
            let Some(owner) = self.ages.first_key_value().map(|(_, owner)| owner.clone()) else {
                break;
            };
            let gone = self.take_oldest(&owner).map_or(0, |chunk| chunk.heads.len());
            self.forgotten += gone as u64;
        }
        while self.strangers.len() > self.for_strangers() {
            let gone = self.strangers.pop_front().map_or(0, |chunk| chunk.heads.len());
            self.forgotten += gone as u64;
        }
    }

    /// Memory that is taken.
    #[cfg(test)]
    pub(super) fn bytes(&self) -> usize {
        (self.ages.len() + self.strangers.len()) * CHUNK
    }

    pub(super) fn forgotten(&self) -> u64 {
        self.forgotten
    }
}
