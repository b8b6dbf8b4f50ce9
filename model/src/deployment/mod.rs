//! Deployments: the attempts to bring one node's own disk to its profile, from being armed to an end.
//!
//! Invariant: only a deployment that is armed, has not ended and has not installed lets a node install; nothing else
//! ever leads to a disk being written.
//! Invariant: a node has at most one deployment that has not ended; arming another one supersedes it.
//! Invariant: deployments are folded from the journal like everything else, so they survive every restart.

mod after;
mod arm;
mod drive;
mod due;
mod fold;
mod foreign;
mod progress;
#[cfg(test)]
mod tests;

pub use after::{Chore, Chores, Done, Task, UnderWay, chores};
pub use arm::{Candidate, candidate, effective, obstacle};
pub use drive::{Drive, Push, drive};
pub use due::{Due, due};
pub use fold::{CONDUCTOR, Deployments};
pub use foreign::{Files, Foreign, awaited, is_written};
pub use progress::{Mark, Wait, marks, wait};

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::cluster::{NodeStep, ReadyWhen, Via};
use crate::event::{Notable, Seq};
use crate::world::HostKey;

/// One deployment of one node.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Deployment {
    /// Position of the event that armed it; names the deployment.
    pub id: Seq,
    /// Name of the node.
    pub node: String,
    /// How the system comes to the disk. [`Via::Network`] only where a face armed it and the disk is left alone.
    pub via: Via,
    /// The medium or the image.
    pub source: String,
    /// The profile, where another one than the declared was asked for.
    pub profile: Option<String>,
    /// Which disk is taken and how it is divided, in words.
    pub onto: String,
    /// Who armed it.
    pub actor: String,
    /// When.
    pub armed_at: Timestamp,
    /// No attempt begins after this.
    pub expires: Timestamp,
    /// How many attempts may begin.
    pub attempts: u32,
    /// The attempts that began, in order.
    pub tries: Vec<Attempt>,
    /// When the node said that its disk has its system. From then on it boots from there.
    pub installed: Option<Timestamp>,
    /// When it was first handed over to that disk.
    pub local: Option<Timestamp>,
    /// When the system on the disk said that it is ready, or was found to be.
    pub ready: Option<Timestamp>,
    /// How it ended.
    pub end: Option<End>,
    /// A person switches the machine: the conductor does not.
    #[serde(default)]
    pub by_hand: bool,
    /// After so many seconds without a sign of life the machine is restarted; `None`: [`Deployment::FROZEN`].
    #[serde(default)]
    pub frozen_seconds: Option<u32>,
    /// When the conductor first switched the machine for it.
    #[serde(default)]
    pub driven: Option<Timestamp>,
    /// How often it restarted the machine since it stood still.
    #[serde(default)]
    pub restarts: u32,
    /// What tells that the installed node is ready.
    #[serde(default)]
    pub ready_when: ReadyWhen,
    /// What is done on it then, in order.
    #[serde(default)]
    pub after_ready: Vec<NodeStep>,
    /// Those of them that were carried out; the last one may have failed.
    #[serde(default)]
    pub done: Vec<Done>,
    /// The one that is being carried out.
    #[serde(default)]
    pub under_way: Option<UnderWay>,
    /// The host key that the node's SSH server showed first since it was installed.
    #[serde(default)]
    pub host_key: Option<HostKey>,
    /// The host keys that the node said are its own, lines as of its files, when it called back.
    #[serde(default)]
    pub host_keys: Vec<String>,
    /// What a face armed it for.
    #[serde(default)]
    pub foreign: Option<Foreign>,
}

/// One attempt: from the script that starts the installer to a sign of its end.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Attempt {
    /// The boot in which it runs.
    pub boot: Seq,
    /// When its script was fetched.
    pub began: Timestamp,
    /// When anything was last heard of the node.
    pub last: Timestamp,
    /// When the installer fetched its answers.
    pub answers: Option<Timestamp>,
    /// When the installer said that it started.
    pub started: Option<Timestamp>,
    /// How far it said it is, and when.
    pub progress: Option<(String, Timestamp)>,
    /// The last notable line of its log.
    pub said: Option<Said>,
    /// Why it failed, in its own words, and when.
    pub failed: Option<(String, Timestamp)>,
}

/// A notable line of an installer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Said {
    /// What kind of line it is.
    pub notable: Notable,
    /// The line.
    pub line: String,
    /// When it was said.
    pub at: Timestamp,
}

/// How a deployment ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct End {
    /// How.
    pub ending: Ending,
    /// Why, in a sentence.
    pub why: String,
    /// When.
    pub at: Timestamp,
}

/// The ways in which a deployment ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ending {
    /// The node runs from its disk, is ready, and the steps on it are done.
    Done,
    /// Its attempts are used up, what it installed did not come up, or a step on it failed.
    Failed,
    /// Nobody switched the node on in time.
    Expired,
    /// A person ended it.
    Dismissed,
    /// Another deployment of the same node was armed.
    Superseded,
}

impl Ending {
    /// The word of the API and the CLI.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Expired => "expired",
            Self::Dismissed => "dismissed",
            Self::Superseded => "superseded",
        }
    }
}

/// Where a deployment stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// It waits for the node to ask for its script.
    Armed,
    /// An attempt runs.
    Running,
    /// An attempt failed; it waits for the node to ask again.
    Between,
    /// The disk has its system; it waits for it to be ready.
    Installed,
    /// The node is ready; what is done on it then is under way.
    Finishing,
    /// It has ended.
    Ended(Ending),
}

impl Phase {
    /// The word of the API and the CLI.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Armed => "armed",
            Self::Running => "installing",
            Self::Between => "retrying",
            Self::Installed => "installed",
            Self::Finishing => "finishing",
            Self::Ended(ending) => ending.as_str(),
        }
    }
}

impl Deployment {
    /// How long an installed node may take to say that it is ready.
    pub const READY_WITHIN: SignedDuration = SignedDuration::from_mins(60);

    /// After so long without a packet and without a word on its console a machine stands still. Servers train their memory
    /// for minutes, and installers are silent while they unpack.
    pub const FROZEN: SignedDuration = SignedDuration::from_mins(10);

    /// After what time without a sign of life its machine is restarted.
    pub fn frozen_after(&self) -> SignedDuration {
        self.frozen_seconds
            .map_or(Self::FROZEN, |seconds| SignedDuration::from_secs(seconds.into()))
    }

    /// Whether it has not ended.
    pub fn is_active(&self) -> bool {
        self.end.is_none()
    }

    /// Whether the node is to install when it next asks.
    pub fn wants_install(&self) -> bool {
        self.is_active() && self.installed.is_none()
    }

    /// Whether a script that is asked for in this boot may start an attempt, or is that of the attempt under way.
    pub fn may_install(&self, boot: Option<Seq>) -> bool {
        let same = self
            .tries
            .last()
            .is_some_and(|attempt| attempt.failed.is_none() && Some(attempt.boot) == boot);
        self.wants_install() && (same || self.tries.len() < self.attempts as usize)
    }

    /// The attempt that began last.
    pub fn attempt(&self) -> Option<&Attempt> {
        self.tries.last()
    }

    /// How long an attempt may take as a whole: an installer fetches and unpacks packages, on slow machines for hours.
    pub fn attempt_within(&self) -> SignedDuration {
        match self.via {
            Via::Installer | Via::Network => SignedDuration::from_hours(3),
            Via::Image => SignedDuration::from_hours(1),
        }
    }

    /// Where it stands.
    pub fn phase(&self) -> Phase {
        match (&self.end, self.installed, self.attempt()) {
            (Some(end), _, _) => Phase::Ended(end.ending),
            (None, Some(_), _) if self.ready.is_some() && !self.after_ready.is_empty() => Phase::Finishing,
            (None, Some(_), _) => Phase::Installed,
            (None, None, None) => Phase::Armed,
            (None, None, Some(attempt)) if attempt.failed.is_some() => Phase::Between,
            (None, None, Some(_)) => Phase::Running,
        }
    }

    /// Whether the node is parked by it: it failed and left the disk without a system. What a face armed parks nobody: its
    /// client sees to it.
    pub fn parks(&self) -> bool {
        self.installed.is_none()
            && self.foreign.is_none()
            && !self.tries.is_empty()
            && self.end.as_ref().is_some_and(|end| end.ending == Ending::Failed)
    }

    /// `installer debian-12`, `image debian-12`; of a face's what its client calls it.
    pub fn what(&self) -> String {
        match self.foreign {
            Some(_) => self.source.clone(),
            None => format!("{} {}", self.via, self.source),
        }
    }
}
