//! Folding events into deployments.

use std::sync::Arc;

use imbl::{HashMap, OrdMap, OrdSet};

use super::{Attempt, Deployment, Done, End, Ending, Said, UnderWay};
use crate::cluster::ReadyWhen;
use crate::event::{Event, Seq, Subject, What};
use crate::world::HostKey;

/// Who drives deployments, as the journal names him.
pub const CONDUCTOR: &str = "conductor";

/// All deployments that are remembered: those that have not ended, and the latest of those that have.
#[derive(Debug, Clone, Default)]
pub struct Deployments {
    all: OrdMap<Seq, Arc<Deployment>>,
    latest: HashMap<Arc<str>, Seq>,
    active: OrdSet<Seq>,
    revision: u64,
}

impl Deployments {
    /// How many are remembered in the world; the journal has them all.
    pub const KEPT: usize = 20_000;

    /// A number that changes whenever a deployment does. It means nothing beyond one run of the program.
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// The deployment of that number.
    pub fn get(&self, id: Seq) -> Option<&Arc<Deployment>> {
        self.all.get(&id)
    }

    /// The latest deployment of a node.
    pub fn latest(&self, node: &str) -> Option<&Arc<Deployment>> {
        self.latest.get(node).and_then(|id| self.all.get(id))
    }

    /// The deployment of a node that has not ended.
    pub fn active_of(&self, node: &str) -> Option<&Arc<Deployment>> {
        self.latest(node).filter(|deployment| deployment.is_active())
    }

    /// Those that have not ended, oldest first.
    pub fn active(&self) -> impl Iterator<Item = &Arc<Deployment>> {
        self.active.iter().filter_map(|id| self.all.get(id))
    }

    /// All that are remembered, oldest first.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &Arc<Deployment>> {
        self.all.values()
    }

    /// Puts a deployment in, as a snapshot has it.
    pub(crate) fn put(&mut self, deployment: Arc<Deployment>) {
        let node: Arc<str> = Arc::from(deployment.node.as_str());
        let newest = self.latest.get(&node).is_none_or(|id| *id <= deployment.id);
        if newest {
            self.latest.insert(node, deployment.id);
        }
        if deployment.is_active() {
            self.active.insert(deployment.id);
        } else {
            self.active.remove(&deployment.id);
        }
        self.revision += 1;
        self.all.insert(deployment.id, deployment);
    }

    /// Folds an event. `boot` is the boot of its node that is under way with it.
    pub(crate) fn fold(&mut self, event: &Event, boot: Option<Seq>) {
        let Subject::Node(node) = &event.subject else { return };
        match &event.what {
            What::DeploymentArmed { .. } => self.arm(event, node),
            What::DeploymentEnded {
                deployment,
                ending,
                why,
            } => self.end(*deployment, *ending, why, event),
            _ => {
                let Some(old) = self.active_of(node) else { return };
                let mut changed = Deployment::clone(old);
                changed.fold(event, boot);
                if **old != changed {
                    self.put(Arc::new(changed));
                }
            }
        }
    }

    fn arm(&mut self, event: &Event, node: &str) {
        let What::DeploymentArmed {
            via,
            source,
            profile,
            onto,
            expires,
            attempts,
            by_hand,
            frozen_seconds,
            ready_when,
            after_ready,
            foreign,
        } = &event.what
        else {
            return;
        };
        if let Some(old) = self.active_of(node).map(|old| old.id) {
            let why = format!("deployment {} was armed by {}", event.seq, event.actor);
            self.end(old, Ending::Superseded, &why, event);
        }
        self.put(Arc::new(Deployment {
            id: event.seq,
            node: node.to_string(),
            via: *via,
            source: source.clone(),
            profile: profile.clone(),
            onto: onto.clone(),
            actor: event.actor.clone(),
            armed_at: event.at,
            expires: *expires,
            attempts: (*attempts).max(1),
            tries: Vec::new(),
            installed: None,
            local: None,
            ready: None,
            end: None,
            by_hand: *by_hand,
            frozen_seconds: *frozen_seconds,
            driven: None,
            restarts: 0,
            ready_when: *ready_when,
            after_ready: after_ready.clone(),
            done: Vec::new(),
            under_way: None,
            host_key: None,
            host_keys: Vec::new(),
            foreign: foreign.clone(),
        }));
        self.forget();
    }

    /// A person may dismiss what has failed: the node is no longer parked by it.
    fn end(&mut self, id: Seq, ending: Ending, why: &str, event: &Event) {
        let Some(old) = self.all.get(&id) else { return };
        let may_end = old.is_active() || ending == Ending::Dismissed && old.parks();
        if !may_end {
            return;
        }
        let mut changed = Deployment::clone(old);
        changed.end = Some(End {
            ending,
            why: why.to_string(),
            at: event.at,
        });
        self.put(Arc::new(changed));
    }

    fn forget(&mut self) {
        if self.all.len() <= Self::KEPT {
            return;
        }
        // A batch at a time, so that remembering one more does not walk over all of them each time.
        let old: Vec<Arc<Deployment>> = self
            .all
            .values()
            .filter(|deployment| !deployment.is_active())
            .take(Self::KEPT / 4)
            .cloned()
            .collect();
        for deployment in old {
            self.all.remove(&deployment.id);
            if self.latest.get(deployment.node.as_str()) == Some(&deployment.id) {
                self.latest.remove(deployment.node.as_str());
            }
        }
    }
}

impl Deployment {
    fn fold(&mut self, event: &Event, boot: Option<Seq>) {
        let at = event.at;
        if let (What::Power { .. }, CONDUCTOR) = (&event.what, event.actor.as_str()) {
            match self.driven {
                None => self.driven = Some(at),
                Some(_) => self.restarts += 1,
            }
        }
        let sign_of_life = !matches!(
            event.what,
            What::TargetSet { .. }
                | What::HookRefused { .. }
                | What::Power { .. }
                | What::BmcBoot { .. }
                | What::BmcFailed { .. }
                | What::BmcTrusted { .. }
                | What::SshTrusted { .. }
                | What::ReadySeen { .. }
                | What::StepBegan { .. }
                | What::StepEnded { .. }
                | What::ConsoleSaid { .. }
        );
        if sign_of_life
            && self.installed.is_none()
            && let Some(attempt) = self.tries.last_mut()
        {
            attempt.last = at;
        }
        match &event.what {
            What::ScriptServed { target, deployment, .. } => match target.as_str() {
                _ if *deployment == Some(self.id) => self.begin(boot.unwrap_or(event.seq), event),
                "local" if self.installed.is_some() => {
                    self.local.get_or_insert(at);
                }
                _ => {}
            },
            What::AnswersServed { .. } => {
                if let Some(attempt) = self.running() {
                    attempt.answers.get_or_insert(at);
                }
            }
            What::InstallerSaid { notable, line } => {
                if let Some(attempt) = self.running() {
                    attempt.said = Some(Said {
                        notable: *notable,
                        line: line.clone(),
                        at,
                    });
                }
            }
            What::HookCalled {
                hook,
                detail,
                host_keys,
                deployment: Some(deployment),
            } if *deployment == self.id => {
                if hook == "ready" && !host_keys.is_empty() {
                    self.host_keys.clone_from(host_keys);
                }
                self.called(hook, detail, event);
            }
            What::ReadySeen { deployment, .. } if *deployment == self.id && self.installed.is_some() => {
                self.ready.get_or_insert(at);
            }
            What::SshTrusted {
                deployment: Some(deployment),
                place,
                algorithm,
                fingerprint,
            } if *deployment == self.id => {
                self.host_key = Some(HostKey {
                    place: place.clone(),
                    algorithm: algorithm.clone(),
                    fingerprint: fingerprint.clone(),
                });
            }
            What::StepBegan {
                deployment, step, boot, ..
            } if *deployment == self.id && self.is_next(*step) => {
                let under_way = self.under_way.get_or_insert(UnderWay { began: at, boot: None });
                if under_way.boot.is_none() {
                    under_way.boot.clone_from(boot);
                }
            }
            What::StepEnded {
                deployment,
                step,
                what,
                failed,
                said,
            } if *deployment == self.id && self.is_next(*step) => {
                let began = self.under_way.take().map_or(at, |under_way| under_way.began);
                self.done.push(Done {
                    what: what.clone(),
                    began,
                    at,
                    failed: failed.clone(),
                    said: said.clone(),
                });
            }
            What::SystemAnswered { deployment, .. } if *deployment == self.id => {
                self.installed.get_or_insert(at);
                self.ready.get_or_insert(at);
            }
            _ => {}
        }
    }

    /// Whether it is the turn of that step: each ends once, whatever is said of it again.
    fn is_next(&self, step: u32) -> bool {
        let (next, all) = (self.done.len(), self.after_ready.len());
        self.ready.is_some() && self.failed_step().is_none() && step as usize == next && next < all
    }

    /// The attempt under way, before it installed.
    fn running(&mut self) -> Option<&mut Attempt> {
        let attempt = self.tries.last_mut().filter(|_| self.installed.is_none())?;
        attempt.failed.is_none().then_some(attempt)
    }

    fn begin(&mut self, boot: Seq, event: &Event) {
        if !self.wants_install() || self.running().is_some_and(|attempt| attempt.boot == boot) {
            return;
        }
        self.tries.push(Attempt {
            boot,
            began: event.at,
            last: event.at,
            answers: None,
            started: None,
            progress: None,
            said: None,
            failed: None,
        });
    }

    fn called(&mut self, hook: &str, detail: &str, event: &Event) {
        let at = event.at;
        match hook {
            "installed" if !self.tries.is_empty() => {
                self.installed.get_or_insert(at);
            }
            "ready" if self.installed.is_some() && self.ready_when == ReadyWhen::Callback => {
                self.ready.get_or_insert(at);
            }
            "started" => {
                if let Some(attempt) = self.running() {
                    attempt.started.get_or_insert(at);
                }
            }
            "progress" => {
                if let Some(attempt) = self.running() {
                    attempt.started.get_or_insert(at);
                    attempt.progress = Some((detail.to_string(), at));
                }
            }
            "failed" => {
                if let Some(attempt) = self.running() {
                    attempt.failed = Some((detail.to_string(), at));
                }
            }
            _ => {}
        }
    }
}
