//! Each service with what it is started with.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;

use model::boot::Key;
use model::cluster::Doors;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::{ServeError, samples, thread};
use crate::bmc::Desk;
use crate::cache::{self, Cache};
use crate::causes::chain;
use crate::conductor::Conductor;
use crate::console::Consoles;
use crate::faces::{Engine, Faces, Pelagos};
use crate::http::{self, HttpCounters};
use crate::installer_log::InstallerLogs;
use crate::journal::Journal;
use crate::loaders::Loaders;
use crate::pulse::Beat;
use crate::recorder::Recorder;
use crate::services::dhcp4::{self, Dhcp4, Dhcp4Counters};
use crate::services::ra;
use crate::services::syslog::{self, Syslog, SyslogCounters};
use crate::services::tftp::{self, Listener, Tftp, TftpCounters, TftpLimits};
use crate::telemetry::Metrics;
use crate::tftp_root;

/// What the services are started with.
pub(super) struct Spawn<'a> {
    pub journal: &'a Journal,
    pub key: &'a Key,
    pub doors: &'a Doors,
    pub loaders: &'a Loaders,
    pub images: &'a Path,
    pub cache: &'a Arc<Cache>,
    pub media: &'a Path,
    /// What installers say.
    pub logs: &'a InstallerLogs,
    pub recorder: &'a Recorder,
    pub cancel: &'a CancellationToken,
}

/// Services that run until they are told to stop, each with its name.
pub(super) type Tasks = JoinSet<(&'static str, Result<(), String>)>;

impl Spawn<'_> {
    pub fn http(&self, tasks: &mut Tasks, metrics: &Arc<Metrics>, beat: Beat) {
        let Some(port) = self.doors.http else { return };
        let counters = Arc::new(HttpCounters::default());
        let shared = Arc::new(http::Shared {
            journal: self.journal.clone(),
            key: self.key.clone(),
            images: self.images.to_path_buf(),
            media: self.media.to_path_buf(),
            loaders: self.loaders.clone(),
            logs: self.logs.clone(),
            port,
            counters: counters.clone(),
            metrics: metrics.clone(),
            recorder: self.recorder.clone(),
        });
        let counted = counters.clone();
        metrics.add(move || samples::http(&counted));
        let address = SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), port);
        let cancel = self.cancel.clone();
        let inside = http::Inside {
            router: cache::in_front(self.cache, http::router(shared.clone())),
            scripts: Some(shared),
        };
        tasks.spawn(async move {
            (
                "HTTP",
                http::serve(address, inside, counters, beat, cancel)
                    .await
                    .map_err(|e| chain(&e)),
            )
        });
    }

    pub fn conductor(&self, tasks: &mut Tasks, desk: &Desk, consoles: &Consoles) {
        let conductor = Conductor::new(self.journal.clone(), desk.clone(), consoles.clone());
        let cancel = self.cancel.clone();
        tasks.spawn(async move {
            conductor.run(cancel).await;
            ("the conductor", Ok(()))
        });
    }

    pub fn consoles(&self, tasks: &mut Tasks, metrics: &Arc<Metrics>, consoles: &Consoles) {
        let counted = consoles.clone();
        metrics.add(move || samples::consoles(&counted));
        let (consoles, cancel) = (consoles.clone(), self.cancel.clone());
        tasks.spawn(async move {
            consoles.run(cancel).await;
            ("the consoles", Ok(()))
        });
    }

    pub fn faces(&self, tasks: &mut Tasks, metrics: &Arc<Metrics>, engine: Engine) {
        let faces = Faces::new(engine);
        let counted = faces.clone();
        metrics.add(move || samples::faces(&counted));
        let cancel = self.cancel.clone();
        tasks.spawn(async move {
            faces.run(cancel).await;
            ("the faces", Ok(()))
        });
    }

    pub fn pelagos(&self, tasks: &mut Tasks, pelagos: &Pelagos) {
        let (pelagos, cancel) = (pelagos.clone(), self.cancel.clone());
        tasks.spawn(async move {
            pelagos.run(cancel).await;
            ("the tasks of Pelagos", Ok(()))
        });
    }

    pub fn recorder(&self, tasks: &mut Tasks, metrics: &Arc<Metrics>) {
        let counted = self.recorder.clone();
        metrics.add(move || counted.samples());
        let (following, cancel) = (self.recorder.clone().follow(self.journal.clone()), self.cancel.clone());
        tasks.spawn(async move {
            cancel.run_until_cancelled(following).await;
            ("the recorder", Ok(()))
        });
    }

    pub fn tftp(&self, tasks: &mut Tasks, metrics: &Arc<Metrics>, beat: Beat) -> Result<(), ServeError> {
        let Some(port) = self.doors.tftp else { return Ok(()) };
        let counters = Arc::new(TftpCounters::default());
        let counted = counters.clone();
        metrics.add(move || samples::tftp(&counted));
        let listener = Listener::bind(SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), port))?;
        let config = Tftp {
            listeners: vec![(listener, beat)],
            resolve: tftp_root::resolve_with(tftp_root::Root {
                journal: self.journal.clone(),
                loaders: self.loaders.clone(),
                images: self.images.to_path_buf(),
                media: self.media.to_path_buf(),
                key: self.key.clone(),
                http_port: self.doors.http.unwrap_or(80),
            }),
            report: tftp_root::reported(self.journal.clone()),
            show: Some(tftp_root::recorded(
                self.journal.clone(),
                self.recorder.clone(),
                self.doors.http.unwrap_or(80),
            )),
            counters,
            limits: TftpLimits::default(),
        };
        let cancel = self.cancel.clone();
        tasks.spawn(async move { ("TFTP", thread::on_its_own("tftp", tftp::run(config, cancel)).await) });
        Ok(())
    }

    pub fn cache(&self, tasks: &mut Tasks, beat: Beat) {
        let door = self.doors.cache.map(|port| (port, beat));
        let plugged = cache::plug(self.cache.clone(), door, self.cancel.clone());
        tasks.spawn(async move { ("package cache", plugged.await.map_err(|e| chain(&e))) });
    }

    pub fn syslog(&self, tasks: &mut Tasks, metrics: &Arc<Metrics>, beat: Beat) {
        let Some(port) = self.doors.syslog else { return };
        let counters = Arc::new(SyslogCounters::default());
        let counted = counters.clone();
        metrics.add(move || counted.samples());
        let config = Syslog {
            journal: self.journal.clone(),
            port,
            logs: self.logs.clone(),
            counters,
        };
        let cancel = self.cancel.clone();
        tasks.spawn(async move { ("syslog", syslog::run(config, beat, cancel).await.map_err(|e| chain(&e))) });
    }

    pub fn dhcp(&self, tasks: &mut Tasks, metrics: &Arc<Metrics>, beat: Beat) {
        let Some(port) = self.doors.dhcp else { return };
        let counters = Arc::new(Dhcp4Counters::default());
        let counted = counters.clone();
        metrics.add(move || counted.samples());
        let config = Dhcp4 {
            journal: self.journal.clone(),
            port,
            http_port: self.doors.http.unwrap_or(80),
            counters,
            recorder: self.recorder.clone(),
        };
        let cancel = self.cancel.clone();
        tasks.spawn(async move {
            (
                "DHCP",
                thread::on_its_own("dhcp", dhcp4::run(config, beat, cancel)).await,
            )
        });
        let (journal, cancel) = (self.journal.clone(), self.cancel.clone());
        tasks.spawn(async move {
            ra::run(journal, cancel).await;
            ("router advertisements", Ok(()))
        });
    }
}
