//! What is asked and answered by DHCP.

use jiff::SignedDuration;

use super::{ADDRESS, Story};
use crate::event::{DhcpAsk, Stage, Subject, What};

impl Story {
    pub(crate) fn ask(&self, stage: Stage, message: &str) -> DhcpAsk {
        let arch = match stage {
            Stage::Firmware => Some(7),
            Stage::HttpFirmware => Some(16),
            Stage::Ipxe => Some(7),
            Stage::Os => None,
        };
        DhcpAsk {
            message: message.into(),
            mac: self.mac,
            network: "provision".into(),
            stage,
            arch,
            uuid: None,
            client_id: None,
            vendor_class: None,
            hostname: None,
            relay: None,
        }
    }

    fn boot_file(stage: Stage) -> Option<String> {
        match stage {
            Stage::Firmware => Some("snponly.efi".into()),
            Stage::HttpFirmware => Some("http://10.77.0.1/loaders/ipxe.efi".into()),
            Stage::Ipxe => Some("http://10.77.0.1/boot/nid003/script?mac=52:54:00:00:00:03".into()),
            Stage::Os => None,
        }
    }

    pub(crate) fn discover(self, stage: Stage) -> Self {
        let what = What::DhcpOffered {
            ask: self.ask(stage, "discover"),
            address: Some(ADDRESS),
            boot_file: Self::boot_file(stage),
        };
        self.of_node("dhcp", what)
    }

    pub(crate) fn lease(self, stage: Stage) -> Self {
        let file = Self::boot_file(stage);
        self.lease_with(stage, file.as_deref())
    }

    pub(crate) fn lease_with(self, stage: Stage, boot_file: Option<&str>) -> Self {
        let what = What::DhcpLeased {
            ask: self.ask(stage, "request"),
            address: ADDRESS,
            until: self.now + SignedDuration::from_hours(1),
            boot_file: boot_file.map(String::from),
            reserved: true,
        };
        self.of_node("dhcp", what)
    }

    /// An address is offered, and nothing to boot.
    pub(crate) fn discover_with_nothing(self, stage: Stage) -> Self {
        let what = What::DhcpOffered {
            ask: self.ask(stage, "discover"),
            address: Some(ADDRESS),
            boot_file: None,
        };
        self.of_node("dhcp", what)
    }

    /// The last question came through a relay.
    pub(crate) fn relayed(mut self, relay: [u8; 4]) -> Self {
        if let Some(What::DhcpOffered { ask, .. }) = self.events.last_mut().map(|e| &mut e.what) {
            ask.relay = Some(relay.into());
        }
        self
    }

    /// A boot file beside the addresses of another server.
    pub(crate) fn discover_proxy(self) -> Self {
        let ask = self.ask(Stage::Firmware, "discover");
        let what = What::DhcpOffered {
            ask,
            address: None,
            boot_file: Self::boot_file(Stage::Firmware),
        };
        self.of_node("dhcp", what)
    }

    /// Another machine gets an address.
    pub(crate) fn lease_to(self, mac: &str, address: [u8; 4]) -> Self {
        let mac = mac.parse().unwrap();
        let ask = DhcpAsk {
            mac,
            ..self.ask(Stage::Os, "request")
        };
        let until = self.now + SignedDuration::from_hours(1);
        let what = What::DhcpLeased {
            ask,
            address: address.into(),
            until,
            boot_file: None,
            reserved: false,
        };
        self.event(Subject::Machine(mac), "dhcp", what)
    }

    /// The firmware's PXE client collects offers for 3.8 s.
    pub(crate) fn firmware_dhcp(self) -> Self {
        self.discover(Stage::Firmware).wait(3.8).lease(Stage::Firmware)
    }

    pub(crate) fn http_firmware_dhcp(self) -> Self {
        self.discover(Stage::HttpFirmware).wait(3.8).lease(Stage::HttpFirmware)
    }

    /// iPXE shows its prompt for 2 s, asks twice and waits 3 s for other offers.
    pub(crate) fn ipxe_dhcp(self) -> Self {
        self.wait(2.0)
            .discover(Stage::Ipxe)
            .wait(1.0)
            .discover(Stage::Ipxe)
            .wait(2.0)
            .lease(Stage::Ipxe)
    }

    pub(crate) fn os_dhcp(self) -> Self {
        self.discover(Stage::Os).wait(0.01).lease(Stage::Os)
    }

    pub(crate) fn ignored(self, why: &str) -> Self {
        let what = What::DhcpIgnored {
            ask: self.ask(Stage::Firmware, "discover"),
            why: why.into(),
        };
        self.of_node("dhcp", what)
    }

    pub(crate) fn elsewhere(self, server: [u8; 4]) -> Self {
        let what = What::DhcpElsewhere {
            ask: self.ask(Stage::Firmware, "request"),
            server: server.into(),
            address: None,
        };
        self.of_node("dhcp", what)
    }

    pub(crate) fn nak(self, why: &str) -> Self {
        let what = What::DhcpRefused {
            ask: self.ask(Stage::Firmware, "request"),
            why: why.into(),
        };
        self.of_node("dhcp", what)
    }
}
