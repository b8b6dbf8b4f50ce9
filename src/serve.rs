//! The composition root: the one place where services, journal and sockets are plugged together.
//!
//! Reads as the story of a server's life: open the journal, apply the cluster file, open the doors, tell systemd,
//! wait, stop in order.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;

use jiff::Timestamp;
use model::boot::Key;
use model::cluster::Doors;
use model::event::{NewEvent, Subject, What};
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::api::{self, Api};
use crate::cache::{self, Cache};
use crate::cluster_file;
use crate::conductor;
use crate::http::{self, HttpCounters};
use crate::image_watch;
use crate::journal::{Journal, JournalError};
use crate::loaders::{self, Loaders};
use crate::pulse::{Beat, Pulse, pulse};
use crate::services::dhcp4::{self, Dhcp4, Dhcp4Counters};
use crate::services::ra;
use crate::services::syslog::{self, Syslog, SyslogCounters};
use crate::services::tftp::{self, Listener, Tftp, TftpCounters, TftpLimits};
use crate::store::{Store, StoreError};
use crate::systemd::{self, Watched};
use crate::telemetry::{Metrics, Sample};
use crate::tftp_root;

/// What the server was told on its command line.
#[derive(Debug, Clone)]
pub struct Options {
    /// Folder of everything that it keeps.
    pub state: PathBuf,
    /// Cluster file; without it the one applied last.
    pub config: Option<PathBuf>,
    /// Folders with boot loaders, searched in order.
    pub loaders: Vec<PathBuf>,
}

/// Why the server cannot start or go on.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The state folder cannot be made.
    #[error("cannot make the state folder {path}")]
    StateFolder {
        /// The folder.
        path: PathBuf,
        /// Cause.
        #[source]
        source: std::io::Error,
    },
    /// The store cannot be opened.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The journal cannot be opened or written.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// There is nothing to serve.
    #[error("no cluster file was given and none was applied before: bellwether serve --config cluster.yaml")]
    NoCluster,
    /// The cluster file cannot be used, and there is no earlier one to go on with.
    #[error("{message}")]
    ClusterFile {
        /// What is wrong.
        message: String,
        /// The diagnostics.
        detail: Option<String>,
    },
    /// The control socket cannot be opened.
    #[error(transparent)]
    Api(#[from] api::ApiError),
    /// TFTP cannot be opened.
    #[error(transparent)]
    Tftp(#[from] tftp::TftpError),
    /// The package cache cannot be opened.
    #[error(transparent)]
    Cache(#[from] cache::StoreError),
    /// A service ended that should run forever.
    #[error("{service} stopped: {why}")]
    Died {
        /// Which.
        service: &'static str,
        /// Why.
        why: String,
    },
    /// The operating system refuses something basic.
    #[error("cannot {what}")]
    System {
        /// What.
        what: &'static str,
        /// Cause.
        #[source]
        source: std::io::Error,
    },
}

/// Serves until SIGTERM or SIGINT.
///
/// # Errors
/// If it cannot start, or if a service dies.
pub async fn run(options: Options) -> Result<(), ServeError> {
    let Options { state, config, loaders } = options;
    std::fs::create_dir_all(state.join("images")).map_err(|source| ServeError::StateFolder {
        path: state.clone(),
        source,
    })?;
    let system = |what| move |source| ServeError::System { what, source };
    let mut hangup = signal(SignalKind::hangup()).map_err(system("listen for SIGHUP"))?;
    let mut terminate = signal(SignalKind::terminate()).map_err(system("listen for SIGTERM"))?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(system("listen for SIGINT"))?;

    let store = Store::open(&state.join("journal.db")).await?;
    let key = Key::new(store.secret("boot-token").await?);
    let (journal, writer) = Journal::open(store).await?;
    let stop_writer = CancellationToken::new();
    let writer = tokio::spawn(writer.run(stop_writer.clone()));
    let started = Timestamp::now();
    let version = env!("CARGO_PKG_VERSION").to_string();
    journal.commit(vec![own(What::ServerStarted { version })]).await?;
    first_cluster(&journal, config.as_deref()).await?;
    let images = state.join("images");
    image_watch::rescan(&journal, &images, "serve").await?;
    let media = crate::media::folder(&state);
    crate::media::watch::rescan(&journal, &media, "serve").await?;
    let loaders = Loaders::new(loaders);
    loaders::rescan(&journal, &loaders).await?;
    conductor::settle(&journal).await?;

    let doors = journal.world().cluster.doors.clone();
    let cancel = CancellationToken::new();
    let mut tasks: JoinSet<(&'static str, Result<(), String>)> = JoinSet::new();
    let metrics = Arc::new(Metrics::default());
    let cache = cache::open(&state, &journal, &metrics).await?;
    let spawn = Spawn {
        journal: &journal,
        key: &key,
        doors: &doors,
        loaders: &loaders,
        images: &images,
        cache: &cache,
        media: &media,
        cancel: &cancel,
    };
    let mut loops = Vec::new();
    spawn.http(&mut tasks, &metrics, watched(&mut loops, "HTTP"));
    spawn.tftp(&mut tasks, &metrics)?;
    spawn.dhcp(&mut tasks, &metrics, watched(&mut loops, "DHCP"));
    spawn.cache(&mut tasks, watched(&mut loops, "package cache"));
    let logs = state.join("deployments");
    spawn.syslog(&mut tasks, &metrics, &logs);
    spawn.conductor(&mut tasks);
    let counted = journal.clone();
    metrics.add(move || journal_samples(&counted));

    let listener = api::listen(&state.join("control.sock"))?;
    let stop_api = CancellationToken::new();
    let control = Api {
        journal: journal.clone(),
        key,
        images: images.clone(),
        media: media.clone(),
        logs: logs.clone(),
        metrics,
        cache,
        started,
        http_port: doors.http.unwrap_or(80),
        stop: stop_api.clone(),
    };
    let control = tokio::spawn(api::serve(listener, control, stop_api.clone()));
    systemd::ready(&journal.world());
    // The doors that are closed have no loop: their end of the pulse is gone.
    loops.retain(|(_, pulse)| pulse.is_held());
    let alive = Watched {
        journal: journal.clone(),
        loops,
    };
    let watchdog = tokio::spawn(systemd::watch(alive, cancel.clone()));
    tracing::info!(nodes = journal.world().cluster.nodes.len(), state = %state.display(), "Bellwether is ready");

    let ended = loop {
        tokio::select! {
            _ = hangup.recv() => reload(&journal, config.as_deref(), &images, &media, &loaders).await,
            _ = terminate.recv() => break Ok(()),
            _ = interrupt.recv() => break Ok(()),
            Some(ended) = tasks.join_next() => break Err(died(ended)),
        }
    };
    systemd::stopping();
    tracing::info!("stopping");
    cancel.cancel();
    // Transfers under way may end; whoever is not done then is broken off.
    let drain = async { while tasks.join_next().await.is_some() {} };
    tokio::time::timeout(std::time::Duration::from_secs(5), drain)
        .await
        .ok();
    watchdog.await.ok();
    stop_api.cancel();
    control.await.ok();
    journal.commit(vec![own(What::ServerStopped {})]).await.ok();
    stop_writer.cancel();
    writer.await.ok();
    journal.close().await;
    ended
}

fn own(what: What) -> NewEvent {
    NewEvent::new(Timestamp::now(), "serve", Subject::Cluster, what)
}

fn died(ended: Result<(&'static str, Result<(), String>), tokio::task::JoinError>) -> ServeError {
    match ended {
        Ok((service, Err(why))) => ServeError::Died { service, why },
        Ok((service, Ok(()))) => ServeError::Died {
            service,
            why: "it ended without being asked".into(),
        },
        Err(error) => ServeError::Died {
            service: "a service",
            why: error.to_string(),
        },
    }
}

/// The cluster to begin with: the file, or what was applied last if the file has mistakes or none is given.
async fn first_cluster(journal: &Journal, config: Option<&std::path::Path>) -> Result<(), ServeError> {
    let earlier = journal.world().applied.is_some();
    let Some(path) = config else {
        return if earlier { Ok(()) } else { Err(ServeError::NoCluster) };
    };
    match cluster_file::load(path) {
        Ok((text, cluster)) => {
            cluster_file::apply(journal, "serve", text, cluster.nodes.len() as u64).await?;
            Ok(())
        }
        Err(refused) if earlier => {
            tracing::error!("{refused}; going on with the cluster that was applied before");
            eprint!("{}", refused.detail.as_deref().unwrap_or_default());
            Ok(())
        }
        Err(refused) => Err(ServeError::ClusterFile {
            message: refused.to_string(),
            detail: refused.detail,
        }),
    }
}

/// SIGHUP: a file with mistakes never replaces a good world.
async fn reload(
    journal: &Journal,
    config: Option<&std::path::Path>,
    images: &std::path::Path,
    media: &std::path::Path,
    loaders: &Loaders,
) {
    systemd::reloading();
    if let Some(path) = config {
        match cluster_file::load(path) {
            Ok((text, cluster)) => {
                match cluster_file::apply(journal, "serve", text, cluster.nodes.len() as u64).await {
                    Ok(true) => tracing::info!(
                        nodes = cluster.nodes.len(),
                        "the cluster file was read again and is in force"
                    ),
                    Ok(false) => tracing::info!("the cluster file was read again: nothing changed"),
                    Err(error) => tracing::error!(%error, "the cluster file could not be put into force"),
                }
            }
            Err(refused) => {
                tracing::error!("{refused}; the cluster stays as it is");
                eprint!("{}", refused.detail.as_deref().unwrap_or_default());
            }
        }
    }
    if let Err(error) = image_watch::rescan(journal, images, "serve").await {
        tracing::error!(%error, "the images folder could not be read again");
    }
    if let Err(error) = crate::media::watch::rescan(journal, media, "serve").await {
        tracing::error!(%error, "the media folder could not be read again");
    }
    if let Err(error) = loaders::rescan(journal, loaders).await {
        tracing::error!(%error, "the boot loaders could not be written down");
    }
    systemd::ready(&journal.world());
}

/// The loop's end of a pulse whose other end is added to the watched ones.
fn watched(loops: &mut Vec<(&'static str, Pulse)>, name: &'static str) -> Beat {
    let (end, beat) = pulse();
    loops.push((name, end));
    beat
}

/// What the services are started with.
struct Spawn<'a> {
    journal: &'a Journal,
    key: &'a Key,
    doors: &'a Doors,
    loaders: &'a Loaders,
    images: &'a std::path::Path,
    cache: &'a Arc<Cache>,
    media: &'a std::path::Path,
    cancel: &'a CancellationToken,
}

type Tasks = JoinSet<(&'static str, Result<(), String>)>;

impl Spawn<'_> {
    fn http(&self, tasks: &mut Tasks, metrics: &Arc<Metrics>, beat: Beat) {
        let Some(port) = self.doors.http else { return };
        let counters = Arc::new(HttpCounters::default());
        let shared = http::Shared {
            journal: self.journal.clone(),
            key: self.key.clone(),
            images: self.images.to_path_buf(),
            media: self.media.to_path_buf(),
            loaders: self.loaders.clone(),
            port,
            counters: counters.clone(),
            metrics: metrics.clone(),
        };
        let counted = counters.clone();
        metrics.add(move || http_samples(&counted));
        let address = SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), port);
        let cancel = self.cancel.clone();
        let router = cache::in_front(self.cache, http::router(shared));
        tasks.spawn(async move {
            (
                "HTTP",
                http::serve(address, router, counters, beat, cancel)
                    .await
                    .map_err(|e| chain(&e)),
            )
        });
    }

    fn conductor(&self, tasks: &mut Tasks) {
        let (journal, cancel) = (self.journal.clone(), self.cancel.clone());
        tasks.spawn(async move {
            conductor::run(journal, cancel).await;
            ("the conductor", Ok(()))
        });
    }

    fn tftp(&self, tasks: &mut Tasks, metrics: &Arc<Metrics>) -> Result<(), ServeError> {
        let Some(port) = self.doors.tftp else { return Ok(()) };
        let counters = Arc::new(TftpCounters::default());
        let counted = counters.clone();
        metrics.add(move || tftp_samples(&counted));
        let config = Tftp {
            listeners: vec![Listener::bind(SocketAddr::new(
                IpAddr::V4(Ipv4Addr::UNSPECIFIED),
                port,
            ))?],
            resolve: tftp_root::resolve_with(tftp_root::Root {
                journal: self.journal.clone(),
                loaders: self.loaders.clone(),
                images: self.images.to_path_buf(),
                media: self.media.to_path_buf(),
                key: self.key.clone(),
                http_port: self.doors.http.unwrap_or(80),
            }),
            report: tftp_root::reported(self.journal.clone()),
            counters,
            limits: TftpLimits::default(),
        };
        let cancel = self.cancel.clone();
        tasks.spawn(async move { ("TFTP", tftp::run(config, cancel).await.map_err(|e| chain(&e))) });
        Ok(())
    }

    fn cache(&self, tasks: &mut Tasks, beat: Beat) {
        let plugged = cache::plug(self.cache.clone(), self.doors.cache, beat, self.cancel.clone());
        tasks.spawn(async move { ("package cache", plugged.await.map_err(|e| chain(&e))) });
    }

    fn syslog(&self, tasks: &mut Tasks, metrics: &Arc<Metrics>, folder: &std::path::Path) {
        let Some(port) = self.doors.syslog else { return };
        let counters = Arc::new(SyslogCounters::default());
        let counted = counters.clone();
        metrics.add(move || counted.samples());
        let config = Syslog {
            journal: self.journal.clone(),
            port,
            folder: folder.to_path_buf(),
            counters,
        };
        let cancel = self.cancel.clone();
        tasks.spawn(async move { ("syslog", syslog::run(config, cancel).await.map_err(|e| chain(&e))) });
    }

    fn dhcp(&self, tasks: &mut Tasks, metrics: &Arc<Metrics>, beat: Beat) {
        let Some(port) = self.doors.dhcp else { return };
        let counters = Arc::new(Dhcp4Counters::default());
        let counted = counters.clone();
        metrics.add(move || counted.samples());
        let config = Dhcp4 {
            journal: self.journal.clone(),
            port,
            http_port: self.doors.http.unwrap_or(80),
            counters,
        };
        let cancel = self.cancel.clone();
        tasks.spawn(async move { ("DHCP", dhcp4::run(config, beat, cancel).await.map_err(|e| chain(&e))) });
        let (journal, cancel) = (self.journal.clone(), self.cancel.clone());
        tasks.spawn(async move {
            ra::run(journal, cancel).await;
            ("router advertisements", Ok(()))
        });
    }
}

/// An error with its causes, in one line.
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(next) = cause {
        text = format!("{text}: {next}");
        cause = next.source();
    }
    text
}

fn journal_samples(journal: &Journal) -> Vec<Sample> {
    let counts = journal.counters().read();
    [
        ("journal_events", "Events written", counts.events),
        (
            "journal_transactions",
            "Transactions that they took",
            counts.transactions,
        ),
        (
            "journal_commit_microseconds",
            "Time that the transactions took",
            counts.commit_micros,
        ),
        (
            "journal_observations_dropped",
            "Observations that the journal could not take",
            counts.observations_dropped,
        ),
        (
            "journal_errors",
            "Transactions and snapshots that failed",
            counts.errors,
        ),
    ]
    .map(|(name, help, value)| Sample {
        name,
        help,
        label: None,
        value,
    })
    .into()
}

fn http_samples(counters: &HttpCounters) -> Vec<Sample> {
    vec![
        Sample::of("http_requests", "Requests of nodes", &counters.requests),
        Sample::of(
            "http_refused",
            "Answers with a status of 400 or more",
            &counters.refused,
        ),
        Sample::of("http_bytes", "Bytes of files sent", &counters.bytes),
        Sample::of(
            "http_malformed",
            "Connections that broke the protocol",
            &counters.malformed,
        ),
    ]
}

fn tftp_samples(counters: &TftpCounters) -> Vec<Sample> {
    let outcome =
        |word: &str, counter| Sample::of("tftp_transfers", "Requests by their end", counter).labelled("outcome", word);
    vec![
        outcome("complete", &counters.complete),
        outcome("probed", &counters.probed),
        outcome("aborted", &counters.aborted),
        outcome("timed-out", &counters.timed_out),
        outcome("failed", &counters.failed),
        outcome("refused", &counters.refused),
        outcome("turned-away", &counters.turned_away),
        Sample::of("tftp_malformed", "Datagrams that are no request", &counters.malformed),
        Sample::of("tftp_retransmitted", "Blocks sent again", &counters.retransmitted),
        Sample::of("tftp_bytes", "Payload bytes sent", &counters.bytes),
    ]
}
