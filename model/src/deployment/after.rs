//! What follows the installation: how an installed node is known to be ready, and the steps on it by SSH.
//!
//! Invariant: a step is carried out until its end is in the journal: one whose end was lost is carried out again, none is
//! skipped.
//! Invariant: what is done is what was armed: a cluster file that changes meanwhile changes no deployment under way.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::{Deployment, Wait};
use crate::cluster::{Act, ReadyWhen};
use crate::event::Seq;
use crate::measure;
use crate::moment;
use crate::world::World;

/// An installed machine that was not handed over to its disk is looked at after so long: before, whatever answers there may
/// be what installed it.
const HANDED_OVER: SignedDuration = SignedDuration::from_secs(60);

/// A step that was carried out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Done {
    /// What was done, in words.
    pub what: String,
    /// When it began.
    pub began: Timestamp,
    /// When it ended.
    pub at: Timestamp,
    /// Why it failed.
    pub failed: Option<String>,
    /// Its output: the first and the last lines.
    pub said: String,
}

/// A step under way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnderWay {
    /// When it began.
    pub began: Timestamp,
    /// Of a restart: which boot of its kernel the machine was in before.
    pub boot: Option<String>,
}

/// Something that is to be done about an installed node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chore {
    /// Name of the node.
    pub node: String,
    /// The deployment.
    pub deployment: Seq,
    /// What.
    pub task: Task,
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Task {
    /// Find out whether it is ready; never [`ReadyWhen::Callback`].
    Probe(ReadyWhen),
    /// Carry out a step.
    Step {
        /// Which, from 0.
        step: u32,
        /// What it is.
        act: Act,
        /// Its begin where it is in the journal already.
        under_way: Option<UnderWay>,
    },
}

/// The chores of now.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Chores {
    /// What is to be done.
    pub now: Vec<Chore>,
    /// When to look again, if the world does not change before.
    pub next: Option<Timestamp>,
}

/// What is to be done about installed nodes.
pub fn chores(world: &World, now: Timestamp) -> Chores {
    let mut chores = Chores::default();
    for deployment in world.deployments.active() {
        let Some((task, at)) = deployment.task() else { continue };
        match at <= now {
            true => chores.now.push(Chore {
                node: deployment.node.clone(),
                deployment: deployment.id,
                task,
            }),
            false => chores.next = chores.next.into_iter().chain([at]).min(),
        }
    }
    chores
}

impl Task {
    /// Whether both are the same chore, however far it is.
    pub fn is_same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Step { step: a, .. }, Self::Step { step: b, .. }) => a == b,
            (a, b) => a == b,
        }
    }
}

impl Deployment {
    /// What is to be done about its node, and from when on.
    pub fn task(&self) -> Option<(Task, Timestamp)> {
        let installed = self.installed.filter(|_| self.is_active())?;
        let Some(ready) = self.ready else {
            let from = self.local.unwrap_or(moment::after(installed, HANDED_OVER));
            return match self.ready_when {
                ReadyWhen::Callback => None,
                when => Some((Task::Probe(when), from)),
            };
        };
        if self.failed_step().is_some() {
            return None;
        }
        let step = self.after_ready.get(self.done.len())?;
        let task = Task::Step {
            step: self.done.len() as u32,
            act: step.act.clone(),
            under_way: self.under_way.clone(),
        };
        Some((task, ready))
    }

    /// The step that failed, with why.
    pub fn failed_step(&self) -> Option<(&Done, &str)> {
        let last = self.done.last()?;
        last.failed.as_deref().map(|why| (last, why))
    }

    /// `step 2 of 3`.
    pub(super) fn nth_step(&self, n: usize) -> String {
        format!("step {} of {}", n + 1, self.after_ready.len())
    }

    /// The step whose turn it is: its words, since when, and until when it may take once it began.
    pub(super) fn step_under_way(&self) -> Option<(String, Timestamp, Option<Timestamp>)> {
        let ready = self.ready?;
        let step = self.after_ready.get(self.done.len())?;
        let before = self.done.last().map_or(ready, |done| done.at);
        let since = self.under_way.as_ref().map_or(before, |under_way| under_way.began);
        let words = format!("{} on the node, {}", self.nth_step(self.done.len()), step.act);
        Some((words, since, self.step_deadline()))
    }

    /// Until when the step under way may take.
    pub fn step_deadline(&self) -> Option<Timestamp> {
        let step = self.after_ready.get(self.done.len())?;
        let began = self.under_way.as_ref()?.began;
        Some(moment::after(
            began,
            SignedDuration::from_secs(step.within_seconds.into()),
        ))
    }
}

/// What is awaited of a node that is ready, while its steps are carried out.
pub(super) fn wait(deployment: &Deployment) -> Option<Wait> {
    let (what, since, deadline) = deployment.step_under_way()?;
    let left = deployment.after_ready.len() - deployment.done.len();
    Some(Wait {
        step: "steps".into(),
        what,
        since,
        deadline,
        next: match left {
            1 => "then the deployment is done; it fails if the step does, or takes longer".into(),
            _ => format!(
                "then come {}; the deployment fails if this one does, or takes longer",
                measure::count(left - 1, "further step")
            ),
        },
    })
}

/// Whose sign tells that it is ready, in words that follow "waiting for".
pub(super) fn sign(when: ReadyWhen) -> String {
    match when {
        ReadyWhen::Callback => "its system to say that it is ready".into(),
        ReadyWhen::Ssh => "its system to let root in by SSH".into(),
        ReadyWhen::Port(port) => format!("its system to take connections at TCP port {port}"),
    }
}
