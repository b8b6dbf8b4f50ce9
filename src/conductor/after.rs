//! What is done about installed nodes: whether they are ready, and the steps on them by SSH.
//!
//! Invariant: a step that began ends in the journal, or is carried out again: after a lost end, never after a noted one.
//! Invariant: whoever dismisses a deployment stops what is done for it at once; a command that runs on the node runs on there.

use std::time::Duration;

use jiff::Timestamp;
use model::cluster::{Act, ReadyWhen};
use model::deployment::{CONDUCTOR, Chore, Task, UnderWay, chores, effective};
use model::event::{NewEvent, Subject, What};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

use super::Conductor;
use crate::causes::chain;
use crate::ssh::{self, Credential, Ended, Key, Login, Session, SshError, Target};

/// Time between two looks at a machine that starts.
const PACE: Duration = Duration::from_secs(5);
/// A port that takes no connection within this time does not.
const CONNECTED: Duration = Duration::from_secs(2);
/// A machine that was told to start anew is looked at after so long, and again.
const RESTARTS: Duration = Duration::from_secs(3);

/// The kernel's own name of a boot (random(4)).
const BOOT: &str = "cat /proc/sys/kernel/random/boot_id";
const RESTART: &str = "systemctl reboot 2>/dev/null || reboot";
const CLOUD_INIT: &str = "cloud-init status --wait --long";
/// cloud-init is done, and had something to say that is no error.
const RECOVERABLE: u32 = 2;

/// What came of a step.
struct Outcome {
    failed: Option<String>,
    said: String,
}

impl Conductor {
    /// Begins what is to be done about installed nodes; when to look again.
    pub(super) fn tend(&self) -> Option<Timestamp> {
        let chores = chores(&self.journal.world(), Timestamp::now());
        for chore in chores.now {
            let mut tended = self.tended.lock().expect("nobody panics while holding it");
            if tended.insert(chore.deployment) {
                tokio::spawn(self.clone().chore(chore));
            }
        }
        chores.next
    }

    async fn chore(self, chore: Chore) {
        tokio::select! {
            () = self.carry_out(&chore) => {}
            () = self.until_unwanted(&chore) => {}
        }
        let mut tended = self.tended.lock().expect("nobody panics while holding it");
        tended.remove(&chore.deployment);
        drop(tended);
        self.done.notify_one();
    }

    async fn until_unwanted(&self, chore: &Chore) {
        let mut world = self.journal.watch();
        loop {
            let task = (world.borrow_and_update().deployments.get(chore.deployment)).and_then(|found| found.task());
            let is_wanted = task.is_some_and(|(task, _)| task.is_same(&chore.task));
            if !is_wanted || world.changed().await.is_err() {
                return;
            }
        }
    }

    async fn carry_out(&self, chore: &Chore) {
        match &chore.task {
            Task::Probe(when) => {
                let how = loop {
                    match self.is_ready(chore, *when).await {
                        Ok(how) => break how,
                        Err(why) => tracing::debug!(node = %chore.node, why, "not ready yet"),
                    }
                    sleep(PACE).await;
                };
                let deployment = chore.deployment;
                self.note(chore, What::ReadySeen { deployment, how }).await;
            }
            Task::Step { step, act, under_way } => {
                // Many nodes may be ready at one moment; each of their sessions costs memory here.
                let Ok(_slot) = self.sessions.acquire().await else {
                    return;
                };
                self.step(chore, *step, act, under_way.clone()).await;
            }
        }
    }

    async fn is_ready(&self, chore: &Chore, when: ReadyWhen) -> Result<String, String> {
        let ReadyWhen::Port(port) = when else {
            let session = self.log_in(chore).await.map_err(|error| chain(&error))?;
            let place = session.key().place.clone();
            session.close().await;
            return Ok(format!("root is let in by SSH at {place}"));
        };
        let world = self.journal.world();
        let node = world.cluster.node(&chore.node).ok_or("it is not declared")?;
        let address = ssh::address(&world, node).ok_or("it has no address")?;
        match timeout(CONNECTED, TcpStream::connect((address, port))).await {
            Ok(Ok(_)) => Ok(format!("TCP port {port} of {address} takes connections")),
            Ok(Err(error)) => Err(error.to_string()),
            Err(_) => Err("no answer".into()),
        }
    }

    async fn step(&self, chore: &Chore, step: u32, act: &Act, under_way: Option<UnderWay>) {
        let (deployment, what) = (chore.deployment, act.to_string());
        let began = |boot| What::StepBegan {
            deployment,
            step,
            what: what.clone(),
            boot,
        };
        if under_way.is_none() && !self.note(chore, began(None)).await {
            return;
        }
        let world = self.journal.world();
        let deadline = world
            .deployments
            .get(deployment)
            .and_then(|found| found.step_deadline());
        let Some(deadline) = deadline else { return };
        let left = Duration::try_from(deadline.duration_since(Timestamp::now())).unwrap_or_default();
        let mut trouble = None;
        let work = async {
            match act {
                Act::Run(command) => self.command(chore, command, &[0], &mut trouble).await,
                Act::CloudInit => self.command(chore, CLOUD_INIT, &[0, RECOVERABLE], &mut trouble).await,
                Act::Reboot => {
                    let before = under_way.and_then(|under_way| under_way.boot);
                    self.restart(chore, before, began, &mut trouble).await
                }
            }
        };
        let outcome = match timeout(left, work).await {
            Ok(outcome) => outcome,
            Err(_) => {
                let why = trouble.map(|trouble| format!(": {trouble}")).unwrap_or_default();
                Some(failed(format!("no end in time{why}")))
            }
        };
        let Some(Outcome { failed, said }) = outcome else {
            return;
        };
        let ended = What::StepEnded {
            deployment,
            step,
            what,
            failed,
            said,
        };
        self.note(chore, ended).await;
    }

    /// A command, to its end. `trouble`: what keeps it from beginning.
    async fn command(
        &self,
        chore: &Chore,
        command: &str,
        fine: &[u32],
        trouble: &mut Option<String>,
    ) -> Option<Outcome> {
        let session = match self.log_in_at_last(chore, trouble).await {
            Ok(session) => session,
            Err(error) => return Some(failed(chain(&error))),
        };
        *trouble = Some("it was still running".into());
        let result = session.output(command).await;
        session.close().await;
        Some(match result {
            Ok((ended, output)) => Outcome {
                failed: how_it_failed(&ended, fine),
                said: output.text(),
            },
            Err(error) => failed(chain(&error)),
        })
    }

    /// A restart: it is over when root can log in to another boot than the one before. `None`: the journal takes nothing.
    async fn restart(
        &self,
        chore: &Chore,
        before: Option<String>,
        began: impl Fn(Option<String>) -> What,
        trouble: &mut Option<String>,
    ) -> Option<Outcome> {
        let mut is_told = false;
        let mut before = before;
        loop {
            let session = match self.log_in_at_last(chore, trouble).await {
                Ok(session) => session,
                Err(error) => return Some(failed(chain(&error))),
            };
            let found = boot_of(&session).await;
            match (found, &before) {
                (Err(why), _) => *trouble = Some(why),
                (Ok(now), Some(before)) if now != *before => {
                    session.close().await;
                    let said = String::new();
                    return Some(Outcome { failed: None, said });
                }
                (Ok(_), Some(_)) if is_told => *trouble = Some("it was told to, and runs on".into()),
                (Ok(now), known) => {
                    // What it is told before this is known would be told again after a restart of the server.
                    if known.is_none() && !self.note(chore, began(Some(now.clone()))).await {
                        return None;
                    }
                    before = Some(now);
                    is_told = true;
                    if let Ok((Ended::Status(status @ 1..), output)) = session.output(RESTART).await {
                        session.close().await;
                        return Some(Outcome {
                            failed: Some(format!("it cannot be told to: exit status {status}")),
                            said: output.text(),
                        });
                    }
                }
            }
            session.close().await;
            sleep(RESTARTS).await;
        }
    }

    /// Tries until the node lets us in; what will not be better a moment later is an error.
    async fn log_in_at_last(&self, chore: &Chore, trouble: &mut Option<String>) -> Result<Session, SshError> {
        loop {
            match self.log_in(chore).await {
                Ok(session) => return Ok(session),
                // A key may be put in its place only a moment later.
                Err(error @ SshError::Refused { .. }) => *trouble = Some(chain(&error)),
                Err(error) if error.is_passing() => *trouble = Some(chain(&error)),
                Err(error) => return Err(error),
            }
            sleep(PACE).await;
        }
    }

    async fn log_in(&self, chore: &Chore) -> Result<Session, SshError> {
        let world = self.journal.world();
        let missing = |missing| SshError::NoLogin {
            place: chore.node.clone(),
            missing,
        };
        let node = world.cluster.node(&chore.node).ok_or_else(|| missing("the node"))?;
        let deployment = (world.deployments.get(chore.deployment)).ok_or_else(|| missing("a deployment"))?;
        let target = Target::of_node(&world, node, deployment).ok_or_else(|| missing("an address of the node"))?;
        let settings = effective(&world, node).settings.clone();
        let from = settings
            .ssh_key_from
            .as_ref()
            .ok_or_else(|| missing("`ssh_key_from`"))?;
        let login = Login {
            user: "root".into(),
            credential: Credential::Key(Key::read(&from.value)?),
        };
        let mut session = Session::connect(&target).await?;
        if let Err(error) = session.log_in(&login).await {
            session.close().await;
            return Err(error);
        }
        // With a key nothing secret is given away to whoever answers there; what let us in is what counts from now on.
        if target.pins.is_empty() {
            let event = ssh::trusted(&chore.node, CONDUCTOR, Some(chore.deployment), session.key());
            self.write_down(event).await;
        }
        Ok(session)
    }

    /// Writes down what happens. `false`: the journal takes nothing, and the chore is begun anew.
    async fn note(&self, chore: &Chore, what: What) -> bool {
        let subject = Subject::Node(chore.node.clone());
        self.write_down(NewEvent::new(Timestamp::now(), CONDUCTOR, subject, what))
            .await
    }

    async fn write_down(&self, event: NewEvent) -> bool {
        match self.journal.commit(vec![event]).await {
            Ok(_) => true,
            Err(error) => {
                tracing::error!(%error, "what is done on a node cannot be written down");
                sleep(PACE).await;
                false
            }
        }
    }
}

fn failed(why: String) -> Outcome {
    Outcome {
        failed: Some(why),
        said: String::new(),
    }
}

fn how_it_failed(ended: &Ended, fine: &[u32]) -> Option<String> {
    match ended {
        Ended::Status(status) if fine.contains(status) => None,
        Ended::Status(status) => Some(format!("exit status {status}")),
        Ended::Signal(signal) => Some(format!("ended by signal {signal}")),
        Ended::Lost => Some("the connection broke while it ran".into()),
    }
}

/// Which boot of its kernel a node is in.
async fn boot_of(session: &Session) -> Result<String, String> {
    match session.output(BOOT).await {
        Ok((Ended::Status(0), output)) if (8..=64).contains(&output.text().len()) => Ok(output.text()),
        Ok((_, output)) => Err(format!("its boot has no name: {}", output.text())),
        Err(error) => Err(chain(&error)),
    }
}
