//! Sensors: their records (sections 33 and 43) and readings (section 35.14).

use super::message::{Request, net};

/// What a reading is counted in (table 43-15), of those that machines have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Degrees Celsius.
    Celsius,
    /// Volts.
    Volt,
    /// Amperes.
    Ampere,
    /// Watts.
    Watt,
    /// Revolutions per minute.
    Rpm,
    /// Hundredths.
    Percent,
    /// Another one, or none.
    Other,
}

impl Unit {
    /// Its sign.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Celsius => "°C",
            Self::Volt => "V",
            Self::Ampere => "A",
            Self::Watt => "W",
            Self::Rpm => "rpm",
            Self::Percent => "%",
            Self::Other => "",
        }
    }

    fn of(modifiers: u8, base: u8) -> Self {
        match (modifiers & 1, base) {
            (1, _) => Self::Percent,
            (_, 1) => Self::Celsius,
            (_, 4) => Self::Volt,
            (_, 5) => Self::Ampere,
            (_, 6) => Self::Watt,
            (_, 18) => Self::Rpm,
            _ => Self::Other,
        }
    }
}

/// What is known of a sensor: a full or a compact record.
#[derive(Debug, Clone, PartialEq)]
pub struct SensorRecord {
    /// Its number, by which it is read.
    pub number: u8,
    /// Its name.
    pub name: String,
    /// Its type (table 42-3).
    pub kind: u8,
    /// What a reading is counted in.
    pub unit: Unit,
    /// How octets become values; `None`: the reading is a set of states.
    formula: Option<Formula>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
struct Formula {
    m: i16,
    b: i16,
    result: i8,
    offset: i8,
    signed: u8,
    linear: u8,
}

/// A sensor with its reading.
#[derive(Debug, Clone, PartialEq)]
pub struct Sensor {
    /// Its name.
    pub name: String,
    /// What kind of sensor it is.
    pub kind: &'static str,
    /// Its value; `None` where it has none at present, or counts nothing.
    pub value: Option<f64>,
    /// What it is counted in.
    pub unit: Unit,
    /// States that are asserted, a bit each, for a sensor that counts nothing.
    pub states: u16,
}

/// Octets that are read at once: some BMCs refuse more.
pub const SDR_PIECE: u8 = 16;
const FULL: u8 = 1;
const COMPACT: u8 = 2;
const LAST: u16 = 0xffff;

impl SensorRecord {
    /// Reserve SDR Repository: reading parts of a record needs the number that comes back.
    pub fn reserve() -> Request {
        Request::new(net::STORAGE, 0x22, [])
    }

    /// Get SDR; the answer is the record that follows and the octets.
    pub fn get(reservation: [u8; 2], record: u16, offset: u8, count: u8) -> Request {
        let [low, high] = record.to_le_bytes();
        Request::new(
            net::STORAGE,
            0x23,
            [reservation[0], reservation[1], low, high, offset, count],
        )
    }

    /// The record that follows, and the octets, of an answer.
    pub fn part(data: &[u8]) -> Option<(Option<u16>, &[u8])> {
        let (next, part) = data.split_first_chunk::<2>()?;
        let next = u16::from_le_bytes(*next);
        Some(((next != LAST && next != 0).then_some(next), part))
    }

    /// Octets of a record, from its first five.
    pub fn length(head: &[u8]) -> Option<usize> {
        head.get(4).map(|length| 5 + usize::from(*length))
    }

    /// Reads a record; `None` for one that describes no sensor.
    pub fn parse(record: &[u8]) -> Option<Self> {
        let (name_at, is_full) = match *record.get(3)? {
            FULL => (47, true),
            COMPACT => (31, false),
            _ => return None,
        };
        let length = usize::from(*record.get(name_at)? & 0x1f);
        let name = record.get(name_at + 1..)?;
        let name = String::from_utf8_lossy(&name[..length.min(name.len())]);
        let (units, event_type) = (*record.get(20)?, *record.get(13)?);
        // 1: thresholds. All other sensors have states.
        let formula = (is_full && event_type == 1).then(|| Formula::parse(record)).flatten();
        Some(Self {
            number: record[7],
            name: name
                .chars()
                .filter(|c| !c.is_control())
                .collect::<String>()
                .trim()
                .to_string(),
            kind: record[12],
            unit: Unit::of(units, *record.get(21)?),
            formula,
        })
    }

    /// Get Sensor Reading.
    pub fn reading(&self) -> Request {
        Request::new(net::SENSOR, 0x2d, [self.number])
    }

    /// The sensor with the reading of an answer; `None` if it is too short.
    pub fn read(&self, data: &[u8]) -> Option<Sensor> {
        let [raw, flags, rest @ ..] = data else { return None };
        // Bit 5: no reading at present; bit 6: scanning is off, where 0.
        let is_there = flags & 0x20 == 0 && flags & 0x40 != 0;
        let states = rest.first_chunk::<2>().map_or_else(
            || rest.first().map_or(0, |low| u16::from(*low)),
            |states| u16::from_le_bytes(*states) & 0x7fff,
        );
        Some(Sensor {
            name: self.name.clone(),
            kind: kind_of_sensor(self.kind),
            value: self
                .formula
                .filter(|_| is_there)
                .and_then(|formula| formula.value(*raw)),
            unit: self.unit,
            states: if self.formula.is_none() && is_there { states } else { 0 },
        })
    }
}

impl Formula {
    fn parse(record: &[u8]) -> Option<Self> {
        let part = record.get(20..30)?;
        // Ten bits in two's complement, the upper two in the next octet.
        let ten = |low: u8, high: u8| (i16::from(high & 0xc0) << 8 | i16::from(low) << 6) >> 6;
        let four = |bits: u8| ((bits << 4) as i8) >> 4;
        Some(Self {
            signed: part[0] >> 6,
            linear: part[3] & 0x7f,
            m: ten(part[4], part[5]),
            b: ten(part[6], part[7]),
            result: four(part[9] >> 4),
            offset: four(part[9] & 0x0f),
        })
    }

    /// Section 36.3: y = L((M·x + B·10^K1)·10^K2).
    fn value(self, raw: u8) -> Option<f64> {
        let x = match self.signed {
            0 => f64::from(raw),
            1 if raw & 0x80 != 0 => -f64::from(!raw),
            1 => f64::from(raw),
            2 => f64::from(raw as i8),
            _ => return None,
        };
        let plain = (f64::from(self.m) * x + f64::from(self.b) * 10f64.powi(self.offset.into()))
            * 10f64.powi(self.result.into());
        let value = match self.linear {
            0 => plain,
            1 => plain.ln(),
            2 => plain.log10(),
            3 => plain.log2(),
            4 => plain.exp(),
            5 => 10f64.powf(plain),
            6 => plain.exp2(),
            7 => 1.0 / plain,
            8 => plain * plain,
            9 => plain.powi(3),
            10 => plain.sqrt(),
            11 => plain.cbrt(),
            _ => return None,
        };
        value.is_finite().then_some(value)
    }
}

/// A full record of a threshold sensor, `value = raw * m * 10^exponent`: for a machine of the lab.
pub(super) fn full_record(id: u16, number: u8, kind: u8, base: u8, m: u8, exponent: i8, name: &str) -> Vec<u8> {
    let name = &name.as_bytes()[..name.len().min(16)];
    let mut out = vec![0; 48];
    out[..2].copy_from_slice(&id.to_le_bytes());
    (out[2], out[3], out[4]) = (0x51, FULL, (43 + name.len()) as u8);
    (out[5], out[7], out[8], out[9]) = (0x20, number, 7, 1);
    (out[10], out[12], out[13]) = (0x67, kind, 1);
    (out[21], out[24], out[29]) = (base, m, ((exponent as u8) & 0x0f) << 4);
    out[47] = 0xc0 | name.len() as u8;
    out.extend_from_slice(name);
    out
}

/// What a type of sensor is (table 42-3).
pub(super) fn kind_of_sensor(kind: u8) -> &'static str {
    const KINDS: [&str; 45] = [
        "reserved",
        "temperature",
        "voltage",
        "current",
        "fan",
        "case",
        "security",
        "processor",
        "power supply",
        "power unit",
        "cooling",
        "sensor",
        "memory",
        "disk bay",
        "POST memory resize",
        "firmware",
        "event log",
        "watchdog",
        "system event",
        "critical interrupt",
        "button",
        "module",
        "microcontroller",
        "card",
        "chassis",
        "chip set",
        "other part",
        "cable",
        "terminator",
        "start of the system",
        "boot error",
        "operating system boot",
        "operating system stop",
        "slot",
        "ACPI power state",
        "watchdog",
        "platform alert",
        "entity presence",
        "monitor",
        "LAN",
        "management subsystem",
        "battery",
        "session",
        "version change",
        "part state",
    ];
    KINDS
        .get(usize::from(kind))
        .copied()
        .unwrap_or("the maker's own sensor")
}
