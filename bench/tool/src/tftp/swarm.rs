//! Many TFTP clients on one thread: an epoll over one socket for each, so that the generator costs little of what it measures.
//!
//! Invariant: every transfer ends: completed, refused, or given up at its deadline.

use std::io;
use std::net::{SocketAddr, SocketAddrV4, UdpSocket};
use std::os::fd::AsFd;
use std::sync::Arc;
use std::time::{Duration, Instant};

use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};

use super::download::{Download, Step, Wish};
use super::faults::{Faults, Way};
use crate::addresses::AddressRange;

/// How long a socket is still listened to after its file is complete, to count what comes too late.
const DALLY: Duration = Duration::from_millis(200);
/// How often sessions are looked at for time-outs.
const LOOK: Duration = Duration::from_millis(20);
/// A datagram that was held back arrives after this much silence.
const LULL: Duration = Duration::from_millis(3);
/// The largest datagram.
const LARGEST: usize = 65_536;

/// What the clients of one thread do.
#[derive(Clone)]
pub struct Orders {
    /// The server's well-known port.
    pub server: SocketAddrV4,
    /// Where they speak from, in turn; unspecified lets the system choose.
    pub sources: AddressRange,
    /// What each asks for.
    pub wish: Wish,
    /// The file as it should be, if known.
    pub content: Option<Arc<[u8]>>,
    /// Clients, numbered from here.
    pub clients: std::ops::Range<usize>,
    /// Transfers of each, one after the other.
    pub count: usize,
    /// The network.
    pub faults: Faults,
    /// Seed of its dice.
    pub seed: u64,
    /// Silence after which a client repeats itself.
    pub patience: Duration,
    /// A transfer that takes longer has failed.
    pub deadline: Duration,
    /// Clients begin one after the other within this time.
    pub ramp: Duration,
}

/// What came of one transfer.
#[derive(Debug)]
pub struct Done {
    /// From the request to the last block.
    pub time: Duration,
    /// Bytes of the file.
    pub bytes: u64,
    /// Why it failed.
    pub failure: Option<String>,
}

/// What came of all clients of one thread.
#[derive(Debug, Default)]
pub struct Tally {
    /// Each transfer.
    pub done: Vec<Done>,
    /// Payload bytes in DATA packets that arrived, repetitions and those that the simulated network then lost included.
    pub arrived: u64,
    /// DATA packets that were there already.
    pub duplicates: u64,
    /// DATA packets that came before a missing one.
    pub early: u64,
    /// Requests and acknowledgements that a client repeated after silence.
    pub repeated: u64,
    /// Datagrams that the simulated network lost.
    pub lost: u64,
    /// When the last transfer ended.
    pub ended: Option<Instant>,
}

impl Tally {
    /// Adds another thread's.
    pub fn add(&mut self, other: Tally) {
        self.done.extend(other.done);
        self.arrived += other.arrived;
        self.duplicates += other.duplicates;
        self.early += other.early;
        self.repeated += other.repeated;
        self.lost += other.lost;
        self.ended = self.ended.max(other.ended);
    }
}

struct Session {
    socket: UdpSocket,
    connected: bool,
    download: Download,
    way: Way,
    /// Transfers left to this client after this one.
    left: usize,
    client: usize,
    started: Instant,
    quiet_since: Instant,
    /// Complete; until then late datagrams are counted.
    dallies: Option<Instant>,
}

/// Runs the clients to the end.
///
/// # Errors
/// When the system gives no sockets.
pub fn run(orders: &Orders) -> io::Result<Tally> {
    let mut swarm = Swarm {
        epoll: Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?,
        request: Download::request(&orders.wish),
        orders,
        sessions: Vec::new(),
        free: Vec::new(),
        alive: 0,
        tally: Tally::default(),
    };
    swarm.run()?;
    Ok(swarm.tally)
}

struct Swarm<'a> {
    orders: &'a Orders,
    epoll: Epoll,
    request: Vec<u8>,
    sessions: Vec<Option<Session>>,
    free: Vec<usize>,
    alive: usize,
    tally: Tally,
}

impl Swarm<'_> {
    fn run(&mut self) -> io::Result<()> {
        let began = Instant::now();
        let mut buffer = vec![0; LARGEST];
        let mut events = vec![EpollEvent::empty(); 512];
        let mut waiting = self.orders.clients.clone();
        let total = waiting.len();
        let mut looked = began;
        while self.alive > 0 || !waiting.is_empty() {
            let now = Instant::now();
            while let Some(next) = waiting.clone().next() {
                let place = (next - self.orders.clients.start) as f64 / total as f64;
                if now < began + self.orders.ramp.mul_f64(place) {
                    break;
                }
                waiting.next();
                self.begin(next, self.orders.count)?;
            }
            let pause = if self.orders.faults.none() { LOOK } else { LULL };
            let pause = if waiting.is_empty() {
                pause
            } else {
                Duration::from_millis(1)
            };
            let timeout = EpollTimeout::try_from(pause).unwrap_or(EpollTimeout::ZERO);
            let ready = match self.epoll.wait(&mut events, timeout) {
                Ok(ready) => ready,
                Err(nix::Error::EINTR) => 0,
                Err(error) => return Err(error.into()),
            };
            let now = Instant::now();
            for event in &events[..ready] {
                self.readable(event.data() as usize, &mut buffer, now)?;
            }
            if now - looked >= pause {
                looked = now;
                self.look(now)?;
            }
        }
        Ok(())
    }

    fn begin(&mut self, client: usize, left: usize) -> io::Result<()> {
        let socket = UdpSocket::bind((self.orders.sources.nth(client), 0))?;
        socket.set_nonblocking(true)?;
        let now = Instant::now();
        let seed = self.orders.seed ^ ((client as u64) << 20) ^ left as u64;
        let session = Session {
            connected: false,
            download: Download::new(&self.orders.wish),
            way: Way::new(self.orders.faults, seed),
            left: left - 1,
            client,
            started: now,
            quiet_since: now,
            dallies: None,
            socket,
        };
        let at = self.free.pop().unwrap_or_else(|| {
            self.sessions.push(None);
            self.sessions.len() - 1
        });
        let event = EpollEvent::new(EpollFlags::EPOLLIN, at as u64);
        self.epoll.add(session.socket.as_fd(), event)?;
        let session = self.sessions[at].insert(session);
        self.alive += 1;
        if session.way.sends() {
            session.socket.send_to(&self.request, self.orders.server)?;
        }
        Ok(())
    }

    fn readable(&mut self, at: usize, buffer: &mut [u8], now: Instant) -> io::Result<()> {
        let mut end = None;
        if let Some(session) = self.sessions[at].as_mut() {
            // One datagram where one is expected: asking again would only cost.
            let most = 2 * usize::from(session.download.window()) - 1;
            for _ in 0..most {
                let length = match session.receive(buffer) {
                    Ok(Some(length)) => length,
                    Ok(None) => continue,
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                    // The server's port is closed: the client finds out by silence, as firmware does.
                    Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => break,
                    Err(error) => return Err(error),
                };
                let datagram = &buffer[..length];
                if datagram.starts_with(&[0, 3]) {
                    self.tally.arrived += length.saturating_sub(4) as u64;
                }
                if session.dallies.is_some() {
                    self.tally.duplicates += u64::from(datagram.starts_with(&[0, 3]));
                    continue;
                }
                session.quiet_since = now;
                let (download, content) = (&mut session.download, self.orders.content.as_deref());
                let mut steps = [Step::default(), Step::default()];
                let mut said = 0;
                session.way.arrived(datagram, |datagram| {
                    if said == 0 || steps[0].end.is_none() {
                        steps[said.min(1)] = download.take(datagram, content);
                    }
                    said += 1;
                });
                for step in steps {
                    end = session.follow(step)?.or(end);
                }
                if end.is_some() {
                    break;
                }
            }
        }
        match end {
            Some(end) => self.ended(at, end, now),
            None => Ok(()),
        }
    }

    /// Looks for what is due: repetitions, deadlines, datagrams that were held back.
    fn look(&mut self, now: Instant) -> io::Result<()> {
        for at in 0..self.sessions.len() {
            let mut end = None;
            let Some(session) = self.sessions[at].as_mut() else {
                continue;
            };
            if let Some(until) = session.dallies {
                if now >= until {
                    self.close(at)?;
                }
                continue;
            }
            if session.way.holds()
                && now - session.quiet_since >= LULL
                && let Some(held) = session.way.silence()
            {
                let step = session.download.take(&held, self.orders.content.as_deref());
                end = session.follow(step)?;
            }
            if end.is_none() && now - session.started >= self.orders.deadline {
                let bytes = session.download.bytes;
                let heard = if session.download.heard() {
                    ""
                } else {
                    "; the server never answered"
                };
                let seconds = self.orders.deadline.as_secs();
                end = Some(Err(format!("not complete after {seconds} s{heard}: {bytes} bytes")));
            } else if end.is_none() && now - session.quiet_since >= self.orders.patience {
                session.quiet_since = now;
                self.tally.repeated += 1;
                if !session.download.heard() {
                    if session.way.sends() {
                        session.socket.send_to(&self.request, self.orders.server)?;
                    }
                } else {
                    let ack = session.download.repeat();
                    session.say(&ack)?;
                }
            }
            if let Some(end) = end {
                self.ended(at, end, now)?;
            }
        }
        Ok(())
    }

    fn ended(&mut self, at: usize, end: Result<(), String>, now: Instant) -> io::Result<()> {
        let Some(session) = self.sessions[at].as_mut() else {
            return Ok(());
        };
        session.dallies = Some(now + DALLY);
        self.tally.duplicates += session.download.duplicates;
        self.tally.early += session.download.early;
        self.tally.lost += session.way.lost;
        self.tally.ended = Some(now);
        self.tally.done.push(Done {
            time: now - session.started,
            bytes: session.download.bytes,
            failure: end.err(),
        });
        let (client, left) = (session.client, session.left);
        if left > 0 {
            self.begin(client, left)?;
        }
        Ok(())
    }

    fn close(&mut self, at: usize) -> io::Result<()> {
        if let Some(session) = self.sessions[at].take() {
            self.epoll.delete(session.socket.as_fd())?;
            self.free.push(at);
            self.alive -= 1;
        }
        Ok(())
    }
}

impl Session {
    /// The next datagram of the server; `None` for one of somebody else.
    fn receive(&mut self, buffer: &mut [u8]) -> io::Result<Option<usize>> {
        if self.connected {
            return self.socket.recv(buffer).map(Some);
        }
        let (length, from) = self.socket.recv_from(buffer)?;
        if let SocketAddr::V4(_) = from {
            // From now on the kernel sorts out what is of somebody else, and sending is cheaper.
            self.socket.connect(from)?;
            self.connected = true;
        }
        Ok(Some(length))
    }

    fn say(&mut self, ack: &[u8]) -> io::Result<()> {
        if !self.way.sends() {
            return Ok(());
        }
        match self.socket.send(ack) {
            // What an earlier packet met is reported here; the packet itself is lost, as on any network.
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::ConnectionRefused | io::ErrorKind::WouldBlock
                ) =>
            {
                Ok(())
            }
            result => result.map(drop),
        }
    }

    fn follow(&mut self, step: Step) -> io::Result<Option<Result<(), String>>> {
        if let Some(ack) = step.ack {
            self.say(&ack)?;
        }
        Ok(step.end)
    }
}
