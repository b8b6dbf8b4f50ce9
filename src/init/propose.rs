//! From what a host is like to what it should serve.

use std::net::Ipv4Addr;

use ipnet::Ipv4Net;
use model::cluster::{DhcpMode, Range};

use super::Surroundings;
use crate::links::Interface;

/// What a person said; the rest is derived.
#[derive(Debug, Clone, Default)]
pub struct Answers {
    /// Name of the cluster.
    pub name: Option<String>,
    /// DNS domain.
    pub domain: Option<String>,
    /// Interface on the machines' network.
    pub interface: Option<String>,
    /// The network, where the interface has no address.
    pub prefix: Option<Ipv4Net>,
    /// Addresses for machines that are not declared.
    pub pool: Option<String>,
    /// What DHCP does.
    pub dhcp: Option<DhcpMode>,
    /// DHCP servers that were heard on the interface.
    pub rivals: Vec<Ipv4Addr>,
}

/// What is to be written.
#[derive(Debug, Clone, PartialEq)]
pub struct Proposal {
    /// Name of the cluster.
    pub name: String,
    /// DNS domain.
    pub domain: String,
    /// This host's interface.
    pub interface: String,
    /// The network.
    pub prefix: Ipv4Net,
    /// This host's address there; to be set first if `unset`.
    pub address: Ipv4Addr,
    /// The interface has no address yet.
    pub unset: bool,
    /// The interface is this host's own way out.
    pub uplink: bool,
    /// Router that machines are told.
    pub router: Option<Ipv4Addr>,
    /// Name servers that machines are told.
    pub dns: Vec<Ipv4Addr>,
    /// What DHCP does.
    pub dhcp: DhcpMode,
    /// DHCP servers that were heard.
    pub rivals: Vec<Ipv4Addr>,
    /// Addresses for machines that are not declared; none where another server gives them out.
    pub pool: Option<String>,
    /// An address for the first node, in the examples.
    pub example: Ipv4Addr,
}

/// Why nothing can be proposed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProposeError {
    /// No wired interface.
    #[error("this host has no Ethernet interface: machines cannot reach it")]
    NoInterface,
    /// Not that one.
    #[error("there is no Ethernet interface {wanted}: there are {}", known.join(", "))]
    Unknown {
        /// What was named.
        wanted: String,
        /// What there is.
        known: Vec<String>,
    },
    /// The interface has another network.
    #[error(
        "{interface} has the address {address}, which is not in {prefix}: leave --prefix out, or give it an address there first"
    )]
    OtherPrefix {
        /// The interface.
        interface: String,
        /// Its address.
        address: Ipv4Net,
        /// What was named.
        prefix: Ipv4Net,
    },
    /// Too small for machines.
    #[error("{0} has no room for machines: a network of at least 8 addresses is needed, /29")]
    TooSmall(Ipv4Net),
    /// All taken.
    #[error("no range of {0} is free: name one with --pool")]
    NoRoom(Ipv4Net),
}

/// The interface on which machines most likely are: one that is not the way out, best with an address; else the way
/// out itself.
///
/// # Errors
/// There is no Ethernet, or not the one that was named.
pub fn interface<'a>(around: &'a Surroundings, wanted: Option<&str>) -> Result<&'a Interface, ProposeError> {
    let whole = |interface: &&Interface| interface.mac.is_some() && !around.parts.contains(&interface.name);
    let wired = || around.interfaces.iter().filter(whole);
    if let Some(wanted) = wanted {
        return wired().find(|i| i.name == wanted).ok_or_else(|| ProposeError::Unknown {
            wanted: wanted.to_string(),
            known: wired().map(|i| i.name.clone()).collect(),
        });
    }
    let rank = |interface: &&Interface| {
        let uplink = is_uplink(around, interface);
        // Those of containers and virtual machines have addresses, and nobody plugs a machine into them.
        let virtual_ = ["docker", "virbr", "veth", "lxc", "cni", "tap", "vnet"]
            .iter()
            .any(|start| interface.name.starts_with(start));
        (
            virtual_,
            uplink,
            interface.addresses.is_empty(),
            !interface.running,
            interface.index,
        )
    };
    wired().min_by_key(rank).ok_or(ProposeError::NoInterface)
}

fn is_uplink(around: &Surroundings, interface: &Interface) -> bool {
    around.uplink.as_ref().is_some_and(|(name, _)| *name == interface.name)
}

/// Makes a proposal.
///
/// # Errors
/// See [`ProposeError`].
pub fn propose(around: &Surroundings, answers: &Answers) -> Result<Proposal, ProposeError> {
    let interface = interface(around, answers.interface.as_deref())?;
    let uplink = is_uplink(around, interface);
    let (prefix, address, unset) = network(around, interface, answers.prefix)?;
    let router = match &around.uplink {
        Some((_, router)) if uplink && prefix.contains(router) => Some(*router),
        // Through this host, if it lets them.
        Some(_) if !uplink && around.forwards => Some(address),
        _ => None,
    };
    let dns = if router.is_some() {
        around.resolvers.clone()
    } else {
        Vec::new()
    };
    let dhcp = answers.dhcp.unwrap_or(if answers.rivals.is_empty() {
        DhcpMode::Serve
    } else {
        DhcpMode::Proxy
    });
    let mut taken: Vec<Ipv4Addr> = around.neighbours.clone();
    taken.extend(
        around
            .interfaces
            .iter()
            .flat_map(|i| i.addresses.iter().map(|net| net.addr())),
    );
    taken.extend(router);
    taken.extend(&dns);
    taken.push(address);
    let free = free_range(prefix, &taken).ok_or(ProposeError::NoRoom(prefix));
    let pool = match (&answers.pool, dhcp) {
        (Some(pool), _) => Some(pool.clone()),
        (None, DhcpMode::Serve) => {
            let Range { first, last } = free?;
            Some(format!("{first}-{last}"))
        }
        _ => None,
    };
    let example = prefix
        .hosts()
        .skip(10)
        .chain(prefix.hosts())
        .find(|host| !taken.contains(host));
    let name = answers.name.clone().unwrap_or_else(|| name_of(&around.hostname));
    Ok(Proposal {
        domain: answers.domain.clone().unwrap_or_else(|| format!("{name}.internal")),
        name,
        interface: interface.name.clone(),
        prefix,
        address,
        unset,
        uplink,
        router,
        dns,
        dhcp,
        rivals: answers.rivals.clone(),
        pool,
        example: example.ok_or(ProposeError::NoRoom(prefix))?,
    })
}

/// A host's name makes a fair name of its cluster, unless it says nothing.
fn name_of(hostname: &str) -> String {
    let plain = !hostname.is_empty()
        && hostname.len() <= 63
        && hostname
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        && !hostname.starts_with('-')
        && !hostname.ends_with('-')
        && hostname != "localhost";
    if plain {
        hostname.to_string()
    } else {
        "cluster".to_string()
    }
}

fn network(
    around: &Surroundings,
    interface: &Interface,
    wanted: Option<Ipv4Net>,
) -> Result<(Ipv4Net, Ipv4Addr, bool), ProposeError> {
    let room = |prefix: Ipv4Net| {
        (prefix.prefix_len() <= 29)
            .then_some(prefix)
            .ok_or(ProposeError::TooSmall(prefix))
    };
    let found = match wanted {
        Some(prefix) => interface.addresses.iter().find(|net| prefix.contains(&net.addr())),
        None => interface
            .addresses
            .iter()
            .find(|net| net.prefix_len() <= 29)
            .or(interface.addresses.first()),
    };
    match (found, wanted, interface.addresses.first()) {
        (Some(net), wanted, _) => Ok((room(wanted.unwrap_or(*net).trunc())?, net.addr(), false)),
        (None, Some(prefix), Some(address)) => Err(ProposeError::OtherPrefix {
            interface: interface.name.clone(),
            address: *address,
            prefix,
        }),
        (None, wanted, _) => {
            let prefix = room(wanted.map_or_else(|| unused(around), |prefix| prefix.trunc()))?;
            let first = prefix.hosts().next().ok_or(ProposeError::TooSmall(prefix))?;
            // `--prefix 10.77.0.5/24` says the address as well.
            let address = wanted
                .map(|net| net.addr())
                .filter(|address| *address != prefix.network());
            Ok((prefix, address.unwrap_or(first), true))
        }
    }
}

/// A private network that this host does not know yet.
fn unused(around: &Surroundings) -> Ipv4Net {
    let known = |prefix: &Ipv4Net| {
        let mut nets = around.interfaces.iter().flat_map(|i| &i.addresses);
        nets.any(|net| prefix.contains(&net.addr()) || net.contains(&prefix.network()))
    };
    let candidates = (77..=254).map(|n| Ipv4Net::new_assert(Ipv4Addr::new(10, n, 0, 0), 24));
    let mut free = candidates.filter(|prefix| !known(prefix));
    free.next()
        .unwrap_or(Ipv4Net::new_assert(Ipv4Addr::new(10, 77, 0, 0), 24))
}

/// The longest free stretch in the middle part of a network (of a /24, .100 to .199), where people leave routers and
/// servers alone.
fn free_range(prefix: Ipv4Net, taken: &[Ipv4Addr]) -> Option<Range> {
    let (network, size) = (u32::from(prefix.network()), 1_u64 << (32 - prefix.prefix_len()));
    // Not more than 1,000 in a large network: each is a machine that may come.
    let first = network + u32::try_from(size * 100 / 256).ok()?.max(1);
    let last = network + u32::try_from((size * 200 / 256).saturating_sub(1).min(size * 100 / 256 + 999)).ok()?;
    let mut taken: Vec<u32> = taken
        .iter()
        .map(|a| u32::from(*a))
        .filter(|a| (first..=last).contains(a))
        .collect();
    taken.sort_unstable();
    let starts = std::iter::once(first).chain(taken.iter().map(|a| a + 1));
    let ends = taken.iter().map(|a| a - 1).chain(std::iter::once(last));
    let (first, last) = starts
        .zip(ends)
        .filter(|(first, last)| first <= last)
        .max_by_key(|(first, last)| last - first)?;
    Some(Range {
        first: first.into(),
        last: last.into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn interface(name: &str, index: u32, address: Option<&str>) -> Interface {
        let mut made = Interface::sketch(name, index);
        made.addresses = address.map(|net| net.parse().unwrap()).into_iter().collect();
        made
    }

    fn around(interfaces: Vec<Interface>) -> Surroundings {
        Surroundings {
            interfaces,
            uplink: Some(("eth0".into(), Ipv4Addr::new(192, 168, 1, 1))),
            resolvers: vec![Ipv4Addr::new(192, 168, 1, 53)],
            hostname: "head".into(),
            ..Surroundings::default()
        }
    }

    #[test]
    fn the_interface_that_is_not_the_way_out_is_taken() {
        let around = around(vec![
            interface("docker0", 1, Some("172.17.0.1/16")),
            interface("eth0", 2, Some("192.168.1.9/24")),
            interface("eth1", 3, Some("10.5.0.1/24")),
        ]);
        let made = propose(&around, &Answers::default()).unwrap();
        assert_eq!((&*made.interface, made.uplink, made.unset), ("eth1", false, false));
        assert_eq!(made.prefix.to_string(), "10.5.0.0/24");
        assert_eq!(made.pool.as_deref(), Some("10.5.0.100-10.5.0.199"));
        assert_eq!(made.router, None, "this host forwards nothing");
        let forwarding = Surroundings {
            forwards: true,
            ..around
        };
        let made = propose(&forwarding, &Answers::default()).unwrap();
        assert_eq!((made.router, made.dns.len()), (Some(Ipv4Addr::new(10, 5, 0, 1)), 1));
    }

    #[test]
    fn an_interface_without_address_gets_a_network_that_is_not_known_here() {
        let around = around(vec![
            interface("eth0", 2, Some("10.77.0.9/16")),
            interface("eth1", 3, None),
        ]);
        let made = propose(&around, &Answers::default()).unwrap();
        assert_eq!((made.prefix.to_string(), made.unset), ("10.78.0.0/24".into(), true));
        assert_eq!(made.address, Ipv4Addr::new(10, 78, 0, 1));
    }

    #[test]
    fn on_the_only_interface_beside_another_server_a_proxy_is_proposed() {
        let around = around(vec![interface("eth0", 2, Some("192.168.1.9/24"))]);
        let answers = Answers {
            rivals: vec![Ipv4Addr::new(192, 168, 1, 1)],
            ..Answers::default()
        };
        let made = propose(&around, &answers).unwrap();
        assert_eq!((made.uplink, made.dhcp, made.pool), (true, DhcpMode::Proxy, None));
        assert_eq!(made.router, Some(Ipv4Addr::new(192, 168, 1, 1)));
    }

    #[test]
    fn the_pool_keeps_clear_of_addresses_that_are_in_use() {
        let prefix: Ipv4Net = "10.0.0.0/24".parse().unwrap();
        let range = |taken: &[u8]| {
            let taken: Vec<Ipv4Addr> = taken.iter().map(|n| Ipv4Addr::new(10, 0, 0, *n)).collect();
            free_range(prefix, &taken).map(|r| (r.first.octets()[3], r.last.octets()[3]))
        };
        assert_eq!(range(&[1, 254]), Some((100, 199)));
        assert_eq!(range(&[120]), Some((121, 199)));
        assert_eq!(range(&[100, 199, 150]), Some((101, 149)));
        for length in 8..=29 {
            let prefix = Ipv4Net::new(Ipv4Addr::new(10, 0, 0, 0), length).unwrap();
            let found = free_range(prefix, &[]).unwrap();
            assert!(prefix.contains(&found.first) && prefix.contains(&found.last) && found.len() <= 1000);
        }
    }

    #[test]
    fn what_cannot_be_is_said() {
        assert_eq!(
            propose(&around(vec![]), &Answers::default()),
            Err(ProposeError::NoInterface)
        );
        let one = around(vec![interface("eth0", 2, Some("192.168.1.9/30"))]);
        assert!(matches!(
            propose(&one, &Answers::default()),
            Err(ProposeError::TooSmall(_))
        ));
        let answers = Answers {
            interface: Some("eth7".into()),
            ..Answers::default()
        };
        assert!(matches!(propose(&one, &answers), Err(ProposeError::Unknown { .. })));
        let answers = Answers {
            prefix: Some("10.0.0.0/24".parse().unwrap()),
            ..Answers::default()
        };
        assert!(matches!(propose(&one, &answers), Err(ProposeError::OtherPrefix { .. })));
    }
}
