//! What a BMC does for whoever is in.

use std::time::Duration;

use super::super::chassis::{ChassisStatus, Control};
use super::super::client::Time;
use super::super::code::Completion;
use super::super::console::{self, Console};
use super::super::frame::Kind;
use super::super::handshake::Privilege;
use super::super::message::{Request, net};
use super::super::sel::{ENTRY, SelInfo};
use super::{Asked, Controller, LOG, Line};

/// Most octets of data in a console packet, either way.
const PAYLOAD: u16 = 200;

type Done = Result<Vec<u8>, Completion>;

impl Controller {
    /// Carries a command out; the answer's message. `None`: what came is no command.
    pub(super) fn command(&mut self, session: u32, payload: &[u8], now: Time) -> Option<Vec<u8>> {
        let (request, sequence) = Request::parse(payload).ok()?;
        self.commands += 1;
        if self.faults.hangs {
            return None;
        }
        if self.faults.busy && self.commands.is_multiple_of(2) {
            return Some(request.answer(sequence, Completion(0xc0), &[]));
        }
        let last = self.sessions.get(&session).and_then(|session| session.last.as_ref());
        if let Some((_, _, answer)) = last.filter(|(number, asked, _)| (*number, asked) == (sequence, &request)) {
            return Some(answer.clone());
        }
        let done = self.carry_out(session, &request, now);
        let (completion, data) = match done {
            Ok(data) => (Completion::OK, data),
            Err(completion) => (completion, Vec::new()),
        };
        let answer = request.answer(sequence, completion, &data);
        if (request.net, request.command) == (net::APP, 0x3c) && completion == Completion::OK {
            let sealed = self.seal(session, Kind::Message, &answer);
            self.end(session);
            // The session is gone, so its seal was made before.
            self.farewell = sealed;
            return None;
        }
        if let Some(session) = self.sessions.get_mut(&session) {
            session.last = Some((sequence, request, answer.clone()));
        }
        Some(answer)
    }

    fn may(&self, session: u32, privilege: Privilege) -> Result<(), Completion> {
        let has = self.sessions.get(&session).map(|session| session.privilege);
        match has.is_some_and(|has| has >= privilege) {
            true => Ok(()),
            false => Err(Completion::NO_PRIVILEGE),
        }
    }

    fn carry_out(&mut self, session: u32, request: &Request, now: Time) -> Done {
        let data = request.data.as_slice();
        match (request.net, request.command) {
            (net::CHASSIS, _) => self.chassis(session, request.command, data, now),
            (net::APP, 0x01) => Ok(self.setup.device.pack().to_vec()),
            (net::APP, 0x02) => {
                self.may(session, Privilege::Administrator)?;
                self.asked.push_back(Asked::ColdReset);
                Ok(Vec::new())
            }
            (net::APP, 0x37) => Ok(self.setup.guid.to_vec()),
            (net::APP, 0x38) => Ok(vec![1, 0x80, 0x04, 0x02, 0, 0, 0, 0]),
            (net::APP, 0x3b) => self.raise(session, data),
            (net::APP, 0x3c) => match data.first_chunk::<4>() {
                Some(id) if u32::from_le_bytes(*id) == session => Ok(Vec::new()),
                Some(_) => Err(Completion(0x87)),
                None => Err(Completion::BAD_LENGTH),
            },
            (net::APP, 0x48..=0x4f) => self.payload(session, request.command, data),
            (net::STORAGE, 0x10 | 0x11) => self.fru(request.command, data),
            (net::STORAGE, 0x20 | 0x22 | 0x23) => self.sdr(request.command, data),
            (net::STORAGE, 0x40..=0x49) => self.sel(session, request.command, data),
            (net::SENSOR, 0x2d) => self.reading(data),
            (net::TRANSPORT, 0x22) => Self::console_setting(data),
            _ => Err(Completion::INVALID_COMMAND),
        }
    }

    fn raise(&mut self, session: u32, data: &[u8]) -> Done {
        let session = self.sessions.get_mut(&session).ok_or(Completion::NO_PRIVILEGE)?;
        match data {
            [0] => {}
            [wanted] => match Privilege::numbered(*wanted) {
                Some(wanted) if wanted <= session.most => session.privilege = wanted,
                // The user may not have this level.
                Some(_) => return Err(Completion(0x81)),
                None => return Err(Completion(0x80)),
            },
            _ => return Err(Completion::BAD_LENGTH),
        }
        Ok(vec![session.privilege.number()])
    }

    fn chassis(&mut self, session: u32, command: u8, data: &[u8], now: Time) -> Done {
        match (command, data) {
            (0x00, _) => Ok(vec![0, 0x20, 0x20, 0x20, 0x20]),
            (0x01, _) => {
                let status = ChassisStatus {
                    is_on: self.is_on,
                    overload: false,
                    interlock: false,
                    fault: false,
                    restore: 0,
                    last_event: self.last_event,
                    identify: Some(self.identify.is_some()),
                };
                Ok(status.pack().to_vec())
            }
            (0x02, [control]) => {
                self.may(session, Privilege::Operator)?;
                self.power(Control::numbered(control & 0x0f).ok_or(Completion::INVALID_FIELD)?)
            }
            (0x04, _) => {
                self.may(session, Privilege::Operator)?;
                let seconds = data.first().copied().unwrap_or(15);
                let forever = data.get(1).is_some_and(|force| force & 1 != 0);
                self.identify = match (forever, seconds) {
                    (true, _) => Some(Time::MAX),
                    (false, 0) => None,
                    (false, seconds) => Some(now + Duration::from_secs(seconds.into())),
                };
                self.asked.push_back(Asked::Identify(self.identify.is_some()));
                Ok(Vec::new())
            }
            (0x07, _) => Ok(vec![1, 1]),
            (0x08, _) => {
                self.may(session, Privilege::Operator)?;
                if !self.options.set(data) {
                    // Parameter not supported.
                    return Err(Completion(0x80));
                }
                if self.faults.loses_boot_flags {
                    self.options.clear();
                }
                Ok(Vec::new())
            }
            (0x09, _) => {
                self.may(session, Privilege::Operator)?;
                self.options.get(data).ok_or(Completion(0x80))
            }
            (0x02, _) => Err(Completion::BAD_LENGTH),
            _ => Err(Completion::INVALID_COMMAND),
        }
    }

    pub(super) fn power(&mut self, control: Control) -> Done {
        let needs_power = matches!(
            control,
            Control::Cycle | Control::Reset | Control::Diagnostic | Control::Soft
        );
        if control == Control::Cycle && self.faults.refuses_cycle {
            return Err(Completion::INVALID_FIELD);
        }
        if needs_power && !self.is_on {
            return Err(Completion::NOT_IN_THIS_STATE);
        }
        if matches!(control, Control::On | Control::Cycle) {
            self.last_event = 0x10;
        }
        self.asked.push_back(Asked::Power(control));
        Ok(Vec::new())
    }

    /// Commands about payloads: SOL is the only one (sections 24.1 to 24.9).
    fn payload(&mut self, session: u32, command: u8, data: &[u8]) -> Done {
        let is_console = data.first().is_none_or(|kind| kind & 0x3f == 1);
        match (command, data) {
            (0x48, [1, 1, ..]) => {
                self.may(session, Privilege::Operator)?;
                if self.line.is_some() {
                    return Err(Completion::IN_USE);
                }
                self.line = Some(Line {
                    session,
                    console: Console::new(usize::from(PAYLOAD)),
                });
                let size = (PAYLOAD + 4).to_le_bytes();
                let port = 623u16.to_le_bytes();
                let none = [0xff; 2];
                Ok([&[0; 4][..], &size, &size, &port, &none].concat())
            }
            (0x49, [1, 1, ..]) => {
                self.may(session, Privilege::Operator)?;
                let Some(line) = self.line.take() else {
                    // Already deactivated.
                    return Err(Completion(0x80));
                };
                if line.session != session
                    && let Some(at) = self.sessions.get(&line.session).and_then(|session| session.at)
                    && let Some(told) = self.seal(line.session, Kind::Console, &console::deactivated())
                {
                    self.told.push_back((at, told));
                }
                Ok(Vec::new())
            }
            (0x4a, [1, ..]) => Ok(vec![1, u8::from(self.line.is_some()), 0]),
            (0x4b, [1, ..]) => {
                let owner = self.line.as_ref().map_or(0, |line| line.session);
                Ok([&owner.to_le_bytes()[..], &[0; 8]].concat())
            }
            // Standard payloads IPMI messages and SOL, and those of the handshake.
            (0x4e, _) => Ok(vec![0x03, 0, 0x3f, 0, 0, 0, 0, 0]),
            (0x4f, [_, kind, ..]) if kind & 0x3f <= 1 => Ok(vec![0x10]),
            (0x4d, _) => Ok(vec![0x02, 0, 0, 0]),
            (0x48..=0x4b, _) if is_console => Err(Completion::INVALID_FIELD),
            _ => Err(Completion::INVALID_COMMAND),
        }
    }

    /// Get SOL Configuration Parameters (section 26.3).
    fn console_setting(data: &[u8]) -> Done {
        let value: &[u8] = match data {
            [_, 0, ..] => &[0],
            [_, 1, ..] => &[1],
            // Encryption and authentication are forced; an operator may.
            [_, 2, ..] => &[0xc3],
            [_, 3, ..] => &[10, 100],
            [_, 4, ..] => &[7, 50],
            // 115,200 bits a second.
            [_, 5 | 6, ..] => &[0x0a],
            [_, 7, ..] => &[1],
            [_, 8, ..] => &[0x6f, 0x02],
            _ => return Err(Completion(0x80)),
        };
        Ok([&[0x11], value].concat())
    }

    fn fru(&self, command: u8, data: &[u8]) -> Done {
        let area = &self.setup.fru;
        match (command, data) {
            (0x10, [0]) => Ok([&(area.len() as u16).to_le_bytes()[..], &[0]].concat()),
            (0x11, [0, low, high, count]) => {
                let from = usize::from(u16::from_le_bytes([*low, *high]));
                let part = area.get(from..).ok_or(Completion(0xc9))?;
                let part = &part[..part.len().min(usize::from(*count))];
                Ok([&[part.len() as u8], part].concat())
            }
            (_, [_, ..]) => Err(Completion::NOT_THERE),
            _ => Err(Completion::BAD_LENGTH),
        }
    }

    fn sdr(&self, command: u8, data: &[u8]) -> Done {
        match (command, data) {
            (0x20, _) => {
                let count = (self.sensors.len() as u16).to_le_bytes();
                Ok([&[0x51][..], &count, &[0xff, 0xff], &[0; 8], &[0x02]].concat())
            }
            (0x22, _) => Ok(vec![1, 0]),
            (_, [_, _, low, high, offset, count]) => {
                let record = usize::from(u16::from_le_bytes([*low, *high])).max(1);
                let octets = self.sensors.get(record - 1).ok_or(Completion::NOT_THERE)?;
                let next = match record < self.sensors.len() {
                    true => record as u16 + 1,
                    false => 0xffff,
                };
                let part = octets.get(usize::from(*offset)..).ok_or(Completion(0xc9))?;
                let part = &part[..part.len().min(usize::from(*count))];
                Ok([&next.to_le_bytes()[..], part].concat())
            }
            _ => Err(Completion::BAD_LENGTH),
        }
    }

    /// Readings of a machine at rest; without power its fan stands and its voltage is gone.
    pub(super) fn reading(&self, data: &[u8]) -> Done {
        let raw = match (data, self.is_on) {
            ([1], _) => 24,
            ([2], true) => 95,
            ([3], true) => 202,
            ([2 | 3], false) => 0,
            ([_], _) => return Err(Completion::NOT_THERE),
            _ => return Err(Completion::BAD_LENGTH),
        };
        Ok(vec![raw, 0xc0, 0xc0])
    }

    fn sel(&mut self, session: u32, command: u8, data: &[u8]) -> Done {
        match (command, data) {
            (0x40, _) => {
                let info = SelInfo {
                    entries: self.log.len() as u16,
                    free: ((LOG - self.log.len()) * ENTRY) as u16,
                    added: self.log.last().and_then(|entry| entry.at).unwrap_or(u32::MAX),
                    overflowed: self.log.len() >= LOG,
                };
                Ok(info.pack().to_vec())
            }
            (0x42, _) => Ok(vec![1, 0]),
            (0x43, [_, _, low, high, offset, _]) => {
                let record = usize::from(u16::from_le_bytes([*low, *high]));
                let at = match record {
                    0 => 0,
                    0xffff => self.log.len().saturating_sub(1),
                    record => record - 1,
                };
                let entry = self.log.get(at).ok_or(Completion::NOT_THERE)?;
                let next = if at + 1 < self.log.len() { at as u16 + 2 } else { 0xffff };
                let octets = entry.pack();
                let part = octets.get(usize::from(*offset)..).ok_or(Completion(0xc9))?;
                Ok([&next.to_le_bytes()[..], part].concat())
            }
            (0x47, [1, 0, b'C', b'L', b'R', action]) => {
                self.may(session, Privilege::Operator)?;
                if *action == 0xaa {
                    self.log.clear();
                }
                // Erasing is done.
                Ok(vec![1])
            }
            (0x47, [_, _, b'C', b'L', b'R', _]) => Err(Completion(0xc5)),
            (0x48, _) => Ok(vec![0xff; 4]),
            _ => Err(Completion::INVALID_COMMAND),
        }
    }

    fn end(&mut self, session: u32) {
        if !self.faults.leaks_sessions {
            self.sessions.remove(&session);
        }
        if self.line.as_ref().is_some_and(|line| line.session == session) {
            self.line = None;
        }
    }
}
