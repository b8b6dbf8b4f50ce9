//! Stories for tests: what a booting machine does, said in the words of its operator and kept as events.
//!
//! A story has a clock. Every step lets it run for as long as that step takes on real firmware, and `wait` lets time
//! pass in silence. The node is `nid003` with 52:54:00:00:00:03 and 10.77.0.13 on the network `provision`.

use std::net::Ipv4Addr;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use wire::Mac;

use crate::cluster::{
    Act, Architecture, BootTarget, Cluster, DhcpMode, Doors, Layer, Network, Nic, Node, NodeStep, Origin, Range,
    Settings, Sourced, Via,
};
use crate::deployment::Ending;
use crate::event::{DhcpAsk, Event, Notable, Outcome, Protocol, Role, Stage, Subject, Transfer, What};
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

/// Things that happen around the node.
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

/// DHCP.
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

/// Files.
impl Story {
    pub(crate) fn transfer(self, role: Role, path: &str, bytes: u64, total: u64, seconds: f64, how: Outcome) -> Self {
        let protocol = match role {
            Role::Loader if !path.starts_with("loaders/") => Protocol::Tftp,
            _ => Protocol::Http,
        };
        self.wait(seconds).of_node(
            "files",
            What::Transfer(Transfer {
                protocol,
                path: path.into(),
                role,
                client: ADDRESS.into(),
                bytes,
                total,
                duration_ms: (seconds * 1000.0) as u64,
                outcome: how,
            }),
        )
    }

    pub(crate) fn fetched(self, role: Role, path: &str, size: u64, seconds: f64) -> Self {
        self.transfer(role, path, size, size, seconds, Outcome::Complete)
    }

    pub(crate) fn missing(self, role: Role, path: &str) -> Self {
        self.transfer(role, path, 0, 0, 0.0, Outcome::NotFound)
    }

    /// The size probe of EDK2, then the loader.
    pub(crate) fn loader(self, file: &str) -> Self {
        self.wait(0.01)
            .transfer(Role::Loader, file, 0, 174_080, 0.002, Outcome::Probed)
            .fetched(Role::Loader, file, 174_080, 0.06)
    }

    pub(crate) fn loader_timed_out(self, file: &str, bytes: u64) -> Self {
        self.transfer(Role::Loader, file, bytes, 174_080, 20.0, Outcome::TimedOut)
    }

    pub(crate) fn kernel(self) -> Self {
        self.fetched(Role::Kernel, "images/debian-12/vmlinuz", 14_200_000, 0.24)
    }

    pub(crate) fn missing_kernel(self) -> Self {
        self.missing(Role::Kernel, "images/debian-12/vmlinuz")
    }

    pub(crate) fn initrd(self) -> Self {
        self.fetched(Role::Initrd, "images/debian-12/initrd.img", 33_000_000, 0.5)
    }

    pub(crate) fn root(self) -> Self {
        self.fetched(Role::Root, "images/debian-12/root.squashfs", 174_000_000, 1.8)
    }
}

/// HTTP conversations, and whole stretches of a boot.
impl Story {
    pub(crate) fn script(self, target: &str) -> Self {
        let what = What::ScriptServed {
            target: target.into(),
            image: (target == "image").then(|| "debian-12".into()),
            identified_by: "mac".into(),
            client: ADDRESS.into(),
            mac: Some(self.mac),
            deployment: None,
        };
        self.wait(0.05).of_node("http", what)
    }

    /// The last script named no image.
    pub(crate) fn no_image_in_script(mut self) -> Self {
        if let Some(What::ScriptServed { image, .. }) = self.events.last_mut().map(|e| &mut e.what) {
            *image = None;
        }
        self
    }

    pub(crate) fn answers(self) -> Self {
        ["meta-data", "user-data", "vendor-data"]
            .into_iter()
            .fold(self, |story, document| {
                let what = What::AnswersServed {
                    document: document.into(),
                    bytes: 412,
                };
                story.wait(0.1).of_node("http", what)
            })
    }

    /// A person arms a deployment of two attempts that writes the image to the disk.
    pub(crate) fn armed(self) -> Self {
        let what = What::DeploymentArmed {
            via: Via::Installer,
            source: "debian-12".into(),
            profile: None,
            onto: "the first disk: plain, ext4, no swap".into(),
            expires: self.now + SignedDuration::from_hours(24),
            attempts: 2,
            by_hand: false,
            frozen_seconds: None,
            ready_when: Default::default(),
            after_ready: Vec::new(),
            foreign: None,
        };
        self.of_node("cli:ada", what)
    }

    fn deployment(&self) -> Option<u64> {
        let armed = self
            .events
            .iter()
            .rev()
            .find(|e| matches!(e.what, What::DeploymentArmed { .. }));
        armed.map(|event| event.seq)
    }

    /// UEFI PXE up to the answers of an installer.
    pub(crate) fn uefi_to_installer(self) -> Self {
        let mut story = self.uefi_to_loader().ipxe_dhcp().script("install");
        let deployment = story.deployment();
        if let Some(What::ScriptServed { deployment: of, .. }) = story.events.last_mut().map(|e| &mut e.what) {
            *of = deployment;
        }
        let story = story.kernel().initrd().wait(40.0).os_dhcp().wait(5.0);
        let what = What::AnswersServed {
            document: "preseed.cfg".into(),
            bytes: 4096,
        };
        story.of_node("http", what)
    }

    /// The installer calls back.
    pub(crate) fn installer(self, hook: &str, detail: &str) -> Self {
        let what = What::HookCalled {
            hook: hook.into(),
            detail: detail.into(),
            host_keys: Vec::new(),
            deployment: self.deployment(),
        };
        self.of_node("node", what)
    }

    /// The deployment that was armed has this step.
    pub(crate) fn step(mut self, command: &str) -> Self {
        let step = NodeStep {
            act: Act::Run(command.into()),
            within_seconds: 600,
        };
        for event in &mut self.events {
            if let What::DeploymentArmed { after_ready, .. } = &mut event.what {
                after_ready.push(step.clone());
            }
        }
        self
    }

    /// Its first step begins.
    pub(crate) fn step_begins(self) -> Self {
        let what = What::StepBegan {
            deployment: self.deployment().unwrap(),
            step: 0,
            what: "it".into(),
            boot: None,
        };
        self.of_node("conductor", what)
    }

    /// A notable line of the installer's log.
    pub(crate) fn installer_says(self, notable: Notable, line: &str) -> Self {
        let line = line.to_string();
        self.of_node("syslog", What::InstallerSaid { notable, line })
    }

    /// The deployment under way ends.
    pub(crate) fn deployment_ends(self, ending: Ending, why: &str) -> Self {
        let what = What::DeploymentEnded {
            deployment: self.deployment().unwrap(),
            ending,
            why: why.into(),
        };
        self.of_node("conductor", what)
    }

    fn hook(self, hook: &str, detail: &str) -> Self {
        let what = What::HookCalled {
            hook: hook.into(),
            detail: detail.into(),
            host_keys: Vec::new(),
            deployment: None,
        };
        self.of_node("node", what)
    }

    pub(crate) fn ready(self) -> Self {
        self.wait(6.0).hook("ready", "")
    }

    pub(crate) fn failed(self, why: &str) -> Self {
        self.hook("failed", why)
    }

    pub(crate) fn command_failed(self, label: &str) -> Self {
        self.wait(1.0).failed(label)
    }

    pub(crate) fn hook_refused(self, hook: &str) -> Self {
        let what = What::HookRefused {
            hook: hook.into(),
            client: ADDRESS.into(),
            why: "its token is not that of the boot under way".into(),
        };
        self.of_node("http", what)
    }

    /// UEFI PXE up to iPXE's address.
    pub(crate) fn uefi_to_loader(self) -> Self {
        self.wait(3.84).firmware_dhcp().loader("snponly.efi")
    }

    /// UEFI PXE up to the handed over kernel.
    pub(crate) fn uefi_to_kernel(self) -> Self {
        self.uefi_to_loader().ipxe_dhcp().script("image").kernel().initrd()
    }

    /// UEFI PXE up to the settings of a system that runs an image.
    pub(crate) fn uefi_boot(self) -> Self {
        self.uefi_to_kernel()
            .wait(3.2)
            .os_dhcp()
            .wait(0.1)
            .root()
            .wait(9.0)
            .os_dhcp()
            .wait(1.0)
            .answers()
    }
}
