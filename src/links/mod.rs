//! The interfaces of this host, and whole frames on them.
//!
//! A raw socket is bound to its interface by the link address that the kernel itself hands out, which needs no unsafe
//! code.

mod frame;
mod packet;
mod watched;

pub use frame::{Datagram, read_udp, udp_frame};
pub use packet::{Kind, PacketSocket};
pub use watched::watched;

use std::collections::BTreeMap;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr};

use ipnet::Ipv4Net;
use nix::ifaddrs::getifaddrs;
use nix::net::if_::InterfaceFlags;
use nix::sys::socket::{LinkAddr, SockaddrStorage};
use wire::Mac;

/// One interface of this host.
#[derive(Debug, Clone, PartialEq)]
pub struct Interface {
    /// Name.
    pub name: String,
    /// The kernel's number of it.
    pub index: u32,
    /// Its hardware address, if it is Ethernet.
    pub mac: Option<Mac>,
    /// Its IPv4 addresses with their prefix lengths.
    pub addresses: Vec<Ipv4Net>,
    /// Its IPv6 link-local address.
    pub link_local: Option<Ipv6Addr>,
    /// Whether it is switched on.
    pub up: bool,
    /// Whether there is somebody at the other end of the cable.
    pub running: bool,
    link: Option<LinkAddr>,
}

/// Ethernet's hardware type (`ARPHRD_ETHER`).
const ETHERNET: u16 = 1;

/// All interfaces but the loopback, by name.
///
/// # Errors
/// The kernel's.
pub fn interfaces() -> io::Result<Vec<Interface>> {
    let entries: Vec<_> = getifaddrs()?.collect();
    let mut found: BTreeMap<String, Interface> = BTreeMap::new();
    for entry in &entries {
        let Some(link) = entry.address.as_ref().and_then(SockaddrStorage::as_link_addr) else {
            continue;
        };
        if entry.flags.contains(InterfaceFlags::IFF_LOOPBACK) {
            continue;
        }
        let mac = link.addr().filter(|_| link.hatype() == ETHERNET).map(Mac);
        found.insert(
            entry.interface_name.clone(),
            Interface {
                name: entry.interface_name.clone(),
                index: link.ifindex() as u32,
                mac,
                addresses: Vec::new(),
                link_local: None,
                up: entry.flags.contains(InterfaceFlags::IFF_UP),
                running: entry.flags.contains(InterfaceFlags::IFF_RUNNING),
                link: Some(*link),
            },
        );
    }
    for entry in entries {
        // An address with a label (eth0:1) belongs to the interface before the colon.
        let name = entry.interface_name.split(':').next().unwrap_or_default();
        let (Some(interface), Some(address)) = (found.get_mut(name), entry.address) else {
            continue;
        };
        if let Some(v4) = address.as_sockaddr_in() {
            let mask = entry.netmask.as_ref().and_then(SockaddrStorage::as_sockaddr_in);
            let mask = mask.map_or(Ipv4Addr::BROADCAST, |mask| mask.ip());
            if let Ok(net) = Ipv4Net::with_netmask(v4.ip(), mask) {
                interface.addresses.push(net);
            }
        } else if let Some(v6) = address.as_sockaddr_in6()
            && v6.ip().is_unicast_link_local()
        {
            interface.link_local.get_or_insert(v6.ip());
        }
    }
    Ok(found.into_values().collect())
}

impl Interface {
    /// Its first address inside a prefix.
    pub fn address_in(&self, prefix: Ipv4Net) -> Option<Ipv4Addr> {
        let mut addresses = self.addresses.iter().map(Ipv4Net::addr);
        addresses.find(|address| prefix.contains(address))
    }

    /// An interface that exists nowhere, switched on and plugged in.
    #[cfg(test)]
    pub fn sketch(name: &str, index: u32) -> Self {
        Self {
            name: name.to_string(),
            index,
            mac: Some(Mac([2, 0, 0, 0, 0, index as u8])),
            addresses: Vec::new(),
            link_local: None,
            up: true,
            running: true,
            link: None,
        }
    }
}
