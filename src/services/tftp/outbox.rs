//! Packets of many transfers that leave together.

use std::io::{self, ErrorKind, IoSlice};
use std::net::{SocketAddr, UdpSocket};
use std::os::fd::AsRawFd as _;

use nix::sys::socket::{MsgFlags, MultiHeaders, SockaddrStorage, sendmmsg, sendto};

/// Most packets of a call.
const PACKETS: usize = 64;
/// Bytes that are kept at most, but for the last packet.
const BYTES: usize = 256 << 10;

#[derive(Debug, Default)]
pub(super) struct Outbox {
    bytes: Vec<u8>,
    /// Where each packet ends in `bytes`.
    ends: Vec<usize>,
    /// Where each goes.
    clients: Vec<Option<SockaddrStorage>>,
    /// How many were sent already.
    sent: usize,
}

/// What [`Outbox::flush`] came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Flushed {
    /// Nothing is left.
    Empty,
    /// The kernel takes no more for now.
    Blocked,
}

impl Outbox {
    /// Whether there is no room for another packet.
    pub(super) fn is_full(&self) -> bool {
        self.ends.len() >= PACKETS || self.bytes.len() > BYTES
    }

    /// Adds a packet, which is told in two parts. Whether it is the first.
    pub(super) fn add(&mut self, client: SocketAddr, header: &[u8], rest: &[u8]) -> bool {
        self.bytes.extend_from_slice(header);
        self.bytes.extend_from_slice(rest);
        self.ends.push(self.bytes.len());
        self.clients.push(Some(client.into()));
        self.ends.len() == 1
    }

    /// Sends all. A packet about which `send` errs is as good as lost on the way.
    pub(super) fn flush(&mut self, mut send: impl FnMut(Batch<'_>) -> io::Result<usize>) -> Flushed {
        while self.sent < self.ends.len() {
            match send(Batch { of: self }) {
                Ok(count) => self.sent += count.max(1),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Flushed::Blocked,
                Err(error) => {
                    tracing::debug!(client = ?self.clients[self.sent], %error, "a TFTP packet could not be sent");
                    self.sent += 1;
                }
            }
        }
        self.bytes.clear();
        self.ends.clear();
        self.clients.clear();
        self.sent = 0;
        Flushed::Empty
    }
}

/// What was not sent yet.
#[derive(Debug, Clone, Copy)]
pub(super) struct Batch<'a> {
    of: &'a Outbox,
}

impl Batch<'_> {
    /// How many packets one call would send.
    pub(super) fn len(self) -> usize {
        (self.of.ends.len() - self.of.sent).min(PACKETS)
    }

    /// Sends as many as the kernel takes in one call; how many it took.
    ///
    /// # Errors
    /// About the first packet, or about what was sent before.
    pub(super) fn send(self, socket: &UdpSocket) -> io::Result<usize> {
        let Outbox {
            bytes,
            ends,
            clients,
            sent,
        } = self.of;
        let start = |n: usize| n.checked_sub(1).map_or(0, |before| ends[before]);
        let count = self.len();
        let (fd, clients) = (socket.as_raw_fd(), &clients[*sent..sent + count]);
        if let [Some(client)] = clients {
            sendto(fd, &bytes[start(*sent)..ends[*sent]], client, MsgFlags::MSG_DONTWAIT)?;
            return Ok(1);
        }
        let mut parts = [[IoSlice::new(&[])]; PACKETS];
        for (n, part) in (*sent..).zip(&mut parts[..count]) {
            *part = [IoSlice::new(&bytes[start(n)..ends[n]])];
        }
        let mut headers = MultiHeaders::preallocate(count, None);
        let results = sendmmsg(fd, &mut headers, &parts[..count], clients, [], MsgFlags::MSG_DONTWAIT)?;
        Ok(results.count())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn address(port: u16) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], port))
    }

    #[test]
    fn all_leave_in_their_order_whatever_the_kernel_takes_at_once() {
        let client = UdpSocket::bind("127.0.0.1:0").unwrap();
        let server = UdpSocket::bind("127.0.0.1:0").unwrap();
        let to = client.local_addr().unwrap();
        let mut outbox = Outbox::default();
        for count in [1, 2, 63, 64] {
            for n in 0..count {
                let packet = vec![n; usize::from(n % 9)];
                let (header, rest) = packet.split_at(packet.len() / 2);
                assert_eq!(outbox.add(to, header, rest), n == 0);
            }
            assert_eq!(outbox.is_full(), count == 64);
            assert_eq!(outbox.flush(|batch| batch.send(&server)), Flushed::Empty);
            for n in 0..count {
                let mut buffer = [0; 16];
                let length = client.recv(&mut buffer).unwrap();
                assert_eq!(buffer[..length], [n; 9][..usize::from(n % 9)]);
            }
        }
    }

    #[test]
    fn what_the_kernel_does_not_take_stays_and_what_it_refuses_is_lost() {
        let mut outbox = Outbox::default();
        for n in 1..=5 {
            outbox.add(address(n), &[0], &[]);
        }
        let mut turn = 0;
        let mut send = |batch: Batch<'_>| {
            turn += 1;
            match turn {
                1 => Ok(2),
                2 => Err(ErrorKind::WouldBlock.into()),
                3 => Err(ErrorKind::NetworkUnreachable.into()),
                _ => Ok(batch.of.ends.len() - batch.of.sent),
            }
        };
        assert_eq!(outbox.flush(&mut send), Flushed::Blocked);
        assert_eq!(outbox.sent, 2);
        assert_eq!(outbox.flush(&mut send), Flushed::Empty);
        assert_eq!(turn, 4);
        assert!(outbox.add(address(1), &[0], &[]));
    }
}
