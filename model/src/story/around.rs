//! Things that happen around the node.

use super::{NODE, SERVER, Story};
use crate::event::{Subject, What};
use wire::Mac;

impl Story {
    pub(crate) fn network_event(self, what: What) -> Self {
        self.event(Subject::Network("provision".into()), "dhcp", what)
    }

    pub(crate) fn served(self) -> Self {
        self.network_event(What::NetworkServed {
            interface: "eth1".into(),
            address: SERVER,
            http_port: 80,
        })
    }

    pub(crate) fn refused_network(self, server: [u8; 4]) -> Self {
        self.network_event(What::NetworkRefused {
            server: server.into(),
            interface: "eth1".into(),
        })
    }

    pub(crate) fn absent_network(self, why: &str) -> Self {
        self.network_event(What::NetworkAbsent { why: why.into() })
    }

    /// From here on another machine, which is no node, does what the story tells.
    pub(crate) fn stranger(mut self, mac: &str) -> Self {
        self.mac = mac.parse().unwrap();
        self.subject = Subject::Machine(self.mac);
        self
    }

    /// From here on the node again, booting from that NIC.
    pub(crate) fn nic(mut self, mac: Mac) -> Self {
        self.mac = mac;
        self.subject = Subject::Node(NODE.into());
        self
    }

    /// These boot loaders are there and no others.
    pub(crate) fn loaders(self, files: &[&str]) -> Self {
        let files = files.iter().map(|file| (*file).to_string()).collect();
        self.event(Subject::Cluster, "serve", What::LoadersFound { files })
    }

    pub(crate) fn power(self, action: &str) -> Self {
        self.of_node("lab", What::Power { action: action.into() })
    }

    pub(crate) fn console(self, text: &str) -> Self {
        let said = crate::console::Listener::default().hear(text.as_bytes(), self.now);
        let said = said.first().expect("a rule knows the line");
        let what = What::ConsoleSaid {
            rule: said.rule.name.into(),
            weight: said.rule.weight.as_str().into(),
            line: said.line.clone(),
        };
        self.of_node("console", what)
    }

    pub(crate) fn bmc_failed(self, order: &str, why: &str) -> Self {
        let (order, why) = (order.into(), why.into());
        self.of_node(
            "cli:ada",
            What::BmcFailed {
                order,
                why,
                outside: false,
            },
        )
    }

    pub(crate) fn target(self, target: &str, once: bool) -> Self {
        self.of_node(
            "cli:ada",
            What::TargetSet {
                target: Some(target.into()),
                once,
            },
        )
    }
}
