//! Ways to a serial console: octets in, octets out.

use std::sync::Arc;

use model::cluster::ConsoleVia;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpStream, UnixStream};
use tokio::sync::mpsc;

use crate::bmc::{Access, BmcError, Heard, Sol, Typed};

/// Octets that are read at once.
const PIECE: usize = 4096;
/// Pieces that wait for the hub.
const WAITING: usize = 64;

type Opens = dyn Fn() -> Result<Access, BmcError> + Send + Sync;

/// A way to a console.
#[derive(Clone)]
pub(super) struct Source {
    via: Option<ConsoleVia>,
    access: Arc<Opens>,
}

/// A console that is open, or is about to be: the first thing heard says so.
pub(super) struct Line {
    heard: mpsc::Receiver<Heard>,
    typed: Typist,
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

impl std::fmt::Debug for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Source").field("via", &self.via).finish_non_exhaustive()
    }
}

impl Source {
    pub(super) fn new(
        via: Option<ConsoleVia>,
        access: impl Fn() -> Result<Access, BmcError> + Send + Sync + 'static,
    ) -> Self {
        Self {
            via,
            access: Arc::new(access),
        }
    }

    /// Opens it. With `steal` a console of a BMC is taken from whoever has it.
    pub(super) async fn open(&self, steal: bool) -> Result<Line, End> {
        let cannot = |place: &str| {
            let why = format!("{place} cannot be opened");
            move |error: std::io::Error| End::broken(format!("{why}: {error}"))
        };
        match &self.via {
            None => Err(End::broken("it has no way to a console")),
            Some(ConsoleVia::Sol) => {
                let opened = async { Sol::open(&(self.access)()?, steal).await };
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
                })
            }
            Some(ConsoleVia::Unix(path)) => {
                let stream = UnixStream::connect(path).await.map_err(cannot(path))?;
                Ok(stream_line(stream))
            }
            Some(ConsoleVia::Tcp(place)) => {
                let stream = TcpStream::connect(place).await.map_err(cannot(place))?;
                stream.set_nodelay(true).ok();
                Ok(stream_line(stream))
            }
        }
    }
}

impl Line {
    /// What comes next; `None`: it is over.
    pub(super) async fn heard(&mut self) -> Option<Heard> {
        self.heard.recv().await
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

/// A socket as a console. It has no break: what is asked for is not there, and not sent.
fn stream_line(stream: impl AsyncRead + AsyncWrite + Send + 'static) -> Line {
    let (mut reader, mut writer) = tokio::io::split(stream);
    let (said, heard) = mpsc::channel(WAITING);
    let (typed, mut orders) = mpsc::channel(WAITING);
    tokio::spawn(async move {
        said.send(Heard::Opened).await.ok();
        let mut buffer = vec![0; PIECE];
        let why = loop {
            tokio::select! {
                read = reader.read(&mut buffer) => match read {
                    Ok(0) => break "its other end closed it".to_string(),
                    Ok(length) => {
                        if said.send(Heard::Said(buffer[..length].to_vec())).await.is_err() {
                            return;
                        }
                    }
                    Err(error) => break error.to_string(),
                },
                order = orders.recv() => match order {
                    Some(Typed::Data(data)) => {
                        if let Err(error) = writer.write_all(&data).await {
                            break error.to_string();
                        }
                    }
                    Some(Typed::Break) => {}
                    None => return,
                },
            }
        };
        said.send(Heard::Closed { why, taken: false }).await.ok();
    });
    Line {
        heard,
        typed: Typist::Stream(typed),
    }
}
