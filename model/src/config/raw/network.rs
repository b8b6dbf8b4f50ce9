//! Networks and doors as they are written.

use ipnet::Ipv4Net;
use std::net::Ipv4Addr;

use crate::cluster::{DhcpMode, Range};
use crate::config::read::Many;
use crate::config::scalar::{DnsName, Flag, Interface, Lease, Mtu, Port};
use crate::config::section::declare_section;
use crate::config::span::At;

declare_section! {
    /// A network: one IPv4 prefix on one layer-2 segment.
    struct Network as "a network" {
        /// The network's addresses. Example: `10.77.0.0/24`.
        prefix: Option<At<Ipv4Net>> = required,
        /// Default gateway that nodes are told. Without it the network leads nowhere else.
        router: Option<At<Ipv4Addr>>,
        /// Name servers that nodes are told. Without it they are told this server's own address, since some installers
        /// refuse to go on without any.
        dns: Many<At<Ipv4Addr>>,
        /// Search domains. Without it the domain alone.
        search: Many<At<DnsName>>,
        /// Domain of this network, where it differs from the cluster's.
        domain: Option<At<DnsName>>,
        /// Time servers, by address.
        ntp: Many<At<Ipv4Addr>>,
        /// Largest packet in bytes, 576 to 65535. Without it nodes keep their own default (1500).
        mtu: Option<At<Mtu>>,
        /// Addresses for machines that have none of their own. Without it unknown machines get no answer.
        /// Addresses that nodes reserve may lie inside; they are never given to anybody else.
        /// Example: `10.77.0.100-10.77.0.199`.
        pool: Many<At<Range>>,
        /// How long an address is lent: seconds, or a number with `s`, `m`, `h` or `d`; from 2 minutes to 365 days.
        /// Default `12h`.
        lease: Option<At<Lease>>,
        /// Routes beside the default route.
        routes: Vec<Route>,
        /// What DHCP does here. `serve` (the default) gives out addresses. `proxy` leaves them to the DHCP server that
        /// is there already and adds only the boot file. `observe` listens and remembers, and answers nobody.
        /// `off` does not listen.
        dhcp: Option<At<DhcpMode>>,
        /// Serve even where another DHCP server was heard. Default `false`: the network is left alone then.
        beside_other_servers: Option<At<Flag>>,
        /// Send IPv6 router advertisements that announce nothing, where nobody else sends any: iPXE would wait 13
        /// seconds for one. Default `true`.
        router_advertisements: Option<At<Flag>>,
        /// This host's interface on the network. Without it the one that has an address in the prefix.
        interface: Option<At<Interface>>,
    }
}

declare_section! {
    /// A route beside the default route.
    struct Route as "a route" {
        /// Destination. Example: `10.9.0.0/16`.
        to: Option<At<Ipv4Net>> = required,
        /// Next hop, inside the network's prefix.
        via: Option<At<Ipv4Addr>> = required,
    }
}

declare_section! {
    /// Services and their ports; `off` closes a door.
    struct Doors as "the doors" {
        /// DHCP, UDP. Default 67.
        dhcp: Option<At<Port>>,
        /// TFTP, UDP. Default 69.
        tftp: Option<At<Port>>,
        /// HTTP for nodes, TCP. Default 80.
        http: Option<At<Port>>,
        /// The package cache as an HTTP proxy, TCP. Default 3142.
        cache: Option<At<Port>>,
        /// Syslog of installers, UDP. Default 514.
        syslog: Option<At<Port>>,
    }
}
