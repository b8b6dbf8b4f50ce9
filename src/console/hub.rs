//! The hub of one console: holds the line, writes down what it says, and stands between it and who looks.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use jiff::Timestamp;
use model::console::Listener;
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::log::Logs;
use super::source::{Cause, End, Line, Source};
use super::watcher::{BEHIND, Watcher};
use super::{Frame, Gone, Lost, Mode, News, Refused, Typing, Visit, event};
use crate::bmc::{Heard, Typed};
use crate::journal::Journal;

/// Pauses between tries: a BMC that starts anew is back in a minute, one that is gone is not hurried.
const FIRST_PAUSE: Duration = Duration::from_secs(2);
const LONGEST_PAUSE: Duration = Duration::from_secs(120);
/// A BMC that does not let us in is left alone for so long: most lock an account after some wrong passwords.
const LOCKED_OUT: Duration = Duration::from_secs(600);
/// A line that was open for so long was a good one: pauses begin anew.
const GOOD: Duration = Duration::from_secs(60);
/// Octets that are shown again to who asks.
const AGAIN: u64 = 4096;
/// Orders that wait.
const ORDERS: usize = 256;
/// Orders of one who types that wait.
const TYPED: usize = 32;

/// Where a line stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// It is being opened.
    Opening,
    /// It is ours.
    Open,
    /// It is not, and why.
    Closed(String),
}

/// How a console stands.
#[derive(Debug, Clone)]
pub struct Status {
    /// The line.
    pub state: State,
    /// Since when.
    pub since: Timestamp,
    /// Octets that the machine said since the server began.
    pub octets: u64,
    /// When it said something last.
    pub last: Option<Timestamp>,
    /// Who looks on.
    pub watchers: Vec<String>,
    /// Who writes.
    pub writers: Vec<String>,
}

enum Order {
    Attach {
        name: String,
        mode: Mode,
        reply: oneshot::Sender<Result<Visit, Refused>>,
    },
    Typed(u64, Typing),
    Left(u64),
}

/// The hub of one console.
#[derive(Debug, Clone)]
pub struct Hub {
    orders: mpsc::Sender<Order>,
    status: Arc<Mutex<Status>>,
    ended: CancellationToken,
}

impl Hub {
    pub(super) fn start(
        node: Arc<str>,
        source: Source,
        logs: Logs,
        journal: Journal,
        cancel: CancellationToken,
    ) -> Self {
        let (orders, taken) = mpsc::channel(ORDERS);
        let status = Arc::new(Mutex::new(Status {
            state: State::Opening,
            since: Timestamp::now(),
            octets: 0,
            last: None,
            watchers: Vec::new(),
            writers: Vec::new(),
        }));
        let ended = CancellationToken::new();
        let keeper = Keeper {
            node,
            source,
            logs,
            journal,
            cancel,
            taken,
            orders: orders.downgrade(),
            status: status.clone(),
            watchers: Vec::new(),
            next: 1,
            listener: Listener::default(),
        };
        let done = ended.clone().drop_guard();
        tokio::spawn(async move {
            keeper.run().await;
            drop(done);
        });
        Self { orders, status, ended }
    }

    /// How the console stands.
    pub fn status(&self) -> Status {
        self.status.lock().expect("nobody panics while holding it").clone()
    }

    /// Attaches somebody.
    ///
    /// # Errors
    /// Somebody else writes, and he neither shares nor takes.
    pub async fn attach(&self, name: String, mode: Mode) -> Result<Visit, Refused> {
        let (reply, answer) = oneshot::channel();
        let gone = || Refused {
            writers: vec!["nobody: the console is gone".into()],
        };
        let order = Order::Attach { name, mode, reply };
        self.orders.send(order).await.map_err(|_| gone())?;
        answer.await.map_err(|_| gone())?
    }

    /// Waits until the hub has ended.
    pub(super) async fn ended(&self) {
        self.ended.cancelled().await;
    }
}

/// The task behind a hub.
struct Keeper {
    node: Arc<str>,
    source: Source,
    logs: Logs,
    journal: Journal,
    cancel: CancellationToken,
    taken: mpsc::Receiver<Order>,
    orders: mpsc::WeakSender<Order>,
    status: Arc<Mutex<Status>>,
    watchers: Vec<Watcher>,
    next: u64,
    listener: Listener,
}

impl Keeper {
    async fn run(mut self) {
        let mut pause = FIRST_PAUSE;
        // A session that we left behind is taken back; one that another took from us is his for now.
        let mut steal = true;
        loop {
            self.stands(State::Opening);
            let source = self.source.clone();
            let mut opening = Box::pin(async move { source.open(steal).await });
            let opened = loop {
                tokio::select! {
                    opened = &mut opening => break opened,
                    Some(order) = self.taken.recv() => self.order(order, None).await,
                    () = self.cancel.cancelled() => return self.farewell(),
                }
            };
            let began = Instant::now();
            let end = match opened {
                Ok(line) => self.hold(line).await,
                Err(end) => Some(end),
            };
            let Some(End { why, cause }) = end else {
                return self.farewell();
            };
            if began.elapsed() >= GOOD {
                pause = FIRST_PAUSE;
            }
            steal = cause != Cause::Taken;
            if cause == Cause::Refused {
                pause = LOCKED_OUT;
            }
            tracing::debug!(node = %self.node, why, "a console is closed");
            self.stands(State::Closed(why.clone()));
            self.tell(&Frame::News(News::Broken {
                why,
                again_seconds: pause.as_secs(),
            }));
            let until = Instant::now() + pause;
            pause = (pause * 2).min(LONGEST_PAUSE);
            let mut world = self.journal.watch();
            let trusted = self.source.trusted();
            loop {
                tokio::select! {
                    () = tokio::time::sleep_until(until) => break,
                    // Somebody says that the host key counts that it shows now.
                    Ok(()) = world.changed(), if cause == Cause::Refused => {
                        if self.source.trusted() != trusted {
                            break;
                        }
                    }
                    Some(order) = self.taken.recv() => {
                        // Somebody sits down at it: he may have seen to what was wrong.
                        let is_new = matches!(order, Order::Attach { .. });
                        self.order(order, None).await;
                        if is_new {
                            break;
                        }
                    }
                    () = self.cancel.cancelled() => return self.farewell(),
                }
            }
        }
    }

    /// Holds an open line until it breaks; `None`: until the server has enough.
    async fn hold(&mut self, mut line: Line) -> Option<End> {
        loop {
            tokio::select! {
                heard = line.heard() => match heard {
                    Some(Heard::Opened) => {
                        self.stands(State::Open);
                        self.tell(&Frame::News(News::Line(State::Open)));
                    }
                    Some(Heard::Said(data)) => self.said(data.into()).await,
                    Some(Heard::Closed { why, taken }) => {
                        let cause = if taken { Cause::Taken } else { Cause::Broken };
                        return Some(End { why, cause });
                    }
                    None => return Some(End::broken("the session ended")),
                },
                Some(order) = self.taken.recv() => self.order(order, Some(&line)).await,
                () = self.cancel.cancelled() => return None,
            }
        }
    }

    async fn said(&mut self, data: Bytes) {
        let now = Timestamp::now();
        self.logs.write(&self.node, now, data.clone()).await;
        {
            let mut status = self.status();
            status.octets += data.len() as u64;
            status.last = Some(now);
        }
        let events: Vec<_> = (self.listener.hear(&data, now).into_iter())
            .map(|said| event(&self.node, said, now))
            .collect();
        self.journal.observe(events);
        self.tell(&Frame::Said(data));
    }

    /// Sends a frame to all; who has gone is forgotten.
    fn tell(&mut self, frame: &Frame) {
        let before = self.watchers.len();
        self.watchers.retain_mut(|watcher| watcher.send(frame.clone()));
        if self.watchers.len() != before {
            self.counted();
        }
    }

    fn farewell(mut self) {
        self.tell(&Frame::Gone(Gone::Ended));
    }

    async fn order(&mut self, order: Order, line: Option<&Line>) {
        match order {
            Order::Attach { name, mode, reply } => {
                let answer = self.attach(name, mode);
                reply.send(answer).ok();
            }
            Order::Left(id) => {
                if let Some(at) = self.watchers.iter().position(|watcher| watcher.id == id) {
                    let gone = self.watchers.remove(at);
                    self.counted();
                    if gone.mode.writes() {
                        self.tell(&Frame::News(News::Left(gone.name)));
                    }
                }
            }
            Order::Typed(id, typing) => self.typed(id, typing, line).await,
        }
    }

    async fn typed(&mut self, id: u64, typing: Typing, line: Option<&Line>) {
        let Some(at) = self.watchers.iter().position(|watcher| watcher.id == id) else {
            return;
        };
        let writes = self.watchers[at].mode.writes();
        let typed = match typing {
            Typing::Data(data) => Typed::Data(data.to_vec()),
            Typing::Break => Typed::Break,
            Typing::Mode(mode) => return self.change(at, mode),
            Typing::Again => {
                self.logs.flush().await;
                let (logs, node) = (self.logs.clone(), self.node.clone());
                let tail = tokio::task::spawn_blocking(move || logs.tail(&node, AGAIN)).await;
                if let Ok(Ok(tail)) = tail {
                    self.watchers[at].send(Frame::Again(tail.into()));
                }
                return;
            }
            Typing::Resets => {
                if writes {
                    let name = self.watchers[at].name.clone();
                    self.tell(&Frame::News(News::Reset(name)));
                }
                return;
            }
        };
        let why = match (writes, line) {
            (false, _) => Lost::LooksOn,
            (true, None) => Lost::NotConnected,
            (true, Some(line)) if typed == Typed::Break && !line.has_break() => Lost::NoBreak,
            (true, Some(line)) if line.send(typed) => return,
            (true, Some(_)) => Lost::Full,
        };
        self.watchers[at].send(Frame::News(News::Lost(why)));
    }

    fn writers(&self) -> Vec<String> {
        let writers = self.watchers.iter().filter(|watcher| watcher.mode.writes());
        writers.map(|watcher| watcher.name.clone()).collect()
    }

    fn attach(&mut self, name: String, mode: Mode) -> Result<Visit, Refused> {
        let writers = self.writers();
        if mode == Mode::Connect && !writers.is_empty() {
            return Err(Refused { writers });
        }
        let others = self.make_room(&name, mode, None);
        let (frames, seen) = mpsc::channel(BEHIND);
        let (typing, mut typed) = mpsc::channel(TYPED);
        let id = self.next;
        self.next += 1;
        let mut watcher = Watcher::new(id, name, mode, frames);
        let state = self.status().state.clone();
        watcher.send(Frame::News(News::Line(state)));
        if let Some(others) = others {
            watcher.send(Frame::News(others));
        }
        self.watchers.push(watcher);
        self.counted();
        let orders = self.orders.clone();
        tokio::spawn(async move {
            while let Some(typing) = typed.recv().await {
                let Some(orders) = orders.upgrade() else { return };
                if orders.send(Order::Typed(id, typing)).await.is_err() {
                    return;
                }
            }
            if let Some(orders) = orders.upgrade() {
                orders.send(Order::Left(id)).await.ok();
            }
        });
        Ok(Visit { frames: seen, typing })
    }

    /// Somebody who is attached wants to be so in another way.
    fn change(&mut self, at: usize, mode: Mode) {
        let name = self.watchers[at].name.clone();
        let id = self.watchers[at].id;
        let others = self
            .watchers
            .iter()
            .any(|watcher| watcher.id != id && watcher.mode.writes());
        if mode == Mode::Connect && others {
            let refused = Refused {
                writers: self.writers(),
            };
            self.watchers[at].send(Frame::News(News::Refused(refused)));
            return;
        }
        let wrote = self.watchers[at].mode.writes();
        let comes = mode == Mode::Force || !wrote;
        let goes = wrote && !mode.writes();
        let others = if comes {
            self.make_room(&name, mode, Some(id))
        } else {
            None
        };
        if let Some(watcher) = self.watchers.iter_mut().find(|watcher| watcher.id == id) {
            watcher.mode = mode;
            watcher.send(Frame::News(News::Now(mode)));
            if let Some(others) = others {
                watcher.send(Frame::News(others));
            }
        }
        if goes {
            self.tell_others(id, &News::Left(name));
        }
        self.counted();
    }

    /// Somebody comes who writes: all are told, and who forces shows the writers the door. What he is told of them.
    fn make_room(&mut self, name: &str, mode: Mode, own: Option<u64>) -> Option<News> {
        if !mode.writes() {
            return None;
        }
        let writers: Vec<_> = (self.watchers.iter())
            .filter(|watcher| watcher.mode.writes() && Some(watcher.id) != own)
            .map(|watcher| watcher.name.clone())
            .collect();
        let takes = mode == Mode::Force && !writers.is_empty();
        if takes {
            self.watchers.retain_mut(|watcher| {
                let goes = watcher.mode.writes() && Some(watcher.id) != own;
                if goes {
                    watcher.send(Frame::Gone(Gone::Taken(name.to_string())));
                }
                !goes
            });
        }
        let own = own.unwrap_or_default();
        if !takes {
            self.tell_others(own, &News::Joined(name.to_string()));
            return (!writers.is_empty()).then_some(News::Beside(writers));
        }
        self.tell_others(own, &News::Taken(name.to_string()));
        for gone in &writers {
            self.tell_others(own, &News::Left(gone.clone()));
        }
        Some(News::From(writers))
    }

    /// Sends news to all but one.
    fn tell_others(&mut self, but: u64, news: &News) {
        for watcher in self.watchers.iter_mut().filter(|watcher| watcher.id != but) {
            watcher.send(Frame::News(news.clone()));
        }
    }

    fn status(&self) -> std::sync::MutexGuard<'_, Status> {
        self.status.lock().expect("nobody panics while holding it")
    }

    fn stands(&self, state: State) {
        let mut status = self.status();
        if status.state != state {
            (status.state, status.since) = (state, Timestamp::now());
        }
    }

    fn counted(&self) {
        let mut status = self.status();
        status.writers = self.writers();
        status.watchers = self.watchers.iter().map(|watcher| watcher.name.clone()).collect();
    }
}
