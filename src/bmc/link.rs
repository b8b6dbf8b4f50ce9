//! An IPMI session: a socket, the clock, and a task that drives the state machine of `wire`.

use std::collections::{HashMap, VecDeque};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use tokio::net::UdpSocket;
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;
use wire::ipmi::{Client, Closed, Completion, Event, Login, Request};

/// Longest datagram of IPMI.
const DATAGRAM: usize = 1500;
/// Commands that may wait.
const WAITING: usize = 32;
/// How long one waits for the clock when nothing is due.
const IDLE: Duration = Duration::from_secs(60);

/// Why a session could not be opened or is over.
#[derive(Debug)]
pub(super) enum LinkError {
    /// The socket.
    Socket(std::io::Error),
    /// The session.
    Closed(Closed),
}

type Answer = Result<(Completion, Vec<u8>), Closed>;

enum Order {
    Ask {
        request: Request,
        done: oneshot::Sender<Answer>,
    },
    Type(Typed),
}

/// What somebody does at a console.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Typed {
    /// Writes.
    Data(Vec<u8>),
    /// Sends a break.
    Break,
}

/// What comes from a console.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Heard {
    /// It is ours.
    Opened,
    /// The machine said this.
    Said(Vec<u8>),
    /// It is not ours (any more).
    Closed {
        /// Why.
        why: String,
        /// Another session has it.
        taken: bool,
    },
}

/// Most of what a console says that waits for its reader; then the BMC waits.
const HEARD: usize = 64;

/// An open session. When it is dropped the session is closed, behind the caller's back.
#[derive(Debug)]
pub(super) struct Link {
    orders: mpsc::Sender<Order>,
}

impl Link {
    /// Opens a session.
    pub(super) async fn open(address: SocketAddr, login: Login) -> Result<Self, LinkError> {
        Self::start(address, login, None).await
    }

    /// Opens a session for the console of the machine: the first thing heard is whether it was given. With `steal` it is
    /// taken from whoever has it.
    pub(super) async fn console(
        address: SocketAddr,
        login: Login,
        steal: bool,
    ) -> Result<(Self, mpsc::Receiver<Heard>), LinkError> {
        let (heard, reader) = mpsc::channel(HEARD);
        let link = Self::start(address, login, Some((heard, steal))).await?;
        Ok((link, reader))
    }

    async fn start(
        address: SocketAddr,
        login: Login,
        console: Option<(mpsc::Sender<Heard>, bool)>,
    ) -> Result<Self, LinkError> {
        let socket = socket(address).await.map_err(LinkError::Socket)?;
        let (orders, taken) = mpsc::channel(WAITING);
        let (opened, is_open) = oneshot::channel();
        let mut client = Client::new(login, Box::new(chance));
        if let Some((_, steal)) = &console {
            client.open_console(*steal);
        }
        let driver = Driver {
            socket,
            client,
            began: Instant::now(),
            opened: Some(opened),
            waiting: HashMap::new(),
            console: console.map(|(heard, _)| heard),
            typed: VecDeque::new(),
        };
        tokio::spawn(driver.run(taken));
        match is_open.await {
            Ok(Ok(())) => Ok(Self { orders }),
            Ok(Err(error)) => Err(error),
            Err(_) => Err(LinkError::Closed(Closed::Silent)),
        }
    }

    /// Does something at the console. `false`: it takes nothing more at present, or is over.
    pub(super) fn send(&self, typed: Typed) -> bool {
        self.orders.try_send(Order::Type(typed)).is_ok()
    }

    /// Sends a command and waits for its answer.
    pub(super) async fn ask(&self, request: Request) -> Answer {
        let (done, answer) = oneshot::channel();
        let order = Order::Ask { request, done };
        self.orders.send(order).await.map_err(|_| Closed::Silent)?;
        answer.await.map_err(|_| Closed::Silent)?
    }
}

async fn socket(address: SocketAddr) -> std::io::Result<UdpSocket> {
    let any: IpAddr = match address {
        SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    let socket = UdpSocket::bind((any, 0)).await?;
    // Only what comes from there is received, and a port that nobody listens on is told.
    socket.connect(address).await?;
    Ok(socket)
}

fn chance(out: &mut [u8]) {
    getrandom::fill(out).expect("the kernel has random numbers from its start on");
}

struct Driver {
    socket: UdpSocket,
    client: Client,
    began: Instant,
    opened: Option<oneshot::Sender<Result<(), LinkError>>>,
    waiting: HashMap<u64, oneshot::Sender<Answer>>,
    /// Where the console's words go.
    console: Option<mpsc::Sender<Heard>>,
    /// What was typed and found no place in the console yet.
    typed: VecDeque<u8>,
}

impl Driver {
    async fn run(mut self, mut orders: mpsc::Receiver<Order>) {
        let mut buffer = [0; DATAGRAM];
        let mut leaving = false;
        loop {
            self.write_on();
            if let Err(error) = self.send().await {
                return self.fail(error).await;
            }
            self.read_events().await;
            if self.client.is_closed() {
                return;
            }
            let may_type = self.typed.is_empty();
            let wake = self
                .client
                .wake()
                .map_or(self.began + self.now() + IDLE, |at| self.began + at);
            tokio::select! {
                received = self.socket.recv(&mut buffer) => match received {
                    Ok(length) => {
                        let now = self.now();
                        self.client.hear(&buffer[..length], now);
                    }
                    // Nobody listens there. A BMC that starts anew says so for a moment, too: who asked asks again.
                    Err(error) => return self.fail(error).await,
                },
                order = orders.recv(), if !leaving && may_type => match order {
                    Some(Order::Ask { request, done }) => {
                        let id = self.client.request(request);
                        self.waiting.insert(id, done);
                    }
                    Some(Order::Type(Typed::Data(data))) => self.typed.extend(data),
                    Some(Order::Type(Typed::Break)) => {
                        if let Some(console) = self.client.console() {
                            console.send_break();
                        }
                    }
                    None => {
                        leaving = true;
                        self.client.close();
                    }
                },
                () = tokio::time::sleep_until(wake) => {}
            }
        }
    }

    fn now(&self) -> Duration {
        self.began.elapsed()
    }

    async fn send(&mut self) -> std::io::Result<()> {
        while let Some(datagram) = self.client.due(self.now()) {
            match self.socket.send(&datagram).await {
                // The error belongs to a packet before: this one may arrive.
                Err(error) if error.kind() == std::io::ErrorKind::ConnectionRefused && self.opened.is_none() => {}
                Err(error) => return Err(error),
                Ok(_) => {}
            }
        }
        Ok(())
    }

    /// Puts what was typed on the line, as far as there is room.
    fn write_on(&mut self) {
        match self.client.console() {
            Some(console) => {
                let taken = console.write(self.typed.make_contiguous());
                self.typed.drain(..taken);
            }
            None => self.typed.clear(),
        }
    }

    async fn tell(&self, heard: Heard) {
        if let Some(console) = &self.console {
            // Whoever read has gone: then the session is about to be closed.
            console.send(heard).await.ok();
        }
    }

    async fn closed(&self, why: &str, taken: bool) {
        let why = why.to_string();
        self.tell(Heard::Closed { why, taken }).await;
    }

    async fn fail(self, error: std::io::Error) {
        self.closed(&error.to_string(), false).await;
        if let Some(opened) = self.opened {
            opened.send(Err(LinkError::Socket(error))).ok();
        }
        for (_, done) in self.waiting {
            done.send(Err(Closed::Silent)).ok();
        }
    }

    async fn read_events(&mut self) {
        while let Some(event) = self.client.event() {
            match event {
                Event::Opened { suite, .. } => {
                    tracing::debug!(suite = suite.number(), "an IPMI session is open");
                    if let Some(opened) = self.opened.take() {
                        opened.send(Ok(())).ok();
                    }
                }
                Event::Reply(reply) => {
                    if let Some(done) = self.waiting.remove(&reply.id) {
                        done.send(Ok((reply.completion, reply.data))).ok();
                    }
                }
                Event::Closed(why) => {
                    if let Some(opened) = self.opened.take() {
                        opened.send(Err(LinkError::Closed(why))).ok();
                    }
                    for (_, done) in self.waiting.drain() {
                        done.send(Err(why)).ok();
                    }
                    self.closed(&why.to_string(), false).await;
                }
                Event::ConsoleOpened => self.tell(Heard::Opened).await,
                Event::ConsoleSaid(data) => self.tell(Heard::Said(data)).await,
                Event::ConsoleRefused(Completion::IN_USE) => self.closed("another session has it", true).await,
                Event::ConsoleRefused(said) => self.closed(&said.to_string(), false).await,
                Event::ConsoleClosed => {
                    let why = "its BMC closed it, or gave it to another session";
                    self.closed(why, true).await;
                }
            }
        }
    }
}
