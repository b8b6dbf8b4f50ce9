//! A cluster, its world, and clients that ask.

use std::net::{Ipv4Addr, SocketAddrV4};
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use wire::Mac;
use wire::dhcp4::{Arch, Message, MessageType, Packet, code};

use crate::cluster::{Architecture, Cluster, DhcpMode, Doors, Network, Nic, Node, Range, Route, Settings};
use crate::dhcp::{Decision, Effect, Link, Offers, Reason, Received, Reply, conflict, decide, identify};
use crate::event::{NewEvent, Subject, What};
use crate::world::World;

/// Our address on the network `lab`.
pub const SERVER: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 1);
/// nid001 on `lab`, reserved 10.77.0.11.
pub const NID1: Mac = Mac([0x52, 0x54, 0, 0, 0, 1]);
/// The second NIC of nid001, on `lab`, reserved 10.77.0.12.
pub const NID1_B: Mac = Mac([0x52, 0x54, 0, 0, 1, 1]);
/// nid002 on `lab`, without an address.
pub const NID2: Mac = Mac([0x52, 0x54, 0, 0, 0, 2]);
/// nid003, declared on `far`, reserved 10.88.0.13.
pub const NID3: Mac = Mac([0x52, 0x54, 0, 0, 0, 3]);
/// The UUID of nid004, whose NIC has an address (10.77.0.14) but no MAC.
pub const NID4_UUID: &str = "11223344-5566-7788-99aa-bbccddeeff00";
/// Nobody's.
pub const STRANGER: Mac = Mac([0x02, 0, 0, 0, 0, 0x99]);

pub fn ip(text: &str) -> Ipv4Addr {
    text.parse().unwrap()
}

pub fn network(name: &str, prefix: &str, pool: Option<(&str, &str)>) -> Network {
    Network {
        name: name.to_string(),
        prefix: prefix.parse().unwrap(),
        router: None,
        dns: Vec::new(),
        search: Vec::new(),
        domain: None,
        ntp: Vec::new(),
        mtu: None,
        routes: Vec::new(),
        pool: pool
            .into_iter()
            .map(|(first, last)| Range {
                first: ip(first),
                last: ip(last),
            })
            .collect(),
        lease_seconds: 3600,
        dhcp: DhcpMode::Serve,
        beside_other_servers: false,
        router_advertisements: false,
        interface: None,
        line: 1,
    }
}

fn node(name: &str, nics: &[(Option<Mac>, &str, Option<&str>)]) -> Node {
    Node {
        name: name.into(),
        nics: nics
            .iter()
            .map(|(mac, network, address)| Nic {
                name: None,
                mac: *mac,
                network: Some(network.to_string()),
                address: address.map(ip),
                line: 1,
            })
            .collect(),
        bmc: None,
        console_via: None,
        groups: Vec::new(),
        profile: None,
        architecture: Architecture::Amd64,
        uuid: None,
        serial: None,
        client_id: None,
        settings: Arc::new(Settings::default()),
        line: 1,
    }
}

/// The networks of most tests: `lab` with all options and a pool of ten, `far` behind a relay agent.
pub fn networks() -> Vec<Network> {
    let mut lab = network("lab", "10.77.0.0/24", Some(("10.77.0.100", "10.77.0.109")));
    lab.router = Some(ip("10.77.0.254"));
    lab.ntp = vec![ip("10.77.0.5")];
    lab.mtu = Some(9000);
    lab.routes = vec![Route {
        to: "10.0.0.0/8".parse().unwrap(),
        via: ip("10.77.0.253"),
    }];
    let mut far = network("far", "10.88.0.0/24", Some(("10.88.0.100", "10.88.0.199")));
    far.dns = vec![ip("10.88.0.53")];
    vec![lab, far]
}

pub fn nodes() -> Vec<Node> {
    let mut nid4 = node("nid004", &[(None, "lab", Some("10.77.0.14"))]);
    nid4.uuid = Some(NID4_UUID.to_string());
    let mut nid5 = node("nid005", &[(None, "lab", Some("10.77.0.15"))]);
    nid5.client_id = Some(vec![0, b'n', b'i', b'd', b'5']);
    vec![
        node(
            "nid001",
            &[
                (Some(NID1), "lab", Some("10.77.0.11")),
                (Some(NID1_B), "lab", Some("10.77.0.12")),
            ],
        ),
        node("nid002", &[(Some(NID2), "lab", None)]),
        node("nid003", &[(Some(NID3), "far", Some("10.88.0.13"))]),
        nid4,
        nid5,
    ]
}

pub fn cluster(networks: Vec<Network>, nodes: Vec<Node>) -> Cluster {
    Cluster::assemble(
        "test".into(),
        "lab.example".into(),
        networks.into_iter().map(Arc::new).collect(),
        Vec::new(),
        Vec::new(),
        nodes.into_iter().map(Arc::new).collect(),
        Arc::new(Settings::default()),
        Doors::default(),
    )
}

/// A world with its server, at a time that only moves when told.
pub struct Stand {
    pub world: World,
    pub offers: Offers,
    pub now: Timestamp,
    pub link: Link,
    /// Addresses that somebody answers a probe for.
    pub in_use: Vec<Ipv4Addr>,
    /// Everything that was written down.
    pub journal: Vec<NewEvent>,
}

impl Stand {
    pub fn new() -> Self {
        Self::with(networks(), nodes())
    }

    /// With a changed network `lab`.
    pub fn lab(change: impl FnOnce(&mut Network)) -> Self {
        let mut networks = networks();
        change(&mut networks[0]);
        Self::with(networks, nodes())
    }

    pub fn with(networks: Vec<Network>, nodes: Vec<Node>) -> Self {
        let mut stand = Self {
            world: World {
                cluster: Arc::new(cluster(networks, nodes)),
                ..World::default()
            },
            offers: Offers::default(),
            now: "2026-11-21T12:00:00Z".parse().unwrap(),
            link: Link {
                network: Some("lab".into()),
                address: SERVER,
                http_port: 80,
                mtu: 1500,
            },
            in_use: Vec::new(),
            journal: Vec::new(),
        };
        stand.commit(vec![stand.event(
            Subject::Network("lab".into()),
            What::NetworkServed {
                interface: "eth0".into(),
                address: SERVER,
                http_port: 80,
            },
        )]);
        stand
    }

    pub fn event(&self, subject: Subject, what: What) -> NewEvent {
        NewEvent::new(self.now, "test", subject, what)
    }

    pub fn commit(&mut self, events: Vec<NewEvent>) {
        for event in events {
            self.journal.push(event.clone());
            let seq = self.world.seq + 1;
            self.world.apply(&event.numbered(seq));
        }
    }

    pub fn pass(&mut self, seconds: i64) {
        self.now += SignedDuration::from_secs(seconds);
    }

    /// What is decided, before anything is done about it.
    pub fn decide(&mut self, ask: &Ask) -> Decision {
        let mut bytes = Vec::new();
        ask.message.encode(1472, &mut bytes);
        if ask.bootp {
            bytes.truncate(236);
            bytes.resize(300, 0);
        }
        let packet = Packet::parse(&bytes).unwrap();
        let link = self.link.clone();
        let rx = Received {
            packet: &packet,
            link: &link,
            src: ask.src,
            unicast: ask.unicast,
            port4011: ask.port4011,
        };
        let decision = decide(&self.world, &mut self.offers, self.now, &rx);
        // Whatever a test is about, its decisions can be made again from what the recorder keeps of them.
        let grounds = self.offers.grounds().to_vec();
        let known = identify(&self.world, &packet).map(|known| &*known.node.name);
        let nodes: Vec<&str> = known.into_iter().collect();
        let macs: Vec<Mac> = packet.mac().into_iter().collect();
        let again = decide(
            &self.world.excerpt(&nodes, &macs),
            &mut Offers::of_grounds(&grounds, self.now),
            self.now,
            &rx,
        );
        assert_eq!(again, decision, "decided on {grounds:?}");
        decision
    }

    /// Decides and does what a caller does: probes, commits, settles.
    pub fn ask(&mut self, ask: &Ask) -> Decision {
        let mut decision = self.decide(ask);
        while let Effect::Probe(probe) = &decision.effect {
            if self.in_use.contains(&probe.address) {
                let event = conflict(self.now, &probe.network, probe.address, None);
                self.offers.block(probe.address, self.now);
                self.commit(vec![event]);
            } else {
                self.offers.probed(probe.address, self.now);
            }
            decision = self.decide(ask);
            if decision.why == Reason::Probing && decision.effect == Effect::Silent {
                break;
            }
        }
        self.commit(decision.events.clone());
        if let Effect::Reply(reply) = &decision.effect
            && let Some(address) = reply.durable
        {
            self.offers.settle(address);
        }
        decision
    }

    /// The address of the offer to a DISCOVER.
    pub fn offered(&mut self, mac: Mac) -> Ipv4Addr {
        let decision = self.ask(&discover(mac));
        reply(&decision).message.header.yiaddr
    }

    /// DISCOVER and REQUEST; the address that was leased.
    pub fn leased(&mut self, mac: Mac) -> Ipv4Addr {
        let address = self.offered(mac);
        let decision = self.ask(&selecting(mac, address));
        assert_eq!(kind(&decision), MessageType::Ack, "{:?}", decision.why);
        address
    }

    /// The kinds of the events since the server started.
    pub fn kinds(&self) -> Vec<&'static str> {
        self.journal.iter().skip(1).map(|event| event.what.kind()).collect()
    }
}

/// A client's message under construction.
#[derive(Debug, Clone)]
pub struct Ask {
    pub message: Message,
    pub src: SocketAddrV4,
    pub unicast: bool,
    pub port4011: bool,
    pub bootp: bool,
}

impl Ask {
    pub fn new(kind: MessageType, mac: Mac) -> Self {
        let mut message = Message::from_client(kind, 7, mac);
        message.header.flags = 0;
        Self {
            message,
            src: SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, 68),
            unicast: false,
            port4011: false,
            bootp: false,
        }
    }

    pub fn option(mut self, code: u8, value: &[u8]) -> Self {
        self.message.option(code, value);
        self
    }

    pub fn requested(self, address: Ipv4Addr) -> Self {
        self.option(code::REQUESTED_ADDRESS, &address.octets())
    }

    pub fn server(self, address: Ipv4Addr) -> Self {
        self.option(code::SERVER_ID, &address.octets())
    }

    pub fn ciaddr(mut self, address: Ipv4Addr) -> Self {
        self.message.header.ciaddr = address;
        self
    }

    pub fn giaddr(mut self, address: Ipv4Addr) -> Self {
        self.message.header.giaddr = address;
        self.unicast = true;
        self
    }

    pub fn unicast(mut self) -> Self {
        self.unicast = true;
        self
    }

    /// As a firmware with this architecture.
    pub fn firmware(self, arch: Arch) -> Self {
        let class = if arch.is_http() { "HTTPClient" } else { "PXEClient" };
        let code = arch.code();
        self.option(code::CLIENT_ARCH, &code.to_be_bytes()).option(
            code::VENDOR_CLASS,
            format!("{class}:Arch:{code:05}:UNDI:003016").as_bytes(),
        )
    }

    pub fn ipxe(self) -> Self {
        self.firmware(Arch::EfiX64)
            .option(code::USER_CLASS, b"iPXE")
            .option(code::IPXE, &[235, 3, 1, 21, 1])
    }
}

pub fn discover(mac: Mac) -> Ask {
    Ask::new(MessageType::Discover, mac)
}

pub fn selecting(mac: Mac, address: Ipv4Addr) -> Ask {
    Ask::new(MessageType::Request, mac).requested(address).server(SERVER)
}

pub fn init_reboot(mac: Mac, address: Ipv4Addr) -> Ask {
    Ask::new(MessageType::Request, mac).requested(address)
}

pub fn renewing(mac: Mac, address: Ipv4Addr) -> Ask {
    Ask::new(MessageType::Request, mac).ciaddr(address).unicast()
}

pub fn rebinding(mac: Mac, address: Ipv4Addr) -> Ask {
    Ask::new(MessageType::Request, mac).ciaddr(address)
}

pub fn reply(decision: &Decision) -> &Reply {
    match &decision.effect {
        Effect::Reply(reply) => reply,
        other => panic!("no reply but {other:?}: {:?}", decision.why),
    }
}

pub fn kind(decision: &Decision) -> MessageType {
    MessageType::from_code(reply(decision).message.get(code::MESSAGE_TYPE).unwrap()[0])
}

pub fn is_silent(decision: &Decision) -> bool {
    decision.effect == Effect::Silent
}

/// An address in an option of the reply.
pub fn address_in(decision: &Decision, code: u8) -> Option<Ipv4Addr> {
    let value = reply(decision).message.get(code)?;
    Some(<[u8; 4]>::try_from(value).unwrap().into())
}

pub fn text_in(decision: &Decision, code: u8) -> Option<String> {
    let value = reply(decision).message.get(code)?;
    Some(String::from_utf8(value.to_vec()).unwrap())
}
