//! Get Device ID (section 20.1).

use std::fmt;

use super::message::{Request, net};

/// What a BMC is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeviceId {
    /// Device, in its maker's numbering.
    pub device: u8,
    /// Version of its firmware, both parts decimal.
    pub firmware: (u8, u8),
    /// Version of IPMI, 2 and 0.
    pub version: (u8, u8),
    /// Maker, an IANA enterprise number.
    pub maker: u32,
    /// Product, in its maker's numbering.
    pub product: u16,
}

impl DeviceId {
    /// Get Device ID.
    pub fn request() -> Request {
        Request::new(net::APP, 0x01, [])
    }

    /// Reads the answer; `None` if it is too short.
    pub fn parse(data: &[u8]) -> Option<Self> {
        let [device, _revision, major, minor, version, _support, rest @ ..] = data else {
            return None;
        };
        let (ids, _) = rest.split_first_chunk::<5>()?;
        Some(Self {
            device: *device,
            // The minor part is in binary coded decimals.
            firmware: (major & 0x7f, (minor >> 4) * 10 + (minor & 0x0f)),
            version: (version & 0x0f, version >> 4),
            maker: u32::from_le_bytes([ids[0], ids[1], ids[2] & 0x0f, 0]),
            product: u16::from_le_bytes([ids[3], ids[4]]),
        })
    }

    /// The answer's data.
    pub fn pack(&self) -> [u8; 11] {
        let maker = self.maker.to_le_bytes();
        let product = self.product.to_le_bytes();
        [
            self.device,
            0,
            self.firmware.0 & 0x7f,
            ((self.firmware.1 / 10) << 4) | (self.firmware.1 % 10),
            (self.version.1 << 4) | self.version.0,
            // SEL, chassis and FRU are there.
            0x8c,
            maker[0],
            maker[1],
            maker[2],
            product[0],
            product[1],
        ]
    }

    /// The maker's name, of those that one meets.
    pub fn maker_name(&self) -> Option<&'static str> {
        Some(match self.maker {
            2 => "IBM",
            11 => "HP",
            42 => "Sun",
            116 => "Hitachi",
            119 => "NEC",
            343 => "Intel",
            373 => "Tyan",
            674 => "Dell",
            2623 => "Asus",
            4769 | 19046 => "Lenovo",
            5771 => "Cisco",
            7244 => "Quanta",
            10368 => "Fujitsu",
            10876 | 47488 => "Supermicro",
            15370 => "Gigabyte",
            47196 => "HPE",
            49622 => "ASRock Rack",
            5703 | 33049 => "Nvidia",
            52538 => "Ampere",
            _ => return None,
        })
    }
}

impl fmt::Display for DeviceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (major, minor) = self.firmware;
        match self.maker_name() {
            Some(maker) => write!(f, "{maker}, product {:#06x}, firmware {major}.{minor:02}", self.product),
            None => write!(
                f,
                "maker {}, product {:#06x}, firmware {major}.{minor:02}",
                self.maker, self.product
            ),
        }
    }
}
