//! Ways to a serial console: octets in, octets out.

use std::sync::Arc;

use model::cluster::{ConsoleVia, Node};
use tokio::net::{TcpStream, UnixStream};
use tokio::sync::mpsc;
use wire::telnet::Telnet;

use super::{shell, stream};
use crate::bmc::{Access, BmcError, Heard, Sol, Typed};
use crate::journal::Journal;
use crate::secrets::Secrets;

/// Pieces that wait for the hub, or for the line.
pub(super) const WAITING: usize = 64;

/// A way to the console of a node.
#[derive(Debug, Clone)]
pub(super) struct Source {
    node: Arc<Node>,
    journal: Journal,
    secrets: Secrets,
}

/// A console that is open, or is about to be: the first thing heard says so.
pub(super) struct Line {
    heard: mpsc::Receiver<Heard>,
    typed: Typist,
    has_break: bool,
}

/// Why a line is not, or not any more.
#[derive(Debug)]
pub(super) struct End {
    pub why: String,
    pub cause: Cause,
}

/// What kind of end it is: what is done next depends on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cause {
    /// It broke, or could not be opened: it is tried again.
    Broken,
    /// Somebody else has it: it is not taken from him.
    Taken,
    /// We are not let in: asking again and again would lock the account.
    Refused,
}

impl End {
    pub(super) fn broken(why: impl Into<String>) -> Self {
        Self {
            why: why.into(),
            cause: Cause::Broken,
        }
    }
}

enum Typist {
    Sol(Sol),
    Stream(mpsc::Sender<Typed>),
}

impl Source {
    pub(super) fn new(node: Arc<Node>, journal: Journal, secrets: Secrets) -> Self {
        Self { node, journal, secrets }
    }

    /// Opens it. With `steal` it is taken from whoever has it, where that can be.
    pub(super) async fn open(&self, steal: bool) -> Result<Line, End> {
        let cannot = |place: &str| {
            let why = format!("{place} cannot be opened");
            move |error: std::io::Error| End::broken(format!("{why}: {error}"))
        };
        match &self.node.console_via {
            None => Err(End::broken("it has no way to a console")),
            Some(ConsoleVia::Sol) => self.sol(steal).await,
            Some(ConsoleVia::Unix(path)) => {
                let stream = UnixStream::connect(path).await.map_err(cannot(path))?;
                Ok(stream::line(stream, None))
            }
            Some(ConsoleVia::Tcp(place)) => {
                let stream = TcpStream::connect(place).await.map_err(cannot(place))?;
                stream.set_nodelay(true).ok();
                Ok(stream::line(stream, None))
            }
            Some(ConsoleVia::Telnet(place)) => {
                let stream = TcpStream::connect(place).await.map_err(cannot(place))?;
                stream.set_nodelay(true).ok();
                Ok(stream::line(stream, Some(Telnet::default())))
            }
            Some(ConsoleVia::Ssh(ssh)) => shell::open(&self.journal, &self.secrets, &self.node, ssh, steal).await,
        }
    }

    async fn sol(&self, steal: bool) -> Result<Line, End> {
        let opened = async {
            let bmc = self.node.bmc.as_ref().ok_or(BmcError::NoBmc)?;
            let pin = self.journal.world().state(&self.node.name).bmc.certificate.clone();
            Sol::open(&Access::to(bmc, &self.secrets, pin)?, steal).await
        };
        let (sol, heard) = opened.await.map_err(|error| End {
            why: crate::causes::chain(&error),
            cause: match error.is_refused_login() {
                true => Cause::Refused,
                false => Cause::Broken,
            },
        })?;
        Ok(Line {
            heard,
            typed: Typist::Sol(sol),
            has_break: true,
        })
    }

    /// What a person may change so that a refused login is worth another try.
    pub(super) fn trusted(&self) -> Option<String> {
        let state = self.journal.world().state(&self.node.name);
        state.console_key.as_ref().map(|key| key.fingerprint.clone())
    }
}

impl Line {
    /// A line whose orders are taken by a task.
    pub(super) fn of_stream(heard: mpsc::Receiver<Heard>, typed: mpsc::Sender<Typed>, has_break: bool) -> Self {
        Self {
            heard,
            typed: Typist::Stream(typed),
            has_break,
        }
    }

    /// What comes next; `None`: it is over.
    pub(super) async fn heard(&mut self) -> Option<Heard> {
        self.heard.recv().await
    }

    /// Whether a break can be sent.
    pub(super) fn has_break(&self) -> bool {
        self.has_break
    }

    /// Does something at the console. `false`: it takes nothing more at present, or is over. Never waits: whoever holds the
    /// line must go on reading, or both ends would wait for each other.
    pub(super) fn send(&self, typed: Typed) -> bool {
        match &self.typed {
            Typist::Sol(sol) => sol.send(typed),
            Typist::Stream(writer) => writer.try_send(typed).is_ok(),
        }
    }
}
