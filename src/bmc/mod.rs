//! The BMCs of the nodes: power, boot device, identify light, sensors, event log, what a machine is made of.
//!
//! Two protocols, one set of words: [`Board`] is a BMC that one has logged in to, whatever it speaks. What is common to both
//! (a cycle where the BMC has none, a state that is awaited) is in [`power`].
//!
//! Invariant: a password is never printed, journalled, or an argument of a program.
//! Invariant: a BMC that does not answer delays nobody but who asked for it.

pub mod batch;
mod board;
mod desk;
pub mod discover;
mod error;
pub mod facts;
mod ipmi;
mod link;
pub mod power;
mod quirks;
mod redfish;

pub use board::{Board, Boot};
pub use desk::{Desk, Order};
pub use error::BmcError;
pub use ipmi::Sol;
pub use link::{Heard, Typed};
pub use quirks::Quirks;

use std::net::{IpAddr, SocketAddr};

use model::cluster;

use crate::secrets::{Secret, Secrets};

/// Where IPMI listens (section 13.1.2 of its specification).
pub const IPMI_PORT: u16 = 623;
/// Where Redfish listens.
pub const REDFISH_PORT: u16 = 443;

/// What a BMC speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// IPMI 2.0 over LAN.
    Ipmi,
    /// Redfish over HTTPS.
    Redfish,
}

/// A BMC and how one logs in.
#[derive(Debug, Clone)]
pub struct Access {
    /// Where it is.
    pub address: SocketAddr,
    /// What it speaks.
    pub protocol: Protocol,
    /// User.
    pub user: String,
    /// Password.
    pub password: Secret,
    /// The BMC's own key, K_g.
    pub kg: Option<Secret>,
    /// Cipher suites to try; empty: 17, then 3.
    pub suites: Vec<u8>,
    /// Privilege that is asked for: `administrator`, `operator`, `user`.
    pub privilege: String,
    /// What is special about it.
    pub quirks: Quirks,
    /// SHA-256 of the certificate that it showed first, in hexadecimal; `None`: whatever it shows is taken, once.
    pub pin: Option<String>,
}

impl Access {
    /// How one gets at a declared BMC. Reads its password.
    ///
    /// # Errors
    /// There is no user or no password, or the password cannot be read.
    pub fn to(bmc: &cluster::Bmc, secrets: &Secrets, pin: Option<String>) -> Result<Self, BmcError> {
        let protocol = match bmc.protocol.as_str() {
            "redfish" => Protocol::Redfish,
            _ => Protocol::Ipmi,
        };
        let default = match protocol {
            Protocol::Ipmi => IPMI_PORT,
            Protocol::Redfish => REDFISH_PORT,
        };
        let from = bmc.password_from.as_deref().ok_or(BmcError::NoPassword)?;
        let kg = bmc.kg_from.as_deref().map(|place| secrets.read(place)).transpose()?;
        Ok(Self {
            address: SocketAddr::new(bmc.address, bmc.port.unwrap_or(default)),
            protocol,
            user: bmc.user.clone().unwrap_or_default(),
            password: secrets.read(from)?,
            kg,
            suites: bmc.suites.clone(),
            privilege: bmc.privilege.clone(),
            quirks: Quirks::of(&bmc.quirks),
            pin,
        })
    }

    /// The address for people: without the port where it is the usual one.
    pub fn shown(&self) -> String {
        let usual = match self.protocol {
            Protocol::Ipmi => IPMI_PORT,
            Protocol::Redfish => REDFISH_PORT,
        };
        match (self.address.port() == usual, self.address.ip()) {
            (true, IpAddr::V4(ip)) => ip.to_string(),
            (true, IpAddr::V6(ip)) => format!("[{ip}]"),
            (false, _) => self.address.to_string(),
        }
    }
}
