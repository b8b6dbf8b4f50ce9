//! What the conductor does to machines: switches them on for their deployment, and restarts those that stand still.
//!
//! Invariant: a pure function of the world, the time, and when each console last said something; so the conductor may be
//! stopped and started at any moment, and the worst that comes of it is one restart more.
//! Invariant: a machine whose deployment was armed to be switched by hand is never touched.

use jiff::{SignedDuration, Timestamp};

use super::foreign::is_silent;
use super::{Deployment, Phase};
use crate::cluster::{AfterInstall, Node};
use crate::moment;
use crate::world::{BmcFailure, NodeState, World};

/// What is done to a machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Push {
    /// Its deployment begins: it is told to boot from the network, and switched on or over.
    Begin,
    /// It stands still: the same again.
    Again,
    /// It stands still with its system on its disk: it is switched over.
    Over,
}

/// What the conductor does next.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Drive {
    /// Machines with what is done to them now.
    pub pushes: Vec<(String, Push)>,
    /// When to look again, if the world does not change before.
    pub next: Option<Timestamp>,
}

/// The last restart has this much longer.
const GRACE: SignedDuration = SignedDuration::from_mins(5);
/// A BMC that failed is asked again after so long, and after twice the time each time that it fails again: one that does
/// not let us in locks the account of who asks too often.
const RETRY: SignedDuration = SignedDuration::from_secs(60);
const LONGEST_RETRY: SignedDuration = SignedDuration::from_mins(30);

/// When a BMC that failed is asked again.
pub(super) fn asked_again(failed: &BmcFailure) -> Timestamp {
    let doublings = failed.times.saturating_sub(1).min(16);
    moment::after(failed.at, (RETRY * (1 << doublings)).min(LONGEST_RETRY))
}

impl Deployment {
    /// How often a machine that stands still is restarted.
    pub const RESTARTS: u32 = 3;

    /// Whether machines are switched for it: the node has a BMC, and nobody said that he does it himself.
    pub fn is_driven(&self, node: &Node) -> bool {
        node.bmc.is_some() && !self.by_hand
    }
}

/// What is done now. `said` tells when the console of a node last said something.
pub fn drive(world: &World, now: Timestamp, said: impl Fn(&str) -> Option<Timestamp>) -> Drive {
    let mut drive = Drive::default();
    for deployment in world.deployments.active() {
        let Some(node) = world
            .cluster
            .node(&deployment.node)
            .filter(|node| deployment.is_driven(node))
        else {
            continue;
        };
        let state = world.state(&deployment.node);
        let Some((push, at)) = push(deployment, node, &state, said(&deployment.node)) else {
            continue;
        };
        // What its BMC just refused is not asked again at once.
        let at = match &state.bmc.failed {
            Some(failed) => at.max(asked_again(failed)),
            None => at,
        };
        match at <= now {
            true => drive.pushes.push((deployment.node.clone(), push)),
            false => drive.next = drive.next.into_iter().chain([at]).min(),
        }
    }
    drive
}

/// What is done to a machine next, and when, if nothing is heard of it before.
fn push(deployment: &Deployment, node: &Node, state: &NodeState, said: Option<Timestamp>) -> Option<(Push, Timestamp)> {
    let Some(driven) = deployment.driven else {
        return (deployment.phase() == Phase::Armed).then_some((Push::Begin, deployment.armed_at));
    };
    // A node on which steps are carried out says nothing to us by itself, and restarts when it is told to.
    if deployment.ready.is_some() {
        return None;
    }
    let off = node.settings.after_install.as_ref().map(|after| after.value) == Some(AfterInstall::Poweroff);
    if deployment.restarts >= Deployment::RESTARTS || (deployment.installed.is_some() && off) {
        return None;
    }
    if said.is_none() && is_silent(deployment, state) {
        return None;
    }
    let again = match deployment.installed {
        Some(_) => Push::Over,
        None => Push::Again,
    };
    Some((again, frozen_at(deployment, state, driven, said)))
}

/// From when on a machine counts as one that stands still.
fn frozen_at(deployment: &Deployment, state: &NodeState, driven: Timestamp, said: Option<Timestamp>) -> Timestamp {
    let power = state.power.as_ref().map(|(_, at)| *at);
    let signs = [Some(driven), power, state.last_seen, said];
    let last = signs.into_iter().flatten().max().unwrap_or(driven);
    moment::after(last, deployment.frozen_after())
}

/// From when on a machine is given up: it was restarted as often as it may be, and stands still again.
pub(super) fn given_up_at(deployment: &Deployment, node: &Node, state: &NodeState) -> Option<Timestamp> {
    let driven = deployment.driven.filter(|_| deployment.is_driven(node))?;
    let is_last = deployment.restarts >= Deployment::RESTARTS && deployment.installed.is_none();
    // What a face armed has a deadline of its own, which is close.
    let grace = match deployment.foreign {
        Some(_) if is_silent(deployment, state) => return None,
        Some(_) => SignedDuration::ZERO,
        None => GRACE,
    };
    // A console alone does not count here: one that says the same error for ever is no sign of an end.
    is_last.then(|| frozen_at(deployment, state, driven, None) + grace)
}
