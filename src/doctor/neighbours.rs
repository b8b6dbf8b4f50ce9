//! Who else is on the segments: other DHCP servers, routers that advertise, doubles of our addresses.

use std::net::Ipv4Addr;
use std::time::Duration;

use futures_util::future::join_all;
use model::cluster::{DhcpMode, Network};

use super::{Finding, Host, interfaces};
use crate::links::Interface;
use crate::services::{dhcp4, ra};

/// How long a router may take to answer a solicitation (RFC 4861 section 6.2.6: half a second), with some to spare.
const ROUTER: Duration = Duration::from_secs(2);

/// Listens on all segments at once.
pub(super) async fn check(host: &Host) -> Vec<Finding> {
    let own: Vec<Ipv4Addr> = host
        .interfaces
        .iter()
        .flat_map(|interface| interface.addresses.iter().map(|net| net.addr()))
        .collect();
    let looks = interfaces::served(host).map(|(network, interface)| look(network, interface, &own));
    join_all(looks).await.concat()
}

async fn look(network: &Network, interface: &Interface, own: &[Ipv4Addr]) -> Vec<Finding> {
    let (survey, router) = tokio::join!(dhcp4::survey(interface, own), ra::router_on(interface, ROUTER));
    let at = &interface.name;
    let mut findings = match survey {
        Ok(survey) => {
            let servers: Vec<String> = survey.servers.iter().map(Ipv4Addr::to_string).collect();
            let mut findings = vec![servers_found(network, at, &servers)];
            findings.extend(survey.doubles.iter().map(|(address, mac)| {
                Finding::problem(
                    "neighbours.double",
                    format!("{address}, this host's address on {at}, is in use by {mac} as well"),
                )
                .advise("give one of them another address: machines reach now the one, now the other")
            }));
            findings
        }
        Err(error) => vec![
            Finding::notice(
                "neighbours.unheard",
                format!("{at} could not be listened to for other DHCP servers: {error}"),
            )
            .advise("CAP_NET_RAW is needed: sudo bellwether doctor"),
        ],
    };
    findings.extend(advertiser(network, at, router));
    findings
}

fn servers_found(network: &Network, at: &str, servers: &[String]) -> Finding {
    let name = &network.name;
    let who = servers.join(", ");
    let serves = network.dhcp == DhcpMode::Serve;
    match (servers.is_empty(), network.dhcp) {
        (true, DhcpMode::Proxy) => Finding::problem(
            "neighbours.dhcp",
            format!("network {name} is `dhcp: proxy`, but no DHCP server gives out addresses on {at}"),
        )
        .advise("switch the other server on, or let this one give out addresses: `dhcp: serve`"),
        (true, _) => Finding::ok("neighbours.dhcp", format!("no other DHCP server answers on {at}")),
        (false, _) if serves && !network.beside_other_servers => Finding::problem(
            "neighbours.dhcp",
            format!("another DHCP server answers on {at}: {who}; network {name} will be left to it"),
        )
        .advise("stop it; or let it give out addresses and add only what booting needs: `dhcp: proxy`"),
        (false, DhcpMode::Serve) => Finding::warning(
            "neighbours.dhcp",
            format!("another DHCP server answers on {at} beside this one: {who}; machines take whichever is first"),
        )
        .advise("`dhcp: proxy` lets both work together"),
        (false, _) => Finding::ok(
            "neighbours.dhcp",
            format!("{who} gives out addresses on {at}, as it should"),
        ),
    }
}

fn advertiser(network: &Network, at: &str, router: std::io::Result<Option<std::net::Ipv6Addr>>) -> Option<Finding> {
    match router {
        Ok(Some(router)) => Some(Finding::ok(
            "neighbours.ipv6",
            format!("{router} advertises itself on {at}"),
        )),
        Ok(None) if network.router_advertisements => Some(Finding::ok(
            "neighbours.ipv6",
            format!("no IPv6 router on {at}: this server advertises, so that iPXE need not wait"),
        )),
        Ok(None) => Some(
            Finding::warning(
                "neighbours.ipv6",
                format!("no IPv6 router on {at}: iPXE waits 13 s for one on every boot"),
            )
            .advise(format!(
                "take `router_advertisements: false` out of network {}",
                network.name
            )),
        ),
        // Without privileges it was said already, of DHCP.
        Err(error) if error.kind() == std::io::ErrorKind::PermissionDenied => None,
        Err(error) => Some(
            Finding::warning(
                "neighbours.ipv6",
                format!("no router advertisements on {at}: {error}; iPXE waits 13 s on every boot"),
            )
            .run(format!("sysctl net.ipv6.conf.{at}.disable_ipv6=0")),
        ),
    }
}
