//! Firewall: would what machines ask reach our doors?
//!
//! The rules are read (`nft -j list ruleset`, which shows those of `iptables-nft`, ufw and firewalld as well) and a
//! first packet to each door is taken through them; no packet is sent.

mod rules;

use std::process::Command;

use serde_json::Value;

use super::ports::{Door, doors};
use super::{Finding, Host};
use rules::{Packet, Ruleset, Verdict};

pub(super) fn check(host: &Host) -> Vec<Finding> {
    let Some(nft) = crate::lab::find_program("nft") else {
        return vec![legacy().unwrap_or_else(|| {
            Finding::ok(
                "firewall.none",
                "nftables is not installed here, so no rules of it are in the way",
            )
        })];
    };
    let listed = Command::new(nft).args(["-j", "list", "ruleset"]).output();
    let output = match listed {
        Ok(output) if output.status.success() => output.stdout,
        Ok(_) if !host.root => {
            return vec![
                Finding::notice("firewall.unseen", "only root may read the firewall's rules")
                    .advise("run as root: sudo bellwether doctor"),
            ];
        }
        Ok(output) => {
            let said = String::from_utf8_lossy(&output.stderr);
            let why = said.lines().next().unwrap_or("it said nothing").to_string();
            return vec![
                Finding::notice("firewall.unseen", format!("the firewall's rules cannot be read: {why}"))
                    .run("nft list ruleset"),
            ];
        }
        Err(error) => {
            return vec![
                Finding::notice("firewall.unseen", format!("nft cannot be run: {error}")).run("nft list ruleset"),
            ];
        }
    };
    let listed: Value = serde_json::from_slice(&output).unwrap_or_default();
    let mut findings = judge(host, &Ruleset::read(&listed));
    findings.extend(legacy());
    findings
}

fn judge(host: &Host, rules: &Ruleset) -> Vec<Finding> {
    let declared = host
        .cluster
        .as_ref()
        .map(|cluster| cluster.doors.clone())
        .unwrap_or_default();
    let mut interfaces: Vec<String> = super::interfaces::served(host)
        .map(|(_, interface)| interface.name.clone())
        .collect();
    interfaces.sort_unstable();
    interfaces.dedup();
    if interfaces.is_empty() {
        // Nothing is served yet; what would be so on any wired interface is still worth saying.
        interfaces.push("eth0".into());
    }
    let mut findings = Vec::new();
    for interface in &interfaces {
        for door in doors(&declared) {
            findings.extend(judge_door(rules, interface, &door));
        }
    }
    if findings.is_empty() {
        findings.push(Finding::ok(
            "firewall.open",
            format!("the firewall lets machines in on {}", interfaces.join(", ")),
        ));
    }
    findings
}

fn judge_door(rules: &Ruleset, interface: &str, door: &Door) -> Option<Finding> {
    let packet = Packet {
        interface,
        protocol: &door.protocol.to_string(),
        port: door.port,
    };
    let (by, certain) = match rules.verdict(&packet) {
        Verdict::Accepted => return None,
        Verdict::Dropped { by, certain } => (by, certain),
    };
    let Door {
        name, port, protocol, ..
    } = door;
    let message = format!("{by} drops {name} ({port}/{protocol}) on {interface}");
    let finding = match (certain, door.optional) {
        (true, false) => Finding::problem("firewall.drops", message),
        _ => Finding::warning("firewall.drops", format!("{message}, for some machines at least")),
    };
    Some(finding.run(open(rules, interface, door)))
}

/// The command that opens a door, in the words of the program that looks after the rules.
fn open(rules: &Ruleset, interface: &str, door: &Door) -> String {
    let Door { port, protocol, .. } = door;
    if rules.has_table("firewalld") {
        format!("firewall-cmd --permanent --add-port={port}/{protocol} && firewall-cmd --reload")
    } else if rules.has_chain("ufw-user-input") {
        format!("ufw allow in on {interface} proto {protocol} to any port {port}")
    } else {
        match rules.dropping_chain(&Packet {
            interface,
            protocol: &protocol.to_string(),
            port: *port,
        }) {
            Some(chain) => format!("nft insert rule {chain} iifname \"{interface}\" {protocol} dport {port} accept"),
            None => "nft list ruleset".into(),
        }
    }
}

/// The old tables, which nftables does not show.
fn legacy() -> Option<Finding> {
    let tables = std::fs::read_to_string("/proc/net/ip_tables_names").unwrap_or_default();
    tables.lines().any(|table| table == "filter").then(|| {
        Finding::notice(
            "firewall.legacy",
            "there are rules in the kernel's old iptables tables, which were not looked at",
        )
        .run("iptables-legacy -S INPUT")
    })
}
