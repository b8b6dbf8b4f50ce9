//! What is due: which deployments end now, and when to look again.
//!
//! Invariant: a pure function of the world and the time, so the conductor may be stopped and started at any moment.

use jiff::{SignedDuration, Timestamp};

use super::after::sign;
use super::drive::given_up_at;
use super::foreign::{self, End};
use super::{Deployment, Ending};
use crate::cluster::{AfterInstall, Node};
use crate::event::{NewEvent, Subject, What};
use crate::measure;
use crate::moment;
use crate::world::World;

/// A step that has no end so long after it should have ended has none.
const LATE: SignedDuration = SignedDuration::from_secs(15);

/// What the conductor does next.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Due {
    /// Deployments that end now.
    pub ends: Vec<NewEvent>,
    /// When the next one may be due, if the world does not change before.
    pub next: Option<Timestamp>,
}

/// The deployments whose end has come.
pub fn due(world: &World, now: Timestamp) -> Due {
    let mut due = Due::default();
    for deployment in world.deployments.active() {
        match verdict(world, deployment, now) {
            Verdict::Ends(ending, why) => {
                let what = What::DeploymentEnded {
                    deployment: deployment.id,
                    ending,
                    why,
                };
                let subject = Subject::Node(deployment.node.clone());
                due.ends.push(NewEvent::new(now, "conductor", subject, what));
            }
            Verdict::Waits(until) => due.next = due.next.into_iter().chain(until).min(),
        }
    }
    due
}

enum Verdict {
    Ends(Ending, String),
    Waits(Option<Timestamp>),
}

fn verdict(world: &World, deployment: &Deployment, now: Timestamp) -> Verdict {
    let Some(node) = world.cluster.node(&deployment.node) else {
        let why = format!("{} is no longer declared", deployment.node);
        return Verdict::Ends(Ending::Dismissed, why);
    };
    let given_up = given_up_at(deployment, node, &world.state(&deployment.node));
    let of_itself = match &deployment.foreign {
        Some(armed) => match foreign::end(armed, node, deployment, world, now) {
            Some(End::Done(why)) => Verdict::Ends(Ending::Done, why),
            Some(End::Failed(why)) => Verdict::Ends(Ending::Failed, why),
            Some(End::Expired(why)) => Verdict::Ends(Ending::Expired, why),
            None => Verdict::Waits(Some(deployment.expires)),
        },
        None => of_itself(node, deployment, now),
    };
    match (of_itself, given_up) {
        (Verdict::Waits(_), Some(at)) if now >= at => {
            let why = format!(
                "it stood still after each of {} restarts; its console may say why",
                deployment.restarts
            );
            Verdict::Ends(Ending::Failed, why)
        }
        (Verdict::Waits(until), given_up) => Verdict::Waits(until.into_iter().chain(given_up).min()),
        (ends, _) => ends,
    }
}

/// The verdict where the machine does something.
fn of_itself(node: &Node, deployment: &Deployment, now: Timestamp) -> Verdict {
    if let Some(installed) = deployment.installed {
        if deployment.ready.is_some() {
            return of_steps(deployment, now);
        }
        // A node that switched itself off waits for a person, who has no deadline.
        let off = node.settings.after_install.as_ref().map(|after| after.value) == Some(AfterInstall::Poweroff);
        let since = match (off, deployment.local) {
            (true, None) => return Verdict::Waits(None),
            (_, local) => local.unwrap_or(installed),
        };
        let deadline = moment::after(since, Deployment::READY_WITHIN);
        return if now < deadline {
            Verdict::Waits(Some(deadline))
        } else {
            let why = format!(
                "installed, and waited {} in vain for {}",
                measure::span(Deployment::READY_WITHIN),
                sign(deployment.ready_when)
            );
            Verdict::Ends(Ending::Failed, why)
        };
    }
    let Some(attempt) = deployment.attempt() else {
        return if now < deployment.expires {
            Verdict::Waits(Some(deployment.expires))
        } else {
            Verdict::Ends(Ending::Expired, "the node did not ask for its script in time".into())
        };
    };
    let deadline = moment::after(attempt.began, deployment.attempt_within());
    let number = deployment.tries.len();
    let failed = match &attempt.failed {
        Some((why, _)) => first_line(why),
        None if now < deadline => return Verdict::Waits(Some(deadline)),
        None => format!("no end after {}", measure::span(deployment.attempt_within())),
    };
    if number >= deployment.attempts as usize {
        let why = match number {
            1 => format!("its only attempt failed: {failed}"),
            n => format!("{n} attempts failed, the last one: {failed}"),
        };
        Verdict::Ends(Ending::Failed, why)
    } else if now >= deployment.expires {
        let why = format!("attempt {number} failed ({failed}), and the node did not ask again in time");
        Verdict::Ends(Ending::Failed, why)
    } else {
        Verdict::Waits(Some(deployment.expires))
    }
}

/// The verdict while the steps on a node that is ready are carried out.
fn of_steps(deployment: &Deployment, now: Timestamp) -> Verdict {
    let done = deployment.done.len();
    if let Some((failed, why)) = deployment.failed_step() {
        let nth = deployment.nth_step(done - 1);
        let last = match failed.said.trim().lines().last() {
            Some(last) => format!("; it said last: {}", first_line(last)),
            None => String::new(),
        };
        let why = format!("{nth} failed, {}: {}{last}", failed.what, first_line(why));
        return Verdict::Ends(Ending::Failed, why);
    }
    match deployment.step_under_way() {
        None if done == 0 => Verdict::Ends(Ending::Done, "the node runs from its disk and is ready".into()),
        None => {
            let (steps, are) = (measure::count(done, "step"), if done == 1 { "is" } else { "are" });
            let why = format!("the node runs from its disk and is ready, and {steps} on it {are} done");
            Verdict::Ends(Ending::Done, why)
        }
        Some((_, _, None)) => Verdict::Waits(None),
        // Whoever carries it out says why it has no end; this is for what nobody carries out any more.
        Some((words, since, Some(deadline))) => {
            let last = moment::after(deadline, LATE);
            if now < last {
                return Verdict::Waits(Some(last));
            }
            let why = format!(
                "{words}: no end after {}",
                measure::span(deadline.duration_since(since))
            );
            Verdict::Ends(Ending::Failed, why)
        }
    }
}

fn first_line(text: &str) -> String {
    let line = text.trim().lines().next().unwrap_or_default().trim();
    match line {
        "" => "without a reason".to_string(),
        line => line.chars().take(200).collect(),
    }
}
