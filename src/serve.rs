//! The composition root: the one place where services, journal and sockets are plugged together.
//!
//! Reads as the story of a server's life: open the journal, apply the cluster file, open the doors, tell systemd,
//! wait, stop in order.

mod error;
mod samples;
mod spawn;
mod thread;

pub use error::ServeError;

use std::path::PathBuf;
use std::sync::Arc;

use jiff::Timestamp;
use model::boot::Key;
use model::event::{NewEvent, Subject, What};
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::api::{self, Api};
use crate::console::Consoles;
use crate::faces::{Engine, Pelagos, PelagosOpening, PelagosOptions};
use crate::installer_log::InstallerLogs;
use crate::journal::Journal;
use crate::loaders::{self, Loaders};
use crate::pulse::{Beat, Pulse, pulse};
use crate::recorder::Recorder;
use crate::secrets::Secrets;
use crate::store::Store;
use crate::systemd::{self, Watched};
use crate::telemetry::{self, Metrics};
use crate::{bmc, cache, cluster_file, conductor, image_watch};
use spawn::{Spawn, Tasks};

/// How long a door may take until it answers for the first time.
const OPENED: std::time::Duration = std::time::Duration::from_secs(10);

/// What the server was told on its command line.
#[derive(Debug, Clone)]
pub struct Options {
    /// Folder of everything that it keeps.
    pub state: PathBuf,
    /// Cluster file; without it the one applied last.
    pub config: Option<PathBuf>,
    /// Folders with boot loaders, searched in order.
    pub loaders: Vec<PathBuf>,
    /// What it was told about Pelagos.
    pub pelagos: PelagosOptions,
}

/// Serves until SIGTERM or SIGINT.
///
/// # Errors
/// If it cannot start, or if a service dies.
pub async fn run(options: Options) -> Result<(), ServeError> {
    let Options {
        state,
        config,
        loaders,
        pelagos,
    } = options;
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
    let pelagos = PelagosOpening::read(&state, &pelagos).map_err(ServeError::refused)?;
    first_cluster(&journal, config.as_deref(), &pelagos).await?;
    let images = state.join("images");
    image_watch::rescan(&journal, &images, "serve").await?;
    let media = crate::media::folder(&state);
    crate::media::watch::rescan(&journal, &media, "serve").await?;
    let loaders = Loaders::new(loaders);
    loaders::rescan(&journal, &loaders).await?;
    conductor::settle(&journal).await?;

    let doors = journal.world().cluster.doors.clone();
    let cancel = CancellationToken::new();
    let mut tasks: Tasks = JoinSet::new();
    let metrics = Arc::new(Metrics::default());
    let recorder = Recorder::new(journal.world().cluster.recorder.size);
    let cache = cache::open(&state, &journal, &metrics).await?;
    let (logs, logs_written) =
        InstallerLogs::open(state.join("deployments")).map_err(system("make the folder of installers' logs"))?;
    let spawn = Spawn {
        journal: &journal,
        key: &key,
        doors: &doors,
        loaders: &loaders,
        images: &images,
        cache: &cache,
        media: &media,
        logs: &logs,
        recorder: &recorder,
        cancel: &cancel,
    };
    let mut loops = Vec::new();
    spawn.http(&mut tasks, &metrics, watched(&mut loops, "HTTP", doors.http));
    spawn.tftp(&mut tasks, &metrics, watched(&mut loops, "TFTP", doors.tftp))?;
    spawn.dhcp(&mut tasks, &metrics, watched(&mut loops, "DHCP", doors.dhcp));
    spawn.cache(&mut tasks, watched(&mut loops, "package cache", doors.cache));
    spawn.syslog(&mut tasks, &metrics, watched(&mut loops, "syslog", doors.syslog));
    let secrets = Secrets::of_server(state.join("secrets"));
    let consoles = Consoles::new(journal.clone(), secrets.clone(), state.join("consoles"))
        .map_err(system("make the folder of consoles"))?;
    spawn.consoles(&mut tasks, &metrics, &consoles);
    let desk = bmc::Desk::new(journal.clone(), secrets.clone());
    spawn.conductor(&mut tasks, &desk, &consoles);
    let pelagos = Pelagos::new(pelagos, journal.clone(), desk.clone(), config.is_none())
        .map_err(system("read the tasks of Pelagos"))?;
    spawn.pelagos(&mut tasks, &pelagos);
    let engine = Engine {
        pelagos,
        journal: journal.clone(),
        desk: desk.clone(),
        consoles: consoles.clone(),
        secrets: secrets.clone(),
    };
    spawn.faces(&mut tasks, &metrics, engine);
    spawn.recorder(&mut tasks, &metrics);
    let counted = journal.clone();
    metrics.add(move || samples::journal(&counted));

    let listener = api::listen(&state.join("control.sock"))?;
    let stop_api = CancellationToken::new();
    let control = Api {
        journal: journal.clone(),
        key,
        images: images.clone(),
        media: media.clone(),
        logs: logs.folder().to_path_buf(),
        metrics,
        bmcs: desk,
        consoles: consoles.clone(),
        secrets,
        cache,
        recorder,
        started,
        http_port: doors.http.unwrap_or(80),
        stop: stop_api.clone(),
    };
    let control = tokio::spawn(api::serve(listener, control, stop_api.clone()));
    let opened = open(&loops, &mut tasks).await;
    // Of a server that never was ready the manager hears nothing.
    let watchdog = opened.is_ok().then(|| {
        systemd::ready(&journal.world());
        tracing::info!(nodes = journal.world().cluster.nodes.len(), state = %state.display(), "Bellwether is ready");
        let alive = Watched {
            journal: journal.clone(),
            loops,
        };
        tokio::spawn(systemd::watch(alive, cancel.clone()))
    });

    let ended = match opened {
        Err(error) => Err(error),
        Ok(()) => {
            let ended = loop {
                tokio::select! {
                    _ = hangup.recv() => reload(&journal, config.as_deref(), &images, &media, &loaders).await,
                    _ = terminate.recv() => break Ok(()),
                    _ = interrupt.recv() => break Ok(()),
                    Some(ended) = tasks.join_next() => break Err(died(ended)),
                }
            };
            systemd::stopping();
            ended
        }
    };
    tracing::info!("stopping");
    cancel.cancel();
    // Transfers under way may end; whoever is not done then is broken off.
    let drain = async { while tasks.join_next().await.is_some() {} };
    tokio::time::timeout(std::time::Duration::from_secs(5), drain)
        .await
        .ok();
    if let Some(watchdog) = watchdog {
        watchdog.await.ok();
    }
    stop_api.cancel();
    control.await.ok();
    drop(logs);
    tokio::time::timeout(std::time::Duration::from_secs(2), logs_written)
        .await
        .ok();
    journal.commit(vec![own(What::ServerStopped {})]).await.ok();
    stop_writer.cancel();
    writer.await.ok();
    journal.close().await;
    ended
}

/// Waits until every door answers: whoever is told that the server is ready may knock. A door that cannot be opened ends
/// the server here.
async fn open(loops: &[(&'static str, Pulse)], tasks: &mut Tasks) -> Result<(), ServeError> {
    let all = futures_util::future::join_all(loops.iter().map(|(_, pulse)| pulse.is_felt(OPENED)));
    tokio::select! {
        answers = all => {
            for ((door, pulse), _) in loops.iter().zip(answers).filter(|(_, felt)| !felt) {
                // Its loop has ended, so its task is about to: that tells why.
                if !pulse.is_held()
                    && let Some(ended) = tasks.join_next().await
                {
                    return Err(died(ended));
                }
                tracing::warn!(door, "a door does not answer after {} s", OPENED.as_secs());
            }
            Ok(())
        }
        Some(ended) = tasks.join_next() => Err(died(ended)),
    }
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

/// The cluster to begin with: the file, else what Pelagos' file makes, else what was applied last; that too if the file has
/// mistakes.
async fn first_cluster(
    journal: &Journal,
    config: Option<&std::path::Path>,
    pelagos: &PelagosOpening,
) -> Result<(), ServeError> {
    let earlier = journal.world().applied.is_some();
    let loaded = match (config, pelagos.cluster_text()) {
        (Some(path), _) => cluster_file::load(path),
        (None, Some(text)) => cluster_file::check("what Pelagos' configuration file makes", text),
        (None, None) => return if earlier { Ok(()) } else { Err(ServeError::NoCluster) },
    };
    match loaded {
        Ok((text, cluster)) => {
            cluster_file::apply(journal, "serve", text, cluster.nodes.len() as u64).await?;
            Ok(())
        }
        Err(refused) if earlier => {
            tracing::error!("{refused}; going on with the cluster that was applied before");
            telemetry::tell(refused.detail.as_deref().unwrap_or_default());
            Ok(())
        }
        Err(refused) => Err(ServeError::refused(refused)),
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
                telemetry::tell(refused.detail.as_deref().unwrap_or_default());
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

/// The loop's end of a pulse whose other end is added to the watched ones, unless its door is closed.
fn watched(loops: &mut Vec<(&'static str, Pulse)>, name: &'static str, door: Option<u16>) -> Beat {
    let (end, beat) = pulse();
    if door.is_some() {
        loops.push((name, end));
    }
    beat
}
