//! `bellwether doctor` on hosts with one thing wrong each, and on one with nothing wrong.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::dhcp::rivals::Dnsmasq;
use crate::support::client::{require, said};
use crate::support::segment::{Segment, Station};
use crate::support::server::{PROGRAM, Served};

/// A network of one node, with `more` in its declaration.
fn cluster(more: &str) -> String {
    format!(
        "cluster: test
networks:
  lab:
    prefix: 10.77.0.0/24
    router: 10.77.0.254
    pool: 10.77.0.100-10.77.0.109
{more}
nodes:
  nid001: {{ mac: \"52:54:00:00:00:01\", address: 10.77.0.11 }}
"
    )
}

/// A server's host with a cable in its interface, and who is at the other end of it.
fn wired() -> (Segment, Station) {
    let segment = Segment::new("10.77.0.1/24");
    let station = segment.plug("52:54:00:00:00:aa");
    // IPv6 takes a second or two to be sure of its own address.
    let began = Instant::now();
    loop {
        let shown = segment
            .command("ip")
            .args(["-6", "address", "show", "dev", "br0", "scope", "link", "-tentative"])
            .output()
            .unwrap();
        if said(&shown).contains("fe80::") {
            return (segment, station);
        }
        assert!(began.elapsed() < Duration::from_secs(30), "no link-local address");
        std::thread::park_timeout(Duration::from_millis(50));
    }
}

/// What the doctor says.
struct Examined {
    healthy: bool,
    findings: Vec<Value>,
}

impl Examined {
    fn of(command: &mut Command) -> Self {
        let output = command.output().unwrap();
        let value: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", said(&output)));
        Self {
            healthy: output.status.success(),
            findings: value["findings"].as_array().unwrap().clone(),
        }
    }

    /// The findings of a check, as severity, message, fix.
    fn of_check(&self, check: &str) -> Vec<(&str, &str, String)> {
        let found = self.findings.iter().filter(|finding| finding["check"] == check);
        found
            .map(|finding| {
                let text = |key: &str| finding[key].as_str().unwrap();
                let fix = finding["fix"]["command"].as_str().or(finding["fix"]["advice"].as_str());
                (text("severity"), text("message"), fix.unwrap_or_default().to_string())
            })
            .collect()
    }

    /// The only finding of a check.
    fn the(&self, check: &str) -> (&str, &str, String) {
        let mut found = self.of_check(check);
        assert_eq!(found.len(), 1, "{check}: {:#?}", self.findings);
        found.remove(0)
    }

    fn troubles(&self) -> Vec<&str> {
        let bad = |finding: &&Value| matches!(finding["severity"].as_str(), Some("problem" | "warning"));
        self.findings
            .iter()
            .filter(bad)
            .map(|f| f["check"].as_str().unwrap())
            .collect()
    }
}

/// The command that examines a segment's server for a cluster file.
fn doctor(segment: &Segment, folder: &Path, cluster: &str) -> Command {
    let file = folder.join("to-be.yaml");
    std::fs::write(&file, cluster).unwrap();
    let mut command = segment.command(PROGRAM);
    command
        .args(["--output", "json", "--state"])
        .arg(folder.join("state"))
        .arg("doctor")
        .arg(file);
    command
}

fn examine(segment: &Segment, cluster: &str) -> Examined {
    let folder = tempfile::tempdir().unwrap();
    Examined::of(&mut doctor(segment, folder.path(), cluster))
}

/// What depends on the machine that the tests run on, not on the segment.
const OF_THE_MACHINE: [&str; 3] = ["clock.synchronised", "kernel.descriptors", "disk.space"];

#[test]
fn a_host_on_which_nothing_is_wrong_has_nothing_to_put_right() {
    let (segment, _station) = wired();
    let examined = examine(&segment, &cluster(""));
    let troubles = examined.troubles();
    let own: Vec<_> = troubles
        .iter()
        .filter(|check| !OF_THE_MACHINE.contains(check))
        .collect();
    assert!(own.is_empty(), "{:#?}", examined.findings);
    assert!(examined.healthy);
    for check in [
        "ports.free",
        "interfaces.network",
        "neighbours.dhcp",
        "neighbours.ipv6",
        "files.loader",
        "files.signed-loader",
    ] {
        assert!(
            examined.of_check(check).iter().all(|(severity, ..)| *severity == "ok"),
            "{check}"
        );
        assert!(!examined.of_check(check).is_empty(), "{check} was not looked at");
    }
}

#[test]
fn a_port_that_another_program_has_is_a_problem_with_its_name_and_pid() {
    require("dnsmasq", "dnsmasq-base");
    let (segment, _station) = wired();
    let mut other = segment
        .command("dnsmasq")
        .args([
            "--no-daemon",
            "--port=0",
            "--conf-file=/dev/null",
            "--user=root",
            "--pid-file",
        ])
        .args(["--enable-tftp", "--tftp-root=/", "--interface=br0"])
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let began = Instant::now();
    let examined = loop {
        let examined = examine(&segment, &cluster(""));
        if !examined.of_check("ports.taken").is_empty() || began.elapsed() > Duration::from_secs(60) {
            break examined;
        }
    };
    let pid = other.id();
    other.kill().unwrap();
    other.wait().unwrap();
    let (severity, message, fix) = examined.the("ports.taken");
    assert_eq!(severity, "problem");
    assert_eq!(
        message,
        format!("port 69/udp is taken by dnsmasq (pid {pid}): TFTP cannot be served")
    );
    assert!(fix.contains(&format!("systemctl status {pid}")), "{fix}");
    assert!(!examined.healthy);
}

#[test]
fn another_dhcp_server_is_named() {
    let (segment, _station) = wired();
    let _rival = Dnsmasq::rival(&segment);
    let serving = examine(&segment, &cluster(""));
    let (severity, message, fix) = serving.the("neighbours.dhcp");
    assert_eq!(severity, "problem");
    assert!(message.contains("10.77.0.9") && message.contains("br0"), "{message}");
    assert!(fix.contains("dhcp: proxy"), "{fix}");
    let beside = examine(
        &segment,
        &cluster("    dhcp: proxy").replace("    pool: 10.77.0.100-10.77.0.109\n", ""),
    );
    assert_eq!(beside.the("neighbours.dhcp").0, "ok");
}

#[test]
fn a_proxy_without_anybody_who_gives_out_addresses_is_a_problem() {
    let (segment, _station) = wired();
    let alone = examine(
        &segment,
        &cluster("    dhcp: proxy").replace("    pool: 10.77.0.100-10.77.0.109\n", ""),
    );
    assert_eq!(alone.the("neighbours.dhcp").0, "problem");
}

#[test]
fn a_smaller_mtu_than_the_machines_is_a_problem_that_its_command_solves() {
    let (segment, _station) = wired();
    segment.ip("link set br0 mtu 1400");
    let (severity, message, fix) = {
        let examined = examine(&segment, &cluster("    mtu: 9000"));
        let (severity, message, fix) = examined.the("interfaces.mtu");
        (severity.to_string(), message.to_string(), fix)
    };
    assert_eq!(severity, "problem");
    assert!(message.contains("9000") && message.contains("1400"), "{message}");
    assert_eq!(fix, "ip link set br0 mtu 9000");
    segment.ip("link set p0 mtu 9000");
    segment.ip("link set br0 mtu 9000");
    assert!(
        examine(&segment, &cluster("    mtu: 9000"))
            .of_check("interfaces.mtu")
            .is_empty()
    );
}

#[test]
fn a_network_without_an_interface_is_a_problem() {
    let (segment, _station) = wired();
    let examined = examine(&segment, &cluster("").replace("10.77.0.", "10.99.0."));
    let (severity, message, fix) = examined.the("interfaces.absent");
    assert_eq!(severity, "problem");
    assert!(message.contains("10.99.0.0/24"), "{message}");
    assert!(fix.starts_with("ip address add 10.99.0.1/24"), "{fix}");
    let named = examine(&segment, &cluster("    interface: eth7"));
    assert!(named.the("interfaces.absent").1.contains("eth7"));
}

#[test]
fn a_cable_without_anybody_at_its_end_is_a_problem() {
    let segment = Segment::new("10.78.0.1/24");
    segment.ip("link add here type veth peer name there");
    segment.ip("address add 10.77.0.1/24 dev here");
    segment.ip("link set here up");
    assert_eq!(examine(&segment, &cluster("")).the("interfaces.cable").0, "problem");
    segment.ip("link set there up");
    assert!(examine(&segment, &cluster("")).of_check("interfaces.cable").is_empty());
}

#[test]
fn an_address_that_somebody_else_has_too_is_a_problem() {
    let (segment, station) = wired();
    station.succeed(&["ip", "address", "add", "10.77.0.1/24", "dev", "eth0"]);
    let examined = examine(&segment, &cluster(""));
    let (severity, message, _) = examined.the("neighbours.double");
    assert_eq!(severity, "problem");
    assert!(message.contains("52:54:00:00:00:aa"), "{message}");
    let node = examine(&segment, &cluster("").replace("10.77.0.11", "10.77.0.1"));
    assert_eq!(node.the("interfaces.double").0, "problem");
}

#[test]
fn a_firewall_that_drops_is_seen_through_and_its_commands_open_it() {
    require("nft", "nftables");
    let (segment, _station) = wired();
    let run = |command: &str| {
        let output = segment.command("sh").args(["-c", command]).output().unwrap();
        assert!(output.status.success(), "{command}: {}", said(&output));
    };
    run("nft add table inet guard");
    run("nft 'add chain inet guard input { type filter hook input priority 0; policy drop; }'");
    run("nft add rule inet guard input ct state established,related accept");
    run("nft add rule inet guard input iifname br0 tcp dport '{ 22, 80 }' accept");
    let examined = examine(&segment, &cluster(""));
    let dropped = examined.of_check("firewall.drops");
    let of = |port: &str| dropped.iter().find(|(_, message, _)| message.contains(port));
    assert_eq!(of("67/udp").unwrap().0, "problem");
    assert_eq!(of("69/udp").unwrap().0, "problem");
    assert!(of("80/tcp").is_none(), "{dropped:?}");
    assert!(
        of("67/udp")
            .unwrap()
            .1
            .contains("policy of chain input of table inet guard")
    );
    for (_, _, fix) in &dropped {
        run(fix);
    }
    let opened = examine(&segment, &cluster(""));
    assert!(opened.of_check("firewall.drops").is_empty(), "{:#?}", opened.findings);
    assert_eq!(opened.the("firewall.open").0, "ok");
}

#[test]
fn rules_of_iptables_are_seen_as_well() {
    require("iptables", "iptables");
    let (segment, _station) = wired();
    let output = segment
        .command("iptables")
        .args(["-A", "INPUT", "-p", "udp", "--dport", "69", "-j", "DROP"])
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", said(&output));
    let examined = examine(&segment, &cluster(""));
    assert_eq!(examined.the("firewall.drops").0, "problem");
}

#[test]
fn a_full_disk_under_the_state_is_a_problem() {
    let (segment, _station) = wired();
    let folder = tempfile::tempdir().unwrap();
    let plain = doctor(&segment, folder.path(), &cluster(""));
    let state = folder.path().join("state");
    std::fs::create_dir(&state).unwrap();
    let mut command = segment.command("unshare");
    command
        .args(["-m", "sh", "-c"])
        .arg("mount -t tmpfs -o size=256k small \"$STATE\" && { cat /dev/zero > \"$STATE/ballast\"; exec \"$@\"; } 2>/dev/null")
        .args(["sh", PROGRAM])
        .args(plain.get_args().skip(4))
        .env("STATE", &state);
    let examined = Examined::of(&mut command);
    assert_eq!(examined.the("disk.space").0, "problem");
    let (severity, message, _) = examined.the("disk.sync");
    assert!(severity == "problem" && message.contains("No space left"), "{message}");
}

#[test]
fn what_nodes_are_declared_with_and_is_not_there_is_a_problem_with_the_command_that_makes_it() {
    let (segment, _station) = wired();
    let text = cluster("").replace(
        "address: 10.77.0.11 }",
        "address: 10.77.0.11, boot: image, image: debian-12 }",
    );
    let examined = examine(&segment, &text);
    let (severity, _, fix) = examined.the("files.image");
    assert_eq!((severity, &*fix), ("problem", "bellwether image build debian-12"));
}

#[test]
fn beside_its_own_server_the_ports_are_ours_and_the_cluster_in_force_is_examined() {
    let (segment, _station) = wired();
    let served = Served::start(&segment, &cluster(""));
    served.until_served();
    let mut command = segment.command(PROGRAM);
    command
        .args(["--output", "json", "--state"])
        .arg(served.folder())
        .arg("doctor");
    let examined = Examined::of(&mut command);
    assert!(examined.healthy, "{:#?}", examined.findings);
    assert_eq!(examined.of_check("ports.ours").len(), 6, "{:#?}", examined.findings);
    assert_eq!(examined.the("neighbours.dhcp").0, "ok", "we are no rival of ourselves");
    assert_eq!(examined.the("server.running").0, "ok");
    // The question was not one of a machine.
    assert!(served.events("dhcp.offered").is_empty());
}

#[test]
fn without_privileges_it_says_what_it_could_not_look_at() {
    require("setpriv", "util-linux");
    let (segment, _station) = wired();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("c.yaml");
    std::fs::write(&file, cluster("")).unwrap();
    let everybody = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(folder.path(), everybody).unwrap();
    let mut command = segment.command("setpriv");
    command
        .args([
            "--reuid=65534",
            "--regid=65534",
            "--clear-groups",
            "--bounding-set=-all",
            "--inh-caps=-all",
        ])
        .args([PROGRAM, "--output", "json", "--state"])
        .arg(folder.path().join("state"))
        .arg("doctor")
        .arg(&file);
    let examined = Examined::of(&mut command);
    assert_eq!(examined.the("firewall.unseen").0, "notice");
    assert_eq!(examined.the("neighbours.unheard").0, "notice");
    assert!(examined.healthy, "{:#?}", examined.findings);
}
