//! The socket at the well-known port, which tells for every request the address that was asked.

use std::io::{self, ErrorKind, IoSliceMut};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6, UdpSocket};
use std::os::fd::AsRawFd as _;
use std::time::Duration;

use nix::libc;
use nix::sys::socket::{ControlMessageOwned, MsgFlags, SockaddrStorage, recvmsg, setsockopt, sockopt};
use socket2::{Domain, Protocol, Socket, Type};
use tokio::io::Interest;

use super::TftpError;

/// Longest request that is looked at, in bytes; RFC 2347 asks for no more than 512.
const LONGEST_REQUEST: usize = 2048;
/// Room in the kernel for the requests of a room full of machines that are switched on together, in bytes.
const BACKLOG: usize = 1 << 20;
/// Pause after an error that will pass.
const PAUSE: Duration = Duration::from_millis(50);

/// A bound socket, not yet read from.
#[derive(Debug)]
pub struct Listener {
    address: SocketAddr,
    socket: UdpSocket,
}

impl Listener {
    /// Binds one address; 0.0.0.0 or :: means every address of that family. Needs no runtime, but port 69 needs the privilege.
    ///
    /// # Errors
    /// [`TftpError::Bind`] with the address and the system's reason.
    pub fn bind(address: SocketAddr) -> Result<Self, TftpError> {
        let open = || -> io::Result<Self> {
            let socket = Socket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))?;
            socket.set_nonblocking(true)?;
            if address.is_ipv6() {
                socket.set_only_v6(true)?;
                setsockopt(&socket, sockopt::Ipv6RecvPacketInfo, &true)?;
            } else {
                setsockopt(&socket, sockopt::Ipv4PacketInfo, &true)?;
            }
            // The kernel may grant less; then a storm loses more requests, which firmware repeats.
            let _ = socket.set_recv_buffer_size(BACKLOG);
            socket.bind(&address.into())?;
            let socket = UdpSocket::from(socket);
            Ok(Self {
                address: socket.local_addr()?,
                socket,
            })
        };
        open().map_err(|source| TftpError::Bind { address, source })
    }

    /// The address with the port that the system chose, if it was to choose one.
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    pub(super) fn into_receiver(self) -> Result<Receiver, TftpError> {
        let address = self.address;
        let socket = tokio::net::UdpSocket::from_std(self.socket);
        let socket = socket.map_err(|source| TftpError::Receive { address, source })?;
        Ok(Receiver { address, socket })
    }
}

/// A datagram, where it came from and where it was sent to.
pub(super) struct Arrival {
    pub(super) datagram: Vec<u8>,
    pub(super) client: SocketAddr,
    /// Our address, with port 0 and, for IPv6 link-local addresses, the interface.
    pub(super) local: SocketAddr,
    /// Our port.
    pub(super) port: u16,
}

pub(super) struct Receiver {
    address: SocketAddr,
    socket: tokio::net::UdpSocket,
}

impl Receiver {
    /// The next datagram that was sent to one of our addresses. Those to broadcast and multicast addresses are dropped
    /// (RFC 1123 §4.2.3.5).
    pub(super) async fn next(&self) -> Result<Arrival, TftpError> {
        loop {
            match self.socket.async_io(Interest::READABLE, || self.receive()).await {
                Ok(Some(arrival)) => return Ok(arrival),
                Ok(None) => {}
                Err(error) if passes(&error) => {
                    tracing::warn!(address = %self.address, %error, "TFTP could not receive, and tries again");
                    tokio::time::sleep(PAUSE).await;
                }
                Err(source) => {
                    return Err(TftpError::Receive {
                        address: self.address,
                        source,
                    });
                }
            }
        }
    }

    fn receive(&self) -> io::Result<Option<Arrival>> {
        let mut buffer = [0u8; LONGEST_REQUEST];
        let mut control = nix::cmsg_space!(libc::in6_pktinfo);
        let mut parts = [IoSliceMut::new(&mut buffer)];
        let fd = self.socket.as_raw_fd();
        let message = recvmsg::<SockaddrStorage>(fd, &mut parts, Some(&mut control), MsgFlags::empty())?;
        let client = message.address.as_ref().and_then(socket_address);
        let local = message.cmsgs()?.find_map(|message| asked_address(&message));
        let length = message.bytes;
        Ok(client.zip(local.flatten()).map(|(client, local)| Arrival {
            datagram: buffer[..length].to_vec(),
            client,
            local,
            port: self.address.port(),
        }))
    }
}

/// Conditions of the network that end by themselves; anything else means that the socket is of no more use.
fn passes(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::Interrupted
            | ErrorKind::ConnectionRefused
            | ErrorKind::ConnectionReset
            | ErrorKind::OutOfMemory
            | ErrorKind::NetworkDown
            | ErrorKind::NetworkUnreachable
            | ErrorKind::HostUnreachable
    ) || error.raw_os_error() == Some(libc::ENOBUFS)
}

/// As the standard library has it.
pub(super) fn socket_address(storage: &SockaddrStorage) -> Option<SocketAddr> {
    if let Some(v4) = storage.as_sockaddr_in() {
        return Some(SocketAddr::V4((*v4).into()));
    }
    storage.as_sockaddr_in6().map(|v6| SocketAddr::V6((*v6).into()))
}

/// The address of ours that a datagram was sent to: `Some(None)` when it was sent to many.
fn asked_address(message: &ControlMessageOwned) -> Option<Option<SocketAddr>> {
    match message {
        ControlMessageOwned::Ipv4PacketInfo(info) => {
            let sent_to = Ipv4Addr::from(u32::from_be(info.ipi_addr.s_addr));
            let ours = Ipv4Addr::from(u32::from_be(info.ipi_spec_dst.s_addr));
            Some((sent_to == ours).then(|| SocketAddr::new(IpAddr::V4(ours), 0)))
        }
        ControlMessageOwned::Ipv6PacketInfo(info) => {
            let ours = Ipv6Addr::from(info.ipi6_addr.s6_addr);
            let scope = if ours.is_unicast_link_local() {
                info.ipi6_ifindex
            } else {
                0
            };
            Some((!ours.is_multicast()).then(|| SocketAddr::V6(SocketAddrV6::new(ours, 0, 0, scope))))
        }
        _ => None,
    }
}
