//! The answers that a node would get, as text: what `plan` compares and `show` prints.

use std::fmt::Write;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::sync::Arc;

use jiff::Timestamp;
use wire::Mac;
use wire::dhcp4::{Arch, Message, MessageType, Packet, code};

use super::place::Place;
use super::question::Question;
use super::{Asked, Link, Received};
use crate::boot::Site;
use crate::cluster::{Architecture, DhcpMode, Network, Nic, Node};
use crate::event::Stage;
use crate::world::World;

const STAGES: [(Stage, &str); 4] = [
    (Stage::Firmware, "firmware"),
    (Stage::HttpFirmware, "firmware, HTTP boot"),
    (Stage::Ipxe, "iPXE"),
    (Stage::Os, "operating system"),
];

/// The DHCP answers for a node's first NIC, as firmware, as HTTP boot firmware, as iPXE and as operating system: every
/// header field that is set and every option, in the order of their numbers. Depends on what is declared and on nothing
/// that passes, so two texts differ exactly if answers do.
pub fn describe(world: &World, node: &Node, site: Site) -> String {
    let cluster = &world.cluster;
    let plugged = |nic: &&Nic| nic.network.is_some();
    let first = node.nics.iter().filter(plugged).find(|nic| nic.address.is_some());
    let Some(nic) = first.or_else(|| node.nics.iter().find(plugged)) else {
        return format!("{} has no NIC on a network, so DHCP does not know it\n", node.name);
    };
    let name = nic.network.as_deref().unwrap_or_default();
    let (Some(network), Some(known)) = (cluster.network(name), cluster.node(&node.name)) else {
        return format!("{} is on network {name}, which is not declared\n", node.name);
    };
    let mac = nic.mac.map_or_else(|| "of any MAC".to_string(), |mac| mac.to_string());
    let mut text = format!("NIC {mac} on network {name} (dhcp: {})\n", network.dhcp.as_str());
    for (stage, title) in STAGES {
        let arch = arch(node.architecture, stage);
        let answer = match network.dhcp {
            DhcpMode::Off | DhcpMode::Observe => None,
            DhcpMode::Serve | DhcpMode::Proxy => answer(world, network, known, nic, stage, arch, site),
        };
        match arch {
            Some(arch) => writeln!(text, "\n{title} (architecture {}, {arch})", arch.code()),
            None => writeln!(text, "\n{title}"),
        }
        .expect("a String takes any text");
        match answer {
            Some(message) => print(&mut text, &message, nic.address),
            None => text.push_str("  no answer\n"),
        }
    }
    text
}

fn arch(architecture: Architecture, stage: Stage) -> Option<Arch> {
    Some(match (architecture, stage) {
        (_, Stage::Os) => return None,
        (Architecture::Amd64, Stage::HttpFirmware) => Arch::HttpX64,
        (Architecture::Amd64, _) => Arch::EfiX64,
        (Architecture::Arm64, Stage::HttpFirmware) => Arch::HttpArm64,
        (Architecture::Arm64, _) => Arch::EfiArm64,
    })
}

fn answer(
    world: &World,
    network: &Network,
    node: &Arc<Node>,
    nic: &Nic,
    stage: Stage,
    arch: Option<Arch>,
    site: Site,
) -> Option<Message> {
    let mac = nic.mac.unwrap_or(Mac::ZERO);
    let mut bytes = Vec::new();
    let mut request = Message::from_client(MessageType::Discover, 0, mac);
    request.remove(code::CLIENT_ID);
    request.encode(548, &mut bytes);
    let packet = Packet::parse(&bytes).expect("a message that was just written can be read");
    let link = Link {
        network: Some(network.name.clone()),
        address: site.address,
        http_port: site.http_port,
        mtu: 1500,
    };
    let rx = Received {
        packet: &packet,
        link: &link,
        src: SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, 68),
        unicast: false,
        port4011: false,
    };
    let asked = Asked {
        world,
        now: Timestamp::UNIX_EPOCH,
        rx: &rx,
        place: Place { network, on_link: true },
        question: Question {
            packet: &packet,
            kind: MessageType::Discover,
            mac,
            stage,
            arch,
            node: Some(node),
            by_mac: nic.mac.is_some(),
        },
    };
    match network.dhcp {
        DhcpMode::Proxy if stage == Stage::Os => None,
        DhcpMode::Proxy => Some(asked.boot_only(MessageType::Offer)?.message),
        _ => {
            let address = nic.address.unwrap_or(Ipv4Addr::UNSPECIFIED);
            Some(asked.settings(MessageType::Offer, Some(address)).message)
        }
    }
}

fn print(text: &mut String, message: &Message, reserved: Option<Ipv4Addr>) {
    let mut field = |name: &str, value: &str| {
        writeln!(text, "  {name:<28} {value}").expect("a String takes any text");
    };
    let header = &message.header;
    match reserved {
        _ if message.get(code::LEASE_TIME).is_none() => {}
        Some(_) => field("yiaddr", &header.yiaddr.to_string()),
        None => field("yiaddr", "one of the pool"),
    }
    if !header.siaddr.is_unspecified() {
        field("siaddr", &header.siaddr.to_string());
    }
    let mut options: Vec<_> = message.options().collect();
    options.sort_unstable_by_key(|option| option.0);
    for (number, value) in options {
        let (name, form) = known(number);
        field(&format!("{number:>3} {name}"), &form.text(value));
    }
}

/// A message that was sent or received: every header field that is set and every option, in the order of their numbers.
pub fn describe_packet(packet: &Packet<'_>) -> String {
    let mut text = String::new();
    let mut field = |name: &str, value: &str| {
        writeln!(text, "{name:<28} {value}").expect("a String takes any text");
    };
    field("op", &packet.op().to_string());
    field("xid", &format!("{:08x}", packet.xid()));
    field("flags", &format!("{:04x}", packet.flags()));
    for (name, address) in [
        ("ciaddr", packet.ciaddr()),
        ("yiaddr", packet.yiaddr()),
        ("siaddr", packet.siaddr()),
        ("giaddr", packet.giaddr()),
    ] {
        if !address.is_unspecified() {
            field(name, &address.to_string());
        }
    }
    field("chaddr", &Form::Octets.text(packet.chaddr()));
    for (name, value) in [("sname", packet.sname()), ("file", packet.file())] {
        if !value.is_empty() {
            field(name, &Form::Text.text(value));
        }
    }
    let mut codes: Vec<u8> = packet.options().map(|(code, _)| code).collect();
    codes.sort_unstable();
    codes.dedup();
    for number in codes {
        let (name, form) = known(number);
        let value = packet.option(number).unwrap_or_default();
        field(&format!("{number:>3} {name}"), &form.text(&value));
    }
    text
}

/// How an option's value is to be read.
#[derive(Clone, Copy)]
enum Form {
    Addresses,
    Number,
    Text,
    Type,
    Names,
    Routes,
    Octets,
}

fn known(number: u8) -> (&'static str, Form) {
    match number {
        code::SUBNET_MASK => ("subnet mask", Form::Addresses),
        code::ROUTERS => ("routers", Form::Addresses),
        code::DNS_SERVERS => ("name servers", Form::Addresses),
        code::HOST_NAME => ("host name", Form::Text),
        code::DOMAIN_NAME => ("domain", Form::Text),
        code::INTERFACE_MTU => ("MTU", Form::Number),
        code::BROADCAST_ADDRESS => ("broadcast address", Form::Addresses),
        code::NTP_SERVERS => ("time servers", Form::Addresses),
        code::VENDOR_ENCAPSULATED => ("vendor options", Form::Octets),
        code::LEASE_TIME => ("lease time (s)", Form::Number),
        code::MESSAGE_TYPE => ("message type", Form::Type),
        code::SERVER_ID => ("server identifier", Form::Addresses),
        code::RENEWAL_TIME => ("renewal time (s)", Form::Number),
        code::REBINDING_TIME => ("rebinding time (s)", Form::Number),
        code::VENDOR_CLASS => ("vendor class", Form::Text),
        code::TFTP_SERVER => ("TFTP server", Form::Text),
        code::BOOT_FILE => ("boot file", Form::Text),
        code::DOMAIN_SEARCH => ("search domains", Form::Names),
        code::STATIC_ROUTES => ("static routes", Form::Routes),
        code::IPXE => ("iPXE settings", Form::Octets),
        _ => ("", Form::Octets),
    }
}

impl Form {
    fn text(self, value: &[u8]) -> String {
        match self {
            Self::Addresses => {
                let list = value
                    .as_chunks::<4>()
                    .0
                    .iter()
                    .map(|octets| Ipv4Addr::from(*octets).to_string());
                list.collect::<Vec<_>>().join(" ")
            }
            Self::Number => {
                let number = value.iter().fold(0u64, |sum, octet| sum << 8 | u64::from(*octet));
                number.to_string()
            }
            Self::Text => String::from_utf8_lossy(value).into_owned(),
            Self::Type => value
                .first()
                .map_or_else(String::new, |octet| MessageType::from_code(*octet).to_string()),
            Self::Names => names(value).join(" "),
            Self::Routes => routes(value).join(", "),
            Self::Octets => value.iter().map(|o| format!("{o:02x}")).collect::<Vec<_>>().join(" "),
        }
    }
}

/// The names of a search list. A pointer leads back to before where its name began, so following them ends.
fn names(value: &[u8]) -> Vec<String> {
    let mut names = Vec::new();
    let mut at = 0;
    while at < value.len() {
        let (mut labels, mut here, mut next, mut begin) = (Vec::new(), at, None, at);
        while let Some(&length) = value.get(here) {
            match length {
                0 => {
                    next.get_or_insert(here + 1);
                    break;
                }
                1..=63 => {
                    let end = here + 1 + usize::from(length);
                    labels.push(String::from_utf8_lossy(value.get(here + 1..end).unwrap_or_default()).into_owned());
                    here = end;
                }
                _ => {
                    next.get_or_insert(here + 2);
                    let low = value.get(here + 1).copied().unwrap_or(0);
                    let to = usize::from(length & 0x3f) << 8 | usize::from(low);
                    if to >= begin {
                        break;
                    }
                    (here, begin) = (to, to);
                }
            }
        }
        names.push(labels.join("."));
        at = next.unwrap_or(value.len());
    }
    names
}

fn routes(mut value: &[u8]) -> Vec<String> {
    let mut routes = Vec::new();
    while let Some((&prefix, rest)) = value.split_first() {
        let length = usize::from(prefix.min(32)).div_ceil(8);
        let (Some(network), Some(gateway)) = (rest.get(..length), rest.get(length..length + 4)) else {
            break;
        };
        let mut octets = [0; 4];
        octets[..length].copy_from_slice(network);
        let gateway = <[u8; 4]>::try_from(gateway)
            .map(Ipv4Addr::from)
            .unwrap_or(Ipv4Addr::UNSPECIFIED);
        routes.push(format!("{}/{prefix} via {gateway}", Ipv4Addr::from(octets)));
        value = &rest[length + 4..];
    }
    routes
}
