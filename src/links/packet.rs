//! Sockets for whole Ethernet frames of one kind on one interface.

use std::io::{self, Read};
use std::os::fd::AsRawFd;

use socket2::{Domain, Protocol, SockFilter, SockRef, Socket, Type};
use tokio::net::UdpSocket;

use super::Interface;

/// Which frames a socket hears.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// ARP.
    Arp,
    /// UDP over IPv4 to one port.
    Udp(u16),
}

const ETH_P_IP: u16 = 0x0800;
const ETH_P_ARP: u16 = 0x0806;

/// A socket for whole frames, header included, of one kind on one interface.
#[derive(Debug)]
pub struct PacketSocket {
    /// tokio's type for sockets that receive message by message; only its `recv` is used.
    socket: UdpSocket,
}

impl PacketSocket {
    /// Opens a socket; must be called inside a tokio runtime.
    ///
    /// # Errors
    /// The kernel's: `CAP_NET_RAW` is needed, and the interface must be there.
    pub fn open(interface: &Interface, kind: Kind) -> io::Result<Self> {
        let ethertype = match kind {
            Kind::Arp => ETH_P_ARP,
            Kind::Udp(_) => ETH_P_IP,
        };
        let protocol = Protocol::from(i32::from(ethertype.to_be()));
        let socket = Socket::new(Domain::PACKET, Type::RAW, Some(protocol))?;
        socket.set_nonblocking(true)?;
        if let Kind::Udp(port) = kind {
            socket.attach_filter(&udp_to(port))?;
        }
        let link = interface.link.ok_or(io::ErrorKind::AddrNotAvailable)?;
        nix::sys::socket::bind(socket.as_raw_fd(), &link)?;
        // Between its creation and the bind it heard every interface.
        let mut other = [0; 1];
        while (&socket).read(&mut other).is_ok() {}
        Ok(Self {
            socket: UdpSocket::from_std(socket.into())?,
        })
    }

    /// Waits for a frame; how many octets of `frame` it fills.
    ///
    /// # Errors
    /// The kernel's, `ENETDOWN` when the interface is switched off.
    pub async fn receive(&self, frame: &mut [u8]) -> io::Result<usize> {
        self.socket.recv(frame).await
    }

    /// Sends a frame, or drops it if the interface cannot take it now, as a network would.
    ///
    /// # Errors
    /// The kernel's.
    pub fn send(&self, frame: &[u8]) -> io::Result<()> {
        SockRef::from(&self.socket).send(frame).map(drop)
    }
}

/// A classic BPF program that lets whole UDP datagrams to one port through, so that the rest of the host's traffic
/// costs nothing.
fn udp_to(port: u16) -> [SockFilter; 9] {
    const LOAD_HALF: u16 = 0x28;
    const LOAD_BYTE: u16 = 0x30;
    const LOAD_HEADER_LENGTH: u16 = 0xb1;
    const LOAD_HALF_INDEXED: u16 = 0x48;
    const IF_EQUAL: u16 = 0x15;
    const IF_ANY_BIT: u16 = 0x45;
    const RETURN: u16 = 0x06;
    [
        SockFilter::new(LOAD_BYTE, 0, 0, 23),
        SockFilter::new(IF_EQUAL, 0, 6, 17),
        SockFilter::new(LOAD_HALF, 0, 0, 20),
        SockFilter::new(IF_ANY_BIT, 4, 0, 0x1fff),
        SockFilter::new(LOAD_HEADER_LENGTH, 0, 0, 14),
        SockFilter::new(LOAD_HALF_INDEXED, 0, 0, 16),
        SockFilter::new(IF_EQUAL, 0, 1, u32::from(port)),
        SockFilter::new(RETURN, 0, 0, 0xffff),
        SockFilter::new(RETURN, 0, 0, 0),
    ]
}
