//! What is due: which deployments end now, and when to look again.
//!
//! Invariant: a pure function of the world and the time, so the conductor may be stopped and started at any moment.

use jiff::Timestamp;

use super::drive::given_up_at;
use super::{Deployment, Ending};
use crate::cluster::{AfterInstall, Node};
use crate::event::{NewEvent, Subject, What};
use crate::measure;
use crate::world::World;

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
    match (of_itself(node, deployment, now), given_up) {
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
            return Verdict::Ends(Ending::Done, "the node runs from its disk and is ready".into());
        }
        // A node that switched itself off waits for a person, who has no deadline.
        let off = node.settings.after_install.as_ref().map(|after| after.value) == Some(AfterInstall::Poweroff);
        let since = match (off, deployment.local) {
            (true, None) => return Verdict::Waits(None),
            (_, local) => local.unwrap_or(installed),
        };
        let deadline = since + Deployment::READY_WITHIN;
        return if now < deadline {
            Verdict::Waits(Some(deadline))
        } else {
            let why = format!(
                "installed, but its system did not say within {} that it is ready",
                measure::span(Deployment::READY_WITHIN)
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
    let deadline = attempt.began + deployment.attempt_within();
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

fn first_line(text: &str) -> String {
    let line = text.trim().lines().next().unwrap_or_default().trim();
    match line {
        "" => "without a reason".to_string(),
        line => line.chars().take(200).collect(),
    }
}
