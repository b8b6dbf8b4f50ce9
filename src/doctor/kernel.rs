//! Limits and switches of the kernel: neighbour table, receive buffers, descriptors, reverse path filter, forwarding.

use std::fs;

use model::cluster::Cluster;

use super::{Finding, Host, interfaces};

/// What DHCP asks for as receive buffer, in bytes: some 10,000 questions when a hall gets its power back.
const RECEIVE: u64 = 8 << 20;
/// Neighbours that a kernel keeps unless it is told otherwise.
const USUAL_NEIGHBOURS: u64 = 1024;
/// Descriptors that a server needs: two connections and a file for each of 1,000 machines, and as many transfers.
const DESCRIPTORS: u64 = 4096;

pub(super) fn check(host: &Host) -> Vec<Finding> {
    let mut findings = vec![descriptors(limit_of(host))];
    findings.extend(receive_buffer(number("/proc/sys/net/core/rmem_max"), host.root));
    let Some(cluster) = &host.cluster else { return findings };
    findings.extend(neighbour_table(
        machines_at_once(cluster),
        number("/proc/sys/net/ipv4/neigh/default/gc_thresh3"),
    ));
    findings.extend(reverse_path(host));
    findings.extend(forwarding(host, cluster));
    findings
}

/// A number that the kernel tells in a file.
fn number(path: &str) -> Option<u64> {
    fs::read_to_string(path).ok()?.trim().parse().ok()
}

/// Everybody who may be spoken to: declared interfaces and lent addresses.
fn machines_at_once(cluster: &Cluster) -> u64 {
    let nics = cluster.nodes.iter().map(|node| node.nics.len() as u64).sum::<u64>();
    nics + cluster.networks.iter().map(|network| network.pool_size()).sum::<u64>()
}

fn neighbour_table(machines: u64, limit: Option<u64>) -> Option<Finding> {
    let Some(limit) = limit else {
        // It is the same for all network namespaces, and only the first one shows it.
        return (machines >= USUAL_NEIGHBOURS).then(|| {
            Finding::notice(
                "kernel.neighbours",
                format!("{machines} machines may come; whether the kernel's neighbour table has room for them cannot be seen from this network namespace"),
            )
            .run("sysctl net.ipv4.neigh.default.gc_thresh3")
        });
    };
    if machines < limit {
        return Some(Finding::ok(
            "kernel.neighbours",
            format!("the kernel's neighbour table has room for {limit} machines, {machines} may come"),
        ));
    }
    let wanted = (machines * 2).next_power_of_two();
    Some(
        Finding::problem(
            "kernel.neighbours",
            format!("the kernel's neighbour table has room for {limit} machines, {machines} may come: the rest get no answer"),
        )
        .run(format!(
            "sysctl -w net.ipv4.neigh.default.gc_thresh3={wanted} net.ipv4.neigh.default.gc_thresh2={}",
            wanted / 2
        )),
    )
}

fn receive_buffer(limit: Option<u64>, root: bool) -> Option<Finding> {
    let limit = limit?;
    let enough = limit >= RECEIVE;
    Some(if enough {
        Finding::ok(
            "kernel.buffers",
            "receive buffers may be as large as the server asks for",
        )
    } else if root {
        Finding::ok(
            "kernel.buffers",
            "receive buffers are small, but root may exceed the limit",
        )
    } else {
        Finding::notice(
            "kernel.buffers",
            format!("receive buffers are limited to {limit} bytes: when a whole hall starts at once, some machines have to ask twice"),
        )
        .run(format!("sysctl -w net.core.rmem_max={RECEIVE}"))
    })
}

/// The limit of the server, or the one that a server would inherit from us.
fn limit_of(host: &Host) -> Option<u64> {
    let pid = host.server.as_ref().and_then(|server| server.pid);
    let limits = pid
        .and_then(|pid| fs::read_to_string(format!("/proc/{pid}/limits")).ok())
        .or_else(|| fs::read_to_string("/proc/self/limits").ok())?;
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    let soft = line.split_whitespace().next()?;
    Some(soft.parse().unwrap_or(u64::MAX))
}

fn descriptors(limit: Option<u64>) -> Finding {
    match limit {
        Some(limit) if limit < DESCRIPTORS => Finding::warning(
            "kernel.descriptors",
            format!(
                "a server may open {limit} files and connections: some {} machines fetch at once, others wait",
                limit / 3
            ),
        )
        .advise("LimitNOFILE=65536 in the unit, as the packaged one has; `ulimit -n 65536` in a shell"),
        Some(_) => Finding::ok("kernel.descriptors", "a server may open files and connections enough"),
        None => Finding::notice(
            "kernel.descriptors",
            "how many files a server may open cannot be seen here",
        ),
    }
}

/// Strict reverse path filtering drops what comes by another interface than answers would take: machines behind relay
/// agents, or a second interface on one network.
fn reverse_path(host: &Host) -> Vec<Finding> {
    let all = number("/proc/sys/net/ipv4/conf/all/rp_filter").unwrap_or(0);
    let served: Vec<&str> = interfaces::served(host)
        .map(|(_, interface)| &*interface.name)
        .collect();
    let far = host.cluster.iter().flat_map(|cluster| &cluster.networks).count() > served.len();
    served
        .iter()
        .filter(|at| all.max(number(&format!("/proc/sys/net/ipv4/conf/{at}/rp_filter")).unwrap_or(0)) == 1)
        .map(|at| {
            if far {
                Finding::notice(
                    "kernel.rp_filter",
                    format!("strict reverse path filtering on {at}: machines behind a relay agent need a route back by {at}, or they are not heard"),
                )
                .run(format!("sysctl -w net.ipv4.conf.{at}.rp_filter=2"))
            } else {
                Finding::ok("kernel.rp_filter", format!("reverse path filtering on {at} harms nobody"))
            }
        })
        .collect()
}

fn forwarding(host: &Host, cluster: &Cluster) -> Option<Finding> {
    let ours = |address| {
        let mut addresses = host
            .interfaces
            .iter()
            .flat_map(|i| i.addresses.iter().map(|net| net.addr()));
        addresses.any(|own| own == address)
    };
    let network = cluster
        .networks
        .iter()
        .find(|network| network.router.is_some_and(ours))?;
    let on = number("/proc/sys/net/ipv4/ip_forward") == Some(1);
    Some(if on {
        Finding::ok(
            "kernel.forwarding",
            format!("this host is the router of network {} and forwards", network.name),
        )
    } else {
        Finding::warning(
            "kernel.forwarding",
            format!(
                "machines of network {} are told that this host is their router, but it forwards nothing",
                network.name
            ),
        )
        .run("sysctl -w net.ipv4.ip_forward=1")
    })
}

#[cfg(test)]
mod tests {
    use super::super::Severity;
    use super::*;

    #[test]
    fn more_machines_than_the_neighbour_table_holds_are_a_problem() {
        let finding = neighbour_table(1200, Some(1024)).unwrap();
        assert_eq!(finding.severity, Severity::Problem);
        assert!(format!("{:?}", finding.fix).contains("gc_thresh3=4096"));
        assert_eq!(neighbour_table(1000, Some(1024)).unwrap().severity, Severity::Ok);
        assert_eq!(neighbour_table(1000, None), None);
        assert_eq!(neighbour_table(5000, None).unwrap().severity, Severity::Notice);
    }

    #[test]
    fn few_descriptors_are_a_warning() {
        assert_eq!(descriptors(Some(1024)).severity, Severity::Warning);
        assert_eq!(descriptors(Some(65536)).severity, Severity::Ok);
        assert_eq!(descriptors(None).severity, Severity::Notice);
    }
}
