//! Classless static routes (option 121, RFC 3442).
use std::net::Ipv4Addr;

/// One route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Route {
    /// The network; bits beyond the prefix are ignored.
    pub network: Ipv4Addr,
    /// Length of the network's prefix in bits, 0 (default route) to 32; more counts as 32.
    pub prefix: u8,
    /// The router, or 0.0.0.0 for a network on this very link.
    pub gateway: Ipv4Addr,
}

/// The value of option 121. A client that understands it ignores option 3, so the default route belongs in here too.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RouteList(Vec<u8>);

impl RouteList {
    /// Encodes the routes in their order.
    pub fn new(routes: &[Route]) -> RouteList {
        let mut list = Vec::with_capacity(routes.len() * 9);
        for route in routes {
            let prefix = route.prefix.min(32);
            let mask = u32::MAX.checked_shl(32 - u32::from(prefix)).unwrap_or(0);
            let network = (u32::from(route.network) & mask).to_be_bytes();
            list.push(prefix);
            list.extend_from_slice(&network[..usize::from(prefix).div_ceil(8)]);
            list.extend_from_slice(&route.gateway.octets());
        }
        RouteList(list)
    }

    /// The value of the option.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}
