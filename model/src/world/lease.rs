//! Leases: who holds which address until when.

use std::net::Ipv4Addr;
use std::sync::Arc;

use imbl::{HashMap, OrdMap};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use wire::Mac;

/// One lease.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Lease {
    /// The address.
    pub address: Ipv4Addr,
    /// Hardware address of the holder.
    pub mac: Mac,
    /// Name of the node that holds it; `None` for a machine that is no node.
    pub node: Option<Arc<str>>,
    /// Name of the network.
    pub network: Arc<str>,
    /// When it ends.
    pub until: Timestamp,
    /// When the holder first got it, counted through renewals.
    pub since: Timestamp,
    /// Whether the cluster file reserves it for the holder.
    pub reserved: bool,
    /// Client identifier, hexadecimal.
    #[serde(default)]
    pub client_id: Option<String>,
    /// Host name that the client gave.
    #[serde(default)]
    pub hostname: Option<String>,
}

impl Lease {
    /// Whether it has not ended.
    pub fn is_active(&self, now: Timestamp) -> bool {
        now < self.until
    }
}

/// All leases, ended ones included until their address is used again.
#[derive(Debug, Clone, Default)]
pub struct Leases {
    by_address: OrdMap<Ipv4Addr, Arc<Lease>>,
    by_mac: HashMap<Mac, Vec<Ipv4Addr>>,
}

impl Leases {
    /// The lease on that address, ended or not.
    pub fn at(&self, address: Ipv4Addr) -> Option<&Arc<Lease>> {
        self.by_address.get(&address)
    }

    /// The leases of a MAC, one per network at most.
    pub fn of(&self, mac: Mac) -> impl Iterator<Item = &Arc<Lease>> {
        self.by_mac
            .get(&mac)
            .into_iter()
            .flatten()
            .filter_map(|address| self.by_address.get(address))
    }

    /// The lease of a MAC on one network.
    pub fn of_on(&self, mac: Mac, network: &str) -> Option<&Arc<Lease>> {
        self.of(mac).find(|lease| &*lease.network == network)
    }

    /// All leases in the order of their addresses.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Lease>> {
        self.by_address.values()
    }

    /// Number of leases, ended ones included.
    pub fn len(&self) -> usize {
        self.by_address.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.by_address.is_empty()
    }

    /// Puts a lease in the place of whatever the address and the holder had on that network before.
    pub(crate) fn put(&mut self, lease: Lease) {
        if let Some(old) = self.by_address.get(&lease.address).cloned()
            && old.mac != lease.mac
        {
            self.forget(old.mac, old.address);
        }
        let before = self.of_on(lease.mac, &lease.network).map(|l| l.address);
        if let Some(address) = before
            && address != lease.address
        {
            self.remove(address);
        }
        let addresses = self.by_mac.entry(lease.mac).or_default();
        if !addresses.contains(&lease.address) {
            addresses.push(lease.address);
        }
        self.by_address.insert(lease.address, Arc::new(lease));
    }

    /// Takes the lease on an address away.
    pub(crate) fn remove(&mut self, address: Ipv4Addr) {
        if let Some(lease) = self.by_address.remove(&address) {
            self.forget(lease.mac, address);
        }
    }

    fn forget(&mut self, mac: Mac, address: Ipv4Addr) {
        if let Some(addresses) = self.by_mac.get_mut(&mac) {
            addresses.retain(|a| *a != address);
            if addresses.is_empty() {
                self.by_mac.remove(&mac);
            }
        }
    }
}
