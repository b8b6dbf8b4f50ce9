//! A UDP port on all interfaces at once, that tells and chooses the interface of each datagram (`IP_PKTINFO`).
//!
//! One socket instead of one for each interface: it is bound before privileges are given up, and interfaces that come
//! later need nothing.

use std::io::{self, IoSlice, IoSliceMut};
use std::net::{Ipv4Addr, SocketAddrV4};
use std::os::fd::AsRawFd;

use nix::libc::{in_addr, in_pktinfo};
use nix::sys::socket::{
    ControlMessage, ControlMessageOwned, MsgFlags, SockaddrIn, recvmsg, sendmsg, setsockopt, sockopt,
};
use socket2::{Domain, Protocol, Socket, Type};
use tokio::io::Interest;
use tokio::net::UdpSocket;

/// The receive buffer asked for, in bytes: some 10,000 DISCOVERs, as when a hall gets its power back.
const BUFFER: usize = 8 << 20;

/// A UDP port on all interfaces.
#[derive(Debug)]
pub(super) struct Port {
    socket: UdpSocket,
    /// Its number.
    pub number: u16,
}

/// How a datagram came in.
#[derive(Debug, Clone, Copy)]
pub(super) struct Arrival {
    /// Octets of it.
    pub length: usize,
    /// Who sent it.
    pub from: SocketAddrV4,
    /// To which address.
    pub to: Ipv4Addr,
    /// Our address on the interface on which it came.
    pub local: Ipv4Addr,
    /// The kernel's number of that interface.
    pub interface: u32,
}

impl Port {
    /// Binds it; must be called inside a tokio runtime.
    pub fn bind(number: u16) -> io::Result<Self> {
        let socket = Socket::new(Domain::IPV4, Type::DGRAM, Some(Protocol::UDP))?;
        socket.set_nonblocking(true)?;
        // Another server may have the port on other interfaces (libvirt's dnsmasq is bound to its bridge).
        socket.set_reuse_address(true)?;
        socket.set_broadcast(true)?;
        setsockopt(&socket, sockopt::Ipv4PacketInfo, &true)?;
        // What the kernel does not grant is not needed to work.
        setsockopt(&socket, sockopt::RcvBufForce, &BUFFER)
            .or_else(|_| setsockopt(&socket, sockopt::RcvBuf, &BUFFER))
            .ok();
        socket.bind(&SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, number).into())?;
        let number = match socket.local_addr()?.as_socket_ipv4() {
            Some(address) => address.port(),
            None => number,
        };
        Ok(Self {
            socket: UdpSocket::from_std(socket.into())?,
            number,
        })
    }

    /// Waits for a datagram.
    pub async fn receive(&self, buffer: &mut [u8]) -> io::Result<Arrival> {
        self.socket
            .async_io(Interest::READABLE, || receive(&self.socket, buffer))
            .await
    }

    /// A datagram that is there already.
    pub fn try_receive(&self, buffer: &mut [u8]) -> Option<Arrival> {
        receive(&self.socket, buffer).ok()
    }

    /// Sends a datagram from an address of ours; through that interface, or by the routing table if it is `None`.
    pub fn send(&self, bytes: &[u8], to: SocketAddrV4, from: Ipv4Addr, interface: Option<u32>) -> io::Result<()> {
        let info = in_pktinfo {
            ipi_ifindex: interface.unwrap_or(0) as i32,
            ipi_spec_dst: in_addr {
                s_addr: u32::from_ne_bytes(from.octets()),
            },
            ipi_addr: in_addr { s_addr: 0 },
        };
        sendmsg(
            self.socket.as_raw_fd(),
            &[IoSlice::new(bytes)],
            &[ControlMessage::Ipv4PacketInfo(&info)],
            MsgFlags::MSG_DONTWAIT,
            Some(&SockaddrIn::from(to)),
        )?;
        Ok(())
    }
}

fn receive(socket: &UdpSocket, buffer: &mut [u8]) -> io::Result<Arrival> {
    let mut control = nix::cmsg_space!(in_pktinfo);
    let mut parts = [IoSliceMut::new(buffer)];
    let message = recvmsg::<SockaddrIn>(
        socket.as_raw_fd(),
        &mut parts,
        Some(&mut control),
        MsgFlags::MSG_DONTWAIT,
    )?;
    let address = |raw: in_addr| Ipv4Addr::from(raw.s_addr.to_ne_bytes());
    let info = message.cmsgs()?.find_map(|message| match message {
        ControlMessageOwned::Ipv4PacketInfo(info) => Some(info),
        _ => None,
    });
    let (Some(from), Some(info)) = (message.address, info) else {
        return Err(io::Error::other("the kernel did not say how a datagram came in"));
    };
    Ok(Arrival {
        length: message.bytes,
        from: from.into(),
        to: address(info.ipi_addr),
        local: address(info.ipi_spec_dst),
        interface: info.ipi_ifindex as u32,
    })
}
