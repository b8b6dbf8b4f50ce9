//! The steps of a deployment: those that were reached, and the one that is awaited, since when and until when.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::after;
use super::drive::asked_again;
use super::{Attempt, Deployment, Phase, foreign};
use crate::cluster::{AfterInstall, Via};
use crate::measure;
use crate::moment;
use crate::world::{Boot, Step, World};

/// A step that was reached.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    /// The word of the step: `script`, `kernel`, `answers`, `started`, `installed`, `local boot`, `ready`.
    pub step: String,
    /// When.
    pub at: Timestamp,
    /// What was said with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub said: Option<String>,
}

/// What a deployment waits for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wait {
    /// The awaited step.
    pub step: String,
    /// In words: `the installer to fetch its answers`.
    pub what: String,
    /// Since when.
    pub since: Timestamp,
    /// When it is late; `None` where it may take as long as it likes.
    pub deadline: Option<Timestamp>,
    /// What happens, or what to do, next.
    pub next: String,
}

impl Wait {
    /// Whether it is late.
    pub fn is_overdue(&self, now: Timestamp) -> bool {
        self.deadline.is_some_and(|deadline| deadline <= now)
    }
}

/// The steps that were reached, in their order in time: of the attempt that runs or ran last, and of what followed it.
pub fn marks(world: &World, deployment: &Deployment) -> Vec<Mark> {
    let mark = |step: &str, at, said: Option<&str>| Mark {
        step: step.to_string(),
        at,
        said: said.map(str::to_string),
    };
    let mut marks = vec![mark("armed", deployment.armed_at, None)];
    if let Some(attempt) = deployment.attempt() {
        if let Some(boot) = boot_of(world, deployment, attempt) {
            let shown = |step: &Step| *step <= Step::Root && *step != Step::Script;
            let reached = boot.marks.iter().filter(|reached| shown(&reached.step));
            marks.extend(reached.map(|reached| mark(reached.step.as_str(), reached.at, None)));
        }
        marks.push(mark("script", attempt.began, None));
        let instants = [("answers", attempt.answers), ("started", attempt.started)];
        marks.extend(
            instants
                .iter()
                .filter_map(|(step, at)| at.map(|at| mark(step, at, None))),
        );
        if let Some((said, at)) = &attempt.progress {
            marks.push(mark("progress", *at, Some(said)));
        }
        if let Some((why, at)) = &attempt.failed {
            marks.push(mark("failed", *at, Some(why)));
        }
    }
    let ends = [
        ("installed", deployment.installed),
        ("local boot", deployment.local),
        ("ready", deployment.ready),
    ];
    marks.extend(ends.iter().filter_map(|(step, at)| at.map(|at| mark(step, at, None))));
    for (n, done) in deployment.done.iter().enumerate() {
        let said = match &done.failed {
            Some(why) => format!("{}: failed, {why}", done.what),
            None => format!("{} done", done.what),
        };
        marks.push(mark(&deployment.nth_step(n), done.at, Some(&said)));
    }
    marks.sort_by_key(|mark| mark.at);
    if let Some(end) = &deployment.end {
        marks.push(mark(end.ending.as_str(), end.at, Some(&end.why)));
    }
    marks
}

/// What a deployment waits for; `None` once it has ended.
pub fn wait(world: &World, deployment: &Deployment) -> Option<Wait> {
    Some(match deployment.phase() {
        Phase::Ended(_) => return None,
        Phase::Armed => armed(world, deployment),
        Phase::Running => {
            let attempt = deployment.attempt()?;
            match &deployment.foreign {
                Some(armed) => foreign::wait(armed, deployment, attempt.began),
                None => running(world, deployment, attempt),
            }
        }
        Phase::Between => {
            let (why, at) = deployment.attempt()?.failed.clone()?;
            let (number, all) = (deployment.tries.len() + 1, deployment.attempts);
            Wait {
                step: "power".into(),
                what: format!(
                    "the node to start again: attempt {} failed, {}",
                    number - 1,
                    why.lines().next().unwrap_or_default()
                ),
                since: at,
                deadline: Some(deployment.expires),
                next: format!(
                    "attempt {number} of {all} begins when it asks for its script; restart it if it does not by itself"
                ),
            }
        }
        Phase::Installed => installed(world, deployment),
        Phase::Finishing => return after::wait(deployment),
    })
}

fn armed(world: &World, deployment: &Deployment) -> Wait {
    let state = world.state(&deployment.node);
    let coming = state.boot.as_ref().filter(|boot| boot.started >= deployment.armed_at);
    match coming.and_then(|boot| boot.position().map(|mark| (boot, mark))) {
        Some((boot, mark)) if mark.step != Step::Power => Wait {
            step: "script".into(),
            what: "its loader to ask for its script".into(),
            since: mark.last,
            deadline: Some(moment::after(boot.started, SignedDuration::from_mins(5))),
            next: format!("the attempt begins then; it has reached {}", mark.step.as_str()),
        },
        _ => by_whom(world, deployment),
    }
}

/// A machine that is not heard yet: who switches it on, and what keeps him from it.
fn by_whom(world: &World, deployment: &Deployment) -> Wait {
    let wait = |what: String, since: Timestamp, next: String| Wait {
        step: "power".into(),
        what,
        since,
        deadline: Some(deployment.expires),
        next,
    };
    let node = world.cluster.node(&deployment.node);
    if !node.is_some_and(|node| deployment.is_driven(node)) {
        return wait(
            "the node to be switched on".into(),
            deployment.armed_at,
            "switch it on or restart it, and let it boot from the network".into(),
        );
    }
    let state = world.state(&deployment.node);
    match (&state.bmc.failed, deployment.driven) {
        (Some(failed), _) => wait(
            format!("its BMC, which failed to {}: {}", failed.order, failed.why),
            failed.at,
            format!(
                "it is asked again {} later; or switch the machine on by hand",
                measure::span(asked_again(failed).duration_since(failed.at))
            ),
        ),
        (None, None) => wait(
            "its BMC to switch it on".into(),
            deployment.armed_at,
            "it boots from the network then".into(),
        ),
        (None, Some(driven)) => wait(
            "its firmware to ask the network".into(),
            driven,
            format!(
                "it is restarted when nothing is heard of it for {}, {} times at most",
                measure::span(deployment.frozen_after()),
                Deployment::RESTARTS
            ),
        ),
    }
}

fn running(world: &World, deployment: &Deployment, attempt: &Attempt) -> Wait {
    let total = moment::after(attempt.began, deployment.attempt_within());
    let next = format!(
        "the attempt is given up after {}",
        measure::span(deployment.attempt_within())
    );
    let who = match deployment.via {
        Via::Image => "the agent",
        Via::Installer | Via::Network => "the installer",
    };
    let wait = |step: &str, what: String, since: Timestamp, minutes: i64| Wait {
        step: step.into(),
        what,
        since,
        deadline: Some(total.min(moment::after(since, SignedDuration::from_mins(minutes)))),
        next: next.clone(),
    };
    if let Some((said, at)) = &attempt.progress {
        return wait("installed", format!("the end; {who} said: {said}"), *at, 90);
    }
    if let Some(at) = attempt.started {
        return wait("installed", format!("{who} to say how far it is"), at, 30);
    }
    if let Some(at) = attempt.answers {
        return wait("started", format!("{who} to say that it started"), at, 15);
    }
    let position =
        boot_of(world, deployment, attempt).and_then(|boot| boot.position().map(|mark| (mark.step, mark.last)));
    match position {
        Some((Step::Kernel, at)) => wait("initrd", "its initial RAM disk to be fetched".into(), at, 10),
        Some((step, at)) if step >= Step::Initrd => wait("answers", format!("{who} to ask for its answers"), at, 15),
        _ => wait("kernel", "its kernel to be fetched".into(), attempt.began, 10),
    }
}

fn installed(world: &World, deployment: &Deployment) -> Wait {
    let installed = deployment.installed.unwrap_or(deployment.armed_at);
    let after = world
        .cluster
        .node(&deployment.node)
        .and_then(|node| node.settings.after_install.as_ref())
        .map(|after| after.value);
    match (deployment.local, after) {
        (None, Some(AfterInstall::Poweroff)) => Wait {
            step: "local boot".into(),
            what: "somebody to switch the node on again".into(),
            since: installed,
            deadline: None,
            next: "it boots from its disk then".into(),
        },
        (local, _) => Wait {
            step: "ready".into(),
            what: match local {
                None => "the node to restart into its system".into(),
                Some(_) => after::sign(deployment.ready_when),
            },
            since: local.unwrap_or(installed),
            deadline: Some(moment::after(local.unwrap_or(installed), Deployment::READY_WITHIN)),
            next: "it boots from its disk whatever its boot order says".into(),
        },
    }
}

/// The boot in which an attempt runs, if it is still remembered.
pub(super) fn boot_of(world: &World, deployment: &Deployment, attempt: &Attempt) -> Option<Boot> {
    let state = world.state(&deployment.node);
    state.all_boots().find(|boot| boot.id == attempt.boot).cloned()
}
