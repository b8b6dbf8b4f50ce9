//! A network: one IPv4 prefix on one layer-2 segment.

use std::net::Ipv4Addr;

use ipnet::Ipv4Net;

use super::DhcpMode;

/// One declared network.
#[derive(Debug, Clone, PartialEq)]
pub struct Network {
    /// Name in the cluster file.
    pub name: String,
    /// Address range with its prefix length.
    pub prefix: Ipv4Net,
    /// Default gateway that nodes are told (DHCP option 3). `None`: the network leads nowhere else.
    pub router: Option<Ipv4Addr>,
    /// Name servers (option 6). Empty: Bellwether's own address is sent, since installers refuse to go on without one.
    pub dns: Vec<Ipv4Addr>,
    /// Search domains (option 119). Empty: the domain alone.
    pub search: Vec<String>,
    /// Domain of this network (option 15) where it differs from the cluster's.
    pub domain: Option<String>,
    /// Time servers (option 42).
    pub ntp: Vec<Ipv4Addr>,
    /// Interface MTU in bytes (option 26), 576..=65535.
    pub mtu: Option<u16>,
    /// Static routes (option 121), beside the default route.
    pub routes: Vec<Route>,
    /// Addresses for machines that have no address of their own. Empty: unknown machines get no answer.
    pub pool: Vec<Range>,
    /// Lease time in seconds (option 51), at least 120.
    pub lease_seconds: u32,
    /// What DHCP does on this network.
    pub dhcp: DhcpMode,
    /// Serve even if another DHCP server was heard on the segment.
    pub beside_other_servers: bool,
    /// Send router advertisements (without prefix or route) where nobody else sends any, so that iPXE does not wait
    /// 13 s for IPv6.
    pub router_advertisements: bool,
    /// Name of the interface of this host to serve on. `None`: the one that has an address inside the prefix.
    pub interface: Option<String>,
    /// Line of the declaration in the cluster file, from 1.
    pub line: u32,
}

impl Network {
    /// Whether an address belongs to the pool.
    pub fn in_pool(&self, address: Ipv4Addr) -> bool {
        self.pool.iter().any(|r| r.contains(address))
    }

    /// Number of addresses in all pool ranges.
    pub fn pool_size(&self) -> u64 {
        self.pool.iter().map(Range::len).sum()
    }

    /// The `n`th pool address, counted through the ranges in order; `None` past the end.
    pub fn pool_address(&self, mut n: u64) -> Option<Ipv4Addr> {
        for range in &self.pool {
            if n < range.len() {
                return Some(Ipv4Addr::from(u32::from(range.first) + n as u32));
            }
            n -= range.len();
        }
        None
    }
}

/// A static route (RFC 3442).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Route {
    /// Destination prefix.
    pub to: Ipv4Net,
    /// Next hop.
    pub via: Ipv4Addr,
}

/// An inclusive address range.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Range {
    /// Lowest address.
    pub first: Ipv4Addr,
    /// Highest address, not below `first`.
    pub last: Ipv4Addr,
}

impl Range {
    /// Number of addresses, at least 1.
    #[allow(clippy::len_without_is_empty)]
    pub fn len(&self) -> u64 {
        u64::from(u32::from(self.last) - u32::from(self.first)) + 1
    }

    /// Whether the address lies between both ends.
    pub fn contains(&self, address: Ipv4Addr) -> bool {
        self.first <= address && address <= self.last
    }
}
