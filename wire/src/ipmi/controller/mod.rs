//! A BMC: that of a machine in the lab. It answers as the specification says, so that foreign tools and our own client meet
//! the same; what goes wrong with real ones is asked for with [`Faults`].
//!
//! The caller owns socket, clock and machine: it hands over datagrams ([`Controller::hear`]), sends what is due, does what is
//! asked for ([`Controller::asked`]), and says what becomes of the machine.

mod commands;
mod panel;
mod session;

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

use super::boot::{BootFlags, Options};
use super::chassis::Control;
use super::client::{Chance, Time};
use super::console::{self, Console, Operation, Packet};
use super::device::DeviceId;
use super::frame::{self, Frame, Kind};
use super::handshake::{KEY, Privilege, key};
use super::sel::SelEntry;
use super::suite::{BLOCK, Suite};
pub use panel::{Deed, View};
use session::Session;

/// A session that says nothing for so long is over (section 6.12.15).
const TIMEOUT: Duration = Duration::from_secs(60);
/// Half-open sessions that are kept; more than this is somebody who only begins.
const HALF_OPEN: usize = 16;
/// Entries of the event log.
const LOG: usize = 256;

/// Who may log in.
#[derive(Clone)]
pub struct User {
    name: Vec<u8>,
    password: [u8; KEY],
    privilege: Privilege,
}

impl User {
    /// A user with at most that privilege. Names and passwords are cut at 16 and 20 octets.
    pub fn new(name: &str, password: &[u8], privilege: Privilege) -> Self {
        Self {
            name: name.as_bytes()[..name.len().min(16)].to_vec(),
            password: key(password),
            privilege,
        }
    }
}

impl fmt::Debug for User {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "User({:?})", String::from_utf8_lossy(&self.name))
    }
}

/// What a BMC is asked to do with its machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Asked {
    /// Something with the power.
    Power(Control),
    /// These octets go to its serial port.
    Write(Vec<u8>),
    /// A break on its serial port.
    Break,
    /// The light: on or off.
    Identify(bool),
    /// The BMC itself is started anew.
    ColdReset,
}

/// What is wrong with this BMC, as it is with real ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Faults {
    /// It answers a power cycle with 0xCC (virtualbmc, some Supermicro boards).
    pub refuses_cycle: bool,
    /// It takes boot flags and forgets them.
    pub loses_boot_flags: bool,
    /// It has no room for sessions.
    pub no_sessions: bool,
    /// It never tells which suites it has (ipmitool waits 10 s for that).
    pub hides_suites: bool,
    /// It computes its codes with the privilege of Open Session instead of RAKP message 1's.
    pub open_session_privilege: bool,
    /// It answers "busy" to every second command.
    pub busy: bool,
    /// It lets one in, and answers no command.
    pub hangs: bool,
    /// It numbers no packet, counts checksums wrongly and gives a tag back as the digit that it is (`ipmisim` of CloudStack).
    pub sloppy: bool,
    /// A session that was closed or forgotten takes its place for ever: after some it has no room, until it is restarted.
    pub leaks_sessions: bool,
}

/// How a BMC is set up.
#[derive(Debug, Clone)]
pub struct Setup {
    /// Who may log in.
    pub users: Vec<User>,
    /// Its own key.
    pub kg: Option<Vec<u8>>,
    /// Suites that it has.
    pub suites: Vec<Suite>,
    /// Its GUID: that of the machine.
    pub guid: [u8; 16],
    /// What it is.
    pub device: DeviceId,
    /// Its FRU area.
    pub fru: Vec<u8>,
    /// Most sessions at once.
    pub sessions: usize,
}

/// A BMC.
pub struct Controller {
    setup: Setup,
    chance: Chance,
    /// What is wrong with it.
    pub faults: Faults,
    is_on: bool,
    options: Options,
    identify: Option<Time>,
    last_event: u8,
    sessions: BTreeMap<u32, Session>,
    line: Option<Line>,
    log: Vec<SelEntry>,
    sensors: Vec<Vec<u8>>,
    commands: u64,
    restarts: u64,
    asked: VecDeque<Asked>,
    /// What goes to others than who just asked: that their console was taken.
    told: VecDeque<(SocketAddr, Vec<u8>)>,
    /// The answer to Close Session, sealed while there was a session.
    farewell: Option<Vec<u8>>,
}

/// Who has the console.
struct Line {
    session: u32,
    console: Console,
}

impl fmt::Debug for Controller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Controller")
            .field("is_on", &self.is_on)
            .field("sessions", &self.sessions.len())
            .finish_non_exhaustive()
    }
}

impl Controller {
    /// A BMC whose machine is off.
    pub fn new(setup: Setup, chance: Chance) -> Self {
        let record = super::sdr::full_record;
        Self {
            setup,
            chance,
            faults: Faults::default(),
            is_on: false,
            options: Options::default(),
            identify: None,
            last_event: 0,
            sessions: BTreeMap::new(),
            line: None,
            log: Vec::new(),
            sensors: vec![
                record(1, 1, 1, 1, 1, 0, "Inlet Temp"),
                record(2, 2, 4, 18, 60, 0, "Fan 1"),
                record(3, 3, 2, 4, 6, -2, "12V"),
            ],
            commands: 0,
            restarts: 0,
            asked: VecDeque::new(),
            told: VecDeque::new(),
            farewell: None,
        }
    }

    /// What is asked for, in its order.
    pub fn asked(&mut self) -> Option<Asked> {
        self.asked.pop_front()
    }

    /// The machine was switched, by whomever. On: the boot flags of one boot count for this one and are gone.
    pub fn set_power(&mut self, is_on: bool) {
        self.is_on = is_on;
    }

    /// What the machine is to boot now; flags for one boot are used up by it.
    pub fn boot(&mut self) -> Option<BootFlags> {
        let flags = self.options.flags();
        self.options.booted();
        flags.is_valid.then_some(flags)
    }

    /// Puts an entry into the event log.
    pub fn log(&mut self, sensor_type: u8, offset: u8, at: u32) {
        if self.log.len() >= LOG {
            return;
        }
        self.log.push(SelEntry {
            record: self.log.len() as u16 + 1,
            at: Some(at),
            sensor_type,
            sensor: 1,
            event_type: 0x6f,
            deasserted: false,
            data: [offset, 0xff, 0xff],
            oem: false,
        });
    }

    /// Takes a datagram; what is to be sent back to where it came from.
    pub fn hear(&mut self, datagram: &[u8], from: SocketAddr, now: Time) -> Vec<Vec<u8>> {
        if let Some(pong) = frame::pong(datagram) {
            return vec![pong.to_vec()];
        }
        self.forget(now);
        match Frame::parse(datagram) {
            Ok(Frame::Plain(payload)) => self.outside(payload).into_iter().collect(),
            Ok(Frame::Plus(sealed)) if sealed.session == 0 && !sealed.authenticated => {
                self.handshake(sealed.kind, sealed.payload, now).into_iter().collect()
            }
            Ok(Frame::Plus(sealed)) => self.inside(&sealed, from, now),
            Err(_) => Vec::new(),
        }
    }

    fn inside(&mut self, sealed: &frame::Sealed<'_>, from: SocketAddr, now: Time) -> Vec<Vec<u8>> {
        let id = sealed.session;
        let Some(session) = self.sessions.get_mut(&id) else {
            return Vec::new();
        };
        let Some(payload) = session.keys.as_ref().and_then(|keys| sealed.open(keys)) else {
            return Vec::new();
        };
        if !session.window.is_new(sealed.sequence) {
            return Vec::new();
        }
        (session.heard, session.at) = (now, Some(from));
        match sealed.kind {
            Kind::Message => {
                let answer = self.command(id, &payload, now);
                let sealed = answer.and_then(|answer| self.seal(id, Kind::Message, &answer));
                sealed.or_else(|| self.farewell.take()).into_iter().collect()
            }
            Kind::Console => {
                self.typed(id, &payload, now);
                Vec::new()
            }
            _ => Vec::new(),
        }
    }

    /// Somebody at the other end of the console wrote.
    fn typed(&mut self, session: u32, payload: &[u8], now: Time) {
        let Some(line) = self.line.as_mut().filter(|line| line.session == session) else {
            return;
        };
        let Some(packet) = Packet::parse(payload) else { return };
        let data = line.console.hear(&packet, now);
        if console::to_bmc(packet.flags) == Some(Operation::Break) {
            self.asked.push_back(Asked::Break);
        }
        if !data.is_empty() {
            self.asked.push_back(Asked::Write(data));
        }
    }

    /// The machine said something on its serial port. Without a console nobody hears it; how much a console could take.
    pub fn said(&mut self, data: &[u8]) -> usize {
        match &mut self.line {
            Some(line) => line.console.write(data),
            None => data.len(),
        }
    }

    /// Octets of the machine that wait for the console's other end.
    pub fn unsaid(&self) -> usize {
        self.line.as_ref().map_or(0, |line| line.console.waiting())
    }

    /// The next datagram that is due, and where it goes.
    pub fn due(&mut self, now: Time) -> Option<(SocketAddr, Vec<u8>)> {
        if self.identify.is_some_and(|until| now >= until) {
            self.identify = None;
            self.asked.push_back(Asked::Identify(false));
        }
        if let Some(told) = self.told.pop_front() {
            return Some(told);
        }
        let line = self.line.as_mut()?;
        let session = line.session;
        let packet = line.console.due(now);
        if line.console.is_dead() {
            self.line = None;
            self.sessions.remove(&session);
            return None;
        }
        let datagram = self.seal(session, Kind::Console, &packet?)?;
        Some((self.sessions.get(&session)?.at?, datagram))
    }

    /// When [`Self::due`] has something next.
    pub fn wake(&self) -> Option<Time> {
        if !self.told.is_empty() {
            return Some(Time::ZERO);
        }
        let line = self.line.as_ref().and_then(|line| line.console.wake());
        match (line, self.identify) {
            (Some(line), Some(light)) => Some(line.min(light)),
            (line, light) => line.or(light),
        }
    }

    fn seal(&mut self, session: u32, kind: Kind, payload: &[u8]) -> Option<Vec<u8>> {
        let mut vector = [0; BLOCK];
        (self.chance)(&mut vector);
        let session = self.sessions.get_mut(&session)?;
        session.sent = match self.faults.sloppy {
            true => 0,
            false => session.sent.checked_add(1).unwrap_or(1),
        };
        let keys = session.keys.as_ref()?;
        Some(frame::sealed(
            keys,
            kind,
            session.console,
            session.sent,
            &vector,
            payload,
        ))
    }

    /// Sessions that said nothing for too long are over.
    fn forget(&mut self, now: Time) {
        let leaks = self.faults.leaks_sessions;
        self.sessions
            .retain(|_, session| now < session.heard + TIMEOUT || (leaks && session.keys.is_some()));
        let is_over = |session: u32| match self.sessions.get(&session) {
            Some(session) => now >= session.heard + TIMEOUT,
            None => true,
        };
        if self.line.as_ref().is_some_and(|line| is_over(line.session)) {
            self.line = None;
        }
    }
}
