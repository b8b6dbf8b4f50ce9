//! Kea's DHCPv4 server. JSON with comments, as Kea reads it.

use std::fmt::Write as _;

use super::dhcp::{self, Identity, Reservation, colons, list};
use super::{Sheet, quoted};
use crate::cluster::{Cluster, Network};

pub(super) fn render(sheet: &mut Sheet<'_>) -> String {
    let cluster = sheet.cluster;
    let served = dhcp::networks(sheet, false);
    let machines = dhcp::reservations(sheet);
    let anywhere: Vec<_> = machines.iter().filter(|machine| machine.network.is_none()).collect();
    let mut out = String::from("{\n\"Dhcp4\": {\n");
    out += "  \"interfaces-config\": { \"interfaces\": [ \"*\" ] },\n";
    out += "  \"lease-database\": { \"type\": \"memfile\", \"persist\": true },\n";
    if !anywhere.is_empty() {
        out += "  \"reservations-global\": true,\n  \"reservations-in-subnet\": true,\n";
        let _ = writeln!(out, "  \"reservations\": [\n    {}\n  ],", reservations(&anywhere));
    }
    let subnets = served.iter().enumerate().map(|(at, network)| {
        let own = |machine: &&Reservation<'_>| machine.network.is_some_and(|own| own.name == network.name);
        let own: Vec<_> = machines.iter().filter(own).collect();
        subnet(at + 1, cluster, network, &own)
    });
    let subnets = list(subnets, ",\n");
    let _ = writeln!(out, "  \"subnet4\": [\n{subnets}\n  ]\n}}\n}}");
    out
}

fn subnet(id: usize, cluster: &Cluster, network: &Network, machines: &[&Reservation<'_>]) -> String {
    let mut options = Vec::new();
    let mut option = |name: &str, data: String| {
        options.push(format!("{{ \"name\": \"{name}\", \"data\": {} }}", quoted(&data)));
    };
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
        option("domain-name", domain.to_string());
    }
    if !network.search.is_empty() {
        option("domain-search", list(&network.search, ", "));
    }
    if let Some(mtu) = network.mtu {
        option("interface-mtu", mtu.to_string());
    }
    let routes = dhcp::route_octets(network);
    if !routes.is_empty() {
        // In octets: older versions know no name for it.
        let octets: String = routes.iter().map(|octet| format!("{octet:02X}")).collect();
        options.push(format!(
            "{{ \"code\": 121, \"space\": \"dhcp4\", \"csv-format\": false, \"data\": \"{octets}\" }}"
        ));
    }
    let pools = network
        .pool
        .iter()
        .map(|range| format!("{{ \"pool\": \"{} - {}\" }}", range.first, range.last));
    let (name, prefix, lease) = (&network.name, network.prefix, network.lease_seconds);
    let lines = [
        format!("\"id\": {id}"),
        format!("\"subnet\": \"{prefix}\""),
        format!("\"valid-lifetime\": {lease}"),
        format!("\"pools\": [ {} ]", list(pools, ", ")),
        format!("\"option-data\": [\n        {}\n      ]", options.join(",\n        ")),
        format!(
            "\"reservations\": [\n        {}\n      ]",
            reservations(machines).replace('\n', "\n    ")
        ),
    ];
    format!(
        "    // Network {name}\n    {{\n      {}\n    }}",
        lines.join(",\n      ")
    )
}

fn reservations(machines: &[&Reservation<'_>]) -> String {
    let lines = machines.iter().map(|machine| {
        let who = match &machine.identity {
            Identity::Mac(mac) => format!("\"hw-address\": \"{mac}\""),
            Identity::ClientId(id) => format!("\"client-id\": \"{}\"", colons(id)),
        };
        // In no subnet there is no address to keep.
        let address = machine.address.filter(|_| machine.network.is_some());
        let address = address.map_or_else(String::new, |address| format!(", \"ip-address\": \"{address}\""));
        format!("{{ {who}{address}, \"hostname\": \"{}\" }}", machine.label)
    });
    list(lines, ",\n    ")
}
