//! The package cache as it is declared.

/// What the package cache may keep, and where it may fetch from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cache {
    /// Most that it keeps on disk, in bytes.
    pub size: u64,
    /// Ask no upstream at all; serve what is there.
    pub offline: bool,
    /// For how many seconds an upstream's word counts that an index is current.
    pub recheck: u32,
    /// Names and URLs of repositories, in the order of the file. `debian` and `debian-security` come from this host's
    /// apt sources where they are not declared.
    pub upstreams: Vec<(String, String)>,
    /// Further hosts from which repositories may be fetched: `mirror.example`, `*.example`, `*`.
    pub hosts: Vec<String>,
}

impl Default for Cache {
    fn default() -> Self {
        Self {
            size: 20 << 30,
            offline: false,
            recheck: 30,
            upstreams: Vec::new(),
            hosts: Vec::new(),
        }
    }
}
