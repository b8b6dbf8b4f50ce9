//! System boot options (sections 28.12, 28.13): what a machine boots next.

use std::fmt;

use super::message::{Request, net};

/// What is booted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BootDevice {
    /// As the firmware's own order says.
    Default,
    /// The network.
    Pxe,
    /// The disk.
    Disk,
    /// A CD or DVD, a virtual one too.
    Cdrom,
    /// The firmware's setup.
    Bios,
}

impl BootDevice {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Default, Self::Pxe, Self::Disk, Self::Cdrom, Self::Bios];

    fn number(self) -> u8 {
        match self {
            Self::Default => 0,
            Self::Pxe => 1,
            Self::Disk => 2,
            Self::Cdrom => 5,
            Self::Bios => 6,
        }
    }

    /// Its name on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Default => "default",
            Self::Pxe => "pxe",
            Self::Disk => "disk",
            Self::Cdrom => "cdrom",
            Self::Bios => "bios",
        }
    }
}

impl fmt::Display for BootDevice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The boot flags (parameter 5).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BootFlags {
    /// Whether they count at all.
    pub is_valid: bool,
    /// For every boot to come, else for the next alone.
    pub persistent: bool,
    /// UEFI, else as the old BIOS did.
    pub uefi: bool,
    /// The device; `None`: one that has no name here.
    pub device: Option<BootDevice>,
}

const SET: u8 = 0x08;
const GET: u8 = 0x09;
/// Number of the parameters.
const IN_PROGRESS: u8 = 0;
const VALID_CLEARING: u8 = 3;
const ACKNOWLEDGE: u8 = 4;
const FLAGS: u8 = 5;

impl BootFlags {
    /// Flags that count.
    pub fn new(device: BootDevice, persistent: bool, uefi: bool) -> Self {
        Self {
            is_valid: true,
            persistent,
            uefi,
            device: Some(device),
        }
    }

    /// The commands that set them, in their order, and whether one that fails ends it: only the flags themselves matter, and
    /// BMCs refuse the others now and then.
    pub fn requests(&self) -> [(Request, bool); 5] {
        let set = |data: Vec<u8>| Request::new(net::CHASSIS, SET, data);
        let [a, b] = self.pack();
        [
            (set(vec![IN_PROGRESS, 1]), false),
            // A boot that takes longer than a minute to reach the firmware's choice must not lose them.
            (set(vec![VALID_CLEARING, 0x08]), false),
            (set(vec![ACKNOWLEDGE, 1, 1]), false),
            (set(vec![FLAGS, a, b, 0, 0, 0]), true),
            (set(vec![IN_PROGRESS, 0]), false),
        ]
    }

    /// Get System Boot Options, boot flags.
    pub fn request() -> Request {
        Request::new(net::CHASSIS, GET, [FLAGS, 0, 0])
    }

    /// Reads the answer; `None` if it is too short or about something else.
    pub fn parse(data: &[u8]) -> Option<Self> {
        let [_version, parameter, a, b, ..] = *data else {
            return None;
        };
        if parameter & 0x7f != FLAGS {
            return None;
        }
        Some(Self::unpack(a, b))
    }

    /// The first two octets of the parameter.
    pub(super) fn pack(&self) -> [u8; 2] {
        let bit = |set: bool, at: u8| u8::from(set) << at;
        let first = bit(self.is_valid, 7) | bit(self.persistent, 6) | bit(self.uefi, 5);
        [first, self.device.unwrap_or(BootDevice::Default).number() << 2]
    }

    pub(super) fn unpack(a: u8, b: u8) -> Self {
        let number = (b >> 2) & 0x0f;
        let device = BootDevice::ALL.into_iter().find(|device| device.number() == number);
        Self {
            is_valid: a & 0x80 != 0,
            persistent: a & 0x40 != 0,
            uefi: a & 0x20 != 0,
            // A disk of an own number, as one maker wants it for UEFI.
            device: device.or((number == 9).then_some(BootDevice::Disk)),
        }
    }
}

/// The boot options as a BMC keeps them: each parameter's octets.
#[derive(Debug, Clone, Default)]
pub(super) struct Options {
    flags: [u8; 5],
    progress: u8,
    clearing: u8,
    acknowledge: [u8; 2],
}

impl Options {
    /// Set System Boot Options; `false` if the parameter is not there or has a wrong length.
    pub(super) fn set(&mut self, data: &[u8]) -> bool {
        let Some((parameter, value)) = data.split_first() else {
            return false;
        };
        match (parameter & 0x7f, value) {
            (IN_PROGRESS, [value]) => self.progress = *value,
            (VALID_CLEARING, [value]) => self.clearing = *value,
            (ACKNOWLEDGE, [a, b]) => self.acknowledge = [*a, *b],
            (FLAGS, value) => match value.first_chunk::<5>() {
                Some(value) => self.flags = *value,
                None => return false,
            },
            _ => return false,
        }
        true
    }

    /// Get System Boot Options.
    pub(super) fn get(&self, data: &[u8]) -> Option<Vec<u8>> {
        let parameter = data.first()? & 0x7f;
        let mut out = vec![1, parameter];
        match parameter {
            IN_PROGRESS => out.push(self.progress),
            VALID_CLEARING => out.push(self.clearing),
            ACKNOWLEDGE => out.extend_from_slice(&self.acknowledge),
            FLAGS => out.extend_from_slice(&self.flags),
            _ => return None,
        }
        Some(out)
    }

    pub(super) fn flags(&self) -> BootFlags {
        BootFlags::unpack(self.flags[0], self.flags[1])
    }

    /// Puts other flags in their place.
    pub(super) fn put(&mut self, flags: BootFlags) {
        let [a, b] = flags.pack();
        self.flags = [a, b, 0, 0, 0];
    }

    /// The machine booted: what was for one boot is over.
    pub(super) fn booted(&mut self) {
        if !self.flags().persistent {
            self.flags = [0; 5];
        }
    }

    pub(super) fn clear(&mut self) {
        self.flags = [0; 5];
    }
}
