//! Addresses that other DHCP servers gave to nodes, where we add boot files beside them: whoever asks for a file from such an
//! address is known by it.
//!
//! Invariant: one address for each NIC and one NIC for each address, so it is bounded by the NICs that nodes have.

use std::net::Ipv4Addr;
use std::sync::Arc;

use imbl::{HashMap, OrdMap};
use wire::Mac;

/// Who has which address from another server.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Elsewhere {
    holders: OrdMap<Ipv4Addr, (Mac, Arc<str>)>,
    addresses: HashMap<Mac, Ipv4Addr>,
}

impl Elsewhere {
    /// The name of the node that has the address.
    pub fn at(&self, address: Ipv4Addr) -> Option<&Arc<str>> {
        self.holders.get(&address).map(|(_, node)| node)
    }

    /// A NIC of that node took the address.
    pub(super) fn put(&mut self, address: Ipv4Addr, mac: Mac, node: Arc<str>) {
        if let Some(before) = self.addresses.insert(mac, address) {
            self.holders.remove(&before);
        }
        if let Some((other, _)) = self.holders.insert(address, (mac, node))
            && other != mac
        {
            self.addresses.remove(&other);
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (Ipv4Addr, Mac, Arc<str>)> + '_ {
        self.holders
            .iter()
            .map(|(address, (mac, node))| (*address, *mac, node.clone()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_one_holder_and_a_nic_one_address() {
        let (a, b): (Mac, Mac) = (
            "52:54:00:00:00:01".parse().unwrap(),
            "52:54:00:00:00:02".parse().unwrap(),
        );
        let (one, two) = (Ipv4Addr::new(10, 0, 0, 1), Ipv4Addr::new(10, 0, 0, 2));
        let mut elsewhere = Elsewhere::default();
        elsewhere.put(one, a, "a".into());
        elsewhere.put(two, a, "a".into());
        assert_eq!((elsewhere.at(one), elsewhere.at(two).map(|n| &**n)), (None, Some("a")));
        elsewhere.put(two, b, "b".into());
        assert_eq!(elsewhere.at(two).map(|n| &**n), Some("b"));
        elsewhere.put(one, a, "a".into());
        assert_eq!(elsewhere.iter().count(), 2);
    }
}
