//! How a lab stands: what the keeper answers, and what it keeps in `status.json` for when it cannot answer any more.

use std::net::Ipv4Addr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::plan::{Bridge, Firmware};
use super::process::Process;
use super::{Accel, Machine};

/// How a lab stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Status {
    /// The process that holds it together.
    pub keeper: Process,
    /// Name of the cluster.
    pub cluster: String,
    /// How machines run.
    pub accel: Accel,
    /// When it was made.
    pub since: Timestamp,
    /// Networks.
    pub bridges: Vec<Bridge>,
    /// The server; `None` in a lab without one.
    pub server: Option<ServerStatus>,
    /// Machines in the order of the cluster file.
    pub machines: Vec<MachineStatus>,
}

/// How the lab's server stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ServerStatus {
    /// Its process while it runs.
    pub process: Option<Process>,
    /// Since when it runs, or does not.
    pub since: Timestamp,
    /// How it ended and what it wrote last, if it ended by itself.
    pub ended: Option<String>,
}

/// How a machine stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MachineStatus {
    /// Name of the node.
    pub name: String,
    /// What it starts with.
    pub firmware: Firmware,
    /// On or off.
    pub power: MachinePower,
    /// Its process while it is on.
    pub process: Option<Process>,
    /// Since when it is on, or off.
    pub since: Timestamp,
    /// MACs of its network cards.
    pub macs: Vec<wire::Mac>,
    /// The address that the cluster file reserves for it.
    pub address: Option<Ipv4Addr>,
    /// Why it went off, where that was neither its own doing nor asked for.
    pub trouble: Option<String>,
}

/// Whether a machine has power.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MachinePower {
    /// It runs.
    On,
    /// It does not.
    Off,
}

impl MachinePower {
    /// `on` or `off`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::On => "on",
            Self::Off => "off",
        }
    }
}

impl MachineStatus {
    /// A machine that was never switched on.
    pub(super) fn new(machine: &Machine, now: Timestamp) -> Self {
        Self {
            name: machine.name.clone(),
            firmware: machine.firmware,
            power: MachinePower::Off,
            process: None,
            since: now,
            macs: machine.ports.iter().map(|port| port.mac).collect(),
            address: machine.address,
            trouble: None,
        }
    }

    /// It was switched on.
    pub(super) fn went_on(&mut self, process: Process, now: Timestamp) {
        (self.power, self.process, self.since, self.trouble) = (MachinePower::On, Some(process), now, None);
    }

    /// It went off.
    pub(super) fn went_off(&mut self, trouble: Option<String>, now: Timestamp) {
        (self.power, self.process, self.since, self.trouble) = (MachinePower::Off, None, now, trouble);
    }
}

impl Status {
    /// Every process of the lab that is known to run; the keeper first.
    pub fn processes(&self) -> impl Iterator<Item = Process> + '_ {
        let server = self.server.iter().filter_map(|server| server.process);
        std::iter::once(self.keeper)
            .chain(server)
            .chain(self.machines.iter().filter_map(|machine| machine.process))
    }

    /// The machine of that name.
    pub fn machine(&self, name: &str) -> Option<&MachineStatus> {
        self.machines.iter().find(|machine| machine.name == name)
    }
}
