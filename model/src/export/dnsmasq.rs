//! dnsmasq: DHCP and names.

use std::fmt::Write as _;

use super::Sheet;
use super::dhcp::{self, Identity, colons, list};
use crate::cluster::{Cluster, Network};

pub(super) fn render(sheet: &mut Sheet<'_>) -> String {
    let cluster = sheet.cluster;
    let mut out = String::new();
    if !cluster.domain.is_empty() {
        let _ = writeln!(out, "domain={}", cluster.domain);
    }
    for served in dhcp::networks(sheet, true) {
        network(&mut out, cluster, served);
    }
    out.push_str("\n# Machines\n");
    for machine in dhcp::reservations(sheet) {
        let who = match &machine.identity {
            Identity::Mac(mac) => mac.to_string(),
            Identity::ClientId(id) => format!("id:{}", colons(id)),
        };
        let address = machine
            .address
            .map_or_else(String::new, |address| format!(",{address}"));
        let _ = writeln!(out, "dhcp-host={who},{}{address}", machine.label);
    }
    out.push_str("\n# Names, and the way back from addresses\n");
    for record in &sheet.records {
        let Some(address) = record.address else { continue };
        let fqdn = record.fqdn(cluster);
        let short = if fqdn == record.label {
            String::new()
        } else {
            format!(",{}", record.label)
        };
        let _ = writeln!(out, "host-record={fqdn}{short},{address}");
    }
    out
}

fn network(out: &mut String, cluster: &Cluster, network: &Network) {
    let Network {
        name, prefix, router, ..
    } = network;
    let _ = writeln!(out, "\n# Network {name}");
    let (netmask, lease) = (prefix.netmask(), network.lease_seconds);
    if network.pool.is_empty() {
        let _ = writeln!(
            out,
            "dhcp-range=set:{name},{},static,{netmask},{lease}",
            prefix.network()
        );
    }
    for range in &network.pool {
        let _ = writeln!(
            out,
            "dhcp-range=set:{name},{},{},{netmask},{lease}",
            range.first, range.last
        );
    }
    let mut option = |option: &str, value: String| {
        let value = if value.is_empty() { value } else { format!(",{value}") };
        let _ = writeln!(out, "dhcp-option=tag:{name},option:{option}{value}");
    };
    // Without a value: dnsmasq would name itself.
    option("router", router.map_or_else(String::new, |router| router.to_string()));
    if !network.dns.is_empty() {
        option("dns-server", list(&network.dns, ","));
    }
    if !network.ntp.is_empty() {
        option("ntp-server", list(&network.ntp, ","));
    }
    if !network.search.is_empty() {
        option("domain-search", list(&network.search, ","));
    }
    if let Some(mtu) = network.mtu {
        option("mtu", mtu.to_string());
    }
    let routes = dhcp::routes(network);
    if !routes.is_empty() {
        let routes = routes.iter().map(|(to, via)| format!("{to},{via}"));
        option("classless-static-route", list(routes, ","));
    }
    if let Some(domain) = dhcp::domain(cluster, network).filter(|domain| *domain != cluster.domain) {
        let _ = writeln!(out, "domain={domain},{prefix}");
    }
}
