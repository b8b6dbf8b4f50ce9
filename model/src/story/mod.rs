//! Stories for tests: what a booting machine does, said in the words of its operator and kept as events.
//!
//! A story has a clock. Every step lets it run for as long as that step takes on real firmware, and `wait` lets time
//! pass in silence. The node is `nid003` with 52:54:00:00:00:03 and 10.77.0.13 on the network `provision`.

mod around;
mod deployments;
mod dhcp;
mod files;
mod talk;

use std::net::Ipv4Addr;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use wire::Mac;

use crate::cluster::{
    Architecture, BootTarget, Cluster, DhcpMode, Doors, Layer, Network, Nic, Node, Origin, Range, Settings, Sourced,
};
use crate::event::{Event, Subject, What};
use crate::world::{Image, ImageFile, World};

pub(crate) const NODE: &str = "nid003";
pub(crate) const MAC: Mac = Mac([0x52, 0x54, 0, 0, 0, 3]);
pub(crate) const SECOND_MAC: Mac = Mac([0x52, 0x54, 0, 0, 1, 3]);
pub(crate) const ADDRESS: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 13);
pub(crate) const SERVER: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 1);

/// Midnight and 42 minutes, when machines break.
pub(crate) fn beginning() -> Timestamp {
    "2026-03-14T00:42:00Z".parse().unwrap()
}

#[derive(Clone)]
pub(crate) struct Story {
    pub(crate) now: Timestamp,
    pub(crate) events: Vec<Event>,
    network: Network,
    node: Node,
    mac: Mac,
    subject: Subject,
    image: Option<Image>,
    doors: Doors,
}

pub(crate) fn story() -> Story {
    Story {
        now: beginning(),
        events: Vec::new(),
        network: network(),
        node: node(),
        mac: MAC,
        subject: Subject::Node(NODE.into()),
        image: Some(image()),
        doors: Doors::default(),
    }
}

fn network() -> Network {
    Network {
        name: "provision".into(),
        prefix: "10.77.0.0/24".parse().unwrap(),
        router: None,
        dns: Vec::new(),
        search: Vec::new(),
        domain: None,
        ntp: Vec::new(),
        mtu: None,
        routes: Vec::new(),
        pool: vec![Range {
            first: [10, 77, 0, 200].into(),
            last: [10, 77, 0, 201].into(),
        }],
        lease_seconds: 3600,
        dhcp: DhcpMode::Serve,
        beside_other_servers: false,
        router_advertisements: true,
        interface: Some("eth1".into()),
        line: 3,
    }
}

fn node() -> Node {
    let said = Origin {
        layer: Layer::Profile("worker".into()),
        line: 20,
    };
    let settings = Settings {
        boot: Some(Sourced {
            value: BootTarget::Image,
            origin: said.clone(),
        }),
        image: Some(Sourced {
            value: "debian-12".into(),
            origin: said,
        }),
        ..Settings::default()
    };
    let nic = |mac, last: u8, line| Nic {
        name: None,
        mac: Some(mac),
        network: Some("provision".into()),
        address: Some([10, 77, 0, last].into()),
        line,
    };
    Node {
        name: NODE.into(),
        nics: vec![nic(MAC, 13, 31), nic(SECOND_MAC, 113, 32)],
        bmc: None,
        console_via: None,
        groups: Vec::new(),
        profile: None,
        architecture: Architecture::Amd64,
        uuid: None,
        serial: None,
        client_id: None,
        settings: Arc::new(settings),
        line: 30,
    }
}

fn image() -> Image {
    let file = |name: &str, size| ImageFile {
        name: name.into(),
        size,
        sha256: "0".repeat(64),
    };
    Image {
        os: "debian-12".into(),
        architecture: "amd64".into(),
        kernel: file("vmlinuz", 14_200_000),
        initrd: file("initrd.img", 33_000_000),
        root: file("root.squashfs", 174_000_000),
        built_at: beginning(),
        disk: None,
    }
}

/// The picture and the clock.
impl Story {
    pub(crate) fn wait(mut self, seconds: f64) -> Self {
        self.now += SignedDuration::from_millis((seconds * 1000.0) as i64);
        self
    }

    pub(crate) fn with_node(mut self, change: impl FnOnce(&mut Node)) -> Self {
        change(&mut self.node);
        self
    }

    pub(crate) fn with_settings(self, change: impl FnOnce(&mut Settings)) -> Self {
        self.with_node(|node| change(Arc::make_mut(&mut node.settings)))
    }

    pub(crate) fn with_network(mut self, change: impl FnOnce(&mut Network)) -> Self {
        change(&mut self.network);
        self
    }

    pub(crate) fn with_doors(mut self, change: impl FnOnce(&mut Doors)) -> Self {
        change(&mut self.doors);
        self
    }

    pub(crate) fn without_image(mut self) -> Self {
        self.image = None;
        self
    }

    pub(crate) fn with_image(mut self, change: impl FnOnce(&mut Image)) -> Self {
        if let Some(image) = &mut self.image {
            change(image);
        }
        self
    }

    pub(crate) fn node(&self) -> Node {
        self.node.clone()
    }

    pub(crate) fn world(&self) -> World {
        let cluster = Cluster::assemble(
            "lab".into(),
            "lab.example".into(),
            vec![Arc::new(self.network.clone())],
            Vec::new(),
            Vec::new(),
            vec![Arc::new(self.node.clone())],
            Arc::default(),
            self.doors.clone(),
        );
        let mut world = World {
            cluster: Arc::new(cluster),
            ..World::default()
        };
        if let Some(image) = &self.image {
            world.images.insert("debian-12".into(), Arc::new(image.clone()));
        }
        world.replay(&self.events);
        world
    }

    /// The events as lines: seconds since the beginning, subject, sentence.
    pub(crate) fn told(&self) -> String {
        self.events.iter().fold(String::new(), |told, event| {
            let at = event.at.duration_since(beginning()).as_millis() as f64 / 1000.0;
            told + &format!("{at:8.3}  {}  {}\n", event.subject, event.sentence())
        })
    }

    pub(crate) fn event(mut self, subject: Subject, actor: &str, what: What) -> Self {
        let seq = self.events.len() as u64 + 1;
        self.events.push(Event {
            seq,
            at: self.now,
            actor: actor.into(),
            subject,
            what,
        });
        self
    }

    fn of_node(self, actor: &str, what: What) -> Self {
        let subject = self.subject.clone();
        self.event(subject, actor, what)
    }
}
