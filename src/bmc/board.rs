//! A BMC that one has logged in to, whatever it speaks.

use wire::ipmi::{BootDevice, BootFlags, Control};

use super::facts::{Info, LogEntry, Power, Reading};
use super::ipmi::Ipmi;
use super::redfish::Redfish;
use super::{Access, BmcError, Protocol, Quirks};

/// A BMC that one has logged in to. Dropping it logs out.
#[derive(Debug)]
pub struct Board {
    speaks: Speaks,
    address: String,
    /// What is special about it.
    pub quirks: Quirks,
}

#[derive(Debug)]
enum Speaks {
    Ipmi(Ipmi),
    Redfish(Box<Redfish>),
}

/// What a machine boots next, and for how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Boot {
    /// The device.
    pub device: BootDevice,
    /// For every boot to come, else for the next alone.
    pub persistent: bool,
    /// UEFI, else as the old BIOS did.
    pub uefi: bool,
}

impl Board {
    /// Logs in.
    ///
    /// # Errors
    /// The BMC is not there, or does not let us in.
    pub async fn open(access: &Access) -> Result<Self, BmcError> {
        let speaks = match access.protocol {
            Protocol::Ipmi => Speaks::Ipmi(Ipmi::open(access).await?),
            Protocol::Redfish => Speaks::Redfish(Box::new(Redfish::open(access).await?)),
        };
        Ok(Self {
            speaks,
            address: access.shown(),
            quirks: access.quirks,
        })
    }

    /// Where it is, for people.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// SHA-256 of the certificate that it showed; `None` where there is none.
    pub fn certificate(&self) -> Option<String> {
        match &self.speaks {
            Speaks::Ipmi(_) => None,
            Speaks::Redfish(redfish) => redfish.certificate(),
        }
    }

    /// Whether the machine is on.
    ///
    /// # Errors
    /// See [`BmcError`]; so for all that follow.
    pub async fn power(&self) -> Result<Power, BmcError> {
        match &self.speaks {
            Speaks::Ipmi(ipmi) => ipmi.power().await,
            Speaks::Redfish(redfish) => redfish.power().await,
        }
    }

    /// Does something with the power, as the BMC does it. What is behind [`super::power`] waits until it is so.
    ///
    /// # Errors
    /// See [`BmcError`].
    pub async fn control(&self, control: Control) -> Result<(), BmcError> {
        match &self.speaks {
            Speaks::Ipmi(ipmi) => ipmi.control(control).await,
            Speaks::Redfish(redfish) => redfish.control(control).await,
        }
    }

    /// Sets what is booted next.
    ///
    /// # Errors
    /// See [`BmcError`].
    pub async fn set_boot(&self, boot: Boot) -> Result<(), BmcError> {
        match &self.speaks {
            Speaks::Ipmi(ipmi) => {
                let flags = BootFlags::new(boot.device, boot.persistent, boot.uefi);
                ipmi.set_boot(flags).await
            }
            Speaks::Redfish(redfish) => redfish.set_boot(boot).await,
        }
    }

    /// The identify light, for so many seconds; 0: off; `None`: until it is switched off.
    ///
    /// # Errors
    /// See [`BmcError`].
    pub async fn identify(&self, seconds: Option<u8>) -> Result<(), BmcError> {
        match &self.speaks {
            Speaks::Ipmi(ipmi) => ipmi.identify(seconds).await,
            Speaks::Redfish(redfish) => redfish.identify(seconds != Some(0)).await,
        }
    }

    /// Whether the identify light shines; `None`: the BMC does not tell.
    ///
    /// # Errors
    /// See [`BmcError`].
    pub async fn light(&self) -> Result<Option<bool>, BmcError> {
        match &self.speaks {
            Speaks::Ipmi(ipmi) => ipmi.light().await,
            Speaks::Redfish(redfish) => redfish.light().await,
        }
    }

    /// What BMC and machine are.
    ///
    /// # Errors
    /// See [`BmcError`].
    pub async fn info(&self) -> Result<Info, BmcError> {
        match &self.speaks {
            Speaks::Ipmi(ipmi) => ipmi.info().await,
            Speaks::Redfish(redfish) => redfish.info().await,
        }
    }

    /// All sensors with their readings.
    ///
    /// # Errors
    /// See [`BmcError`].
    pub async fn sensors(&self) -> Result<Vec<Reading>, BmcError> {
        match &self.speaks {
            Speaks::Ipmi(ipmi) => ipmi.sensors().await,
            Speaks::Redfish(redfish) => redfish.sensors().await,
        }
    }

    /// The event log, oldest first.
    ///
    /// # Errors
    /// See [`BmcError`].
    pub async fn log(&self) -> Result<Vec<LogEntry>, BmcError> {
        match &self.speaks {
            Speaks::Ipmi(ipmi) => ipmi.log().await,
            Speaks::Redfish(redfish) => redfish.log().await,
        }
    }

    /// Empties the event log.
    ///
    /// # Errors
    /// See [`BmcError`].
    pub async fn clear_log(&self) -> Result<(), BmcError> {
        match &self.speaks {
            Speaks::Ipmi(ipmi) => ipmi.clear_log().await,
            Speaks::Redfish(redfish) => redfish.clear_log().await,
        }
    }

    /// Starts the BMC itself anew.
    ///
    /// # Errors
    /// See [`BmcError`].
    pub async fn restart(&self) -> Result<(), BmcError> {
        match &self.speaks {
            Speaks::Ipmi(ipmi) => ipmi.restart().await,
            Speaks::Redfish(redfish) => redfish.restart().await,
        }
    }
}
