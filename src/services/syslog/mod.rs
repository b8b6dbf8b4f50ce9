//! Syslog from installers: what they say is kept beside their deployment, and what matters of it goes into the journal.
//!
//! A datagram is told by its sender's address, as everything on the machines' network. Who is installing nothing is
//! counted and not kept: this is no log server.
//!
//! Invariant: nothing that a machine sends can fill the disk, hold up another machine or stop this service.
//! Invariant: a line in the journal is a line in the log; the log may have more.

mod counters;
mod source;
#[cfg(test)]
mod tests;

pub use counters::SyslogCounters;

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use model::event::{NewEvent, Seq, Subject, What};
use model::install::said::{Said, notable};
use model::world::World;
use socket2::{Domain, Socket, Type};
use tokio::net::UdpSocket;
use tokio_util::sync::CancellationToken;
use wire::syslog::parse;

use crate::installer_log::InstallerLogs;
use crate::journal::Journal;
use crate::pulse::Beat;
use source::Source;

/// Longest datagram that is read; RFC 5424 section 6.1 asks for 2,048.
const DATAGRAM: usize = 8192;
/// A line in the journal is cut after this many bytes.
const LINE: usize = 1024;
/// The kernel keeps this much while we are busy: some thousand lines.
const BUFFER: usize = 4 << 20;
/// Senders that are remembered; beyond that the ones that are silent are forgotten.
const SOURCES: usize = 4096;
/// For how long a silent sender is remembered.
const SILENT: Duration = Duration::from_secs(600);

/// What the service is started with.
#[derive(Debug)]
pub struct Syslog {
    /// Where notable lines go, and who is installing.
    pub journal: Journal,
    /// UDP port.
    pub port: u16,
    /// Where every line goes.
    pub logs: InstallerLogs,
    /// What is counted.
    pub counters: Arc<SyslogCounters>,
}

/// Why the service cannot run.
#[derive(Debug, thiserror::Error)]
pub enum SyslogError {
    /// The port is taken or not allowed.
    #[error("cannot listen for syslog on UDP port {port}: `doors: {{ syslog: off }}` closes it")]
    Bind {
        /// Which.
        port: u16,
        /// Why.
        #[source]
        source: std::io::Error,
    },
}

/// Listens until cancelled, and answers `beat` between two turns.
///
/// # Errors
/// If it cannot listen.
pub async fn run(config: Syslog, mut beat: Beat, cancel: CancellationToken) -> Result<(), SyslogError> {
    let port = config.port;
    let socket = bind(port).map_err(|source| SyslogError::Bind { port, source })?;
    let mut listener = Listener {
        config,
        sources: HashMap::new(),
    };
    let mut datagram = vec![0; DATAGRAM];
    loop {
        tokio::select! {
            () = cancel.cancelled() => break,
            () = beat.answer() => {}
            received = socket.recv_from(&mut datagram) => match received {
                Ok((length, from)) => listener.heard(&datagram[..length], from, Instant::now()),
                // An ICMP error of an answer that we never sent; there is nothing to do about it.
                Err(error) => tracing::debug!(%error, "syslog"),
            },
        }
    }
    Ok(())
}

fn bind(port: u16) -> std::io::Result<UdpSocket> {
    let socket = Socket::new(Domain::IPV4, Type::DGRAM, None)?;
    socket.set_nonblocking(true)?;
    socket.set_recv_buffer_size(BUFFER).ok();
    socket.bind(&SocketAddr::from(([0, 0, 0, 0], port)).into())?;
    UdpSocket::from_std(socket.into())
}

struct Listener {
    config: Syslog,
    sources: HashMap<IpAddr, Source>,
}

impl Listener {
    fn heard(&mut self, datagram: &[u8], from: SocketAddr, now: Instant) {
        let counters = &self.config.counters;
        counters.datagrams.add(1);
        let world = self.config.journal.world();
        let Some((node, deployment)) = installing(&world, from.ip()) else {
            counters.unknown.add(1);
            return;
        };
        if self.sources.len() >= SOURCES {
            self.sources.retain(|_, source| source.heard(now) < SILENT);
        }
        let source = self.sources.entry(from.ip()).or_insert_with(|| Source::new(now));
        let Some(missed) = source.admit(now) else {
            counters.limited.add(1);
            return;
        };
        let at = Timestamp::now();
        let message = parse(datagram);
        let stamp = at.strftime("%Y-%m-%dT%H:%M:%S%.3fZ");
        let mut text = String::new();
        if missed > 0 {
            text = format!("{stamp} bellwether: {missed} lines came too fast and are not here\n");
        }
        text.push_str(&format!("{stamp} {}\n", message.line()));
        match self.config.logs.append(deployment, text) {
            true => counters.lines.add(1),
            false => counters.dropped.add(1),
        }
        if let Some(Said { notable, line }) = notable(&message.program, &message.text)
            && source.is_news(deployment, &line)
        {
            counters.notable.add(1);
            let line = shorten(line);
            let what = What::InstallerSaid { notable, line };
            let event = NewEvent::new(at, "syslog", Subject::Node(node), what);
            self.config.journal.observe(vec![event]);
        }
    }
}

/// The node at an address, and the deployment that it is in.
fn installing(world: &World, address: IpAddr) -> Option<(String, Seq)> {
    let node = world.node_at(address)?;
    let deployment = world.deployments.active_of(&node.name)?;
    (!deployment.tries.is_empty()).then(|| (node.name.to_string(), deployment.id))
}

fn shorten(mut line: String) -> String {
    if line.len() > LINE {
        let end = (0..=LINE).rev().find(|at| line.is_char_boundary(*at)).unwrap_or(0);
        line.truncate(end);
    }
    line
}
