//! Pelagos' REST API: nodes are provisioned by tasks, which teuthology and people with curl start and look at.
//!
//! A task is a deployment that waits for the node's SSH port to answer, and what is done after it. The machine is switched by the
//! conductor, its script comes from the boot doors, so everything that is known of deployments is known of tasks.
//!
//! Invariant: no file is written for a node. What Pelagos wrote into its TFTP folder is a choice or a deployment of the world.
//! Invariant: a task outlives the server; what ended is remembered for twelve hours.

mod answer;
mod form;
mod nodes;
mod order;
mod provision;
mod records;
mod reports;
mod routes;
mod salt;
mod source;
mod task;
mod tasks;
mod visit;

pub use source::Options;
pub(super) use visit::serve;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use model::pelagos::config::Config;
use model::world::World;
use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;

use crate::bmc::Desk;
use crate::cluster_file::{self, Refused};
use crate::journal::Journal;
use nodes::Entry;
use source::Source;
use tasks::Tasks;

/// Who acts, as the journal names him.
const ACTOR: &str = "pelagos";
/// How often the configuration file is looked at.
const LOOK: Duration = Duration::from_secs(2);
/// How often tasks that ended long ago are looked for.
const SWEEP: Duration = Duration::from_secs(60);

/// How a task is played: nothing is done to any machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Simulation {
    /// For 9 seconds.
    Fast,
    /// For 19 seconds.
    Medium,
}

impl Simulation {
    /// How long it takes, in seconds.
    fn seconds(self) -> u64 {
        match self {
            Self::Fast => 9,
            Self::Medium => 19,
        }
    }
}

/// Pelagos. A clone is the same.
#[derive(Debug, Clone)]
pub struct Pelagos(Arc<Room>);

/// What Pelagos is told before there is a world: its file, which may be the cluster.
#[derive(Debug)]
pub struct Opening {
    folder: PathBuf,
    source: Option<Source>,
    simulation: Option<Simulation>,
}

#[derive(Debug)]
struct Room {
    journal: Journal,
    desk: Desk,
    tasks: Tasks,
    source: Option<Source>,
    simulation: Option<Simulation>,
    /// Whether the configuration file is the cluster.
    is_cluster: bool,
    /// For what is private to this program.
    folder: PathBuf,
    /// The server stops; tasks go on when it comes back.
    quit: CancellationToken,
}

impl Opening {
    /// Reads the configuration file. Blocks.
    ///
    /// # Errors
    /// It cannot be read, or the face's folder cannot be made.
    pub fn read(state: &Path, options: &Options) -> Result<Self, Refused> {
        let folder = state.join("pelagos");
        std::fs::create_dir_all(&folder).map_err(|error| Refused {
            message: format!("cannot make {}: {error}", folder.display()),
            detail: None,
        })?;
        let source = match &options.config {
            Some(path) => Some(Source::open(path.clone(), &folder, options)?),
            None => None,
        };
        Ok(Self {
            folder,
            source,
            simulation: options.simulation,
        })
    }

    /// The text of the cluster file that the configuration file makes; `None`: there is none.
    pub fn cluster_text(&self) -> Option<String> {
        let source = self.source.as_ref()?;
        Some(source.cluster_text(&source.current().0))
    }
}

impl Pelagos {
    /// Pelagos with the tasks of before. Nothing of them goes on before [`Self::run`]. `is_cluster`: its configuration file is
    /// the cluster, since there is no other. Blocks.
    ///
    /// # Errors
    /// Its tasks cannot be read.
    pub fn new(opening: Opening, journal: Journal, desk: Desk, is_cluster: bool) -> std::io::Result<Self> {
        let Opening {
            folder,
            source,
            simulation,
        } = opening;
        Ok(Self(Arc::new(Room {
            tasks: Tasks::open(folder.join("tasks"))?,
            journal,
            desk,
            source,
            simulation,
            is_cluster,
            folder,
            quit: CancellationToken::new(),
        })))
    }

    /// Goes on with tasks and follows the configuration file, until cancelled.
    pub async fn run(self, cancel: CancellationToken) {
        for task in self.0.tasks.all().into_iter().filter(|task| task.end.is_none()) {
            tokio::spawn(provision::run(self.clone(), task.id));
        }
        let mut look = tokio::time::interval(LOOK);
        let mut sweep = tokio::time::interval(SWEEP);
        loop {
            tokio::select! {
                () = cancel.cancelled() => break,
                _ = look.tick() => {
                    self.config().await;
                }
                _ = sweep.tick() => self.sweep().await,
            }
        }
        self.0.quit.cancel();
    }

    /// The configuration file as it is now; the empty one where there is none. Where it is the cluster, a change of it is
    /// applied.
    async fn config(&self) -> Arc<Config> {
        let room = self.clone();
        let read = tokio::task::spawn_blocking(move || room.0.source.as_ref().map(Source::current)).await;
        let Ok(Some((config, is_new))) = read else {
            return Arc::default();
        };
        if is_new && self.0.is_cluster {
            self.apply(&config).await;
        }
        config
    }

    async fn apply(&self, config: &Config) {
        let Some(source) = &self.0.source else { return };
        let text = source.cluster_text(config);
        let Some(cluster) = model::config::read(&text).cluster else {
            tracing::error!(file = %source.path().display(), "what it says cannot be a cluster; the cluster stays as it is");
            return;
        };
        let nodes = cluster.nodes.len() as u64;
        if let Err(error) = cluster_file::apply(&self.0.journal, ACTOR, text, nodes).await {
            tracing::error!(%error, "a change of Pelagos' configuration file cannot be put into force");
        }
    }

    async fn sweep(&self) {
        let tasks = self.0.tasks.clone();
        tokio::task::spawn_blocking(move || tasks.sweep(Timestamp::now()))
            .await
            .ok();
    }

    fn world(&self) -> Arc<World> {
        self.0.journal.world()
    }

    /// The folder of images.
    fn images(&self) -> PathBuf {
        PathBuf::from(&self.world().cluster.faces.pelagos_ways.tftp_root)
    }

    /// The node that a client means.
    async fn entry(&self, name: &str) -> Option<Entry> {
        let config = self.config().await;
        nodes::find(&self.world(), &config, name)
    }
}
