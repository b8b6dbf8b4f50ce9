//! What else there is of a BMC beside IPMI: its other doors (Redfish in the lab) see and change the same state.

use super::super::boot::BootFlags;
use super::super::chassis::Control;
use super::super::client::Time;
use super::super::code::Completion;
use super::super::sdr::{Sensor, SensorRecord};
use super::super::sel::SelEntry;
use super::{Asked, Controller};

/// What there is to see of a BMC and its machine.
#[derive(Debug, Clone, PartialEq)]
pub struct View {
    /// The machine is on.
    pub is_on: bool,
    /// What it boots next.
    pub boot: BootFlags,
    /// The identify light shines.
    pub identify: bool,
    /// The event log, oldest first.
    pub log: Vec<SelEntry>,
    /// The sensors with their readings.
    pub sensors: Vec<Sensor>,
    /// How often the BMC itself was started anew.
    pub restarts: u64,
}

/// What is done to a BMC and its machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deed {
    /// Something with the power.
    Power(Control),
    /// What it boots next; `None`: as the firmware's own order says.
    Boot(Option<BootFlags>),
    /// The identify light, until it is switched off.
    Identify(bool),
    /// The event log is emptied.
    ClearLog,
    /// The BMC itself is started anew.
    Restart,
}

impl Controller {
    /// What there is to see.
    pub fn view(&self) -> View {
        let read = |octets: &Vec<u8>| {
            let record = SensorRecord::parse(octets)?;
            record.read(&self.reading(&[record.number]).ok()?)
        };
        View {
            is_on: self.is_on,
            boot: self.options.flags(),
            identify: self.identify.is_some(),
            log: self.log.clone(),
            sensors: self.sensors.iter().filter_map(read).collect(),
            restarts: self.restarts,
        }
    }

    /// Does what another door was asked for; what its machine has to do comes out of [`Self::asked`], as with IPMI.
    ///
    /// # Errors
    /// What IPMI would answer: not in this state, or not possible at all.
    pub fn perform(&mut self, deed: Deed) -> Result<(), Completion> {
        match deed {
            Deed::Power(control) => self.power(control).map(drop),
            Deed::Boot(flags) => {
                self.options.clear();
                if let Some(flags) = flags.filter(|_| !self.faults.loses_boot_flags) {
                    self.options.put(flags);
                }
                Ok(())
            }
            Deed::Identify(on) => {
                self.identify = on.then_some(Time::MAX);
                self.asked.push_back(Asked::Identify(on));
                Ok(())
            }
            Deed::ClearLog => {
                self.log.clear();
                Ok(())
            }
            Deed::Restart => {
                self.asked.push_back(Asked::ColdReset);
                Ok(())
            }
        }
    }

    /// The BMC starts anew: its sessions and the console are gone, its machine runs on.
    pub fn restart(&mut self) {
        self.restarts += 1;
        self.sessions.clear();
        self.line = None;
        self.told.clear();
    }

    /// Whether somebody has the console.
    pub fn has_console(&self) -> bool {
        self.line.is_some()
    }
}
