//! Networks and doors: what they mean, and whether it can be.

use std::net::Ipv4Addr;
use std::sync::Arc;

use ipnet::Ipv4Net;

use super::settings::missing;
use crate::cluster::{DhcpMode, Doors, Network, Range, Route};
use crate::config::diagnostic::Diagnostic;
use crate::config::problems::Problems;
use crate::config::raw;
use crate::config::read::{Many, Named, Scalar};
use crate::config::scalar::Name;
use crate::config::span::{At, Span};

/// Half a day: long enough for a night without the server, short enough that a moved address is free the next day.
const LEASE: u32 = 12 * 3600;

/// A checked network, and where its prefix was said.
pub(super) struct Placed {
    pub network: Arc<Network>,
    pub prefix: Span,
}

/// Checks the name of a network, a group or a profile.
pub(super) fn check_name(name: &At<String>, problems: &mut Problems) {
    if let Err(wrong) = Name::parse(&name.value) {
        problems
            .push(Diagnostic::error("bad-name", format!("`{}` cannot be a name", name.value)).at(name.span, wrong.why));
    }
}

pub(super) fn networks(raw: &Named<raw::Network>, problems: &mut Problems) -> Vec<Placed> {
    let mut networks: Vec<Placed> = Vec::new();
    for (name, network) in &raw.entries {
        check_name(name, problems);
        let Some(prefix) = &network.prefix else {
            missing(
                "prefix",
                &format!("the network `{}`", name.value),
                name.span,
                &network.faulty,
                problems,
            );
            continue;
        };
        if prefix.value.addr().is_multicast() || !(8..=31).contains(&prefix.value.prefix_len()) {
            problems.push(
                Diagnostic::error(
                    "bad-prefix",
                    format!("`{}` cannot be the prefix of a network", prefix.value),
                )
                .at(prefix.span, "expected unicast addresses and a length from 8 to 31"),
            );
            continue;
        }
        if let Some(other) = networks.iter().find(|n| overlap(n.network.prefix, prefix.value)) {
            let other_name = &other.network.name;
            problems.push(
                Diagnostic::error(
                    "overlapping-networks",
                    format!("`{}` and `{other_name}` overlap", name.value),
                )
                .at(prefix.span, format!("{} of `{}`", prefix.value, name.value))
                .at(other.prefix, format!("{} of `{other_name}`", other.network.prefix))
                .help("an address must belong to one network only: give one of them another prefix"),
            );
        }
        let line = problems.lines.line(name.span);
        networks.push(Placed {
            network: Arc::new(one(&name.value, network, prefix, line, problems)),
            prefix: prefix.span,
        });
    }
    networks
}

fn overlap(a: Ipv4Net, b: Ipv4Net) -> bool {
    a.contains(&b) || b.contains(&a)
}

/// Whether an address of the prefix can be a machine's: not the first and not the last, which mean the network itself
/// and everybody in it. Links of two addresses (RFC 3021) have neither.
pub(super) fn is_host(prefix: Ipv4Net, address: Ipv4Addr) -> bool {
    prefix.contains(&address)
        && (prefix.prefix_len() >= 31 || address != prefix.network() && address != prefix.broadcast())
}

fn one(name: &str, raw: &raw::Network, prefix: &At<Ipv4Net>, line: u32, problems: &mut Problems) -> Network {
    let net = prefix.value;
    if let Some(router) = &raw.router {
        inside("router", router, prefix, problems);
    }
    let mut routes = Vec::new();
    for route in &raw.routes {
        let (Some(to), Some(via)) = (&route.to, &route.via) else {
            let key = if route.to.is_none() { "to" } else { "via" };
            missing(
                key,
                &format!("a route of `{name}`"),
                route.span,
                &route.faulty,
                problems,
            );
            continue;
        };
        inside("next hop", via, prefix, problems);
        routes.push(Route {
            to: to.value,
            via: via.value,
        });
    }
    pool(name, raw, prefix, problems);
    let values = |many: &Many<At<Ipv4Addr>>| many.items.iter().map(|v| v.value).collect();
    Network {
        name: name.to_string(),
        prefix: net,
        router: raw.router.as_ref().map(|v| v.value),
        dns: values(&raw.dns),
        search: raw.search.items.iter().map(|v| v.value.0.clone()).collect(),
        domain: raw.domain.as_ref().map(|v| v.value.0.clone()),
        ntp: values(&raw.ntp),
        mtu: raw.mtu.as_ref().map(|v| v.value.0),
        routes,
        pool: raw.pool.items.iter().map(|v| v.value).collect(),
        lease_seconds: raw.lease.as_ref().map_or(LEASE, |v| v.value.0),
        dhcp: raw.dhcp.as_ref().map_or(DhcpMode::Serve, |v| v.value),
        beside_other_servers: raw.beside_other_servers.as_ref().is_some_and(|v| v.value.0),
        router_advertisements: raw.router_advertisements.as_ref().is_none_or(|v| v.value.0),
        interface: raw.interface.as_ref().map(|v| v.value.0.clone()),
        line,
    }
}

fn inside(what: &str, address: &At<Ipv4Addr>, prefix: &At<Ipv4Net>, problems: &mut Problems) {
    if is_host(prefix.value, address.value) {
        return;
    }
    let (code, label) = match prefix.value.contains(&address.value) {
        true => (
            "unusable-address",
            "the first or last address of the prefix, which no machine can have",
        ),
        false => ("address-outside-network", "nodes could not reach it"),
    };
    problems.push(
        Diagnostic::error(
            code,
            format!("the {what} {} is not an address of {}", address.value, prefix.value),
        )
        .at(address.span, label)
        .at(prefix.span, "the prefix of this network"),
    );
}

fn pool(name: &str, raw: &raw::Network, prefix: &At<Ipv4Net>, problems: &mut Problems) {
    let mut before: Vec<&At<Range>> = Vec::new();
    for range in &raw.pool.items {
        let Range { first, last } = range.value;
        let net = prefix.value;
        if !net.contains(&first) || !net.contains(&last) {
            problems.push(
                Diagnostic::error(
                    "pool-outside-network",
                    format!("the pool of `{name}` reaches beyond its prefix"),
                )
                .at(range.span, "this range")
                .at(
                    prefix.span,
                    format!("addresses from {} to {}", net.network(), net.broadcast()),
                )
                .help("take both ends of the range from the prefix"),
            );
        } else if !is_host(net, first) || !is_host(net, last) {
            let hosts = (u32::from(net.network()) + 1, u32::from(net.broadcast()) - 1);
            problems.push(
                Diagnostic::error(
                    "unusable-address",
                    "the pool has an address in it that no machine can have",
                )
                .at(
                    range.span,
                    "the first and the last address of a prefix mean the network itself and everybody",
                )
                .help(format!(
                    "`{}-{}` at most",
                    Ipv4Addr::from(hosts.0),
                    Ipv4Addr::from(hosts.1)
                )),
            );
        }
        if let Some(other) = before.iter().find(|o| o.value.first <= last && first <= o.value.last) {
            problems.push(
                Diagnostic::error(
                    "overlapping-pool",
                    format!("two ranges of the pool of `{name}` overlap"),
                )
                .at(range.span, "this range")
                .at(other.span, "and this one"),
            );
        }
        before.push(range);
        let servers = [(&raw.dns, "name server"), (&raw.ntp, "time server")];
        let servers = servers
            .iter()
            .flat_map(|(many, what)| many.items.iter().map(move |v| (v, *what)));
        let router = raw.router.iter().map(|v| (v, "router"));
        let hops = raw
            .routes
            .iter()
            .filter_map(|r| r.via.as_ref())
            .map(|v| (v, "next hop"));
        for (server, what) in servers.chain(router).chain(hops) {
            if range.value.contains(server.value) {
                problems.push(
                    Diagnostic::error(
                        "pool-holds-server",
                        format!("the pool of `{name}` has the {what} {} in it", server.value),
                    )
                    .at(range.span, "an unknown machine could be given its address")
                    .at(server.span, format!("the {what}"))
                    .help("end the range before it, or give two ranges as a list"),
                );
            }
        }
    }
}

pub(super) fn doors(raw: &raw::Doors, problems: &mut Problems) -> Doors {
    let default = Doors::default();
    let doors = Doors {
        dhcp: raw.dhcp.as_ref().map_or(default.dhcp, |v| v.value.0),
        tftp: raw.tftp.as_ref().map_or(default.tftp, |v| v.value.0),
        http: raw.http.as_ref().map_or(default.http, |v| v.value.0),
        cache: raw.cache.as_ref().map_or(default.cache, |v| v.value.0),
        syslog: raw.syslog.as_ref().map_or(default.syslog, |v| v.value.0),
    };
    if let (Some(http), Some(cache)) = (doors.http, doors.cache)
        && http == cache
    {
        let main = raw.cache.as_ref().or(raw.http.as_ref()).map_or(raw.span, |v| v.span);
        problems.push(
            Diagnostic::error(
                "duplicate-port",
                format!("HTTP and the package cache cannot both have port {http}"),
            )
            .at(main, "taken by the other one"),
        );
    }
    let udp = [
        ("DHCP", doors.dhcp, &raw.dhcp),
        ("TFTP", doors.tftp, &raw.tftp),
        ("syslog", doors.syslog, &raw.syslog),
    ];
    for (at, (name, port, said)) in udp.iter().enumerate() {
        let before = udp[..at].iter().find(|(_, other, _)| port.is_some() && other == port);
        if let (Some(port), Some((other, _, other_said))) = (port, before) {
            let main = said.as_ref().or(other_said.as_ref()).map_or(raw.span, |v| v.span);
            problems.push(
                Diagnostic::error(
                    "duplicate-port",
                    format!("{other} and {name} cannot both have port {port}"),
                )
                .at(main, "taken by the other one"),
            );
        }
    }
    doors
}
