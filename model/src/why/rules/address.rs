//! Nodes that ask for an address and do not get one, or do not take it.

use super::super::case::Case;
use super::super::{Finding, Verdict};
use crate::cluster::DhcpMode;
use crate::event::{DhcpAsk, Stage, What};
use crate::measure;
use crate::world::Step;

/// It took the offer of another DHCP server.
pub(super) fn answered_elsewhere(case: &Case) -> Option<Finding> {
    let (server, at) = case.state.elsewhere?;
    let network = case.network()?;
    let later = |step| case.mark(step).is_some_and(|mark| mark.last > at);
    if network.dhcp == DhcpMode::Proxy || later(Step::Dhcp) || later(Step::LoaderDhcp) || later(Step::OsDhcp) {
        return None;
    }
    if case.position > Some(Step::LoaderDhcp) {
        return None;
    }
    Some(
        Finding::new(
            Verdict::Stuck,
            format!("is stuck before its address: it took the offer of another DHCP server, {server}"),
            format!("{server} answers on the segment of network {} too, and was faster. It knows nothing of our boot files.", network.name),
        )
        .fact(at, format!("it chose the server {server}"))
        .advise(format!("find it: arping -I {} {server}", case.interface()))
        .advise(format!("switch the DHCP server at {server} off for this segment"))
        .advise(format!("or leave it its addresses and add only the boot file: dhcp: proxy in network {} (line {})", network.name, network.line)),
    )
}

/// Its network has no address left, and none is reserved for it.
pub(super) fn pool_exhausted(case: &Case) -> Option<Finding> {
    let network = case.network()?;
    still_asking(case)?;
    ignored_last(case)?;
    if case.nic().is_some_and(|nic| nic.address.is_some()) || network.pool_size() == 0 {
        return None;
    }
    let leases = &case.world.leases;
    let held = leases
        .iter()
        .filter(|l| network.in_pool(l.address) && l.is_active(case.now))
        .count() as u64;
    let blocked = case
        .world
        .conflicts
        .iter()
        .filter(|(a, until)| network.in_pool(**a) && **until > case.now)
        .count();
    let size = network.pool_size();
    if held + (blocked as u64) < size {
        return None;
    }
    Some(
        Finding::new(
            Verdict::Stuck,
            format!(
                "is stuck before its address: the pool of network {} is exhausted",
                network.name
            ),
            format!("All {size} addresses of the pool are taken, and none is reserved for this node."),
        )
        .fact(
            None,
            format!("{held} of {size} pool addresses are leased, {blocked} are in use by strangers"),
        )
        .advise(format!(
            "reserve an address: address: in line {} of the cluster file",
            case.nic().map_or(case.node.line, |n| n.line)
        ))
        .advise(format!(
            "or widen the pool of network {} (line {})",
            network.name, network.line
        )),
    )
}

/// It asks and is not answered.
pub(super) fn ignored(case: &Case) -> Option<Finding> {
    still_asking(case)?;
    let (why, at) = ignored_last(case)?;
    let times = case
        .recent
        .iter()
        .filter(|e| matches!(e.what, What::DhcpIgnored { .. }))
        .count()
        .max(1);
    Some(
        Finding::new(
            Verdict::Stuck,
            format!("is stuck before its address: it asks and gets no answer, {why}"),
            format!("Its question was left unanswered on purpose: {why}."),
        )
        .fact(
            at,
            format!(
                "its latest of {} was left unanswered",
                measure::count(times, "question")
            ),
        )
        .advise(match case.network() {
            Some(network) => format!(
                "look at network {} (line {}) and at the node (line {})",
                network.name, network.line, case.node.line
            ),
            None => format!("say in line {} which network it is on", case.node.line),
        }),
    )
}

fn still_asking(case: &Case) -> Option<()> {
    (case.position <= Some(Step::Discover) || case.position == Some(Step::Loader)).then_some(())
}

/// The reason why its latest question had no answer.
fn ignored_last<'a>(case: &Case<'a>) -> Option<(&'a str, jiff::Timestamp)> {
    let (why, at) = case.state.ignored.as_ref()?;
    let answered_since = case.recent.iter().any(|e| {
        e.at > *at
            && matches!(
                e.what,
                What::DhcpOffered { .. } | What::DhcpLeased { .. } | What::DhcpInformed { .. }
            )
    });
    let leased_since = [Step::Dhcp, Step::LoaderDhcp, Step::OsDhcp]
        .into_iter()
        .any(|s| case.mark(s).is_some_and(|m| m.last > *at));
    (!answered_since && !leased_since).then_some((why.as_str(), *at))
}

/// It asks for addresses that it may not have, again and again.
pub(super) fn nak_loop(case: &Case) -> Option<Finding> {
    let refused: Vec<_> = case
        .recent
        .iter()
        .filter_map(|e| match &e.what {
            What::DhcpRefused { why, .. } => Some((e.at, why)),
            _ => None,
        })
        .collect();
    let (at, why) = refused.last()?;
    let leased = |step| case.mark(step).is_some_and(|mark| mark.last > *at);
    // One refusal is how a client that moved learns that its old address is no longer good.
    if refused.len() < 3 || [Step::Dhcp, Step::LoaderDhcp, Step::OsDhcp].into_iter().any(leased) {
        return None;
    }
    Some(
        Finding::new(
            Verdict::Stuck,
            format!(
                "is stuck before its address: {} in a row were refused",
                measure::count(refused.len(), "request")
            ),
            format!("It asks for an address that it may not have ({why}), is refused, and asks for it again."),
        )
        .fact(*at, format!("its latest request was refused: {why}"))
        .advise("two DHCP servers often do this to each other: look for a second one on the segment")
        .advise(case.listen())
        .advise("or make its client forget its old address, as a cold start does"),
    )
}

/// We offer an address, and it does not take it.
pub(super) fn offer_not_taken(case: &Case) -> Option<Finding> {
    if case.position != Some(Step::Discover) || !matches!(case.awaited, Some(Step::Dhcp | Step::LoaderDhcp)) {
        return None;
    }
    let offers: Vec<_> = case
        .recent
        .iter()
        .filter_map(|e| match &e.what {
            What::DhcpOffered { ask, boot_file, .. } => Some((e.at, ask, boot_file)),
            _ => None,
        })
        .collect();
    // HTTP boot takes no offer without a URL; why there is none is another rule's matter.
    let nothing_to_boot =
        |(_, ask, file): &(_, &DhcpAsk, &Option<String>)| ask.stage == Stage::HttpFirmware && file.is_none();
    if offers.last().is_some_and(nothing_to_boot) {
        return None;
    }
    let asked = case.boot?.discovers.max(offers.len() as u32);
    if !case.overdue && asked < 4 {
        return None;
    }
    let relay = offers.last().and_then(|(_, ask, _)| ask.relay);
    let mut finding = Finding::new(
        Verdict::Stuck,
        format!(
            "is stuck before its address: {} made, none taken for {}",
            match asked {
                1 => "1 offer was".to_string(),
                n => format!("{n} offers were"),
            },
            measure::span(case.waited())
        ),
        match relay {
            Some(relay) => format!("Our offers go to the relay {relay}, and do not come through it to the machine."),
            None => "Our offers do not reach it (a tagged VLAN on the way back, a firewall on this host), or it takes another server's.".to_string(),
        },
    );
    if let Some((at, ..)) = offers.last() {
        finding = finding.fact(*at, "it was offered an address for the last time");
    }
    finding = match relay {
        Some(relay) => finding.advise(format!("has this host a route to the relay? ip route get {relay}")),
        None => finding,
    };
    Some(
        finding
            .advise(format!(
                "see whether both directions pass: {}",
                case.listen().replace("listen to what it says: ", "")
            ))
            .advise("is its switch port an untagged member of this VLAN, and has it port-fast (edge) set?"),
    )
}
