//! Nodes that are not heard at all: the network that is not served, the MAC that nobody has, the cable.

use jiff::{SignedDuration, Timestamp};
use wire::Mac;

use super::super::case::Case;
use super::super::{Fact, Finding, Verdict};
use crate::cluster::DhcpMode;
use crate::measure;
use crate::world::{Machine, Serving, Step};

/// Machines that were seen longer ago than this are not shown to people who look for a missing one.
const LATELY: SignedDuration = SignedDuration::from_hours(24);

/// How many of them.
const SHOWN: usize = 3;

/// How an unheard node is called: the first sign of it was never seen, or not since it was switched on.
fn unheard(case: &Case, why: &str) -> (Verdict, String) {
    match case.boot {
        None => (Verdict::Never, format!("was never heard: {why}")),
        Some(_) => (Verdict::Stuck, format!("is stuck before its address: {why}")),
    }
}

/// We tried to switch it and its BMC did not do it; nothing was heard of the machine since.
pub(super) fn bmc_failed(case: &Case) -> Option<Finding> {
    let failed = case.state.bmc.failed.as_ref()?;
    let is_old = case.now.duration_since(failed.at) > LATELY || case.state.last_seen > Some(failed.at);
    if is_old || case.state.power.as_ref().is_some_and(|(_, at)| *at > failed.at) {
        return None;
    }
    let name = &case.node.name;
    let verdict = if case.boot.is_none() {
        Verdict::Never
    } else {
        Verdict::Stuck
    };
    let finding = Finding::new(
        verdict,
        format!("is not where it should be: its BMC failed to {}", failed.order),
        "Nothing was heard of the machine since: what it runs is what it ran before.",
    )
    .fact(failed.at, failed.why.clone());
    let finding = match &case.node.bmc {
        Some(bmc) => finding.fact(
            None,
            format!(
                "its BMC is declared at {} by {} (line {})",
                bmc.address, bmc.protocol, case.node.line
            ),
        ),
        None => finding,
    };
    Some(
        finding
            .advise(format!("ask it: bellwether bmc info {name}"))
            .advise(format!("then again: bellwether {}", again(&failed.order, name))),
    )
}

/// The command that repeats an order.
fn again(order: &str, name: &str) -> String {
    match order.strip_prefix("power ") {
        Some(action) => format!("power {action} {name}"),
        None => format!("power status {name}"),
    }
}

/// Another DHCP server was heard on its network, so nobody there is answered.
pub(super) fn network_refused(case: &Case) -> Option<Finding> {
    let network = case.network()?;
    let Serving::Refused { server } = case.serving()? else {
        return None;
    };
    not_beyond_its_address(case)?;
    let state = case.world.networks.get(&network.name)?;
    let (verdict, headline) = unheard(case, &format!("its network {} is not served", network.name));
    Some(
        Finding::new(
            verdict,
            headline,
            format!("The DHCP server {server} answers on {} already. Two servers on one segment hand out wrong addresses, so we keep silent there.", network.name),
        )
        .fact(state.since, format!("the DHCP server {server} was heard on {}", case.interface()))
        .advise(format!("switch the DHCP server at {server} off for this segment"))
        .advise(format!("or leave it its addresses and add only the boot file: dhcp: proxy in network {} (line {})", network.name, network.line))
        .advise("or, if both are meant to answer: beside_other_servers: true in that network"),
    )
}

/// No interface of this host has an address in its network.
pub(super) fn network_absent(case: &Case) -> Option<Finding> {
    let network = case.network()?;
    let Serving::Absent { why } = case.serving()? else {
        return None;
    };
    not_beyond_its_address(case)?;
    let since = case.world.networks.get(&network.name)?.since;
    let (verdict, headline) = unheard(case, &format!("its network {} is not served", network.name));
    let finding = Finding::new(
        verdict,
        headline,
        format!("This host is not on network {}: {why}.", network.name),
    )
    .fact(since, why.clone());
    Some(match &network.interface {
        Some(name) => finding.advise(format!(
            "give {name} an address in {} and bring it up: ip address show {name}",
            network.prefix
        )),
        None => finding.advise(format!(
            "give an interface of this host an address in {}: ip address show",
            network.prefix
        )),
    })
}

/// DHCP is switched off for its network, or only listens there.
pub(super) fn dhcp_closed(case: &Case) -> Option<Finding> {
    let network = case.network()?;
    not_beyond_its_address(case)?;
    let why = match network.dhcp {
        _ if case.world.cluster.doors.dhcp.is_none() => "the DHCP door is closed".to_string(),
        DhcpMode::Off => format!("network {} has dhcp: off", network.name),
        DhcpMode::Observe => format!("network {} has dhcp: observe, which answers nobody", network.name),
        DhcpMode::Serve | DhcpMode::Proxy => return None,
    };
    let (verdict, headline) = unheard(case, &why);
    Some(
        Finding::new(
            verdict,
            headline,
            "The cluster file says that nobody on that network is answered.",
        )
        .fact(
            None,
            format!("network {} is declared in line {}", network.name, network.line),
        )
        .advise("to answer there, set dhcp: serve (or proxy, beside another server) and apply the file"),
    )
}

fn not_beyond_its_address(case: &Case) -> Option<()> {
    (case.is_unheard() || case.position == Some(Step::Discover)).then_some(())
}

/// None of its NICs has a MAC, so it cannot be recognised.
pub(super) fn no_mac(case: &Case) -> Option<Finding> {
    if !case.is_unheard() || case.node.nics.iter().any(|nic| nic.mac.is_some()) {
        return None;
    }
    let seen = strangers(case);
    let finding = Finding::new(
        Verdict::Never,
        "cannot be recognised: it has no MAC",
        "A machine is recognised by the MAC of its NIC, and none is declared for this node.",
    )
    .fact(
        None,
        format!("{} is declared in line {}", case.node.name, case.node.line),
    );
    let finding = match seen.first() {
        Some(machine) => finding.advise(format!(
            "if one of the machines below is it, write its MAC down: {}",
            machine.mac
        )),
        None => finding.advise("switch it on; its MAC then shows up here"),
    };
    Some(finding.facts(seen.into_iter().map(|m| fact(case, m))))
}

/// A machine that nobody declared has almost the MAC of this node: a typing error, or its other port.
pub(super) fn similar_mac(case: &Case) -> Option<Finding> {
    if !case.is_unheard() || (case.boot.is_some() && !case.overdue) {
        return None;
    }
    let (machine, mac, likeness) = strangers(case)
        .into_iter()
        .flat_map(|machine| {
            case.node
                .nics
                .iter()
                .filter_map(|nic| nic.mac)
                .map(move |mac| (machine, mac))
        })
        .filter_map(|(machine, mac)| likeness(machine.mac, mac).map(|likeness| (machine, mac, likeness)))
        .min_by_key(|(machine, _, likeness)| (*likeness, -machine.last_seen.as_second()))?;
    let (verdict, headline) = unheard(case, &format!("but {}, which is no node, was", machine.mac));
    let cause = match likeness {
        Likeness::Typo => format!(
            "{mac} is declared and {} asked: they differ by a typing error.",
            machine.mac
        ),
        Likeness::Neighbour => format!(
            "{mac} is declared and {} asked: two ports of one card have such MACs.",
            machine.mac
        ),
    };
    let line = case
        .node
        .nics
        .iter()
        .find(|nic| nic.mac == Some(mac))
        .map_or(case.node.line, |nic| nic.line);
    Some(
        Finding::new(verdict, headline, cause)
            .facts([fact(case, machine)])
            .fact(None, format!("{mac} is declared in line {line}"))
            .advise(format!(
                "if it is this machine, put {} into line {line} and apply the file",
                machine.mac
            )),
    )
}

/// Nothing at all was heard from it.
pub(super) fn never_seen(case: &Case) -> Option<Finding> {
    if case.boot.is_some() || case.state.last_seen.is_some() {
        return None;
    }
    let mac = case.mac()?;
    let place = match case.network() {
        Some(network) => format!("network {} ({})", network.name, case.interface()),
        None => "any network that is served".to_string(),
    };
    let mut finding = Finding::new(
        Verdict::Never,
        format!("was never heard: no DHCP from {mac}"),
        format!("It is switched off, boots from its disk first, is not cabled to {place}, or has another MAC."),
    );
    if let Some(network) = case.network() {
        finding = match case.serving() {
            Some(Serving::Yes { interface, address, .. }) => {
                let since = case.world.networks.get(&network.name).map(|state| state.since);
                finding.fact(
                    since,
                    format!("network {} is served on {interface} as {address}", network.name),
                )
            }
            _ => finding.fact(
                None,
                format!("network {} is not served by a running server", network.name),
            ),
        };
    }
    let seen = strangers(case);
    finding = finding.facts(seen.iter().map(|machine| fact(case, machine)));
    finding = finding.advise(format!(
        "is it switched on, and does it boot from the network? {}",
        case.look()
    ));
    finding = finding.advise(format!(
        "is the MAC right? {mac} is in line {}",
        case.nic().map_or(case.node.line, |n| n.line)
    ));
    if !seen.is_empty() {
        finding = finding.advise("one of the machines without a node may be it: compare their MACs with its label");
    }
    Some(finding.advise(format!("is it cabled to {place}? {}", case.listen())))
}

/// We switched it on, and nothing was heard.
pub(super) fn silent_since_power(case: &Case) -> Option<Finding> {
    if case.position != Some(Step::Power) || !case.overdue {
        return None;
    }
    let finding = Finding::new(
        Verdict::Stuck,
        format!(
            "is stuck before its first question: switched on {} ago, nothing heard",
            case.ago(case.since)
        ),
        "It stops in its self-test or setup, boots from its disk without asking, or its cable or switch port is dead.",
    )
    .advise(case.look())
    .advise(case.listen());
    Some(match case.state.last_ready {
        Some(at) => finding.fact(at, "it was ready before, so its cabling and MAC were right"),
        None => finding,
    })
}

/// Machines without a node that were seen lately, on the node's own network first, then the latest first.
fn strangers<'a>(case: &Case<'a>) -> Vec<&'a Machine> {
    let network = case.network().map(|n| n.name.as_str());
    let mut seen: Vec<&Machine> = case
        .world
        .machines
        .values()
        .map(|machine| &**machine)
        .filter(|machine| case.world.cluster.by_mac(machine.mac).is_none())
        .filter(|machine| case.now.duration_since(machine.last_seen) < LATELY)
        .collect();
    seen.sort_by_key(|m| {
        (
            network.is_some_and(|name| m.network != name),
            -m.last_seen.as_second(),
            m.mac,
        )
    });
    let vendor = case.mac().map(|mac| mac.0[..3].to_vec());
    // Those of the node's vendor before others of the same network.
    seen.sort_by_key(|m| vendor.as_ref().is_some_and(|v| m.mac.0[..3] != **v));
    seen.truncate(SHOWN);
    seen
}

fn fact(case: &Case, machine: &Machine) -> Fact {
    let name = machine
        .hostname
        .as_ref()
        .map(|name| format!(", calls itself {name}"))
        .unwrap_or_default();
    let at: Timestamp = machine.last_seen;
    Fact {
        at: Some(at),
        text: format!(
            "{}, which is no node, was seen on {} {} ago ({}{name})",
            machine.mac,
            machine.network,
            measure::span(case.now.duration_since(at)),
            machine.stage
        ),
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Likeness {
    Typo,
    Neighbour,
}

fn likeness(seen: Mac, declared: Mac) -> Option<Likeness> {
    let nibbles = |mac: Mac| mac.0.into_iter().flat_map(|byte| [byte >> 4, byte & 15]);
    let differ: Vec<_> = nibbles(seen).zip(nibbles(declared)).filter(|(a, b)| a != b).collect();
    let near = seen.0[..5] == declared.0[..5] && seen.0[5].abs_diff(declared.0[5]) <= 3;
    match differ[..] {
        [] => None,
        _ if near => Some(Likeness::Neighbour),
        [_] => Some(Likeness::Typo),
        [(a, b), (c, d)] if a == d && b == c => Some(Likeness::Typo),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_typing_error_and_a_neighbouring_port_are_recognised() {
        let mac = |text: &str| text.parse::<Mac>().unwrap();
        let like = |a, b| likeness(mac(a), mac(b));
        assert_eq!(
            like("52:54:00:00:00:03", "52:54:00:00:00:04"),
            Some(Likeness::Neighbour)
        );
        assert_eq!(like("52:54:00:0b:00:03", "52:54:00:08:00:03"), Some(Likeness::Typo));
        assert_eq!(
            like("52:54:00:00:12:03", "52:54:00:00:21:03"),
            Some(Likeness::Typo),
            "two digits swapped"
        );
        assert_eq!(like("52:54:00:00:12:03", "52:54:00:00:34:03"), None);
        assert_eq!(like("52:54:00:00:00:03", "52:54:00:00:00:03"), None);
    }
}
