//! Faces: foreign protocols, so that the clients of other programs work unmodified.
//!
//! A face translates. What it shows comes from the world, what it does goes through the one BMC desk, the consoles' hubs and
//! deployments, as if it had been typed here.
//!
//! Invariant: a face is closed unless the cluster file opens it; it follows the cluster file while the server runs.
//! Invariant: no face knows another.

mod conman;
mod conserver;
mod door;
mod guest;
mod pelagos;
mod powerman;

pub use door::DoorCounters;
pub use pelagos::{Opening as PelagosOpening, Options as PelagosOptions, Pelagos, Simulation};

use std::net::SocketAddr;
use std::sync::Arc;

use model::cluster::Face;
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::bmc::Desk;
use crate::console::Consoles;
use crate::journal::Journal;
use crate::secrets::Secrets;

/// What faces work with.
#[derive(Debug, Clone)]
pub struct Engine {
    /// The world, and where what happens goes.
    pub journal: Journal,
    /// BMCs.
    pub desk: Desk,
    /// Consoles.
    pub consoles: Consoles,
    /// Passwords and tokens.
    pub secrets: Secrets,
    /// Pelagos' tasks.
    pub pelagos: Pelagos,
}

/// Somebody who came in at a face.
struct Guest {
    stream: TcpStream,
    peer: SocketAddr,
    /// Where the token is that he must show.
    token_from: Option<String>,
    engine: Engine,
    /// The face is being closed.
    cancel: CancellationToken,
}

/// Each face has its line here.
async fn serve(face: &str, guest: Guest) {
    match face {
        "pelagos" => pelagos::serve(guest).await,
        "powerman" => powerman::serve(guest).await,
        "conman" => conman::serve(guest).await,
        "conserver" => conserver::serve(guest).await,
        _ => {}
    }
}

/// The names of the faces, as in the cluster file.
const NAMES: [&str; 4] = ["pelagos", "powerman", "conman", "conserver"];

/// One face that is open.
struct Open {
    face: Face,
    cancel: CancellationToken,
    task: JoinHandle<()>,
}

/// All faces.
#[derive(Debug, Clone)]
pub struct Faces {
    engine: Engine,
    counters: [Arc<DoorCounters>; 4],
}

impl Faces {
    /// Faces that are all closed.
    pub fn new(engine: Engine) -> Self {
        Self {
            engine,
            counters: Default::default(),
        }
    }

    /// What their doors count, by name.
    pub fn counters(&self) -> impl Iterator<Item = (&'static str, &DoorCounters)> {
        NAMES.into_iter().zip(self.counters.iter().map(|counters| &**counters))
    }

    /// Keeps the faces as they are declared, until cancelled.
    pub async fn run(self, cancel: CancellationToken) {
        let mut world = self.engine.journal.watch();
        let mut open: [Option<Open>; 4] = Default::default();
        loop {
            let wanted = {
                let faces = &world.borrow_and_update().cluster.faces;
                [&faces.pelagos, &faces.powerman, &faces.conman, &faces.conserver].map(Clone::clone)
            };
            for (at, face) in wanted.into_iter().enumerate() {
                if open[at].as_ref().map(|open| &open.face) == face.as_ref() {
                    continue;
                }
                if let Some(open) = open[at].take() {
                    open.cancel.cancel();
                    open.task.await.ok();
                    tracing::info!(face = NAMES[at], "a face is closed");
                }
                open[at] = face.map(|face| self.open(at, face, cancel.child_token()));
            }
            tokio::select! {
                () = cancel.cancelled() => break,
                changed = world.changed() => if changed.is_err() { break },
            }
        }
        for open in open.into_iter().flatten() {
            open.cancel.cancel();
            open.task.await.ok();
        }
    }

    fn open(&self, at: usize, face: Face, cancel: CancellationToken) -> Open {
        let (counters, kept) = (self.counters[at].clone(), face.clone());
        let door = cancel.clone();
        let (engine, token_from) = (self.engine.clone(), face.token_from.clone());
        let guest = move |stream, peer, cancel| {
            let (engine, token_from) = (engine.clone(), token_from.clone());
            serve(
                NAMES[at],
                Guest {
                    stream,
                    peer,
                    token_from,
                    engine,
                    cancel,
                },
            )
        };
        let task = tokio::spawn(door::keep(NAMES[at], kept, counters, door, guest));
        Open { face, cancel, task }
    }
}
