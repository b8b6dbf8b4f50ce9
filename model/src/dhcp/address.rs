//! Which address a machine gets.

use std::collections::VecDeque;
use std::net::Ipv4Addr;

use jiff::Timestamp;
use wire::Mac;

use super::{Asked, Offers, Reason};
use crate::cluster::Nic;
use crate::world::Serving;

/// Neighbours of a machine's own place in the pool that are looked at before the pool is searched as a whole.
const NEIGHBOURS: u64 = 16;
/// How many addresses a search through the pool brings back.
const SPARE: usize = 64;

/// An address and why it is this one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Pick {
    pub address: Ipv4Addr,
    pub reserved: bool,
    pub why: Reason,
}

/// What the cluster file says of the NIC that asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Declared {
    /// This address is its own, and can be given.
    Address(Ipv4Addr),
    /// Nothing that helps, for this reason.
    Nothing(Reason),
}

impl Asked<'_> {
    /// What is declared for the NIC that asks, on the network on which it asks.
    pub fn declared(&self, offers: &Offers) -> Declared {
        let Some(node) = self.question.node else {
            return Declared::Nothing(Reason::Pool);
        };
        let network = self.network();
        let here = |nic: &&Nic| nic.network.as_ref().is_none_or(|name| *name == network.name);
        let nic = match node.nic(self.question.mac) {
            Some(nic) if !here(&nic) => return Declared::Nothing(Reason::DeclaredElsewhere),
            Some(nic) => nic,
            // A NIC whose MAC nobody knew when the file was written may be any that has none there.
            None => match node.nics.iter().filter(here).find(|nic| nic.mac.is_none()) {
                Some(nic) => nic,
                None => return Declared::Nothing(Reason::NicNotDeclared),
            },
        };
        match nic.address.filter(|address| network.prefix.contains(address)) {
            None => Declared::Nothing(Reason::NoReservation),
            Some(address) if self.in_conflict(address) => Declared::Nothing(Reason::ReservationInConflict),
            Some(address) if self.is_held_by_other(address, offers) => Declared::Nothing(Reason::ReservationHeld),
            Some(address) => Declared::Address(address),
        }
    }

    /// Whether somebody else has a right to an address that is reserved for the NIC that asks.
    fn is_held_by_other(&self, address: Ipv4Addr, offers: &Offers) -> bool {
        let question = &self.question;
        let leased = match self.world.leases.at(address) {
            Some(lease) if lease.mac != question.mac && lease.is_active(self.now) => {
                // A NIC that was replaced: its successor is declared and it is not, so its lease is in nobody's way.
                let replaced = question
                    .node
                    .is_some_and(|node| lease.node.as_deref() == Some(&*node.name) && node.nic(lease.mac).is_none());
                !(question.by_mac && replaced)
            }
            _ => false,
        };
        leased || offers.is_promised_to_other(address, question.mac)
    }

    /// Whether the cluster file reserves an address for another NIC than the one that asks.
    pub fn is_reserved_for_other(&self, address: Ipv4Addr) -> bool {
        let Some(owner) = self.world.cluster.by_address(address) else {
            return false;
        };
        let nic = owner.nics.iter().find(|nic| nic.address == Some(address));
        match nic.and_then(|nic| nic.mac) {
            Some(mac) => mac != self.question.mac,
            None => self.question.node.is_none_or(|node| node.name != owner.name),
        }
    }

    /// Whether an address was found in use by somebody without a lease.
    pub fn in_conflict(&self, address: Ipv4Addr) -> bool {
        self.world
            .conflicts
            .get(&address)
            .is_some_and(|until| self.now < *until)
    }

    /// The address to offer: the declared one, else one from the pool.
    pub fn pick(&self, offers: &mut Offers, requested: Option<Ipv4Addr>) -> Result<Pick, Reason> {
        let why = match self.declared(offers) {
            Declared::Address(address) => {
                return Ok(Pick {
                    address,
                    reserved: true,
                    why: Reason::Reserved,
                });
            }
            Declared::Nothing(why) => why,
        };
        let address = self.pool_address(offers, requested).map_err(|none| match why {
            Reason::ReservationInConflict | Reason::ReservationHeld => why,
            _ => none,
        })?;
        Ok(Pick {
            address,
            reserved: false,
            why,
        })
    }

    /// What it was promised, or had before, or wants, or the place in the pool that its MAC falls on, or any free one,
    /// or the one that has been out of use for longest.
    fn pool_address(&self, offers: &mut Offers, requested: Option<Ipv4Addr>) -> Result<Ipv4Addr, Reason> {
        let network = self.network();
        let mac = self.question.mac;
        let size = network.pool_size();
        if size == 0 {
            return Err(Reason::NoPool);
        }
        let promised = offers.of(mac, network.prefix).map(|(address, _)| address);
        let leased = self.world.leases.of_on(mac, &network.name).map(|lease| lease.address);
        let mut known = [promised, leased, requested].into_iter().flatten();
        if let Some(address) = known.find(|address| self.is_free(*address, offers)) {
            return Ok(address);
        }
        let unused =
            |offers: &Offers, address| self.is_free(address, offers) && self.world.leases.at(address).is_none();
        let start = spread(mac) % size;
        let mut near = (0..NEIGHBOURS.min(size)).filter_map(|step| network.pool_address((start + step) % size));
        if let Some(address) = near.find(|address| unused(offers, *address)) {
            return Ok(address);
        }
        offers
            .take_spare(
                network.prefix,
                self.now,
                |offers, address| self.is_free(address, offers),
                |offers| self.search(offers, start),
            )
            .ok_or(Reason::PoolExhausted)
    }

    /// Walks the whole pool for unused addresses, or, if there are none, for those whose leases ended first.
    fn search(&self, offers: &Offers, start: u64) -> VecDeque<Ipv4Addr> {
        let network = self.network();
        let size = network.pool_size();
        let mut unused = VecDeque::new();
        let mut ended: Vec<(Timestamp, Ipv4Addr)> = Vec::new();
        for step in 0..size {
            let Some(address) = network.pool_address((start + step) % size) else {
                continue;
            };
            if !self.is_free(address, offers) {
                continue;
            }
            match self.world.leases.at(address) {
                None => unused.push_back(address),
                Some(lease) => ended.push((lease.until, address)),
            }
            if unused.len() >= SPARE {
                break;
            }
        }
        if unused.is_empty() {
            ended.sort_unstable();
            ended.truncate(SPARE);
            return ended.into_iter().map(|(_, address)| address).collect();
        }
        unused
    }

    /// Whether a pool address may be given to the machine that asks.
    pub fn is_free(&self, address: Ipv4Addr, offers: &Offers) -> bool {
        let network = self.network();
        let mac = self.question.mac;
        network.in_pool(address)
            && network.prefix.contains(&address)
            && (network.prefix.prefix_len() > 30
                || (address != network.prefix.network() && address != network.prefix.broadcast()))
            && !self.is_ours(address)
            && network.router != Some(address)
            && self.rx.packet.giaddr() != address
            && self.world.cluster.by_address(address).is_none()
            && !self.in_conflict(address)
            && !offers.is_promised_to_other(address, mac)
            && self
                .world
                .leases
                .at(address)
                .is_none_or(|lease| lease.mac == mac || !lease.is_active(self.now))
    }

    /// Whether an address is one of this server's.
    pub fn is_ours(&self, address: Ipv4Addr) -> bool {
        let mut serving = self.world.networks.values().map(|state| &state.serving);
        address == self.rx.link.address
            || serving.any(|serving| matches!(serving, Serving::Yes { address: ours, .. } if *ours == address))
    }
}

/// A number that is always the same for a MAC and spreads neighbours apart (FNV-1a).
fn spread(mac: Mac) -> u64 {
    mac.octets().iter().fold(0xcbf2_9ce4_8422_2325, |hash, octet| {
        (hash ^ u64::from(*octet)).wrapping_mul(0x0100_0000_01b3)
    })
}
