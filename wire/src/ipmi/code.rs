//! Completion codes (table 5-2).

use std::fmt;

/// How a command ended, as the BMC says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Completion(pub u8);

impl Completion {
    /// Done.
    pub const OK: Self = Self(0);
    /// The console of this machine is in use by another session (Activate Payload).
    pub const IN_USE: Self = Self(0x80);
    /// The BMC does not know the command.
    pub const INVALID_COMMAND: Self = Self(0xc1);
    /// The data has a wrong length.
    pub const BAD_LENGTH: Self = Self(0xc7);
    /// What was asked for is not there.
    pub const NOT_THERE: Self = Self(0xcb);
    /// A field of the data is not allowed.
    pub const INVALID_FIELD: Self = Self(0xcc);
    /// A sensor, or what else the command names, is not there.
    pub const NOT_PRESENT: Self = Self(0xcb);
    /// The session's privilege is too low.
    pub const NO_PRIVILEGE: Self = Self(0xd4);
    /// Not now: the machine is off, most often.
    pub const NOT_IN_THIS_STATE: Self = Self(0xd5);

    /// Whether the same may work a moment later.
    pub fn is_passing(self) -> bool {
        matches!(self.0, 0xc0 | 0xc3 | 0xc4 | 0xce | 0xcf | 0xd0 | 0xd2)
    }

    /// Whether the BMC cannot do this at all.
    pub fn is_unsupported(self) -> bool {
        matches!(self.0, 0xc1 | 0xc2 | 0xc9 | 0xcc | 0xd6)
    }
}

impl fmt::Display for Completion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self.0 {
            0x00 => "done",
            0xc0 => "the BMC is busy",
            0xc1 => "the BMC does not know the command",
            0xc2 => "the BMC does not know the command for this part",
            0xc3 => "the BMC took too long",
            0xc4 => "the BMC has no room",
            0xc5 => "the reservation was cancelled",
            0xc6..=0xc8 => "the BMC wants data of another length",
            0xc9 => "a parameter is out of range",
            0xca => "the BMC cannot return so many octets",
            0xcb => "what was asked for is not there",
            0xcc => "the BMC refuses a field of the command",
            0xcd => "the command is not for this part",
            0xce => "the BMC cannot answer at present",
            0xcf => "the BMC had the same command already",
            0xd0 => "the sensor records are being updated",
            0xd1 => "the BMC's firmware is being updated",
            0xd2 => "the BMC is starting",
            0xd3 => "what it is for is not there",
            0xd4 => "the user's privilege is too low",
            0xd5 => "not in the present state of the machine",
            0xd6 => "the command is switched off",
            0xff => "no reason given",
            code => return write!(f, "completion code {code:#04x}"),
        };
        write!(f, "{text} (completion code {:#04x})", self.0)
    }
}
