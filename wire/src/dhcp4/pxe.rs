//! The PXE specification's language inside option 43 (PXE 2.1, section 2.2.3).
use std::fmt;
use std::net::Ipv4Addr;

use super::SubOptions;

/// Discovery control: ask nobody else, load the boot file that this reply names.
pub const USE_BOOT_FILE: u8 = 8;

const DISCOVERY_CONTROL: u8 = 6;
const BOOT_SERVERS: u8 = 8;
const MENU: u8 = 9;
const PROMPT: u8 = 10;
const BOOT_ITEM: u8 = 71;

/// A value for option 43.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Vendor(Vec<u8>);

/// An entry has more than the 255 octets that its length can tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooLong;

impl Vendor {
    /// The value that nearly every PXE client needs: boot from the named file at once, without menu or discovery.
    pub fn boot_file_only() -> Vendor {
        let mut vendor = Vendor::default();
        vendor.discovery_control(USE_BOOT_FILE);
        vendor
    }

    /// How the client looks for boot servers: a sum of 1 (no broadcast), 2 (no multicast), 4 (only listed servers), and
    /// [`USE_BOOT_FILE`].
    pub fn discovery_control(&mut self, bits: u8) -> &mut Vendor {
        self.0.extend_from_slice(&[DISCOVERY_CONTROL, 1, bits]);
        self
    }

    /// Which servers offer each type of boot server.
    ///
    /// # Errors
    /// The list does not fit.
    pub fn boot_servers(&mut self, servers: &[(u16, &[Ipv4Addr])]) -> Result<&mut Vendor, TooLong> {
        self.entry(BOOT_SERVERS, |value| {
            for (kind, addresses) in servers {
                value.extend_from_slice(&kind.to_be_bytes());
                value.push(addresses.len() as u8);
                addresses
                    .iter()
                    .for_each(|address| value.extend_from_slice(&address.octets()));
            }
        })
    }

    /// The menu: a type of boot server and its text for each line.
    ///
    /// # Errors
    /// The menu does not fit.
    pub fn menu(&mut self, lines: &[(u16, &str)]) -> Result<&mut Vendor, TooLong> {
        self.entry(MENU, |value| {
            for (kind, text) in lines {
                value.extend_from_slice(&kind.to_be_bytes());
                value.push(text.len() as u8);
                value.extend_from_slice(text.as_bytes());
            }
        })
    }

    /// The prompt and the seconds until the first line of the menu is taken; 0 takes it at once, 255 waits for ever.
    ///
    /// # Errors
    /// The text does not fit.
    pub fn prompt(&mut self, seconds: u8, text: &str) -> Result<&mut Vendor, TooLong> {
        self.entry(PROMPT, |value| {
            value.push(seconds);
            value.extend_from_slice(text.as_bytes());
        })
    }

    /// The boot item that a boot server confirms: its type and its layer.
    pub fn boot_item(&mut self, kind: u16, layer: u16) -> &mut Vendor {
        self.0.extend_from_slice(&[BOOT_ITEM, 4]);
        self.0.extend_from_slice(&kind.to_be_bytes());
        self.0.extend_from_slice(&layer.to_be_bytes());
        self
    }

    fn entry(&mut self, code: u8, fill: impl FnOnce(&mut Vec<u8>)) -> Result<&mut Vendor, TooLong> {
        let start = self.0.len();
        self.0.extend_from_slice(&[code, 0]);
        fill(&mut self.0);
        match u8::try_from(self.0.len() - start - 2) {
            Ok(length) => {
                self.0[start + 1] = length;
                Ok(self)
            }
            Err(_) => {
                self.0.truncate(start);
                Err(TooLong)
            }
        }
    }

    /// The value of option 43, with its end mark.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut value = self.0.clone();
        value.push(255);
        value
    }
}

/// The type and layer of the boot item that a client asks for in its option 43, in the conversation on port 4011.
pub fn boot_item(vendor_encapsulated: &[u8]) -> Option<(u16, u16)> {
    match *SubOptions::framed(vendor_encapsulated).get(BOOT_ITEM)? {
        [kind_high, kind_low, layer_high, layer_low] => Some((
            u16::from_be_bytes([kind_high, kind_low]),
            u16::from_be_bytes([layer_high, layer_low]),
        )),
        _ => None,
    }
}

impl fmt::Display for TooLong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an entry of option 43 has at most 255 octets: shorten the texts or list fewer servers")
    }
}

impl std::error::Error for TooLong {}
