//! Addresses that are spoken for but not leased: promised in an OFFER, being probed, being committed.
//!
//! Invariant: bounded and forgetful. An entry costs memory until its time is up, never the disk; a restart loses them
//! all, and clients just ask again.
//! Invariant: one machine holds at most one promise per network, one address is promised to at most one machine.

use std::cell::RefCell;
use std::collections::{BTreeSet, HashMap, VecDeque};
use std::net::Ipv4Addr;

use ipnet::Ipv4Net;
use jiff::{SignedDuration, Timestamp};
use wire::Mac;

use super::grounds::{Ground, MOST, Stage};

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
    /// What was answered since [`Offers::begin`].
    grounds: RefCell<Vec<Ground>>,
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
            grounds: RefCell::new(Vec::with_capacity(MOST)),
        }
    }

    /// The promises as one decision of the past found them, as far as it looked. Decides once.
    pub fn of_grounds(grounds: &[Ground], now: Timestamp) -> Self {
        let full = grounds.contains(&Ground::Full);
        let mut offers = Self::new(if full { 0 } else { MOST * 2 });
        let net = |network, prefix| Ipv4Net::new(network, prefix).unwrap_or_default();
        for ground in grounds {
            match *ground {
                Ground::Own {
                    mac,
                    network,
                    prefix,
                    address,
                    stage,
                } => offers.put(address, mac, net(network, prefix), stage, now + OFFER_HOLDS),
                Ground::Taken(address) => {
                    offers.put(
                        address,
                        Mac::ZERO,
                        Ipv4Net::default(),
                        Stage::Blocked,
                        now + OFFER_HOLDS,
                    );
                }
                Ground::Probed(address) => offers.probed(address, now),
                Ground::Spare {
                    network,
                    prefix,
                    address,
                } => {
                    let spare = Spare {
                        addresses: address.into_iter().collect(),
                        searched: Some(now),
                    };
                    offers.spare.insert(net(network, prefix), spare);
                }
                Ground::Full => {}
            }
        }
        offers
    }

    /// A decision begins.
    pub(super) fn begin(&mut self) {
        self.grounds.get_mut().clear();
    }

    /// What the last decision was told, for [`Offers::of_grounds`].
    pub fn grounds(&mut self) -> &[Ground] {
        self.grounds.get_mut()
    }

    fn ground(&self, ground: Ground) {
        let mut grounds = self.grounds.borrow_mut();
        if grounds.len() < MOST && !grounds.contains(&ground) {
            grounds.push(ground);
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
        let probed = self.probed.contains_key(&address);
        if probed {
            self.ground(Ground::Probed(address));
        }
        probed
    }

    /// Whether the address is promised to anybody but this machine.
    pub(super) fn is_promised_to_other(&self, address: Ipv4Addr, mac: Mac) -> bool {
        let taken = self.promises.get(&address).is_some_and(|promise| promise.mac != mac);
        if taken {
            self.ground(Ground::Taken(address));
        }
        taken
    }

    /// What is promised to a machine on a network.
    pub(super) fn of(&self, mac: Mac, network: Ipv4Net) -> Option<(Ipv4Addr, Stage)> {
        let address = *self.by_client.get(&(mac, network))?;
        let stage = self.promises.get(&address)?.stage;
        self.ground(Ground::Own {
            mac,
            network: network.addr(),
            prefix: network.prefix_len(),
            address,
            stage,
        });
        Some((address, stage))
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
            self.ground(Ground::Full);
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
        let before = self.grounds.get_mut().len();
        let mut spare = self.spare.remove(&network).unwrap_or_default();
        let mut found = next_good(self, &mut spare.addresses, &good);
        let may_search = spare.searched.is_none_or(|at| now >= at + SEARCH_AGAIN);
        if found.is_none() && may_search {
            spare.addresses = search(self);
            found = next_good(self, &mut spare.addresses, &good);
            spare.searched = found.is_none().then_some(now);
        }
        self.spare.insert(network, spare);
        // What the search passed over may be the whole pool; what it came to is enough.
        self.grounds.get_mut().truncate(before);
        self.ground(Ground::Spare {
            network: network.addr(),
            prefix: network.prefix_len(),
            address: found,
        });
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
