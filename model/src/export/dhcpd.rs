//! ISC's dhcpd.

use std::fmt::Write as _;

use super::dhcp::{self, Identity, colons, list};
use super::{Sheet, quoted};
use crate::cluster::{Cluster, Network};

pub(super) fn render(sheet: &mut Sheet<'_>) -> String {
    let cluster = sheet.cluster;
    let served = dhcp::networks(sheet, false);
    let machines = dhcp::reservations(sheet);
    let mut out = String::from("authoritative;\n");
    if served.iter().any(|network| !network.routes.is_empty()) {
        out += "option rfc3442-classless-static-routes code 121 = array of unsigned integer 8;\n";
    }
    for network in served {
        // dhcpd gives reserved addresses of a range to others as well.
        let reserved = machines.iter().filter_map(|machine| machine.address);
        subnet(&mut out, cluster, network, reserved.collect());
    }
    out.push('\n');
    for machine in &machines {
        let _ = writeln!(out, "host {} {{", machine.label);
        let _ = match &machine.identity {
            Identity::Mac(mac) => writeln!(out, "  hardware ethernet {mac};"),
            Identity::ClientId(id) => writeln!(out, "  option dhcp-client-identifier {};", colons(id)),
        };
        if let Some(address) = machine.address {
            let _ = writeln!(out, "  fixed-address {address};");
        }
        let _ = writeln!(out, "  option host-name \"{}\";\n}}", machine.label);
    }
    out
}

fn subnet(out: &mut String, cluster: &Cluster, network: &Network, reserved: Vec<std::net::Ipv4Addr>) {
    let Network { name, prefix, .. } = network;
    let lease = network.lease_seconds;
    let _ = writeln!(
        out,
        "\n# Network {name}\nsubnet {} netmask {} {{",
        prefix.network(),
        prefix.netmask()
    );
    for range in dhcp::pool_without(network, reserved) {
        let _ = writeln!(out, "  range {} {};", range.first, range.last);
    }
    let _ = writeln!(out, "  default-lease-time {lease};\n  max-lease-time {lease};");
    let mut option = |name: &str, value: String| {
        let _ = writeln!(out, "  option {name} {value};");
    };
    option("broadcast-address", prefix.broadcast().to_string());
    if let Some(router) = network.router {
        option("routers", router.to_string());
    }
    if !network.dns.is_empty() {
        option("domain-name-servers", list(&network.dns, ", "));
    }
    if !network.ntp.is_empty() {
        option("ntp-servers", list(&network.ntp, ", "));
    }
    if let Some(domain) = dhcp::domain(cluster, network) {
        option("domain-name", quoted(domain));
    }
    if !network.search.is_empty() {
        option(
            "domain-search",
            list(network.search.iter().map(|domain| quoted(domain)), ", "),
        );
    }
    if let Some(mtu) = network.mtu {
        option("interface-mtu", mtu.to_string());
    }
    let routes = dhcp::route_octets(network);
    if !routes.is_empty() {
        option("rfc3442-classless-static-routes", list(routes, ", "));
    }
    out.push_str("}\n");
}
