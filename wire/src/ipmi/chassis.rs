//! Chassis commands (section 28).

use std::fmt;

use super::message::{Request, net};

/// What is done to a machine's power (table 28-4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Control {
    /// Off at once, whatever the operating system does.
    Off,
    /// On.
    On,
    /// Off and on again.
    Cycle,
    /// The reset button.
    Reset,
    /// A diagnostic interrupt.
    Diagnostic,
    /// The operating system is asked to shut down (ACPI).
    Soft,
}

impl Control {
    const ALL: [Self; 6] = [
        Self::Off,
        Self::On,
        Self::Cycle,
        Self::Reset,
        Self::Diagnostic,
        Self::Soft,
    ];

    fn number(self) -> u8 {
        Self::ALL
            .iter()
            .position(|control| *control == self)
            .unwrap_or_default() as u8
    }

    /// Its number's control.
    pub fn numbered(number: u8) -> Option<Self> {
        Self::ALL.get(usize::from(number)).copied()
    }

    /// Chassis Control.
    pub fn request(self) -> Request {
        Request::new(net::CHASSIS, 0x02, [self.number()])
    }
}

/// What a chassis says of itself (table 28-3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChassisStatus {
    /// The machine is on.
    pub is_on: bool,
    /// Too much power was drawn.
    pub overload: bool,
    /// The interlock is open: the case, most often.
    pub interlock: bool,
    /// The power supply's controller reports a fault.
    pub fault: bool,
    /// What becomes of the machine when power returns: 0 stays off, 1 as before, 2 on, 3 unknown.
    pub restore: u8,
    /// The last event: 1 alternating current failed, 2 overload, 4 interlock, 8 fault, 16 on by a command.
    pub last_event: u8,
    /// The identify light: `Some(true)` while it is on, where the BMC tells.
    pub identify: Option<bool>,
}

impl ChassisStatus {
    /// Get Chassis Status.
    pub fn request() -> Request {
        Request::new(net::CHASSIS, 0x01, [])
    }

    /// Reads the answer; `None` if it is too short.
    pub fn parse(data: &[u8]) -> Option<Self> {
        let [power, last, misc, ..] = *data else { return None };
        Some(Self {
            is_on: power & 1 != 0,
            overload: power & 2 != 0,
            interlock: power & 4 != 0,
            fault: power & 0x18 != 0,
            restore: (power >> 5) & 3,
            last_event: last & 0x1f,
            identify: (misc & 0x40 != 0).then_some(misc & 0x30 != 0),
        })
    }

    /// The answer's data.
    pub fn pack(&self) -> [u8; 3] {
        let bit = |set: bool, at: u8| u8::from(set) << at;
        let power = bit(self.is_on, 0) | bit(self.overload, 1) | bit(self.interlock, 2) | bit(self.fault, 3);
        let identify = self.identify.map_or(0, |on| 0x40 | bit(on, 4));
        [power | (self.restore << 5), self.last_event, identify]
    }
}

/// Chassis Identify: the light shines for so many seconds; 0 switches it off, `None` on until it is switched off.
pub fn identify(seconds: Option<u8>) -> Request {
    match seconds {
        Some(seconds) => Request::new(net::CHASSIS, 0x04, [seconds]),
        None => Request::new(net::CHASSIS, 0x04, [0, 1]),
    }
}

/// Why the machine was started last (table 28-11).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RestartCause(pub u8);

impl RestartCause {
    /// Get System Restart Cause.
    pub fn request() -> Request {
        Request::new(net::CHASSIS, 0x07, [])
    }
}

impl fmt::Display for RestartCause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 & 0x0f {
            1 => "a command to the BMC",
            2 => "the reset button",
            3 => "the power button",
            4 => "the watchdog",
            5 => "the machine's maker's own reason",
            6 => "power returned, and the policy is on",
            7 => "power returned, and it was on before",
            8 => "a reset by an event filter",
            9 => "a power cycle by an event filter",
            10 => "a warm reset",
            11 => "its clock woke it",
            _ => "not known",
        })
    }
}
