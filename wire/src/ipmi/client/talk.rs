//! Commands and the console inside an open session.

use std::collections::VecDeque;
use std::time::Duration;

use super::super::code::Completion;
use super::super::console::{self, Console, Operation, Packet};
use super::super::frame::Kind;
use super::super::handshake::Privilege;
use super::super::message::{Answer, Request, net};
use super::super::suite::Suite;
use super::login::{Closed, Login};
use super::{Event, Reply, Time};

/// How long an answer may take, by try. After the last one the BMC counts as gone.
const PATIENCE: [Duration; 5] = [
    Duration::from_millis(1000),
    Duration::from_millis(1500),
    Duration::from_millis(2500),
    Duration::from_millis(4000),
    Duration::from_millis(6000),
];
/// How long a BMC that is busy is left alone.
const BUSY: Duration = Duration::from_millis(500);
/// How often a busy BMC is asked.
const BUSY_TRIES: u8 = 8;
/// BMCs end a session after 60 s without a packet (section 6.12.15).
const KEEP_ALIVE: Duration = Duration::from_secs(20);
/// Octets of a console packet where the BMC says nonsense.
const PAYLOAD: usize = 64;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Who {
    Caller(u64),
    Raise(Privilege, Suite),
    Activate,
    Deactivate { then_activate: bool },
    Alive,
    Close,
}

#[derive(Debug)]
struct Waiting {
    who: Who,
    request: Request,
    sequence: u8,
    tries: usize,
    busy: u8,
    until: Time,
    /// It is to be sent at `until`, not given up.
    resting: bool,
}

#[derive(Debug, Default)]
pub(super) struct Talk {
    queue: VecDeque<(Who, Request)>,
    waiting: Option<Waiting>,
    pub(super) console: Option<Console>,
    steal: bool,
    ids: u64,
    sequence: u8,
    spoke: Time,
    pub(super) ended: Option<Closed>,
}

impl Talk {
    pub(super) fn opened(&mut self, login: &Login, suite: Suite) {
        // A session begins with the privilege of a user, whatever was asked for.
        let raise = Request::new(net::APP, 0x3b, [login.privilege.number()]);
        self.queue.push_front((Who::Raise(login.privilege, suite), raise));
    }

    pub(super) fn request(&mut self, request: Request) -> u64 {
        self.ids += 1;
        self.queue.push_back((Who::Caller(self.ids), request));
        self.ids
    }

    pub(super) fn open_console(&mut self, steal: bool) {
        self.steal = steal;
        self.queue.push_back((Who::Activate, activate()));
    }

    pub(super) fn close_console(&mut self) {
        if self.console.take().is_some() {
            let who = Who::Deactivate { then_activate: false };
            self.queue.push_back((who, deactivate()));
        }
    }

    pub(super) fn close(&mut self, managed: u32) {
        self.close_console();
        let close = Request::new(net::APP, 0x3c, managed.to_le_bytes());
        self.queue.push_back((Who::Close, close));
    }

    pub(super) fn wake(&self) -> Option<Time> {
        let commands = match &self.waiting {
            Some(waiting) => waiting.until,
            None if !self.queue.is_empty() => Time::ZERO,
            None => self.spoke + KEEP_ALIVE,
        };
        let console = self.console.as_ref().and_then(Console::wake);
        Some(console.map_or(commands, |console| console.min(commands)))
    }

    /// The next payload to be sent.
    pub(super) fn due(&mut self, now: Time, events: &mut VecDeque<Event>) -> Result<Option<(Kind, Vec<u8>)>, Closed> {
        if let Some(console) = &mut self.console {
            if let Some(packet) = console.due(now) {
                self.spoke = now;
                return Ok(Some((Kind::Console, packet)));
            }
            if console.is_dead() {
                self.console = None;
                events.push_back(Event::ConsoleClosed);
            }
        }
        if let Some(waiting) = &mut self.waiting {
            if now < waiting.until {
                return Ok(None);
            }
            if !waiting.resting {
                waiting.tries += 1;
            }
            if waiting.tries >= PATIENCE.len() {
                return Err(match waiting.who {
                    Who::Close => Closed::Asked,
                    _ => Closed::Silent,
                });
            }
            // A BMC that does not answer the last command is not waited for.
            if waiting.who == Who::Close && waiting.tries > 0 {
                return Err(Closed::Asked);
            }
            (waiting.resting, waiting.until) = (false, now + PATIENCE[waiting.tries]);
            self.spoke = now;
            return Ok(Some((Kind::Message, waiting.request.pack(waiting.sequence))));
        }
        let (who, request) = match self.queue.pop_front() {
            Some(next) => next,
            None if now >= self.spoke + KEEP_ALIVE => (Who::Alive, self.alive()),
            None => return Ok(None),
        };
        // Numbers are those of the message, six bits.
        self.sequence = (self.sequence + 1) & 0x3f;
        let packed = request.pack(self.sequence);
        self.waiting = Some(Waiting {
            who,
            request,
            sequence: self.sequence,
            tries: 0,
            busy: 0,
            until: now + PATIENCE[0],
            resting: false,
        });
        self.spoke = now;
        Ok(Some((Kind::Message, packed)))
    }

    /// What keeps the session alive tells on the way whether the console is still ours.
    fn alive(&self) -> Request {
        match self.console {
            Some(_) => Request::new(net::APP, 0x4b, [1, 1]),
            None => Request::new(net::APP, 0x01, []),
        }
    }

    /// A message came.
    pub(super) fn answered(&mut self, payload: &[u8], now: Time, events: &mut VecDeque<Event>) {
        let Ok(answer) = Answer::parse(payload) else { return };
        let Some(waiting) = self.waiting.as_mut().filter(|waiting| {
            (waiting.sequence, waiting.request.net, waiting.request.command)
                == (answer.sequence, answer.net, answer.command)
        }) else {
            return;
        };
        if answer.completion.is_passing() && waiting.busy < BUSY_TRIES {
            waiting.busy += 1;
            (waiting.resting, waiting.until) = (true, now + BUSY);
            return;
        }
        let Some(waiting) = self.waiting.take() else { return };
        let ok = answer.completion == Completion::OK;
        match waiting.who {
            Who::Caller(id) => events.push_back(Event::Reply(Reply {
                id,
                completion: answer.completion,
                data: answer.data,
            })),
            Who::Raise(privilege, suite) if ok => events.push_back(Event::Opened { suite, privilege }),
            Who::Raise(..) => self.ended = Some(Closed::NoPrivilege),
            Who::Activate => self.activated(answer.completion, &answer.data, events),
            Who::Deactivate { then_activate: true } => self.queue.push_front((Who::Activate, activate())),
            Who::Deactivate { .. } => events.push_back(Event::ConsoleClosed),
            Who::Alive if ok && waiting.request.command == 0x4b => {
                // No session has the console, or another one: some BMCs say nothing to the one that lost it.
                if self.console.is_some() && answer.data.first_chunk() == Some(&[0; 4]) {
                    self.console = None;
                    events.push_back(Event::ConsoleClosed);
                }
            }
            Who::Alive => {}
            Who::Close => self.ended = Some(Closed::Asked),
        }
    }

    fn activated(&mut self, completion: Completion, data: &[u8], events: &mut VecDeque<Event>) {
        match completion {
            Completion::OK => {
                // Auxiliary data, then the most octets to the BMC and from it.
                let most = match data.get(4..6) {
                    Some(size) => usize::from(u16::from_le_bytes([size[0], size[1]])).saturating_sub(4),
                    None => 0,
                };
                let most = if (1..=255).contains(&most) { most } else { PAYLOAD };
                self.console = Some(Console::new(most));
                events.push_back(Event::ConsoleOpened);
            }
            Completion::IN_USE if self.steal => {
                self.steal = false;
                let who = Who::Deactivate { then_activate: true };
                self.queue.push_front((who, deactivate()));
            }
            refused => events.push_back(Event::ConsoleRefused(refused)),
        }
    }

    /// A packet of the console came.
    pub(super) fn said(&mut self, payload: &[u8], now: Time, events: &mut VecDeque<Event>) {
        let (Some(console), Some(packet)) = (&mut self.console, Packet::parse(payload)) else {
            return;
        };
        let data = console.hear(&packet, now);
        if !data.is_empty() {
            events.push_back(Event::ConsoleSaid(data));
        }
        if console::from_bmc(packet.flags) == Some(Operation::Deactivated) {
            self.console = None;
            events.push_back(Event::ConsoleClosed);
        }
    }
}

/// Activate Payload: SOL, instance 1, encrypted and authenticated, alerts deferred while it runs.
fn activate() -> Request {
    Request::new(net::APP, 0x48, [1, 1, 0xc6, 0, 0, 0])
}

fn deactivate() -> Request {
    Request::new(net::APP, 0x49, [1, 1, 0, 0, 0, 0])
}
