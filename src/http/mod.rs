//! HTTP for nodes: scripts, images, settings and callbacks, over plain HTTP on the machines' own network.
//!
//! Invariant: nothing secret is served here, and no path leads out of the folders that are meant.
//! Invariant: a callback without the token of the present boot or of the attempt under way changes nothing.

mod answers;
pub mod boot;
mod files;
mod guests;
mod hook;
mod install;
pub mod lane;
mod problem;
mod record;
mod routes;
mod server;
mod transfer;

pub use problem::Problem;
pub use routes::router;
pub use server::{HttpError, Inside, serve};

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::extract::State;
use jiff::Timestamp;
use model::boot::{Key, Site};
use model::event::{NewEvent, Subject, What};

use crate::installer_log::InstallerLogs;
use crate::journal::Journal;
use crate::loaders::Loaders;
use crate::recorder::Recorder;
use crate::telemetry::{self, Metrics};

/// What handlers share.
pub struct Shared {
    /// The journal and through it the world.
    pub journal: Journal,
    /// Key of boot tokens.
    pub key: Key,
    /// Folder with one folder per image.
    pub images: PathBuf,
    /// Folder of media.
    pub media: PathBuf,
    /// Boot loaders.
    pub loaders: Loaders,
    /// Port of this door, for URLs.
    pub port: u16,
    /// What installers say.
    pub logs: InstallerLogs,
    /// Counters of this door.
    pub counters: Arc<HttpCounters>,
    /// Everything that is counted.
    pub metrics: Arc<Metrics>,
    /// Keeps questions and answers.
    pub recorder: Recorder,
}

/// What went through the door.
#[derive(Debug, Default)]
pub struct HttpCounters {
    /// Requests.
    pub requests: AtomicU64,
    /// Answers with a status of 400 or more.
    pub refused: AtomicU64,
    /// Bytes of files sent.
    pub bytes: AtomicU64,
    /// Connections that broke the protocol.
    pub malformed: AtomicU64,
    /// Connections that were closed at once: their client had too many.
    pub turned_away: AtomicU64,
}

impl HttpCounters {
    fn count(counter: &AtomicU64, by: u64) {
        counter.fetch_add(by, Ordering::Relaxed);
    }
}

/// Both ends of a request's connection.
#[derive(Debug, Clone, Copy)]
pub struct Ends {
    /// Who asks.
    pub client: std::net::SocketAddr,
    /// Which of our addresses was asked: what the client can reach, so what URLs must name.
    pub local: std::net::SocketAddr,
}

impl Shared {
    /// Where the client of this connection reaches us.
    fn site(&self, ends: Ends) -> Site {
        let address = match ends.local.ip() {
            std::net::IpAddr::V4(v4) => v4,
            std::net::IpAddr::V6(v6) => v6.to_ipv4_mapped().unwrap_or(std::net::Ipv4Addr::LOCALHOST),
        };
        Site {
            address,
            http_port: self.port,
        }
    }

    async fn metrics_text(State(shared): State<Arc<Self>>) -> ([(http::HeaderName, &'static str); 1], String) {
        let kind = [(http::header::CONTENT_TYPE, telemetry::CONTENT_TYPE)];
        (kind, shared.metrics.render(&shared.journal.world()))
    }

    fn event(&self, subject: Subject, what: What) -> NewEvent {
        NewEvent::new(Timestamp::now(), "http", subject, what)
    }
}

/// IPv4-mapped addresses in their short form, so that leases are found.
fn plain(ip: std::net::IpAddr) -> std::net::IpAddr {
    ip.to_canonical()
}
