//! A TFTP server to test: ours, or the one that the environment points at.
//!
//! `SUBJECT_TFTP=address:port` names a peer's server and `SUBJECT_TFTP_ROOT=/folder` the folder that it serves; the tests then
//! put their files there.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use bellwether::services::tftp::{
    Finished, Listener, Refusal, Request, Resolve, Source, Tftp, TftpCounters, TftpLimits, run,
};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

/// Our server on a thread of its own.
pub struct Server {
    pub address: SocketAddr,
    pub counters: Arc<TftpCounters>,
    pub root: TempDir,
    finished: Receiver<Finished>,
    cancel: CancellationToken,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    pub fn start() -> Self {
        Self::start_with("127.0.0.1:0", TftpLimits::default())
    }

    pub fn start_with(address: &str, limits: TftpLimits) -> Self {
        let root = TempDir::new().unwrap();
        let listener = Listener::bind(address.parse().unwrap()).unwrap();
        let address = listener.local_addr();
        let (counters, cancel) = (Arc::new(TftpCounters::default()), CancellationToken::new());
        let (report, finished) = channel();
        let config = Tftp {
            listeners: vec![(listener, bellwether::pulse::pulse().1)],
            resolve: resolve_below(root.path().to_owned()),
            report: Arc::new(move |done| {
                // The test may have ended already.
                let _ = report.send(done);
            }),
            show: None,
            counters: counters.clone(),
            limits,
        };
        let stop = cancel.clone();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap();
            runtime.block_on(run(config, stop)).unwrap();
        });
        Self {
            address,
            counters,
            root,
            finished,
            cancel,
            thread: Some(thread),
        }
    }

    /// The end of the next request; fails after a while without one.
    pub fn next_finished(&self) -> Finished {
        self.finished
            .recv_timeout(Duration::from_secs(60))
            .expect("the server reports the end of a request")
    }

    /// Stops the server and waits until it has.
    pub fn stop(&mut self) {
        self.cancel.cancel();
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap();
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.cancel.cancel();
        if let Some(thread) = self.thread.take() {
            let ended = thread.join();
            assert!(ended.is_ok() || std::thread::panicking(), "the server panicked");
        }
    }
}

/// Serves the files of a folder from disk, and those asked for as `memory/…` from memory.
fn resolve_below(root: PathBuf) -> Resolve {
    Arc::new(move |request: &Request| {
        let (from_memory, name) = match request.path.strip_prefix("memory/") {
            Some(name) => (true, name),
            None => (false, request.path.as_str()),
        };
        let path = root.join(name);
        let len = path.metadata().map_err(|_| Refusal::NotFound)?.len();
        if from_memory {
            return Ok(Source::Bytes(
                std::fs::read(&path).map_err(|_| Refusal::NotFound)?.into(),
            ));
        }
        Ok(Source::File { path, len })
    })
}

/// What a test with foreign clients talks to.
pub enum Subject {
    Ours(Server),
    Peer(SocketAddr, PathBuf),
}

impl Subject {
    pub fn new() -> Self {
        let Ok(peer) = std::env::var("SUBJECT_TFTP") else {
            return Self::Ours(Server::start());
        };
        let address = peer
            .parse()
            .unwrap_or_else(|error| panic!("SUBJECT_TFTP={peer}: want address:port: {error}"));
        let root =
            std::env::var_os("SUBJECT_TFTP_ROOT").expect("SUBJECT_TFTP_ROOT names the folder that SUBJECT_TFTP serves");
        Self::Peer(address, root.into())
    }

    pub fn address(&self) -> SocketAddr {
        match self {
            Self::Ours(server) => server.address,
            Self::Peer(address, _) => *address,
        }
    }

    pub fn root(&self) -> &Path {
        match self {
            Self::Ours(server) => server.root.path(),
            Self::Peer(_, root) => root,
        }
    }
}
