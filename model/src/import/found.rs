//! What files say of machines and networks.

use std::net::{IpAddr, Ipv4Addr};

use ipnet::Ipv4Net;
use wire::Mac;

/// A file and a line in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    pub file: usize,
    pub line: u32,
}

/// What one place of a file says of a machine.
#[derive(Debug, Clone, Default)]
pub(super) struct Machine {
    /// As it is written; a domain behind it is the cluster's.
    pub name: String,
    pub nics: Vec<Nic>,
    pub bmc: Option<Bmc>,
    pub groups: Vec<String>,
    /// `sol`, `tcp:host:port`, `unix:/path`, `off`.
    pub console: Option<String>,
    pub arm64: bool,
    /// Octets in hexadecimal, type first.
    pub client_id: Option<String>,
    /// For the reader of the cluster file.
    pub comments: Vec<String>,
    pub line: u32,
}

/// An interface.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Nic {
    pub name: Option<String>,
    pub mac: Option<Mac>,
    pub address: Option<Ipv4Addr>,
    pub network: Option<String>,
}

/// A BMC and how it is got at.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Bmc {
    pub address: Option<IpAddr>,
    pub mac: Option<Mac>,
    pub port: Option<u16>,
    pub redfish: bool,
    pub user: Option<String>,
    pub password_from: Option<String>,
    /// Cipher suite of IPMI, 3 or 17.
    pub suite: Option<u8>,
    /// A privilege that is not the usual one.
    pub privilege: Option<&'static str>,
    /// The quirk `opensesspriv`.
    pub opensesspriv: bool,
}

impl Bmc {
    /// The cipher suite of that number; whether it is one that is spoken here.
    pub fn suite(&mut self, text: &str) -> bool {
        let suite = text.parse().ok().filter(|suite| matches!(suite, 3 | 17));
        self.suite = suite.or(self.suite);
        suite.is_some()
    }

    /// The privilege of that name in FreeIPMI's words; whether it is one.
    pub fn privilege(&mut self, text: &str) -> bool {
        match text.to_ascii_lowercase().as_str() {
            "user" => self.privilege = Some("user"),
            "op" | "operator" => self.privilege = Some("operator"),
            "admin" | "administrator" => {}
            _ => return false,
        }
        true
    }

    /// FreeIPMI's workarounds, by name or as the number of libipmiconsole; whether all are known here.
    pub fn workarounds(&mut self, text: &str) -> bool {
        let mut all = true;
        for word in text.split([',', ' ']).filter(|word| !word.is_empty()) {
            match word {
                "opensesspriv" | "16" | "0x10" => self.opensesspriv = true,
                _ => all = false,
            }
        }
        all
    }
}

/// A node, as far as it is known.
#[derive(Debug, Clone, Default)]
pub(super) struct Node {
    pub name: String,
    pub nics: Vec<Nic>,
    pub bmc: Option<Bmc>,
    pub console: Option<String>,
    pub arm64: bool,
    pub client_id: Option<String>,
    pub comments: Vec<String>,
    /// The places that said something of it, the first ones.
    pub places: Vec<Place>,
}

/// A network.
#[derive(Debug, Clone)]
pub(super) struct Network {
    pub name: String,
    pub prefix: Ipv4Net,
    pub router: Option<Ipv4Addr>,
    pub dns: Vec<Ipv4Addr>,
    pub ntp: Vec<Ipv4Addr>,
    pub search: Vec<String>,
    pub domain: Option<String>,
    pub mtu: Option<u16>,
    pub lease: Option<u32>,
    pub pool: Vec<(Ipv4Addr, Ipv4Addr)>,
    pub routes: Vec<(Ipv4Net, Ipv4Addr)>,
    pub no_dhcp: bool,
    pub comment: Option<String>,
    pub place: Place,
}

impl Network {
    pub fn new(name: impl Into<String>, prefix: Ipv4Net, place: Place) -> Self {
        Self {
            name: name.into(),
            prefix,
            router: None,
            dns: Vec::new(),
            ntp: Vec::new(),
            search: Vec::new(),
            domain: None,
            mtu: None,
            lease: None,
            pool: Vec::new(),
            routes: Vec::new(),
            no_dhcp: false,
            comment: None,
            place,
        }
    }
}
