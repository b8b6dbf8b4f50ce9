//! The consoles of the nodes: one line to each machine, held by us, and as many as like to look.
//!
//! Each node that has a way to its console has a hub: it holds the line and takes it up again when it breaks, writes every
//! octet down, listens for what matters, and passes what is typed by those who may.
//!
//! Invariant: one who looks and does not read delays neither the machine nor the others.
//! Invariant: what a console says goes to its log first, and then to who looks.

mod dialog;
pub mod frames;
mod hub;
mod keys;
mod lease;
pub mod log;
mod news;
mod shell;
mod source;
mod stream;
mod watcher;

pub use hub::{Hub, State, Status};
pub use lease::{Mode, Refused};
pub use news::{Gone, Lost, News};
pub use watcher::{Frame, Typing, Visit};

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use model::cluster::Node;
use model::event::{NewEvent, Subject, What};
use tokio_util::sync::CancellationToken;

use crate::journal::Journal;
use crate::secrets::Secrets;
use log::Logs;
use source::Source;

/// The consoles of all nodes.
#[derive(Debug, Clone)]
pub struct Consoles {
    journal: Journal,
    secrets: Secrets,
    logs: Logs,
    hubs: Arc<Mutex<HashMap<Arc<str>, Held>>>,
}

/// A hub, what it was made for, and what ends it.
#[derive(Debug)]
struct Held {
    node: Arc<Node>,
    hub: Hub,
    cancel: CancellationToken,
}

impl Consoles {
    /// Consoles whose logs are below a folder. Nothing is opened before [`Self::run`].
    ///
    /// # Errors
    /// The folder cannot be made.
    pub fn new(journal: Journal, secrets: Secrets, folder: PathBuf) -> std::io::Result<Self> {
        Ok(Self {
            journal,
            secrets,
            logs: Logs::open(folder)?,
            hubs: Arc::default(),
        })
    }

    /// The logs.
    pub fn logs(&self) -> &Logs {
        &self.logs
    }

    /// The hub of a node; `None`: it has no console.
    pub fn hub(&self, node: &str) -> Option<Hub> {
        let hubs = self.hubs.lock().expect("nobody panics while holding it");
        hubs.get(node).map(|held| held.hub.clone())
    }

    /// All hubs, by node, in no order.
    pub fn all(&self) -> Vec<(Arc<str>, Hub)> {
        let hubs = self.hubs.lock().expect("nobody panics while holding it");
        hubs.iter()
            .map(|(node, held)| (node.clone(), held.hub.clone()))
            .collect()
    }

    /// How each console stands, by node.
    pub fn status(&self) -> Vec<(Arc<str>, Status)> {
        let hubs = self.hubs.lock().expect("nobody panics while holding it");
        let mut all: Vec<_> = hubs
            .iter()
            .map(|(name, held)| (name.clone(), held.hub.status()))
            .collect();
        all.sort_by(|(a, _), (b, _)| a.cmp(b));
        all
    }

    /// Holds the consoles of the nodes that are declared, as they are declared, until cancelled.
    pub async fn run(self, cancel: CancellationToken) {
        let mut world = self.journal.watch();
        let mut seen = 0;
        loop {
            let cluster = world.borrow_and_update().cluster.clone();
            let now = Arc::as_ptr(&cluster) as usize;
            if now != seen {
                seen = now;
                self.settle(&cluster.nodes, &cancel);
            }
            tokio::select! {
                () = cancel.cancelled() => break,
                changed = world.changed() => if changed.is_err() { break },
            }
        }
        let hubs = std::mem::take(&mut *self.hubs.lock().expect("nobody panics while holding it"));
        for held in hubs.into_values() {
            held.cancel.cancel();
            held.hub.ended().await;
        }
        self.logs.close().await;
    }

    /// Ends hubs of nodes that are gone or got at in another way, and begins those that are missing.
    fn settle(&self, nodes: &[Arc<Node>], cancel: &CancellationToken) {
        let mut hubs = self.hubs.lock().expect("nobody panics while holding it");
        let wanted: HashMap<&str, &Arc<Node>> = (nodes.iter())
            .filter(|node| node.console_via.is_some())
            .map(|node| (&*node.name, node))
            .collect();
        hubs.retain(|name, held| {
            let stays = wanted.get(&**name).is_some_and(|node| is_same(node, &held.node));
            if !stays {
                held.cancel.cancel();
            }
            stays
        });
        for node in wanted.into_values() {
            if !hubs.contains_key(&node.name) {
                let cancel = cancel.child_token();
                let hub = Hub::start(
                    node.name.clone(),
                    Source::new(node.clone(), self.journal.clone(), self.secrets.clone()),
                    self.logs.clone(),
                    self.journal.clone(),
                    cancel.clone(),
                );
                let node = node.clone();
                hubs.insert(node.name.clone(), Held { node, hub, cancel });
            }
        }
    }
}

/// Whether two declarations of a node have the same console.
fn is_same(a: &Node, b: &Node) -> bool {
    a.console_via == b.console_via && a.bmc == b.bmc
}

/// What a line that matters is in the journal.
fn event(node: &str, said: model::console::Said, at: jiff::Timestamp) -> NewEvent {
    let what = What::ConsoleSaid {
        rule: said.rule.name.into(),
        weight: said.rule.weight.as_str().into(),
        line: said.line,
    };
    NewEvent::new(at, "console", Subject::Node(node.to_string()), what)
}
