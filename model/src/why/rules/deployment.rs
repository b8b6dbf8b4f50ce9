//! Nodes whose disk is to get its system.

use super::super::case::Case;
use super::super::{Finding, Verdict};
use super::ended::ssh;
use crate::cluster::ReadyWhen;
use crate::deployment::{Deployment, Phase, Wait, wait};
use crate::event::Notable;
use crate::measure;

/// It failed too often and installs nothing more by itself.
pub(super) fn parked(case: &Case) -> Option<Finding> {
    let latest = case
        .world
        .deployments
        .latest(&case.node.name)
        .filter(|latest| latest.parks())?;
    let end = latest.end.as_ref()?;
    if case.state.choice.as_ref().is_some_and(|choice| choice.at > end.at) {
        return None;
    }
    let finding = Finding::new(
        Verdict::Failed,
        format!("is parked: deployment {} failed", latest.id),
        format!(
            "It says: {}. Its disk holds no whole system, so it installs nothing more by itself.",
            end.why
        ),
    );
    Some(
        tries(finding, latest)
            .fact(end.at, "it was parked")
            .advise(format!(
                "read what its installer said: bellwether deployment show {} --log",
                latest.id
            ))
            .advise(format!("when the cause is gone: bellwether deploy {}", case.node.name))
            .advise(format!(
                "or let it boot what is declared: bellwether dismiss {}",
                case.node.name
            )),
    )
}

/// Its installer asks something that nobody answers.
pub(super) fn installer_asks(case: &Case) -> Option<Finding> {
    let active = active(case, Phase::Running)?;
    let said = active
        .attempt()?
        .said
        .as_ref()
        .filter(|said| said.notable == Notable::Question)?;
    let finding = Finding::new(
        Verdict::Stuck,
        format!("waits for a person, for {}: its installer asks \"{}\"", case.ago(said.at), said.line),
        "An unattended installation has an answer to every question; this one was not foreseen, or its answer did not fit.",
    )
    .fact(said.at, format!("its installer asked: {}", said.line));
    Some(
        tries(finding, active)
            .advise(case.look())
            .advise(format!(
                "read what led to it: bellwether deployment show {} --log",
                active.id
            ))
            .advise(format!(
                "see what it was told: bellwether show {} --render preseed",
                case.node.name
            )),
    )
}

/// An attempt failed and there are more.
pub(super) fn attempt_failed(case: &Case) -> Option<Finding> {
    let active = active(case, Phase::Between)?;
    let (why, at) = active.attempt()?.failed.as_ref()?;
    if case.boot.is_some_and(|boot| boot.started > *at) {
        return None; // It comes again; the steps of its boot tell.
    }
    let (number, all) = (active.tries.len(), active.attempts);
    let finding = Finding::new(
        Verdict::Failed,
        format!(
            "failed attempt {number} of {all} of its deployment {} ago: \"{}\"",
            case.ago(*at),
            Case::one_line(why)
        ),
        "The next attempt begins when it asks for its script again.",
    );
    Some(
        tries(finding, active)
            .advise(format!(
                "read what its installer said: bellwether deployment show {} --log",
                active.id
            ))
            .advise("restart it, if it does not restart by itself")
            .advise(format!("or give it up: bellwether dismiss {}", case.node.name)),
    )
}

/// Its installation is under way.
pub(super) fn installing(case: &Case) -> Option<Finding> {
    let active = active(case, Phase::Running)?;
    let attempt = active.attempt()?;
    // Until its answers are fetched the steps of the boot tell more.
    if case.boot.is_none_or(|boot| boot.id != attempt.boot) || attempt.answers.or(attempt.started).is_none() {
        return None;
    }
    let waits = wait(case.world, active)?;
    let (number, all) = (active.tries.len(), active.attempts);
    let finding = match waits.is_overdue(case.now) {
        false => Finding::new(
            Verdict::OnItsWay,
            format!(
                "installs {}: waiting {} for {}",
                active.source,
                case.ago(waits.since),
                waits.what
            ),
            format!(
                "Attempt {number} of {all} of deployment {}. Nothing is late.",
                active.id
            ),
        ),
        true => Finding::new(
            Verdict::Stuck,
            format!(
                "is stuck installing {}: nothing for {} but waiting for {}",
                active.source,
                case.ago(waits.since),
                waits.what
            ),
            format!(
                "Attempt {number} of {all} of deployment {} is late. Its machine may have stopped, or its network.",
                active.id
            ),
        )
        .advise(case.look())
        .advise(format!("restart it: attempt {} begins when it asks again", number + 1)),
    };
    let finding = tries(finding, active).fact(attempt.last, "it was last heard");
    Some(finding.advise(format!(
        "follow it: bellwether deployment show {} --log --follow",
        active.id
    )))
}

/// Its disk has its system, which has not said yet that it is ready.
pub(super) fn installed(case: &Case) -> Option<Finding> {
    let active = active(case, Phase::Installed)?;
    let at = active.installed?;
    let waits = wait(case.world, active)?;
    let finding = match waits.is_overdue(case.now) {
        false => Finding::new(
            Verdict::OnItsWay,
            format!("is installed: waiting {} for {}", case.ago(waits.since), waits.what),
            format!(
                "Deployment {} put {} on its disk. {}.",
                active.id,
                active.source,
                sentence(&waits)
            ),
        ),
        true => Finding::new(
            Verdict::Stuck,
            format!("was installed, but its system is silent for {}", case.ago(waits.since)),
            "Its disk does not start, or its system does not reach us, or its first start takes longer than it should.",
        )
        .advise(case.look())
        .advise(format!("if it answers: {}", ssh(case, "cloud-init status --long"))),
    };
    let finding = finding.fact(at, "it said that its disk has its system");
    Some(match active.local {
        Some(local) => finding.fact(local, "it was handed over to its own disk"),
        None => finding,
    })
}

/// It is ready, and steps are carried out on it.
pub(super) fn finishing(case: &Case) -> Option<Finding> {
    let active = active(case, Phase::Finishing)?;
    let waits = wait(case.world, active)?;
    let mut finding = Finding::new(
        Verdict::OnItsWay,
        format!("is ready: waiting {} for {}", case.ago(waits.since), waits.what),
        format!("Deployment {} carries it out by SSH; {}.", active.id, waits.next),
    );
    if let (Some(ready), true) = (active.ready, active.ready_when != ReadyWhen::Callback) {
        finding = finding.fact(ready, "it was seen to be ready");
    }
    for done in &active.done {
        finding = finding.fact(done.at, format!("{} was done", done.what));
    }
    let left = waits.deadline.map(|at| measure::span(at.duration_since(case.now)));
    Some(finding.advise(format!(
        "it may take {} more; to stop it: bellwether dismiss {}",
        left.unwrap_or_default(),
        case.node.name
    )))
}

/// It is armed, and waits to be switched on.
pub(super) fn armed(case: &Case) -> Option<Finding> {
    let active = active(case, Phase::Armed)?;
    if case.boot.is_some_and(|boot| boot.started > active.armed_at) {
        return None;
    }
    let left = active.expires.duration_since(case.now);
    Some(
        Finding::new(
            Verdict::Idle,
            format!("is armed: deployment {} begins when it asks for its script", active.id),
            format!(
                "It gets {} when it next boots from the network; nothing was heard of it since.",
                active.what()
            ),
        )
        .fact(
            active.armed_at,
            format!("{} armed it", active.actor.rsplit(':').next().unwrap_or_default()),
        )
        .advise("switch it on or restart it, and let it boot from the network")
        .advise(format!(
            "it expires in {}; to take it back: bellwether dismiss {}",
            measure::span(left),
            case.node.name
        )),
    )
}

fn active<'a>(case: &'a Case, phase: Phase) -> Option<&'a Deployment> {
    let active = case.world.deployments.active_of(&case.node.name)?;
    (active.phase() == phase).then_some(active)
}

/// The attempts as facts.
fn tries(mut finding: Finding, deployment: &Deployment) -> Finding {
    finding = finding.fact(deployment.armed_at, format!("deployment {} was armed", deployment.id));
    for (at, attempt) in deployment.tries.iter().enumerate() {
        finding = finding.fact(attempt.began, format!("attempt {} began", at + 1));
        if let Some((progress, when)) = &attempt.progress {
            finding = finding.fact(*when, format!("it said: {}", Case::one_line(progress)));
        }
        if let Some(said) = attempt.said.as_ref().filter(|said| said.notable != Notable::Question) {
            finding = finding.fact(said.at, format!("its installer said: {}", said.line));
        }
        if let Some((why, when)) = &attempt.failed {
            finding = finding.fact(*when, format!("it failed: {}", Case::one_line(why)));
        }
    }
    finding
}

fn sentence(waits: &Wait) -> String {
    let mut letters = waits.next.chars();
    letters
        .next()
        .map(|first| first.to_uppercase().chain(letters).collect())
        .unwrap_or_default()
}
