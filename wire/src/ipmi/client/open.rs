//! The handshake as the one who opens a session sees it.

use std::time::Duration;

use super::super::frame::{Frame, Kind, plain, unsealed};
use super::super::handshake::{Answer, Exchange, Keys, Privilege, Status, open_request, rakp1, rakp3, role};
use super::super::message::{self, Request, net};
use super::super::suite::{Suite, is_same};
use super::login::{Closed, Login};
use super::{Chance, Time};

/// How long an answer may take, by try: a BMC that is busy takes seconds, a packet that was lost none.
const PATIENCE: [Duration; 4] = [
    Duration::from_millis(1000),
    Duration::from_millis(1500),
    Duration::from_millis(2500),
    Duration::from_millis(4000),
];
/// Tries with a suite that is not the last: some BMCs are silent about one that they do not have.
const TRIES_OF_A_SUITE: usize = 2;

/// How a step of the handshake went on.
pub(super) enum Step {
    Failed(Closed),
    Done { console: u32, managed: u32, keys: Keys },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum At {
    /// Get Channel Authentication Capabilities: is anybody there, and does it speak 2.0?
    Asking,
    Opening,
    Rakp1,
    Rakp3,
}

pub(super) struct Opening {
    at: At,
    suite: usize,
    exchange: Exchange,
    tag: u8,
    /// The message that waits for its answer, and until when; `None`: it is to be made.
    sent: Option<(Vec<u8>, Time)>,
    again: bool,
    tries: usize,
    answered: bool,
    /// A status that may pass: asked again at that time.
    pause: Option<Time>,
    last: Option<Status>,
}

impl Opening {
    pub(super) fn new(login: &Login, chance: &mut Chance) -> Self {
        let suite = login.suites.first().copied().unwrap_or(Suite::Sha1);
        let mut opening = Self {
            at: At::Asking,
            suite: 0,
            exchange: Exchange {
                suite,
                console: 0,
                managed: 0,
                asked: [0; 16],
                answered: [0; 16],
                guid: [0; 16],
                role: role(login.privilege),
                user: login.user.clone(),
                password: login.password,
                kg: login.kg,
            },
            tag: 0,
            sent: None,
            again: false,
            tries: 0,
            answered: false,
            pause: None,
            last: None,
        };
        opening.fresh(chance);
        opening
    }

    /// New numbers for one more handshake: whoever repeats old ones may be told that the session is known already.
    fn fresh(&mut self, chance: &mut Chance) {
        chance(&mut self.exchange.asked);
        let mut number = [0; 4];
        chance(&mut number);
        self.exchange.console = u32::from_le_bytes(number).max(1);
        self.exchange.managed = 0;
        self.tag = self.tag.wrapping_add(1);
        self.sent = None;
    }

    fn message(&self, login: &Login) -> Vec<u8> {
        match self.at {
            At::Asking => {
                let ask = Request::new(net::APP, 0x38, [0x8e, Privilege::Administrator.number()]);
                plain(&ask.pack(self.tag & 0x3f))
            }
            At::Opening => {
                let request = open_request(
                    self.tag,
                    login.privilege.number(),
                    self.exchange.console,
                    self.exchange.suite,
                );
                unsealed(Kind::OpenRequest, &request)
            }
            At::Rakp1 => unsealed(Kind::Rakp1, &rakp1(self.tag, &self.exchange)),
            At::Rakp3 => {
                let code = self.counted(login).rakp3();
                unsealed(
                    Kind::Rakp3,
                    &rakp3(self.tag, Status::OK, self.exchange.managed, code.as_slice()),
                )
            }
        }
    }

    /// The exchange as the BMC counts it.
    fn counted(&self, login: &Login) -> Exchange {
        let mut exchange = self.exchange.clone();
        if login.open_session_privilege {
            exchange.role = login.privilege.number();
        }
        exchange
    }

    pub(super) fn wake(&self) -> Time {
        match (self.pause, &self.sent) {
            (Some(pause), _) => pause,
            (None, Some((_, until))) if !self.again => *until,
            _ => Time::ZERO,
        }
    }

    pub(super) fn due(&mut self, login: &Login, chance: &mut Chance, now: Time) -> Result<Option<Vec<u8>>, Closed> {
        if self.pause.is_some_and(|pause| now < pause) {
            return Ok(None);
        }
        self.pause = None;
        match &self.sent {
            Some((_, until)) if now < *until => return Ok(None),
            Some(_) => self.late(login, chance)?,
            None => {}
        }
        let message = self.message(login);
        let until = now + PATIENCE[self.tries.min(PATIENCE.len() - 1)];
        self.sent = Some((message.clone(), until));
        Ok(Some(message))
    }

    /// Nobody answered in time. Messages of the handshake cannot be repeated one by one: all of it begins anew.
    fn late(&mut self, login: &Login, chance: &mut Chance) -> Result<(), Closed> {
        self.tries += 1;
        let is_last = self.suite + 1 >= login.suites.len();
        if self.at != At::Asking && !is_last && self.tries >= TRIES_OF_A_SUITE {
            return self.next_suite(login, chance);
        }
        if self.tries >= PATIENCE.len() {
            return Err(match (self.last, self.answered) {
                (Some(status), _) => Closed::Refused(status),
                (None, true) => Closed::Silent,
                (None, false) => Closed::NoAnswer,
            });
        }
        if self.at != At::Asking {
            self.at = At::Opening;
        }
        self.fresh(chance);
        Ok(())
    }

    fn next_suite(&mut self, login: &Login, chance: &mut Chance) -> Result<(), Closed> {
        self.suite += 1;
        self.exchange.suite = *login.suites.get(self.suite).ok_or(Closed::NoSuite)?;
        self.at = At::Opening;
        self.tries = 0;
        self.fresh(chance);
        Ok(())
    }

    pub(super) fn hear(&mut self, frame: &Frame<'_>, login: &Login, chance: &mut Chance, now: Time) -> Option<Step> {
        match (self.at, frame) {
            (At::Asking, Frame::Plain(payload)) => {
                let answer = message::Answer::parse(payload).ok()?;
                // Not by its number: some answer each such question as if it were the first.
                if answer.command != 0x38 {
                    return None;
                }
                // Bit 7 of the fourth octet: there is more than IPMI 1.5; bit 1 of the sixth: 2.0. What refuses the
                // command may speak it all the same.
                let speaks = match answer.data.as_slice() {
                    [_, kinds, _, extended, ..] if kinds & 0x80 != 0 => extended & 2 != 0,
                    [_, _, _, _, ..] => false,
                    _ => true,
                };
                if !speaks {
                    return Some(Step::Failed(Closed::OldVersion));
                }
                self.advance(At::Opening);
                None
            }
            (at, Frame::Plus(sealed)) if !sealed.authenticated && sealed.session == 0 => {
                let expected = match at {
                    At::Asking => return None,
                    At::Opening => Kind::OpenAnswer,
                    At::Rakp1 => Kind::Rakp2,
                    At::Rakp3 => Kind::Rakp4,
                };
                let answer = Answer::parse(sealed.payload).ok()?;
                // Our number tells better than the tag, which some send back in another form, whose answer it is. A refusal
                // may be without it.
                let has_number = answer.console == self.exchange.console;
                if sealed.kind != expected || !(has_number || answer.tag == self.tag) {
                    return None;
                }
                if answer.status != Status::OK {
                    return self.refused(answer.status, login, chance, now).map(Step::Failed);
                }
                if !has_number {
                    return None;
                }
                self.went_on(at, &answer, login)
            }
            _ => None,
        }
    }

    fn advance(&mut self, at: At) {
        self.at = at;
        self.answered = true;
        self.sent = None;
        if at == At::Opening {
            self.tries = 0;
        }
    }

    fn went_on(&mut self, at: At, answer: &Answer<'_>, login: &Login) -> Option<Step> {
        let nonsense = || Some(Step::Failed(Closed::Nonsense));
        match at {
            At::Asking => None,
            At::Opening => {
                let Some((managed, suite)) = answer.opened() else {
                    return nonsense();
                };
                // Some answer with the only suite that they have, whatever was asked for.
                if !login.suites.contains(&suite) {
                    return Some(Step::Failed(Closed::NoSuite));
                }
                (self.exchange.suite, self.exchange.managed) = (suite, managed);
                self.advance(At::Rakp1);
                None
            }
            At::Rakp1 => {
                let Some((random, guid, code)) = answer.answered() else {
                    return nonsense();
                };
                (self.exchange.answered, self.exchange.guid) = (random, guid);
                if !is_same(self.counted(login).rakp2().as_slice(), code) {
                    return Some(Step::Failed(Closed::WrongPassword));
                }
                self.advance(At::Rakp3);
                None
            }
            At::Rakp3 => {
                let exchange = self.counted(login);
                let length = exchange.suite.code_length();
                if !is_same(&exchange.rakp4().as_slice()[..length], answer.rest) {
                    // K_g is in this code alone.
                    return Some(Step::Failed(Closed::WrongPassword));
                }
                Some(Step::Done {
                    console: exchange.console,
                    managed: exchange.managed,
                    keys: exchange.keys(),
                })
            }
        }
    }

    fn refused(&mut self, status: Status, login: &Login, chance: &mut Chance, now: Time) -> Option<Closed> {
        self.answered = true;
        if status.is_about_the_suite() {
            return self.next_suite(login, chance).err();
        }
        if status.is_passing() && self.tries + 1 < PATIENCE.len() {
            self.last = Some(status);
            self.tries += 1;
            self.at = At::Opening;
            self.fresh(chance);
            // Sessions that were left behind end after a minute; some end earlier.
            self.pause = Some(now + PATIENCE[self.tries]);
            return None;
        }
        Some(match status {
            Status::BAD_CODE => Closed::WrongPassword,
            status => Closed::Refused(status),
        })
    }
}
