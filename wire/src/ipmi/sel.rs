//! The system event log (sections 31, 32 and 42).

use std::fmt;

use super::message::{Request, net};
use super::sdr::kind_of_sensor;

/// What a log says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SelInfo {
    /// Entries in it.
    pub entries: u16,
    /// Octets that are free.
    pub free: u16,
    /// When an entry was added last, in seconds since 1970 by the BMC's clock.
    pub added: u32,
    /// Entries were lost since there was no room.
    pub overflowed: bool,
}

impl SelInfo {
    /// Get SEL Info.
    pub fn request() -> Request {
        Request::new(net::STORAGE, 0x40, [])
    }

    /// Reads the answer; `None` if it is too short.
    pub fn parse(data: &[u8]) -> Option<Self> {
        let data = data.first_chunk::<14>()?;
        Some(Self {
            entries: u16::from_le_bytes([data[1], data[2]]),
            free: u16::from_le_bytes([data[3], data[4]]),
            added: u32::from_le_bytes([data[5], data[6], data[7], data[8]]),
            overflowed: data[13] & 0x80 != 0,
        })
    }

    /// The answer's data.
    pub(super) fn pack(&self) -> [u8; 14] {
        let mut out = [0; 14];
        out[0] = 0x51;
        out[1..3].copy_from_slice(&self.entries.to_le_bytes());
        out[3..5].copy_from_slice(&self.free.to_le_bytes());
        out[5..9].copy_from_slice(&self.added.to_le_bytes());
        // A reservation is not needed to read; clearing is possible.
        out[13] = 0x02 | u8::from(self.overflowed) << 7;
        out
    }
}

/// The first and the last record.
const FIRST: u16 = 0;
const LAST: u16 = 0xffff;
/// Octets of an entry.
pub(super) const ENTRY: usize = 16;
/// Before 0x20000000 a time stamp counts from the BMC's start.
const SINCE_START: u32 = 0x2000_0000;

/// An entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SelEntry {
    /// Its record number.
    pub record: u16,
    /// Seconds since 1970 by the BMC's clock; `None` where it did not know the time.
    pub at: Option<u32>,
    /// Type of the sensor (table 42-3).
    pub sensor_type: u8,
    /// Number of the sensor.
    pub sensor: u8,
    /// Event or reading type (table 42-1).
    pub event_type: u8,
    /// It went away, else it came.
    pub deasserted: bool,
    /// Three octets about it.
    pub data: [u8; 3],
    /// It is of a kind that only its maker knows.
    pub oem: bool,
}

impl SelEntry {
    /// Get SEL Entry: the first one.
    pub fn first() -> Request {
        Self::get(FIRST)
    }

    /// Get SEL Entry.
    pub fn get(record: u16) -> Request {
        let [low, high] = record.to_le_bytes();
        Request::new(net::STORAGE, 0x43, [0, 0, low, high, 0, 0xff])
    }

    /// Reads the answer: the entry, and the record that follows it.
    pub fn parse(data: &[u8]) -> Option<(Self, Option<u16>)> {
        let (next, entry) = data.split_first_chunk::<2>()?;
        let e = entry.first_chunk::<ENTRY>()?;
        let at = u32::from_le_bytes([e[3], e[4], e[5], e[6]]);
        let oem = e[2] >= 0xc0;
        let entry = Self {
            record: u16::from_le_bytes([e[0], e[1]]),
            at: (at >= SINCE_START && at != u32::MAX && e[2] < 0xe0).then_some(at),
            sensor_type: e[10],
            sensor: e[11],
            event_type: e[12] & 0x7f,
            deasserted: e[12] & 0x80 != 0,
            data: [e[13], e[14], e[15]],
            oem,
        };
        let next = u16::from_le_bytes(*next);
        Some((entry, (next != LAST && next != FIRST).then_some(next)))
    }

    /// The record, as a BMC keeps it.
    pub(super) fn pack(&self) -> [u8; ENTRY] {
        let mut out = [0; ENTRY];
        out[..2].copy_from_slice(&self.record.to_le_bytes());
        out[2] = 0x02;
        out[3..7].copy_from_slice(&self.at.unwrap_or(0).to_le_bytes());
        (out[7], out[9]) = (0x20, 0x04);
        (out[10], out[11]) = (self.sensor_type, self.sensor);
        out[12] = self.event_type | u8::from(self.deasserted) << 7;
        out[13..].copy_from_slice(&self.data);
        out
    }

    /// Reserve SEL: clearing needs the number that comes back.
    pub fn reserve() -> Request {
        Request::new(net::STORAGE, 0x42, [])
    }

    /// Clear SEL, with the number of a reservation.
    pub fn clear(reservation: [u8; 2]) -> Request {
        let [low, high] = reservation;
        Request::new(net::STORAGE, 0x47, [low, high, b'C', b'L', b'R', 0xaa])
    }

    /// What happened, of the kinds that are named here.
    fn event(&self) -> Option<&'static str> {
        let offset = self.data[0] & 0x0f;
        match self.event_type {
            0x01 => THRESHOLDS.get(usize::from(offset)).copied(),
            0x6f => SPECIFIC
                .iter()
                .find(|(kind, at, _)| (*kind, *at) == (self.sensor_type, offset))
                .map(|(.., text)| *text),
            0x03 | 0x04 => Some(["not asserted", "asserted"][usize::from(offset & 1)]),
            0x08 | 0x09 => Some(["absent or disabled", "present or enabled"][usize::from(offset & 1)]),
            _ => None,
        }
    }
}

const THRESHOLDS: [&str; 12] = [
    "below the lower non-critical threshold",
    "above the lower non-critical threshold",
    "below the lower critical threshold",
    "above the lower critical threshold",
    "below the lower non-recoverable threshold",
    "above the lower non-recoverable threshold",
    "below the upper non-critical threshold",
    "above the upper non-critical threshold",
    "below the upper critical threshold",
    "above the upper critical threshold",
    "below the upper non-recoverable threshold",
    "above the upper non-recoverable threshold",
];

/// Sensor type, offset, what it says (table 42-3).
const SPECIFIC: [(u8, u8, &str); 44] = [
    (0x05, 0, "the case was opened"),
    (0x05, 4, "the network cable was pulled"),
    (0x07, 0, "internal error of a processor"),
    (0x07, 1, "thermal trip of a processor"),
    (0x07, 3, "a processor did not start"),
    (0x07, 5, "the processors do not fit together"),
    (0x07, 7, "a processor is present"),
    (0x07, 10, "a processor was slowed down since it is hot"),
    (0x07, 11, "machine check that could not be corrected"),
    (0x07, 12, "machine check that was corrected"),
    (0x08, 0, "a power supply is present"),
    (0x08, 1, "a power supply failed"),
    (0x08, 2, "a power supply is about to fail"),
    (0x08, 3, "a power supply has no input"),
    (0x09, 0, "switched off"),
    (0x09, 1, "power cycle"),
    (0x09, 4, "no alternating current"),
    (0x09, 5, "switching on failed"),
    (0x09, 6, "the power control failed"),
    (0x0c, 0, "memory error that was corrected"),
    (0x0c, 1, "memory error that could not be corrected"),
    (0x0c, 2, "parity error of the memory"),
    (0x0c, 5, "too many corrected memory errors: no more are logged"),
    (0x0d, 1, "a disk failed"),
    (0x0d, 2, "a disk is about to fail"),
    (0x0f, 0, "the firmware stopped with an error"),
    (0x0f, 1, "the firmware hangs"),
    (0x0f, 2, "the firmware goes on"),
    (0x10, 2, "the log was cleared"),
    (0x10, 4, "the log is full"),
    (0x12, 1, "the boot began"),
    (0x13, 0, "the front panel's interrupt"),
    (0x13, 4, "PCI parity error"),
    (0x13, 5, "PCI system error"),
    (0x13, 7, "bus error that was corrected"),
    (0x13, 8, "bus error that could not be corrected"),
    (0x14, 0, "the power button was pressed"),
    (0x14, 2, "the reset button was pressed"),
    (0x1d, 0, "power on"),
    (0x1d, 2, "started by the reset button or a command"),
    (0x1f, 0, "booted from a disk"),
    (0x20, 0, "the operating system stopped while it loaded"),
    (0x20, 1, "the operating system stopped"),
    (0x23, 1, "the watchdog reset the machine"),
];

impl fmt::Display for SelEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.oem {
            return write!(f, "the maker's own entry, {:02x?}", self.data);
        }
        let kind = kind_of_sensor(self.sensor_type);
        match self.event() {
            Some(event) => write!(f, "{kind}, sensor {}: {event}", self.sensor)?,
            None => write!(
                f,
                "{kind}, sensor {}: event type {:#04x}, data {:02x?}",
                self.sensor, self.event_type, self.data
            )?,
        }
        f.write_str(if self.deasserted { " (over)" } else { "" })
    }
}
