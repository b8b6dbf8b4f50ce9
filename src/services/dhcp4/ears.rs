//! Ears and voice on one interface: whole frames, for what UDP sockets cannot do.

use std::io;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::sync::Arc;
use std::time::Duration;

use socket2::{Domain, Protocol, SockRef, Socket, Type};
use tokio::net::UdpSocket;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use wire::Mac;
use wire::dhcp4::{CLIENT_PORT, Message, MessageType, Packet, SERVER_PORT};
use wire::probe::{Arp, Echo, ipv4_payload};

use super::counters::{Dhcp4Counters, add};
use crate::links::{Interface, Kind, PacketSocket, read_udp, udp_frame};

/// What was heard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sound {
    /// Somebody speaks ARP on an interface.
    Arp(Arp),
    /// A DHCP server answered somebody on an interface.
    Server { index: u32, server: Ipv4Addr },
    /// Somebody answered an echo request.
    Echo(Ipv4Addr),
    /// An interface can no longer be listened to.
    Lost(u32),
}

/// Where what was heard goes.
#[derive(Debug, Clone)]
pub(super) struct Sounds {
    pub to: mpsc::Sender<Sound>,
    pub counters: Arc<Dhcp4Counters>,
}

impl Sounds {
    /// What finds no room is lost, as on the wire, and counted.
    fn tell(&self, sound: Sound) {
        let lost = self.to.try_send(sound).is_err();
        add(&self.counters.unheard, u64::from(lost));
    }
}

/// The sockets for frames of one interface; dropped, they close.
#[derive(Debug)]
pub(super) struct Ears {
    mac: Mac,
    /// The hardware address under which other servers are asked; nobody has a lease for it.
    pub asker: Mac,
    arp: Arc<PacketSocket>,
    udp: Arc<PacketSocket>,
    _listening: JoinSet<()>,
}

impl Ears {
    /// Opens them. What is heard goes to `sounds`.
    ///
    /// # Errors
    /// The interface is no Ethernet, or the kernel refuses.
    pub fn open(interface: &Interface, sounds: &Sounds) -> io::Result<Self> {
        let mac = interface
            .mac
            .ok_or_else(|| io::Error::other(format!("{} is no Ethernet", interface.name)))?;
        let arp = Arc::new(PacketSocket::open(interface, Kind::Arp)?);
        let udp = Arc::new(PacketSocket::open(interface, Kind::Udp(CLIENT_PORT))?);
        let index = interface.index;
        let mut listening = JoinSet::new();
        listening.spawn(listen(arp.clone(), sounds.clone(), index, |frame| {
            Arp::parse(frame).ok().map(Sound::Arp)
        }));
        listening.spawn(listen(udp.clone(), sounds.clone(), index, move |frame| {
            let server = answering_server(read_udp(frame)?.payload)?;
            Some(Sound::Server { index, server })
        }));
        Ok(Self {
            mac,
            asker: asker(mac),
            arp,
            udp,
            _listening: listening,
        })
    }

    /// The interface's own hardware address.
    pub fn mac(&self) -> Mac {
        self.mac
    }

    /// The interface has another hardware address now, as a bridge has when a port is added to it.
    pub fn set_mac(&mut self, mac: Mac) {
        (self.mac, self.asker) = (mac, asker(mac));
    }

    /// Asks who has an address.
    pub fn ask_arp(&self, address: Ipv4Addr) -> io::Result<()> {
        self.arp.send(&Arp::probe(self.mac, address).frame())
    }

    /// Asks which DHCP servers there are, as a machine that nobody knows.
    pub fn ask_servers(&self, transaction: u32) -> io::Result<()> {
        let mut message = Vec::new();
        Message::discover(transaction, self.asker).encode(548, &mut message);
        let from = SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, CLIENT_PORT);
        let to = SocketAddrV4::new(Ipv4Addr::BROADCAST, SERVER_PORT);
        // In the name of the interface, since switches may let no other address through its port.
        self.udp.send(&udp_frame(self.mac, Mac::BROADCAST, from, to, &message))
    }

    /// Sends a message to a machine that does not answer ARP yet.
    pub fn send(&self, message: &[u8], to: Mac, source: SocketAddrV4, destination: SocketAddrV4) -> io::Result<()> {
        self.udp.send(&udp_frame(self.mac, to, source, destination, message))
    }
}

async fn listen(socket: Arc<PacketSocket>, sounds: Sounds, index: u32, hear: impl Fn(&[u8]) -> Option<Sound> + Send) {
    let mut frame = vec![0; 2048];
    loop {
        match socket.receive(&mut frame).await {
            Ok(length) => {
                if let Some(sound) = hear(&frame[..length]) {
                    sounds.tell(sound);
                }
            }
            // The interface is down for now; the socket hears again when it is up.
            Err(error) if error.raw_os_error() == Some(nix::libc::ENETDOWN) => {
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
            Err(error) => {
                tracing::debug!(%error, index, "the interface cannot be listened to any more");
                sounds.to.send(Sound::Lost(index)).await.ok();
                return;
            }
        }
    }
}

/// The server that speaks, if this is the answer of a server that gives addresses. A ProxyDHCP server offers none, and
/// is no rival.
fn answering_server(message: &[u8]) -> Option<Ipv4Addr> {
    let packet = Packet::parse(message).ok()?;
    if packet.op() != 2 {
        return None;
    }
    let gives = match packet.message_type()?.ok()? {
        MessageType::Offer | MessageType::Ack => !packet.yiaddr().is_unspecified(),
        MessageType::Nak => true,
        _ => false,
    };
    packet.server_id()?.ok().filter(|_| gives)
}

/// A locally administered address that is always the same for an interface.
fn asker(mac: Mac) -> Mac {
    let hash = mac.octets().iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, octet| {
        (hash ^ u64::from(*octet)).wrapping_mul(0x0100_0000_01b3)
    });
    let [a, b, c, d, e, f, ..] = hash.to_be_bytes();
    Mac([a & 0xfc | 2, b, c, d, e, f])
}

/// Asks addresses beyond routers, where ARP does not go.
#[derive(Debug)]
pub(super) struct EchoSocket {
    socket: Arc<UdpSocket>,
    _listening: JoinSet<()>,
}

/// Tells our echo requests from those of others.
const ECHO_ID: u16 = 0xbe11;

impl EchoSocket {
    /// Opens it.
    ///
    /// # Errors
    /// The kernel's: `CAP_NET_RAW` is needed.
    pub fn open(sounds: &Sounds) -> io::Result<Self> {
        let socket = Socket::new(Domain::IPV4, Type::RAW, Some(Protocol::ICMPV4))?;
        socket.set_nonblocking(true)?;
        let socket = Arc::new(UdpSocket::from_std(socket.into())?);
        let mut listening = JoinSet::new();
        listening.spawn(listen_echo(socket.clone(), sounds.clone()));
        Ok(Self {
            socket,
            _listening: listening,
        })
    }

    /// Asks whether somebody has an address.
    pub fn ask(&self, address: Ipv4Addr) -> io::Result<()> {
        let mut message = Vec::new();
        let echo = Echo {
            is_reply: false,
            id: ECHO_ID,
            sequence: 1,
            data: b"bellwether",
        };
        echo.encode(&mut message);
        let to = SocketAddrV4::new(address, 0);
        SockRef::from(&*self.socket).send_to(&message, &to.into()).map(drop)
    }
}

async fn listen_echo(socket: Arc<UdpSocket>, sounds: Sounds) {
    let mut datagram = vec![0; 2048];
    loop {
        let Ok(length) = socket.recv(&mut datagram).await else {
            continue;
        };
        if let Ok((from, message)) = ipv4_payload(&datagram[..length], 1)
            && let Ok(echo) = Echo::parse(message)
            && echo.is_reply
            && echo.id == ECHO_ID
        {
            sounds.tell(Sound::Echo(from));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(kind: MessageType, address: Ipv4Addr) -> Vec<u8> {
        let (mut question, mut answer) = (Vec::new(), Vec::new());
        Message::discover(1, Mac([2; 6])).encode(548, &mut question);
        let question = Packet::parse(&question).unwrap();
        let mut message = Message::reply_to(&question, kind, Ipv4Addr::new(10, 0, 0, 9));
        message.yiaddr(address);
        message.encode(548, &mut answer);
        answer
    }

    #[test]
    fn a_server_that_gives_addresses_is_heard_and_a_boot_server_is_not() {
        let server = Some(Ipv4Addr::new(10, 0, 0, 9));
        let (given, none) = (Ipv4Addr::new(10, 0, 0, 50), Ipv4Addr::UNSPECIFIED);
        assert_eq!(answering_server(&answer(MessageType::Offer, given)), server);
        assert_eq!(answering_server(&answer(MessageType::Ack, given)), server);
        assert_eq!(answering_server(&answer(MessageType::Nak, none)), server);
        assert_eq!(answering_server(&answer(MessageType::Offer, none)), None);
        assert_eq!(answering_server(b"noise"), None);
    }

    #[test]
    fn the_asker_is_a_locally_administered_address_of_its_own_for_each_interface() {
        let (a, b) = (
            asker(Mac([0x52, 0x54, 0, 0, 0, 1])),
            asker(Mac([0x52, 0x54, 0, 0, 0, 2])),
        );
        assert!(a.is_local() && !a.is_multicast());
        assert_ne!(a, b);
    }
}
