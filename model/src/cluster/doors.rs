//! Doors: which services are open, and where. Every one can be moved or closed.

/// What DHCP does on a network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DhcpMode {
    /// Answers as the network's DHCP server.
    #[default]
    Serve,
    /// Leaves addresses to an existing server and adds only the boot file (ProxyDHCP).
    Proxy,
    /// Listens and remembers, answers nobody.
    Observe,
    /// Does not listen.
    Off,
}

impl DhcpMode {
    /// The word of the cluster file.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Serve => "serve",
            Self::Proxy => "proxy",
            Self::Observe => "observe",
            Self::Off => "off",
        }
    }
}

/// Ports of the services; `None` closes a door.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Doors {
    /// DHCP server port, 67 unless moved. Clients use 68.
    pub dhcp: Option<u16>,
    /// TFTP, 69.
    pub tftp: Option<u16>,
    /// HTTP for nodes, 80.
    pub http: Option<u16>,
    /// The package cache as an HTTP proxy, 3142 (the port that apt-cacher-ng made usual).
    pub cache: Option<u16>,
    /// Syslog of installers, 514.
    pub syslog: Option<u16>,
}

impl Default for Doors {
    fn default() -> Self {
        Self {
            dhcp: Some(67),
            tftp: Some(69),
            http: Some(80),
            cache: Some(3142),
            syslog: Some(514),
        }
    }
}
