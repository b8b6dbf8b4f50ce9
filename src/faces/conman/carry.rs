//! An attached client: what consoles say goes to him, what he types goes to them, until either has enough.

use std::collections::HashSet;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::stream::{self, SelectAll, Stream, StreamExt as _};
use tokio::io::{AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::tcp::OwnedReadHalf;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use wire::conman::{Typed, Unescape, said};

use super::super::{Engine, Guest};
use super::{PIECE, words};
use crate::bmc::Order;
use crate::bmc::batch::Pace;
use crate::console::{Frame, Mode, News, Typing, Visit};

/// Octets that are written at once.
const AT_ONCE: usize = 64 * 1024;

/// One who is attached, to one console or to several.
pub(super) struct Attached {
    pub visits: Vec<(Arc<str>, Visit)>,
    /// His name, to others.
    pub name: String,
    /// His name in the journal.
    pub actor: String,
    pub writes: bool,
    pub quiet: bool,
}

/// What he does that concerns what he is shown.
enum Wish {
    Quiet,
    Suspend,
    Show(String),
}

type Frames = SelectAll<std::pin::Pin<Box<dyn Stream<Item = (Arc<str>, Frame)> + Send>>>;

/// Carries it until he goes or is shown the door.
pub(super) async fn carry(guest: Guest, attached: Attached, already: &[u8]) {
    let Guest { stream, engine, .. } = guest;
    let (reader, writer) = stream.into_split();
    let (wishes, wished) = mpsc::channel(16);
    let is_broadcast = attached.visits.len() > 1;
    let (consoles, typing, frames) = apart(attached.visits);
    let hands = Hands {
        consoles,
        typing,
        engine,
        actor: attached.actor,
        writes: attached.writes,
        is_broadcast,
        wishes,
        resetting: None,
    };
    tracing::debug!(guest = attached.name, "somebody is attached by conman");
    let eyes = Eyes {
        name: attached.name,
        frames,
        wished,
        quiet: attached.quiet,
        is_broadcast,
        heard: HashSet::new(),
    };
    tokio::select! {
        () = hands.work(reader, already) => {}
        () = eyes.look(writer) => {}
    }
}

/// The consoles, where one types, and what they all say.
fn apart(visits: Vec<(Arc<str>, Visit)>) -> (Vec<Arc<str>>, Vec<mpsc::Sender<Typing>>, Frames) {
    let (mut consoles, mut typing, mut frames) = (Vec::new(), Vec::new(), SelectAll::new());
    for (console, visit) in visits {
        typing.push(visit.typing);
        let seen = stream::unfold((console.clone(), visit.frames), |(console, mut frames)| async move {
            let frame = frames.recv().await?;
            Some(((console.clone(), frame), (console, frames)))
        });
        frames.push(seen.boxed());
        consoles.push(console);
    }
    (consoles, typing, frames)
}

/// What he does.
struct Hands {
    consoles: Vec<Arc<str>>,
    typing: Vec<mpsc::Sender<Typing>>,
    engine: Engine,
    actor: String,
    writes: bool,
    is_broadcast: bool,
    wishes: mpsc::Sender<Wish>,
    /// The latest reset.
    resetting: Option<JoinHandle<()>>,
}

impl Hands {
    async fn work(mut self, mut reader: OwnedReadHalf, already: &[u8]) {
        let mut unescape = Unescape::default();
        let mut typed = unescape.hear(already);
        let mut buffer = vec![0; PIECE];
        loop {
            for typed in typed {
                if self.does(typed).await.is_none() {
                    return;
                }
            }
            typed = match reader.read(&mut buffer).await {
                Ok(length @ 1..) => unescape.hear(&buffer[..length]),
                _ => return,
            };
        }
    }

    /// `None`: there is nothing any more to do it at.
    async fn does(&mut self, typed: Typed) -> Option<()> {
        match typed {
            Typed::Data(data) if self.writes => self.all(&Typing::Data(Bytes::from(data))).await,
            Typed::Break if self.writes => self.all(&Typing::Break).await,
            Typed::Reset if self.writes => self.reset().await,
            // As with conmand nothing is said of it.
            Typed::Data(_) | Typed::Break | Typed::Reset => Some(()),
            Typed::Quiet => self.wishes.send(Wish::Quiet).await.ok(),
            Typed::Suspend => self.wishes.send(Wish::Suspend).await.ok(),
            // Who writes to several sees none of them.
            _ if self.is_broadcast => Some(()),
            Typed::Replay => self.all(&Typing::Again).await,
            Typed::Force => self.becomes(Mode::Force).await,
            Typed::Join => self.becomes(Mode::Join).await,
            Typed::Monitor => self.becomes(Mode::Monitor).await,
        }
    }

    async fn becomes(&mut self, mode: Mode) -> Option<()> {
        self.writes = mode.writes();
        self.all(&Typing::Mode(mode)).await
    }

    async fn all(&self, typing: &Typing) -> Option<()> {
        let mut any = None;
        for console in &self.typing {
            any = any.or(console.send(typing.clone()).await.ok());
        }
        any
    }

    /// The reset button of each machine, by the desk. It goes on when he has gone; a second one waits for nobody.
    async fn reset(&mut self) -> Option<()> {
        if self
            .resetting
            .as_ref()
            .is_some_and(|resetting| !resetting.is_finished())
        {
            return Some(());
        }
        self.all(&Typing::Resets).await?;
        let world = self.engine.journal.world();
        let nodes = (self.consoles.iter()).filter_map(|console| world.cluster.node(console).cloned());
        let order = Order::Power {
            action: "reset".into(),
            grace_seconds: None,
        };
        let desk = &self.engine.desk;
        let mut lines = Box::pin(desk.carry_out_all(&self.actor, nodes.collect(), order, Pace::default()));
        let wishes = self.wishes.clone();
        self.resetting = Some(tokio::spawn(async move {
            while let Some(line) = lines.next().await {
                if let (Some(console), Some(why)) = (line["node"].as_str(), line["error"].as_str()) {
                    let told = words::sentence(console, &format!("could not be reset: {why}"));
                    // One who does not read must not keep the others from their reset.
                    wishes.try_send(Wish::Show(told)).ok();
                }
            }
        }));
        Some(())
    }
}

/// What he sees.
struct Eyes {
    name: String,
    frames: Frames,
    wished: mpsc::Receiver<Wish>,
    quiet: bool,
    is_broadcast: bool,
    /// Consoles of which he heard something.
    heard: HashSet<Arc<str>>,
}

impl Eyes {
    async fn look(mut self, mut writer: impl AsyncWrite + Unpin) {
        let mut suspended = false;
        let mut out = Vec::new();
        loop {
            tokio::select! {
                Some(wish) = self.wished.recv() => match wish {
                    Wish::Suspend => suspended = !suspended,
                    Wish::Quiet => {
                        self.quiet = !self.quiet;
                        let (now, are) = if self.quiet { ("enabled", "suppressed") } else { ("disabled", "displayed") };
                        out.extend_from_slice(said(&format!("Quiet-mode {now} -- info msgs will be {are}")).as_bytes());
                    }
                    Wish::Show(text) => out.extend_from_slice(text.as_bytes()),
                },
                frame = self.frames.next(), if !suspended => {
                    let mut next = frame;
                    let mut is_over = false;
                    // What is there already goes out in one piece.
                    while let Some((console, frame)) = next {
                        is_over |= self.shows(&console, frame, &mut out);
                        next = match out.len() < AT_ONCE {
                            true => futures_util::FutureExt::now_or_never(self.frames.next()).flatten(),
                            false => None,
                        };
                    }
                    if (is_over && !self.is_broadcast) || self.frames.is_empty() {
                        writer.write_all(&out).await.ok();
                        writer.shutdown().await.ok();
                        return;
                    }
                }
                else => return,
            }
            if writer.write_all(&out).await.is_err() {
                return;
            }
            out.clear();
        }
    }

    /// Adds what is shown of a frame; `true`: it was the last one of its console.
    fn shows(&mut self, console: &Arc<str>, frame: Frame, out: &mut Vec<u8>) -> bool {
        match frame {
            Frame::Said(data) if !self.is_broadcast => out.extend_from_slice(&data),
            Frame::Again(data) if !self.is_broadcast => {
                out.extend_from_slice(said(&format!("Begin log replay of console [{console}]")).as_bytes());
                out.extend_from_slice(&data);
                out.extend_from_slice(said(&format!("End log replay of console [{console}]")).as_bytes());
            }
            Frame::Said(_) | Frame::Again(_) => {}
            Frame::News(news) => {
                let is_first = self.heard.insert(console.clone());
                // What was left out of what he wants to see is no mere news; of what he does not see he misses nothing.
                let is_shown = match news {
                    News::Missed(_) => !self.is_broadcast,
                    _ => !self.quiet,
                };
                let told = words::news(console, &news, &self.name, is_first).filter(|_| is_shown);
                out.extend_from_slice(told.unwrap_or_default().as_bytes());
            }
            Frame::Gone(gone) => {
                out.extend_from_slice(words::gone(console, &gone).as_bytes());
                return true;
            }
        }
        false
    }
}
