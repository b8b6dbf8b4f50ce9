//! A session with a BMC: opens it, sends commands, carries the console, keeps it alive.
//!
//! The caller owns socket and clock: it hands over what came ([`Client::hear`]), sends what is due ([`Client::due`]) until
//! nothing is, sleeps until [`Client::wake`], and reads what happened ([`Client::event`]).

mod login;
mod open;
mod talk;

use std::collections::VecDeque;
use std::fmt;
use std::time::Duration;

pub use login::{BadLogin, Closed, Login};

use super::code::Completion;
use super::console::Console;
use super::frame::{self, Frame, Kind};
use super::handshake::{Keys, Privilege};
use super::message::Request;
use super::suite::{BLOCK, Suite};
use super::window::Window;
use open::Opening;
use talk::Talk;

/// Time since some moment that the caller chose; it must not go back.
pub type Time = Duration;

/// An answer to a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// The number that [`Client::request`] gave.
    pub id: u64,
    /// How it ended.
    pub completion: Completion,
    /// What the BMC said besides.
    pub data: Vec<u8>,
}

/// What happened in a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// It is open.
    Opened {
        /// With this suite.
        suite: Suite,
        /// And this privilege.
        privilege: Privilege,
    },
    /// A command was answered.
    Reply(Reply),
    /// The console is ours.
    ConsoleOpened,
    /// It cannot be opened.
    ConsoleRefused(Completion),
    /// The machine said something.
    ConsoleSaid(Vec<u8>),
    /// Another session took the console, or the BMC closed it.
    ConsoleClosed,
    /// The session is over.
    Closed(Closed),
}

/// Where randomness comes from: it fills what it is given.
pub type Chance = Box<dyn FnMut(&mut [u8]) + Send + Sync>;

enum Phase {
    Opening(Box<Opening>),
    Open,
    Closed,
}

/// A session with a BMC.
pub struct Client {
    login: Login,
    chance: Chance,
    phase: Phase,
    session: Option<Session>,
    talk: Talk,
    events: VecDeque<Event>,
}

/// The two numbers and the keys of an open session, and the count of packets.
struct Session {
    console: u32,
    managed: u32,
    keys: Keys,
    sent: u32,
    heard: Window,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("login", &self.login)
            .finish_non_exhaustive()
    }
}

impl Client {
    /// A session that is about to be opened.
    pub fn new(login: Login, mut chance: Chance) -> Self {
        let opening = Opening::new(&login, &mut chance);
        Self {
            login,
            chance,
            phase: Phase::Opening(Box::new(opening)),
            session: None,
            talk: Talk::default(),
            events: VecDeque::new(),
        }
    }

    /// Queues a command; its number comes back in [`Event::Reply`]. Commands are sent one after the other.
    pub fn request(&mut self, request: Request) -> u64 {
        self.talk.request(request)
    }

    /// Asks for the console of the machine. With `steal` it is taken from whoever has it.
    pub fn open_console(&mut self, steal: bool) {
        self.talk.open_console(steal);
    }

    /// The console, while it is open.
    pub fn console(&mut self) -> Option<&mut Console> {
        self.talk.console.as_mut()
    }

    /// Gives the console back.
    pub fn close_console(&mut self) {
        self.talk.close_console();
    }

    /// Closes the session after what is queued.
    pub fn close(&mut self) {
        match self.phase {
            Phase::Open => self
                .talk
                .close(self.session.as_ref().map_or(0, |session| session.managed)),
            _ => self.end(Closed::Asked),
        }
    }

    /// Whether it is over.
    pub fn is_closed(&self) -> bool {
        matches!(self.phase, Phase::Closed)
    }

    /// What happened, in its order.
    pub fn event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// Takes a datagram that came from the BMC. What is not its, or not sealed with the session's keys, changes nothing.
    pub fn hear(&mut self, datagram: &[u8], now: Time) {
        let Ok(frame) = Frame::parse(datagram) else { return };
        match (&mut self.phase, frame) {
            (Phase::Opening(opening), frame) => {
                if let Some(step) = opening.hear(&frame, &self.login, &mut self.chance, now) {
                    self.stepped(step);
                }
            }
            (Phase::Open, Frame::Plus(sealed)) => {
                let Some(session) = &mut self.session else { return };
                if sealed.session != session.console {
                    return;
                }
                let Some(payload) = sealed.open(&session.keys) else {
                    return;
                };
                if !session.heard.may_be_new(sealed.sequence) {
                    return;
                }
                match sealed.kind {
                    Kind::Message => self.talk.answered(&payload, now, &mut self.events),
                    Kind::Console => self.talk.said(&payload, now, &mut self.events),
                    _ => {}
                }
                self.settle();
            }
            _ => {}
        }
    }

    /// The next datagram that is to be sent now; ask again until there is none.
    pub fn due(&mut self, now: Time) -> Option<Vec<u8>> {
        match &mut self.phase {
            Phase::Opening(opening) => match opening.due(&self.login, &mut self.chance, now) {
                Ok(datagram) => datagram,
                Err(closed) => {
                    self.end(closed);
                    None
                }
            },
            Phase::Open => {
                let (kind, payload) = match self.talk.due(now, &mut self.events) {
                    Ok(due) => due?,
                    Err(closed) => {
                        self.end(closed);
                        return None;
                    }
                };
                let session = self.session.as_mut()?;
                // Zero is for packets outside of sessions.
                session.sent = session.sent.checked_add(1).unwrap_or(1);
                let mut vector = [0; BLOCK];
                (self.chance)(&mut vector);
                Some(frame::sealed(
                    &session.keys,
                    kind,
                    session.managed,
                    session.sent,
                    &vector,
                    &payload,
                ))
            }
            Phase::Closed => None,
        }
    }

    /// When something is due next if nobody says anything. `Some` of a time that is past: now.
    pub fn wake(&self) -> Option<Time> {
        match &self.phase {
            Phase::Opening(opening) => Some(opening.wake()),
            Phase::Open => self.talk.wake(),
            Phase::Closed => None,
        }
    }

    fn stepped(&mut self, step: open::Step) {
        match step {
            open::Step::Failed(closed) => self.end(closed),
            open::Step::Done { console, managed, keys } => {
                self.events.reserve(4);
                self.talk.opened(&self.login, keys.suite);
                self.session = Some(Session {
                    console,
                    managed,
                    keys,
                    sent: 0,
                    heard: Window::default(),
                });
                self.phase = Phase::Open;
            }
        }
    }

    /// What an answer may have ended.
    fn settle(&mut self) {
        if let Some(closed) = self.talk.ended.take() {
            self.end(closed);
        }
    }

    fn end(&mut self, closed: Closed) {
        if !self.is_closed() {
            self.phase = Phase::Closed;
            self.events.push_back(Event::Closed(closed));
        }
    }
}
