//! The socket of one transfer.
//!
//! Only its readiness to be read is watched: it can be written to nearly always, and the kernel would tell so after each packet
//! that has left, which costs as much as the packets of a lock-step transfer themselves.

use std::io::{self, ErrorKind, IoSlice, IoSliceMut};
use std::net::{SocketAddr, UdpSocket};
use std::os::fd::AsRawFd as _;
use std::task::{Context, Poll};

use nix::sys::socket::{ControlMessage, MsgFlags, MultiHeaders, recvmmsg, sendmsg};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use crate::links::watched;

/// Longest packet that is looked at during a transfer, in bytes; an ACK has 4, an ERROR a line of text.
const LONGEST_PACKET: usize = 256;
/// Packets in one call; mostly there is one.
const AT_ONCE: usize = 2;
/// Packets that are taken in before it is the transfer's turn to send: a window's worth of repeated ACKs.
const MOST: usize = 64;

/// A socket between one address of ours and one client.
#[derive(Debug)]
pub(super) struct Line(AsyncFd<UdpSocket>);

impl Line {
    /// Opens it at an address of ours, whose port may be 0.
    ///
    /// # Errors
    /// The kernel has no socket for us, or there is no way to the client.
    pub(super) fn open(local: SocketAddr, client: SocketAddr) -> io::Result<Self> {
        let socket = UdpSocket::bind(local)?;
        socket.set_nonblocking(true)?;
        socket.connect(client)?;
        watched(socket, Interest::READABLE).map(Self)
    }

    /// The socket itself.
    pub(super) fn socket(&self) -> &UdpSocket {
        self.0.get_ref()
    }

    /// Whether something may have come.
    pub(super) fn poll_heard(&self, cx: &mut Context<'_>) -> Poll<()> {
        // What is wrong with the socket is told by reading from it.
        self.0.poll_read_ready(cx).map(drop)
    }

    /// Hands over all that has come. Whether anything had.
    ///
    /// # Errors
    /// The socket's, such as the client's port being closed.
    pub(super) fn take(&self, mut each: impl FnMut(&[u8])) -> io::Result<bool> {
        let mut buffers = [[0; LONGEST_PACKET]; AT_ONCE];
        let mut lengths = [0; AT_ONCE];
        let mut total = 0;
        while total < MOST {
            let mut count = 0;
            let drained = self.0.try_io(Interest::READABLE, |socket| {
                count = receive(socket, &mut buffers, &mut lengths)?;
                // Less than there was room for is all that there was. To say so here saves a call that would find nothing.
                if count < AT_ONCE {
                    Err(ErrorKind::WouldBlock.into())
                } else {
                    Ok(())
                }
            });
            for (buffer, length) in buffers.iter().zip(lengths).take(count) {
                each(&buffer[..length]);
            }
            total += count;
            match drained {
                Ok(()) => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => return Err(error),
            }
        }
        Ok(total > 0)
    }

    /// Sends a packet.
    ///
    /// # Errors
    /// The socket's, such as the client's port being closed.
    pub(super) async fn send(&self, packet: &[u8]) -> io::Result<()> {
        self.when_writable(|socket| socket.send(packet).map(drop)).await
    }

    /// Sends packets of `length` bytes (the last one may be shorter) in one piece, which the kernel cuts (`UDP_SEGMENT`,
    /// udp(7)).
    ///
    /// # Errors
    /// As [`Line::send`], or the kernel cannot cut on this path.
    pub(super) async fn send_cut(&self, packets: &[u8], length: u16) -> io::Result<()> {
        self.when_writable(|socket| {
            let cut = [ControlMessage::UdpGsoSegments(&length)];
            let parts = [IoSlice::new(packets)];
            sendmsg::<()>(socket.as_raw_fd(), &parts, &cut, MsgFlags::MSG_DONTWAIT, None)?;
            Ok(())
        })
        .await
    }

    async fn when_writable(&self, send: impl Fn(&UdpSocket) -> io::Result<()>) -> io::Result<()> {
        match send(self.socket()) {
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            done => return done,
        }
        // The interface is slower than we are.
        let socket = watched(self.socket().try_clone()?, Interest::WRITABLE)?;
        loop {
            match socket.async_io(Interest::WRITABLE, &send).await {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                done => return done,
            }
        }
    }
}

fn receive(
    socket: &UdpSocket,
    buffers: &mut [[u8; LONGEST_PACKET]; AT_ONCE],
    lengths: &mut [usize; AT_ONCE],
) -> io::Result<usize> {
    let mut headers = MultiHeaders::<()>::preallocate(AT_ONCE, None);
    let mut slices = buffers.each_mut().map(|buffer| [IoSliceMut::new(buffer)]);
    let received = recvmmsg(
        socket.as_raw_fd(),
        &mut headers,
        slices.iter_mut(),
        MsgFlags::MSG_DONTWAIT,
        None,
    )?;
    let mut count = 0;
    for (message, length) in received.zip(lengths) {
        *length = message.bytes.min(LONGEST_PACKET);
        count += 1;
    }
    Ok(count)
}

#[cfg(test)]
pub(super) mod tests {
    #![allow(clippy::unwrap_used)]
    use std::future::poll_fn;

    use super::*;

    /// A line, and the client at its other end.
    pub(in super::super) fn pair() -> (Line, UdpSocket) {
        let client = UdpSocket::bind("127.0.0.1:0").unwrap();
        let line = Line::open("127.0.0.1:0".parse().unwrap(), client.local_addr().unwrap()).unwrap();
        client.connect(line.socket().local_addr().unwrap()).unwrap();
        (line, client)
    }

    #[tokio::test]
    async fn all_that_has_come_is_handed_over_and_the_next_is_waited_for() {
        let (line, client) = pair();
        for burst in [1, 2, 3, 4, 9] {
            for n in 0..burst {
                client.send(&[n; 4]).unwrap();
            }
            let mut heard = Vec::new();
            while heard.len() < usize::from(burst) {
                poll_fn(|cx| line.poll_heard(cx)).await;
                line.take(|packet| heard.push(packet[0])).unwrap();
            }
            assert_eq!(heard, (0..burst).collect::<Vec<u8>>());
            let nothing = tokio::time::timeout(std::time::Duration::from_millis(20), async {
                loop {
                    poll_fn(|cx| line.poll_heard(cx)).await;
                    if line.take(|_| {}).unwrap() {
                        break;
                    }
                }
            });
            assert!(nothing.await.is_err());
        }
    }

    #[tokio::test]
    async fn a_closed_port_is_told() {
        let (line, client) = pair();
        drop(client);
        line.send(b"into nothing").await.unwrap();
        // Only what is sent later hears of it: an error alone does not make a socket readable.
        let error = line.send(b"again").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
    }
}
