//! What is special about some makers' BMCs, as [`model::cluster::QUIRKS`] names it.

/// What is special about a BMC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Quirks {
    /// It computes its codes with the privilege of Open Session (`opensesspriv`).
    pub open_session_privilege: bool,
    /// It refuses a power cycle: off, a pause, on instead (`nocycle`).
    pub no_cycle: bool,
    /// It forgets boot flags, or reads others back: they are not checked (`nobootcheck`).
    pub no_boot_check: bool,
    /// Its Redfish has no sessions: the password goes along with each request (`basicauth`).
    pub basic_auth: bool,
}

impl Quirks {
    /// The quirks with these names; the cluster file allows no others.
    pub fn of(names: &[String]) -> Self {
        let has = |name: &str| names.iter().any(|n| n == name);
        Self {
            open_session_privilege: has("opensesspriv"),
            no_cycle: has("nocycle"),
            no_boot_check: has("nobootcheck"),
            basic_auth: has("basicauth"),
        }
    }
}
