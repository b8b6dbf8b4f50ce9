//! A node's BMC, and what is special about some makers'.

use std::net::IpAddr;

use wire::Mac;

/// A baseboard management controller. Its password is never in the cluster file.
#[derive(Debug, Clone, PartialEq)]
pub struct Bmc {
    /// Address of the controller.
    pub address: IpAddr,
    /// Port; `None`: 623 for IPMI, 443 for Redfish.
    pub port: Option<u16>,
    /// Protocol: `ipmi` or `redfish`.
    pub protocol: String,
    /// Login name.
    pub user: Option<String>,
    /// Where the password is: `env:NAME`, `file:/path` or `store:NAME`.
    pub password_from: Option<String>,
    /// Where the controller's own key K_g is, for IPMI.
    pub kg_from: Option<String>,
    /// Cipher suites of IPMI to try, in their order: 17, 3. Empty: 17, then 3.
    pub suites: Vec<u8>,
    /// Privilege that is asked for in IPMI: one of [`PRIVILEGES`].
    pub privilege: String,
    /// What is special about it: names of [`QUIRKS`].
    pub quirks: Vec<String>,
    /// MAC of the controller's own interface.
    pub mac: Option<Mac>,
}

/// Privileges of IPMI, the usual one first.
pub const PRIVILEGES: [&str; 3] = ["administrator", "operator", "user"];

/// Names of the quirks, FreeIPMI's where it has one; `docs/bmc.md` tells which makers' BMCs have them.
///
/// In their order: it computes its codes with the privilege of Open Session; it has no power cycle; it reads other boot flags
/// back than were set; it has no Redfish sessions.
pub const QUIRKS: [&str; 4] = ["opensesspriv", "nocycle", "nobootcheck", "basicauth"];
