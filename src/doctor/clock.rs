//! The clock, by which leases end and certificates are judged, and the time zones that the cluster file names.

use jiff::Timestamp;
use model::cluster::Cluster;

use super::{Finding, Host};

/// Nothing that this program knows of is older: a clock before it lost its battery.
const BUILT: i16 = 2026;
/// A year that is a typing error.
const FAR: i16 = 2100;

pub(super) fn check(host: &Host) -> Vec<Finding> {
    let mut findings = vec![year(Timestamp::now())];
    findings.extend(synchronised());
    findings.extend(host.cluster.iter().flat_map(|cluster| zones(cluster)));
    findings
}

fn year(now: Timestamp) -> Finding {
    let year = now.to_zoned(jiff::tz::TimeZone::UTC).year();
    if (BUILT..FAR).contains(&year) {
        return Finding::ok("clock.year", format!("the clock says {year}"));
    }
    Finding::problem(
        "clock.year",
        format!("the clock says {year}: signatures and certificates cannot be checked, leases end at the wrong time"),
    )
    .run("timedatectl set-ntp true")
}

/// What systemd-timesyncd or chrony say by files, and the kernel by `timedatectl`.
fn synchronised() -> Option<Finding> {
    let timesyncd = std::path::Path::new("/run/systemd/timesync/synchronized").exists();
    if timesyncd {
        return Some(Finding::ok("clock.synchronised", "the clock is kept by a time server"));
    }
    let shown = std::process::Command::new("timedatectl")
        .args(["show", "--property=NTPSynchronized", "--value"])
        .output()
        .ok()
        .filter(|output| output.status.success());
    let said = shown.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_string());
    Some(match said.as_deref() {
        Some("yes") => Finding::ok("clock.synchronised", "the clock is kept by a time server"),
        Some("no") => Finding::warning("clock.synchronised", "no time server keeps this host's clock")
            .run("timedatectl set-ntp true"),
        _ => Finding::notice(
            "clock.synchronised",
            "whether a time server keeps the clock cannot be seen here (no systemd)",
        ),
    })
}

/// Nodes are told zones by name; one that this host does not know is most likely misspelt.
fn zones(cluster: &Cluster) -> Vec<Finding> {
    let nodes = cluster.nodes.iter().map(|node| &node.settings);
    let mut named: Vec<&str> = nodes
        .chain([&cluster.defaults])
        .filter_map(|settings| settings.timezone.as_ref().map(|zone| &*zone.value))
        .collect();
    named.sort_unstable();
    named.dedup();
    if named.is_empty() {
        return Vec::new();
    }
    if jiff::tz::db().is_definitively_empty() {
        return vec![
            Finding::notice(
                "clock.zones",
                "this host has no time zone data to check the cluster file's against",
            )
            .run("apt-get install tzdata"),
        ];
    }
    let unknown = named.iter().filter(|zone| jiff::tz::db().get(zone).is_err());
    let mut findings: Vec<Finding> = unknown
        .map(|zone| {
            Finding::warning("clock.zones", format!("this host knows no time zone {zone}"))
                .advise("`timedatectl list-timezones` shows how it is spelt")
        })
        .collect();
    if findings.is_empty() {
        findings.push(Finding::ok(
            "clock.zones",
            format!("time zones are known: {}", named.join(", ")),
        ));
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::super::Severity;
    use super::*;

    #[test]
    fn a_clock_without_battery_is_a_problem() {
        assert_eq!(year(Timestamp::UNIX_EPOCH).severity, Severity::Problem);
        assert_eq!(year("2026-11-25T00:00:00Z".parse().unwrap()).severity, Severity::Ok);
        assert_eq!(
            year("2137-01-01T00:00:00Z".parse().unwrap()).severity,
            Severity::Problem
        );
    }
}
