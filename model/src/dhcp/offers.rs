//! Addresses that are spoken for but not leased: promised in an OFFER, being probed, being committed.
//!
//! Invariant: bounded and forgetful. An entry costs memory until its time is up, never the disk; a restart loses them
//! all, and clients just ask again.
//! Invariant: one machine holds at most one promise per network, one address is promised to at most one machine.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::net::Ipv4Addr;

use ipnet::Ipv4Net;
use jiff::{SignedDuration, Timestamp};
use wire::Mac;

/// For how long an OFFER holds: a PXE client collects offers for up to 60 s (PXE 2.1 section 2.2.2).
const OFFER_HOLDS: SignedDuration = SignedDuration::from_secs(60);
/// A probe is over in less.
const PROBE_HOLDS: SignedDuration = SignedDuration::from_secs(2);
/// A commit ends with [`Offers::settle`], however long the disk takes; this is for a caller that forgets.
const COMMIT_HOLDS: SignedDuration = SignedDuration::from_hours(1);
/// A conflict is in the world by then.
const BLOCK_HOLDS: SignedDuration = SignedDuration::from_secs(10);
/// How long the answer of a probe is believed.
const PROBE_BELIEVED: SignedDuration = SignedDuration::from_secs(60);
/// After a pool was found full it is not searched again for as long.
const SEARCH_AGAIN: SignedDuration = SignedDuration::from_secs(1);

/// How far a promise has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// The wire is being asked about the address.
    Probing,
    /// The client was told.
    Offered,
    /// The client took it, and the lease is being written.
    Committing,
    /// Nobody may have it.
    Blocked,
}

#[derive(Debug, Clone, Copy)]
struct Promise {
    mac: Mac,
    network: Ipv4Net,
    until: Timestamp,
    stage: Stage,
}

/// Addresses found by the last search through a pool, to be handed out without another.
#[derive(Debug, Default)]
struct Spare {
    addresses: VecDeque<Ipv4Addr>,
    searched: Option<Timestamp>,
}

/// What is promised to whom. Owned by whoever calls [`super::decide`], one for all networks.
#[derive(Debug)]
pub struct Offers {
    capacity: usize,
    promises: HashMap<Ipv4Addr, Promise>,
    by_client: HashMap<(Mac, Ipv4Net), Ipv4Addr>,
    ends: BTreeSet<(Timestamp, Ipv4Addr)>,
    probed: HashMap<Ipv4Addr, Timestamp>,
    probes: BTreeSet<(Timestamp, Ipv4Addr)>,
    spare: HashMap<Ipv4Net, Spare>,
}

impl Default for Offers {
    fn default() -> Self {
        Self::new(65_536)
    }
}

impl Offers {
    /// A table for at most `capacity` promises; addresses from the pool are not offered while it is full.
    pub fn new(capacity: usize) -> Self {
        Self {
            capacity,
            promises: HashMap::new(),
            by_client: HashMap::new(),
            ends: BTreeSet::new(),
            probed: HashMap::new(),
            probes: BTreeSet::new(),
            spare: HashMap::new(),
        }
    }

    /// Number of promises.
    pub fn len(&self) -> usize {
        self.promises.len()
    }

    /// Whether nothing is promised.
    pub fn is_empty(&self) -> bool {
        self.promises.is_empty()
    }

    /// The wire was asked about an address and nobody has it.
    pub fn probed(&mut self, address: Ipv4Addr, now: Timestamp) {
        let until = now + PROBE_BELIEVED;
        if let Some(old) = self.probed.insert(address, until) {
            self.probes.remove(&(old, address));
        }
        self.probes.insert((until, address));
    }

    /// The lease on an address is durable and in the world, or could not be written: the promise has done its work.
    pub fn settle(&mut self, address: Ipv4Addr) {
        self.forget(address);
    }

    /// Nobody may have the address until then; for the moment in which a conflict is known but not yet in the world.
    pub fn block(&mut self, address: Ipv4Addr, now: Timestamp) {
        self.forget(address);
        self.put(
            address,
            Mac::ZERO,
            Ipv4Net::default(),
            Stage::Blocked,
            now + BLOCK_HOLDS,
        );
        if let Some(until) = self.probed.remove(&address) {
            self.probes.remove(&(until, address));
        }
    }

    /// Forgets what is over.
    pub fn expire(&mut self, now: Timestamp) {
        while let Some(&(until, address)) = self.ends.first()
            && until <= now
        {
            self.forget(address);
        }
        while let Some(&(until, address)) = self.probes.first()
            && until <= now
        {
            self.probes.remove(&(until, address));
            self.probed.remove(&address);
        }
    }

    /// Whether a probe found the address free less than a minute ago.
    pub(super) fn is_probed(&self, address: Ipv4Addr) -> bool {
        self.probed.contains_key(&address)
    }

    /// Whether the address is promised to anybody but this machine.
    pub(super) fn is_promised_to_other(&self, address: Ipv4Addr, mac: Mac) -> bool {
        self.promises.get(&address).is_some_and(|promise| promise.mac != mac)
    }

    /// What is promised to a machine on a network.
    pub(super) fn of(&self, mac: Mac, network: Ipv4Net) -> Option<(Ipv4Addr, Stage)> {
        let address = *self.by_client.get(&(mac, network))?;
        Some((address, self.promises.get(&address)?.stage))
    }

    /// Promises an address, in the place of what the machine was promised on that network before. `false` if there is
    /// no room for another.
    pub(super) fn promise(
        &mut self,
        mac: Mac,
        network: Ipv4Net,
        address: Ipv4Addr,
        stage: Stage,
        now: Timestamp,
    ) -> bool {
        self.withdraw(mac, network);
        if self.promises.len() >= self.capacity {
            return false;
        }
        let holds = match stage {
            Stage::Probing => PROBE_HOLDS,
            Stage::Offered => OFFER_HOLDS,
            Stage::Committing => COMMIT_HOLDS,
            Stage::Blocked => BLOCK_HOLDS,
        };
        self.forget(address);
        self.put(address, mac, network, stage, now + holds);
        true
    }

    /// Takes back what was promised to a machine on a network.
    pub(super) fn withdraw(&mut self, mac: Mac, network: Ipv4Net) {
        if let Some(address) = self.by_client.get(&(mac, network)).copied() {
            self.forget(address);
        }
    }

    /// The next address that the last search through the pool found and that is still good. `search` is called, at most
    /// once a second if it finds nothing, for more.
    pub(super) fn take_spare(
        &mut self,
        network: Ipv4Net,
        now: Timestamp,
        good: impl Fn(&Self, Ipv4Addr) -> bool,
        search: impl FnOnce(&Self) -> VecDeque<Ipv4Addr>,
    ) -> Option<Ipv4Addr> {
        let mut spare = self.spare.remove(&network).unwrap_or_default();
        let mut found = next_good(self, &mut spare.addresses, &good);
        let may_search = spare.searched.is_none_or(|at| now >= at + SEARCH_AGAIN);
        if found.is_none() && may_search {
            spare.addresses = search(self);
            found = next_good(self, &mut spare.addresses, &good);
            spare.searched = found.is_none().then_some(now);
        }
        self.spare.insert(network, spare);
        found
    }

    fn put(&mut self, address: Ipv4Addr, mac: Mac, network: Ipv4Net, stage: Stage, until: Timestamp) {
        let promise = Promise {
            mac,
            network,
            until,
            stage,
        };
        self.promises.insert(address, promise);
        self.ends.insert((until, address));
        if stage != Stage::Blocked {
            self.by_client.insert((mac, network), address);
        }
    }

    fn forget(&mut self, address: Ipv4Addr) {
        if let Some(promise) = self.promises.remove(&address) {
            self.ends.remove(&(promise.until, address));
            if promise.stage != Stage::Blocked {
                self.by_client.remove(&(promise.mac, promise.network));
            }
        }
    }
}

fn next_good(
    offers: &Offers,
    addresses: &mut VecDeque<Ipv4Addr>,
    good: impl Fn(&Offers, Ipv4Addr) -> bool,
) -> Option<Ipv4Addr> {
    while let Some(address) = addresses.pop_front() {
        if good(offers, address) {
            return Some(address);
        }
    }
    None
}
