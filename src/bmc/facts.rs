//! What a BMC tells of itself and of its machine, in the words of both protocols.

use jiff::Timestamp;
use serde::Serialize;

/// Whether a machine is on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Power {
    /// On.
    On,
    /// Off.
    Off,
}

impl Power {
    /// `on` or `off`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::On => "on",
            Self::Off => "off",
        }
    }

    /// Of a machine that is on, or is not.
    pub fn of(is_on: bool) -> Self {
        if is_on { Self::On } else { Self::Off }
    }
}

/// What a BMC and its machine are.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Info {
    /// `ipmi` or `redfish`.
    pub protocol: &'static str,
    /// Version of the protocol.
    pub version: Option<String>,
    /// Version of the BMC's firmware.
    pub firmware: Option<String>,
    /// Version of the machine's own firmware, where the BMC tells.
    pub bios: Option<String>,
    /// Maker of the machine.
    pub maker: Option<String>,
    /// The machine.
    pub product: Option<String>,
    /// Its serial number.
    pub serial: Option<String>,
    /// Its part number.
    pub part: Option<String>,
    /// The owner's own number.
    pub asset: Option<String>,
    /// SMBIOS UUID.
    pub uuid: Option<String>,
    /// Hardware addresses of its NICs, where the BMC tells.
    pub macs: Vec<String>,
    /// What it boots next.
    pub boot: Option<String>,
}

/// A sensor's reading.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Reading {
    /// Name of the sensor.
    pub name: String,
    /// What it measures: `temperature`, `fan`.
    pub kind: String,
    /// Its value; `None` where it has none at present.
    pub value: Option<f64>,
    /// What it is counted in.
    pub unit: String,
    /// How it is, where the BMC judges.
    pub health: Option<String>,
}

/// An entry of the event log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LogEntry {
    /// When, by the BMC's clock.
    pub at: Option<Timestamp>,
    /// What happened.
    pub text: String,
    /// How bad it is, where the BMC judges.
    pub severity: Option<String>,
}
