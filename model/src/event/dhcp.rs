//! The question in a DHCP event.

use std::fmt;
use std::net::Ipv4Addr;

use serde::{Deserialize, Serialize};
use wire::Mac;

/// Who asked DHCP for what.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DhcpAsk {
    /// `discover`, `request`, `inform`, …
    pub message: String,
    /// Hardware address of the client.
    pub mac: Mac,
    /// Name of the network that it is on.
    pub network: String,
    /// Which software asked.
    pub stage: Stage,
    /// Processor architecture code of option 93 (RFC 4578), the first where several are given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub arch: Option<u16>,
    /// SMBIOS UUID of option 97 in text form.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uuid: Option<String>,
    /// Client identifier of option 61, hexadecimal, type byte included.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
    /// Vendor class of option 60.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vendor_class: Option<String>,
    /// Host name of option 12.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hostname: Option<String>,
    /// Relay agent that passed it on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub relay: Option<Ipv4Addr>,
}

/// Which software sent a DHCP message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    /// The firmware's PXE client.
    Firmware,
    /// The firmware's HTTP boot client.
    HttpFirmware,
    /// iPXE, from ROM or loaded.
    Ipxe,
    /// An operating system, in its initramfs or running.
    Os,
}

impl Stage {
    /// Whether the machine has just been switched on, as far as this message tells.
    pub fn is_firmware(self) -> bool {
        matches!(self, Self::Firmware | Self::HttpFirmware)
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Firmware => "firmware",
            Self::HttpFirmware => "firmware (HTTP boot)",
            Self::Ipxe => "iPXE",
            Self::Os => "operating system",
        })
    }
}
