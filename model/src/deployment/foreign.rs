//! Deployments that a face armed for a client of another program: what is booted was chosen there, and the system that comes up
//! knows nothing of us. That it runs is seen by a port that answers.
//!
//! Invariant: what it boots and where it answers was fixed when it was armed; nothing that changes later changes it.

use std::net::SocketAddr;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::progress::boot_of;
use super::{Deployment, Wait};
use crate::cluster::Node;
use crate::measure;
use crate::world::{NodeState, Step, World};

/// What a face armed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Foreign {
    /// What the client calls it: the id of Pelagos' task. `None`: it was asked for without one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ticket: Option<String>,
    /// The boot target that its script carries out: `install`, `maintenance` or `local`.
    pub target: String,
    /// What is started for it; `None`: what that target is here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub files: Option<Files>,
    /// Where its system answers once it runs.
    pub answers_at: SocketAddr,
}

/// A kernel with what belongs to it. Paths are those below our HTTP door and our TFTP server alike.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Files {
    /// What it is called on the console.
    pub name: String,
    /// The kernel.
    pub kernel: String,
    /// Its initial RAM disk.
    pub initrd: String,
    /// Kernel command line; [`Files::BASE`] in it becomes `http://our-address`, [`Files::HOST`] our address alone.
    pub args: String,
}

impl Files {
    /// Stands for the URL of our HTTP door, as the node reaches it.
    pub const BASE: &str = "{base}";
    /// Stands for our address, as the node reaches it.
    pub const HOST: &str = "{host}";
}

/// What answers so soon after a machine was switched over is what ran before.
const STILL_THE_OLD: SignedDuration = SignedDuration::from_secs(30);

/// Where to look whether the system of a deployment runs; `None` as long as what answers there cannot be it.
///
/// It cannot be before the node has asked for its script, and, where a kernel is started, before it has that: until then the
/// system that is to be replaced may answer. A machine that boots its own disk may do so without asking us.
pub fn awaited(world: &World, deployment: &Deployment, now: Timestamp) -> Option<SocketAddr> {
    let foreign = deployment.foreign.as_ref()?;
    if !deployment.wants_install() {
        return None;
    }
    let comes = match (&foreign.files, deployment.attempt()) {
        (Some(_), Some(attempt)) => {
            let boot = boot_of(world, deployment, attempt)?;
            boot.mark(Step::Kernel).is_some_and(|mark| mark.last >= attempt.began)
        }
        (None, Some(_)) => true,
        (None, None) if foreign.target == "local" => deployment
            .driven
            .is_some_and(|driven| now.duration_since(driven) >= STILL_THE_OLD),
        (_, None) => false,
    };
    comes.then_some(foreign.answers_at)
}

/// Whether a node has fetched its whole image, which only the installing kernel does: whoever asks for a script after that has it
/// on its disk, and would write it a second time.
pub fn is_written(world: &World, deployment: &Deployment) -> bool {
    deployment.tries.iter().any(|attempt| {
        let boot = boot_of(world, deployment, attempt);
        boot.is_some_and(|boot| boot.reached(Step::Root).is_some_and(|at| at >= attempt.began))
    })
}

/// Whether a kernel was started that says nothing on the network while it works. Whether it stands still only its console can
/// tell.
pub(super) fn is_silent(deployment: &Deployment, state: &NodeState) -> bool {
    let Some(attempt) = deployment.attempt().filter(|_| deployment.foreign.is_some()) else {
        return false;
    };
    let kernel = state.boot.as_ref().and_then(|boot| boot.mark(Step::Kernel));
    kernel.is_some_and(|mark| mark.last >= attempt.began)
}

/// How it ends now, and why.
pub(super) enum End {
    /// Its system runs.
    Done(String),
    /// Its machine cannot be switched.
    Failed(String),
    /// Its time is over.
    Expired(String),
}

/// Its end, if it has come. A BMC that fails ends it at once: the client that waits for it asks again.
pub(super) fn end(
    foreign: &Foreign,
    node: &Arc<Node>,
    deployment: &Deployment,
    world: &World,
    now: Timestamp,
) -> Option<End> {
    if deployment.ready.is_some() {
        return Some(End::Done(format!("its system answers at {}", foreign.answers_at)));
    }
    let state = world.state(&node.name);
    let refused = state.bmc.failed.as_ref().filter(|failed| {
        let is_its = deployment.is_driven(node) && failed.at >= deployment.armed_at;
        is_its && (failed.outside || failed.order.starts_with("power"))
    });
    if let Some(failed) = refused {
        return Some(End::Failed(format!(
            "its BMC failed to {}: {}",
            failed.order, failed.why
        )));
    }
    (now >= deployment.expires).then(|| {
        let within = measure::span(deployment.expires.duration_since(deployment.armed_at));
        End::Expired(format!("nothing answered at {} within {within}", foreign.answers_at))
    })
}

/// What it waits for once it has asked for its script.
pub(super) fn wait(foreign: &Foreign, deployment: &Deployment, since: Timestamp) -> Wait {
    Wait {
        step: "ready".into(),
        what: format!("its system to answer at {}", foreign.answers_at),
        since,
        deadline: Some(deployment.expires),
        next: "it boots from its disk from then on".into(),
    }
}
