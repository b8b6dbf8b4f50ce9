//! Nodes from which nothing more is awaited.

use super::super::case::Case;
use super::super::{Finding, Verdict};
use crate::cluster::BootTarget;
use crate::measure;
use crate::world::Step;

/// It said that it is ready. Silence is normal from then on.
pub(super) fn ready(case: &Case) -> Option<Finding> {
    let boot = case.boot?;
    let ready = case.mark(Step::Ready)?.at;
    if power_off(case) || gone_silent(case).is_some() || boot.failed.as_ref().is_some_and(|(_, at)| *at > ready) {
        return None;
    }
    let took = measure::span(ready.duration_since(boot.started));
    let cause = "It said so itself. Silence is normal from here on, but for the renewal of its address.";
    let mut finding = Finding::new(Verdict::Ready, format!("is ready, for {}", case.ago(ready)), cause)
        .fact(boot.started, format!("boot {} began; it took {took}", boot.id));
    if boot.last > ready {
        finding = finding.fact(boot.last, "it was last heard");
    }
    if let Some((what, at)) = &boot.failed {
        finding = finding.fact(*at, format!("on its way it said: {}", quote(what)));
        finding = finding.advise(format!("see what failed: {}", ssh(case, "cloud-init status --long")));
    }
    Some(finding)
}

/// It was ready and renewed its address, and then stopped to.
pub(super) fn gone_silent(case: &Case) -> Option<Finding> {
    let boot = case.boot?;
    let ready = case.mark(Step::Ready)?.at;
    case.mark(Step::OsDhcp).filter(|mark| mark.last > ready)?;
    let mac = case.mac()?;
    let until = case.world.leases.of(mac).map(|lease| lease.until).max()?;
    if until > case.now || power_off(case) {
        return None;
    }
    Some(
        Finding::new(
            Verdict::Idle,
            format!(
                "was ready and has gone silent: its address ran out {} ago",
                case.ago(until)
            ),
            "It used to renew its address and stopped: it is switched off, unplugged, or its system hangs.",
        )
        .fact(boot.last, "it was last heard")
        .fact(until, "its lease ran out")
        .advise(format!(
            "try it: ping {}",
            case.address().map(|a| a.to_string()).unwrap_or_default()
        ))
        .advise(case.look()),
    )
}

/// We switched it off and heard nothing since.
pub(super) fn switched_off(case: &Case) -> Option<Finding> {
    let (_, at) = case.state.power.as_ref().filter(|_| power_off(case))?;
    Some(
        Finding::new(
            Verdict::Idle,
            format!("is switched off, for {}", case.ago(*at)),
            "It was switched off through us, and nothing was heard since.",
        )
        .fact(*at, "it was switched off"),
    )
}

fn power_off(case: &Case) -> bool {
    let heard = case.state.last_seen;
    case.state
        .power
        .as_ref()
        .is_some_and(|(action, at)| action == "off" && heard.is_none_or(|heard| heard <= *at))
}

/// Only its operating system was heard: it starts from its disk without asking the network.
pub(super) fn own_disk(case: &Case) -> Option<Finding> {
    let seen = match case.boot {
        None => case.state.last_seen?,
        Some(boot) if case.position == Some(Step::OsDhcp) && boot.reached(Step::Script).is_none() => boot.last,
        Some(_) => return None,
    };
    let mut finding = Finding::new(
        Verdict::Idle,
        "runs a system from its own disk",
        "Its operating system was heard, but neither its firmware nor a loader: its boot order has the disk first.",
    )
    .fact(seen, "it was last heard");
    if declared(case) != BootTarget::Local {
        finding = finding.advise(format!(
            "to boot its {}, put the network before the disk in its boot order, or let its BMC boot it from PXE once",
            declared(case)
        ));
    }
    Some(finding)
}

fn declared(case: &Case) -> BootTarget {
    let settings = &case.node.settings;
    match (&settings.boot, &settings.image) {
        (Some(boot), _) => boot.value,
        (None, Some(_)) => BootTarget::Image,
        (None, None) => BootTarget::Local,
    }
}

/// It said that it failed: now, or in the boot before this one, which has not come further yet.
pub(super) fn failed(case: &Case) -> Option<Finding> {
    let boot = case.boot?;
    let ready = case.mark(Step::Ready).map(|m| m.at);
    let (what, at, again) = match &boot.failed {
        Some((_, at)) if ready.is_some_and(|ready| ready > *at) => return None,
        // Commands of cloud-init fail one by one; the system goes on and says at its end that it is ready.
        Some(_) if case.position == Some(Step::Answers) => return None,
        Some((what, at)) => (what, *at, false),
        None => {
            let before = case.state.earlier.first()?;
            let (what, at) = before.failed.as_ref()?;
            let over = ready.is_some() || before.is_ready() || case.position >= Some(Step::Answers);
            let soon = boot.started.duration_since(*at) <= super::again::SOON;
            (!over && soon).then_some((what, *at, true))?
        }
    };
    let headline = match again {
        false => format!("failed {} ago: {}", case.ago(at), quote(what)),
        true => format!("failed {} ago and boots again: {}", case.ago(at), quote(what)),
    };
    let mut finding = Finding::new(
        Verdict::Failed,
        headline,
        "The node said so itself, from its initial RAM disk or its settings.",
    )
    .fact(at, format!("it said: {}", Case::one_line(what)));
    finding = match case.position >= Some(Step::Answers) {
        true => finding.advise(format!("see what failed: {}", ssh(case, "cloud-init status --long"))),
        false => finding.advise(case.look()),
    };
    if let Some(image) = case.image_name() {
        finding = finding.advise(format!(
            "if the image is to blame, build it again: {}",
            case.build(image)
        ));
    }
    Some(finding)
}

/// It was handed over to its own disk, from where nothing need be heard.
pub(super) fn local(case: &Case) -> Option<Finding> {
    let boot = case.boot?;
    let handed = case.mark(Step::LocalBoot)?.at;
    if boot.target.as_deref() != Some("local") {
        return None;
    }
    let system = case
        .mark(Step::OsDhcp)
        .filter(|mark| mark.last > handed)
        .map(|mark| mark.last);
    let finding = match system {
        Some(at) => Finding::new(
            Verdict::Idle,
            "runs a system from its own disk",
            "It was told to boot from its disk, and a system that asks for an address came up.",
        )
        .fact(at, "its system asked for an address"),
        None => Finding::new(
            Verdict::Idle,
            format!("was handed over to its own disk {} ago", case.ago(handed)),
            "Nothing more need be heard of it: a system on a disk asks us for nothing, unless it uses our DHCP.",
        )
        .advise("if its disk is empty, it asks again within a minute, or its firmware stops in its setup menu"),
    };
    let why = match &case.node.settings.boot {
        Some(said) if said.value == BootTarget::Local => format!("by {}, line {}", said.origin.layer, said.origin.line),
        None if case.node.settings.image.is_none() => "nothing else is declared".into(),
        _ => "a person chose it".into(),
    };
    Some(finding.fact(handed, format!("its boot target was local: {why}")))
}

/// It stops in the loader's shell, as it was told.
pub(super) fn shell(case: &Case) -> Option<Finding> {
    let at = case.mark(Step::Script)?.at;
    if case.target() != Some("shell") || case.position != Some(Step::Script) {
        return None;
    }
    Some(
        Finding::new(
            Verdict::Idle,
            format!("waits in the loader's shell, for {}", case.ago(at)),
            "Its boot target is shell: it waits for a person at its console.",
        )
        .advise(case.look())
        .advise("leave the shell with: exit"),
    )
}

/// The command that runs something on the node.
pub(super) fn ssh(case: &Case, command: &str) -> String {
    let host = case
        .address()
        .map_or_else(|| case.node.name.to_string(), |address| address.to_string());
    format!("ssh root@{host} {command}")
}

/// The first line of what a node said, in quotes.
fn quote(what: &str) -> String {
    format!("\"{}\"", what.trim().lines().next().unwrap_or("").trim())
}
