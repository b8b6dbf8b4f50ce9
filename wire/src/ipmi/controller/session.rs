//! How a BMC lets somebody in.

use std::net::SocketAddr;

use super::super::client::Time;
use super::super::code::Completion;
use super::super::frame::{Kind, plain, unsealed};
use super::super::handshake::{
    Exchange, Keys, OpenRequest, Privilege, Rakp1, Status, key, parse_rakp3, privilege_of, rakp4,
};
use super::super::message::{Request, net};
use super::super::suite::{Suite, is_same};
use super::super::window::Window;
use super::{Controller, HALF_OPEN};

/// A session, half open until it has keys.
pub(super) struct Session {
    pub console: u32,
    pub keys: Option<Keys>,
    pub privilege: Privilege,
    /// The highest that it may have.
    pub most: Privilege,
    pub sent: u32,
    pub heard: Time,
    pub window: Window,
    /// The command that came last, and its answer: a BMC that is asked again since its answer was lost does nothing twice.
    pub last: Option<(u8, Request, Vec<u8>)>,
    /// Where it was heard from last: console packets go there.
    pub at: Option<SocketAddr>,
    opened_with: u8,
    exchange: Exchange,
}

impl Controller {
    /// A message outside of sessions.
    pub(super) fn outside(&mut self, payload: &[u8]) -> Option<Vec<u8>> {
        let (request, sequence) = Request::parse(payload).ok()?;
        let (completion, data) = match (request.net, request.command, request.data.as_slice()) {
            // Channel 1; RMCP+ only; K_g as it is; IPMI 2.0 alone.
            (net::APP, 0x38, [_, _]) => {
                let kg = if self.setup.kg.is_some() { 0x20 } else { 0 };
                (Completion::OK, vec![1, 0x80, 0x04 | kg, 0x02, 0, 0, 0, 0])
            }
            (net::APP, 0x54, [_, _, index]) if !self.faults.hides_suites => (Completion::OK, self.suites(*index)),
            (net::APP, 0x54, _) if self.faults.hides_suites => return None,
            (net::APP, 0x37, _) => (Completion::OK, self.setup.guid.to_vec()),
            (net::APP, _, _) => (Completion::NO_PRIVILEGE, Vec::new()),
            _ => return None,
        };
        let sequence = if self.faults.sloppy { 0 } else { sequence };
        let mut answer = request.answer(sequence, completion, &data);
        if let Some(checksum) = answer.last_mut().filter(|_| self.faults.sloppy) {
            *checksum ^= 0x12;
        }
        Some(plain(&answer))
    }

    /// Get Channel Cipher Suites: a part of 16 octets of the list of records (section 22.15.1).
    fn suites(&self, index: u8) -> Vec<u8> {
        let mut all = Vec::new();
        for suite in &self.setup.suites {
            let [authentication, integrity, confidentiality] = suite.algorithms();
            all.extend_from_slice(&[
                0xc0,
                suite.number(),
                authentication,
                0x40 | integrity,
                0x80 | confidentiality,
            ]);
        }
        let mut out = vec![1];
        out.extend(all.chunks(16).nth(usize::from(index & 0x3f)).unwrap_or_default());
        out
    }

    pub(super) fn handshake(&mut self, kind: Kind, payload: &[u8], now: Time) -> Option<Vec<u8>> {
        match kind {
            Kind::OpenRequest => {
                let request = OpenRequest::parse(payload)?;
                let mut answer = self.open(&request, now);
                if self.faults.sloppy {
                    answer[0] = answer[0].wrapping_add(b'0');
                }
                Some(unsealed(Kind::OpenAnswer, &answer))
            }
            Kind::Rakp1 => {
                let message = Rakp1::parse(payload)?;
                Some(unsealed(Kind::Rakp2, &self.rakp1(&message)))
            }
            Kind::Rakp3 => {
                let (tag, status, managed, code) = parse_rakp3(payload)?;
                let answer = self.rakp3(tag, status, managed, code)?;
                Some(unsealed(Kind::Rakp4, &answer))
            }
            _ => None,
        }
    }

    fn open(&mut self, request: &OpenRequest, now: Time) -> Vec<u8> {
        let Some(suite) = request.suite.filter(|suite| self.setup.suites.contains(suite)) else {
            return request.answer(Status::BAD_AUTHENTICATION, 0);
        };
        self.drop_half_open();
        let open = self.sessions.values().filter(|session| session.keys.is_some()).count();
        if self.faults.no_sessions || open >= self.setup.sessions {
            return request.answer(Status::NO_RESOURCES, 0);
        }
        let managed = self.number();
        let session = Session {
            console: request.console,
            keys: None,
            privilege: Privilege::User,
            most: Privilege::User,
            sent: 0,
            heard: now,
            window: Window::default(),
            last: None,
            at: None,
            opened_with: request.privilege,
            exchange: self.exchange(suite, request.console, managed),
        };
        self.sessions.insert(managed, session);
        request.answer(Status::OK, managed)
    }

    fn exchange(&mut self, suite: Suite, console: u32, managed: u32) -> Exchange {
        let mut answered = [0; 16];
        (self.chance)(&mut answered);
        Exchange {
            suite,
            console,
            managed,
            asked: [0; 16],
            answered,
            guid: self.setup.guid,
            role: 0,
            user: Vec::new(),
            password: key(b""),
            kg: self.setup.kg.as_deref().map(key),
        }
    }

    /// Too many who only begin: the oldest goes.
    fn drop_half_open(&mut self) {
        let half = |session: &&Session| session.keys.is_none();
        if self.sessions.values().filter(half).count() >= HALF_OPEN {
            let oldest = self
                .sessions
                .iter()
                .filter(|(_, session)| session.keys.is_none())
                .min_by_key(|(_, session)| session.heard);
            if let Some(id) = oldest.map(|(id, _)| *id) {
                self.sessions.remove(&id);
            }
        }
    }

    /// A number that no session has.
    fn number(&mut self) -> u32 {
        loop {
            let mut bytes = [0; 4];
            (self.chance)(&mut bytes);
            let number = u32::from_le_bytes(bytes).max(1);
            if !self.sessions.contains_key(&number) {
                return number;
            }
            // A caller without chance would go round for ever.
            if let Some(free) = (1..u32::MAX).find(|number| !self.sessions.contains_key(number)) {
                return free;
            }
        }
    }

    fn rakp1(&mut self, message: &Rakp1<'_>) -> Vec<u8> {
        let Some(session) = self.sessions.get_mut(&message.managed).filter(|s| s.keys.is_none()) else {
            return message.answer(Status::INVALID_SESSION, None);
        };
        let user = self.setup.users.iter().find(|user| user.name == message.user);
        let Some(user) = user else {
            return message.answer(Status::UNAUTHORIZED_NAME, Some(&session.exchange));
        };
        let wanted = match message.role & 0x0f {
            0 => Some(user.privilege),
            _ => privilege_of(message.role),
        };
        let Some(wanted) = wanted.filter(|wanted| *wanted <= user.privilege) else {
            return message.answer(Status::INVALID_ROLE, Some(&session.exchange));
        };
        session.most = wanted;
        let exchange = &mut session.exchange;
        exchange.asked = message.random;
        exchange.role = match self.faults.open_session_privilege {
            true => session.opened_with,
            false => message.role,
        };
        exchange.user = user.name.clone();
        exchange.password = user.password;
        message.answer(Status::OK, Some(exchange))
    }

    fn rakp3(&mut self, tag: u8, status: Status, managed: u32, code: &[u8]) -> Option<Vec<u8>> {
        let Some(session) = self.sessions.get_mut(&managed).filter(|s| s.keys.is_none()) else {
            return Some(rakp4(tag, Status::INVALID_SESSION, 0, &[]));
        };
        if status != Status::OK {
            // The other end gave up; nothing is answered (section 13.23).
            self.sessions.remove(&managed);
            return None;
        }
        if !is_same(session.exchange.rakp3().as_slice(), code) {
            let console = session.console;
            self.sessions.remove(&managed);
            return Some(rakp4(tag, Status::BAD_CODE, console, &[]));
        }
        session.keys = Some(session.exchange.keys());
        let length = session.exchange.suite.code_length();
        let code = session.exchange.rakp4();
        Some(rakp4(tag, Status::OK, session.console, &code.as_slice()[..length]))
    }
}
