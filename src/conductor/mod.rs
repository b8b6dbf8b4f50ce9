//! The conductor: the one place that ends deployments, that switches machines for them, and that carries out steps on nodes.
//!
//! It takes no input but the world, the time, and when consoles last said something, so it may be stopped and started at any
//! moment; what it does is decided by [`model::deployment::due`], [`model::deployment::drive`] and
//! [`model::deployment::chores`].

mod after;
mod foreign;

use std::collections::HashSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::Timestamp;
use model::deployment::{CONDUCTOR, Push, drive, due};
use model::event::Seq;
use model::world::World;
use tokio::sync::{Notify, Semaphore, watch};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::bmc::{Desk, Order};
use crate::console::Consoles;
use crate::journal::{Journal, JournalError};

/// It looks at the clock at least so often: the time of day may be set, and a host may sleep.
const AT_LEAST: Duration = Duration::from_secs(30);
/// How long it waits after the journal took nothing.
const RETRY: Duration = Duration::from_secs(5);
/// Machines that are switched at once.
const AT_ONCE: usize = 16;
/// Nodes on which steps are carried out at once.
const SESSIONS: usize = 256;
/// Time between two that begin: all of a room at one moment would trip its breaker.
const APART: Duration = Duration::from_millis(500);

/// Ends what is due now. Run before any door opens: nothing that expired while the server was away may begin.
///
/// # Errors
/// The journal takes nothing.
pub async fn settle(journal: &Journal) -> Result<Option<Timestamp>, JournalError> {
    let due = due(&journal.world(), Timestamp::now());
    if !due.ends.is_empty() {
        for end in &due.ends {
            tracing::info!(subject = %end.subject, kind = end.what.kind(), "a deployment ends");
        }
        journal.commit(due.ends).await?;
    }
    Ok(due.next)
}

/// Who conducts.
#[derive(Debug, Clone)]
pub struct Conductor {
    journal: Journal,
    desk: Desk,
    consoles: Consoles,
    /// Nodes that are being switched.
    busy: Arc<Mutex<HashSet<String>>>,
    /// Deployments for which something is done on their installed node.
    tended: Arc<Mutex<HashSet<Seq>>>,
    /// One of them is done.
    done: Arc<Notify>,
    sessions: Arc<Semaphore>,
    slots: Arc<Semaphore>,
    /// When the next one may begin.
    turn: Arc<Mutex<Instant>>,
}

impl Conductor {
    /// A conductor who has done nothing yet.
    pub fn new(journal: Journal, desk: Desk, consoles: Consoles) -> Self {
        Self {
            journal,
            desk,
            consoles,
            busy: Arc::default(),
            tended: Arc::default(),
            done: Arc::default(),
            sessions: Arc::new(Semaphore::new(SESSIONS)),
            slots: Arc::new(Semaphore::new(AT_ONCE)),
            turn: Arc::new(Mutex::new(Instant::now())),
        }
    }

    /// Conducts until cancelled.
    pub async fn run(self, cancel: CancellationToken) {
        let looks = cancel.child_token();
        let looking = foreign::run(self.journal.clone(), looks.clone());
        tokio::join!(looking, async {
            self.conduct(cancel).await;
            looks.cancel();
        });
    }

    async fn conduct(self, cancel: CancellationToken) {
        let mut world = self.journal.watch();
        let mut seen = mark(&world);
        loop {
            let pause = match settle(&self.journal).await {
                Ok(next) => {
                    let pushed = self.push();
                    let next = next.into_iter().chain(pushed).chain(self.tend()).min();
                    next.map_or(AT_LEAST, until).min(AT_LEAST)
                }
                Err(JournalError::Stopped) => return,
                Err(error) => {
                    tracing::error!(%error, "deployments cannot be ended: the journal takes nothing");
                    RETRY
                }
            };
            let sleep = tokio::time::sleep(pause);
            tokio::pin!(sleep);
            loop {
                tokio::select! {
                    () = cancel.cancelled() => return,
                    () = &mut sleep => break,
                    () = self.done.notified() => break,
                    changed = world.changed() => {
                        if changed.is_err() {
                            return;
                        }
                        // Most of what happens has nothing to do with deployments.
                        let now = mark(&world);
                        if now != seen {
                            seen = now;
                            break;
                        }
                    }
                }
            }
        }
    }

    /// Switches the machines whose turn it is; when to look again.
    fn push(&self) -> Option<Timestamp> {
        let drive = drive(&self.journal.world(), Timestamp::now(), |node| {
            self.consoles.hub(node).and_then(|hub| hub.status().last)
        });
        for (node, push) in drive.pushes {
            let is_new = self
                .busy
                .lock()
                .expect("nobody panics while holding it")
                .insert(node.clone());
            if is_new {
                tokio::spawn(self.clone().switch(node, push));
            }
        }
        drive.next
    }

    async fn switch(self, node: String, push: Push) {
        if let Ok(_slot) = self.slots.acquire().await {
            let turn = {
                let mut next = self.turn.lock().expect("nobody panics while holding it");
                let turn = (*next).max(Instant::now());
                *next = turn + APART;
                turn
            };
            tokio::time::sleep_until(turn).await;
            let world = self.journal.world();
            // Whoever dismissed it meanwhile does not want it switched.
            let wanted = world.deployments.active_of(&node).is_some();
            if let (Some(declared), true) = (world.cluster.node(&node), wanted) {
                tracing::info!(node, ?push, "a machine is switched for its deployment");
                self.orders(declared, push).await;
            }
        }
        self.busy.lock().expect("nobody panics while holding it").remove(&node);
        self.done.notify_one();
    }

    /// What a BMC refuses is in the journal, and asked again when its time has come.
    async fn orders(&self, node: &Arc<model::cluster::Node>, push: Push) {
        if matches!(push, Push::Begin | Push::Again) {
            let boot = Order::Boot {
                device: "pxe".into(),
                persistent: false,
                uefi: None,
            };
            let told = self.desk.carry_out(CONDUCTOR, node, &boot).await;
            // One that cannot choose may boot from the network all the same; one that did not let us in is not asked twice.
            if told["ok"] != true && told["inside"] != true {
                return;
            }
        }
        let cycle = Order::Power {
            action: "cycle".into(),
            grace_seconds: None,
        };
        self.desk.carry_out(CONDUCTOR, node, &cycle).await;
    }
}

/// What changes whenever a deployment or the cluster does.
fn mark(world: &watch::Receiver<Arc<World>>) -> (u64, usize) {
    let world = world.borrow();
    (world.deployments.revision(), Arc::as_ptr(&world.cluster) as usize)
}

fn until(next: Timestamp) -> Duration {
    let wait = next.duration_since(Timestamp::now());
    Duration::try_from(wait).unwrap_or_default() + Duration::from_millis(1)
}
