//! One transfer's way to its client.

use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::task::{Context, Poll};

use nix::sys::socket::{getsockopt, sockopt};

use super::inbox::Inbox;
use super::trunk::Trunk;

/// The network says that nobody listens at the client's port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Closed;

/// A client at one of our sockets.
#[derive(Debug)]
pub(super) struct Line {
    trunk: Arc<Trunk>,
    client: SocketAddr,
    inbox: Arc<Inbox>,
    spare: Vec<u8>,
    mtu: Option<u32>,
}

impl Line {
    /// Takes the place of `client` at a socket; `None` when another transfer has it.
    ///
    /// # Errors
    /// There is no way to the client.
    pub(super) fn open(trunk: Arc<Trunk>, client: SocketAddr) -> io::Result<Option<Self>> {
        let mtu = path_mtu(trunk.local(), client)?;
        let inbox = Arc::default();
        Ok(trunk.register(client, &inbox).then(|| Self {
            trunk,
            client,
            inbox,
            spare: Vec::new(),
            mtu,
        }))
    }

    /// Our address, with the port.
    pub(super) fn local(&self) -> SocketAddr {
        self.trunk.local()
    }

    /// The longest IPv4 datagram that reaches the client in one piece, if the system says so.
    pub(super) fn mtu(&self) -> Option<u32> {
        self.mtu
    }

    /// Whether something has come.
    pub(super) fn poll_heard(&self, cx: &mut Context<'_>) -> Poll<()> {
        self.inbox.poll(cx)
    }

    /// Hands over all that has come. Whether anything had.
    ///
    /// # Errors
    /// [`Closed`], after what came before it.
    pub(super) fn take(&mut self, each: impl FnMut(&[u8])) -> Result<bool, Closed> {
        let any = self.inbox.take(&mut self.spare, each);
        if self.inbox.was_closed() {
            return Err(Closed);
        }
        Ok(any)
    }

    /// Sends a packet.
    ///
    /// # Errors
    /// As [`Trunk::send`].
    pub(super) async fn send(&self, packet: &[u8]) -> io::Result<()> {
        self.trunk.send(self.client, packet, &[]).await
    }

    /// Sends a block with its header.
    ///
    /// # Errors
    /// As [`Trunk::send`].
    pub(super) async fn send_block(&self, header: &[u8], block: &[u8]) -> io::Result<()> {
        self.trunk.send(self.client, header, block).await
    }

    /// Sends packets of `length` bytes (the last one may be shorter) in one piece.
    ///
    /// # Errors
    /// As [`Trunk::send_cut`].
    pub(super) async fn send_cut(&self, packets: &[u8], length: u16) -> io::Result<()> {
        self.trunk.send_cut(self.client, packets, length).await
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        self.trunk.unregister(self.client);
    }
}

/// The system tells it of sockets alone that have a peer. Only the IPv4 option can be asked for here.
fn path_mtu(mut local: SocketAddr, client: SocketAddr) -> io::Result<Option<u32>> {
    local.set_port(0);
    let probe = UdpSocket::bind(local)?;
    probe.connect(client)?;
    if client.is_ipv6() {
        return Ok(None);
    }
    let mtu = getsockopt(&probe, sockopt::IpMtu).ok();
    Ok(mtu.and_then(|mtu| u32::try_from(mtu).ok()))
}

#[cfg(test)]
pub(super) mod tests {
    #![allow(clippy::unwrap_used)]
    use std::future::poll_fn;

    use super::super::trunks::Trunks;
    use super::*;

    /// A line, and the client at its other end.
    pub(in super::super) fn pair() -> (Line, UdpSocket) {
        let client = UdpSocket::bind("127.0.0.1:0").unwrap();
        let line = Trunks::default()
            .line("127.0.0.1:0".parse().unwrap(), client.local_addr().unwrap())
            .unwrap();
        client.connect(line.local()).unwrap();
        (line, client)
    }

    #[tokio::test]
    async fn all_that_has_come_is_handed_over_and_the_next_is_waited_for() {
        let (mut line, client) = pair();
        for burst in [1, 2, 3, 4, 9, 70] {
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
    async fn a_closed_port_is_told_to_the_line_of_that_client_alone() {
        let trunks = Trunks::default();
        let local = "127.0.0.1:0".parse().unwrap();
        let clients = [0, 1].map(|_| UdpSocket::bind("127.0.0.1:0").unwrap());
        let mut lines = Vec::new();
        for client in &clients {
            lines.push(trunks.line(local, client.local_addr().unwrap()).unwrap());
        }
        // Both at one socket.
        while lines[0].local() != lines[1].local() {
            lines[1] = trunks.line(local, clients[1].local_addr().unwrap()).unwrap();
        }
        let [gone, stays] = clients;
        drop(gone);
        let mut buffer = [0; 16];
        for _ in 0..2 {
            for line in &lines {
                line.send(b"data").await.unwrap();
            }
            tokio::task::yield_now().await;
            tokio::task::yield_now().await;
        }
        poll_fn(|cx| lines[0].poll_heard(cx)).await;
        assert_eq!(lines[0].take(|_| {}), Err(Closed));
        assert!(!lines[1].take(|_| {}).unwrap());
        for _ in 0..2 {
            assert_eq!(stays.recv(&mut buffer).unwrap(), 4);
        }
    }

    #[tokio::test]
    async fn strangers_and_those_who_have_left_reach_nobody() {
        let (mut line, client) = pair();
        let stranger = UdpSocket::bind("127.0.0.1:0").unwrap();
        stranger.send_to(b"forged", line.local()).unwrap();
        client.send(b"mine").unwrap();
        poll_fn(|cx| line.poll_heard(cx)).await;
        let mut heard = Vec::new();
        line.take(|packet| heard.push(packet.to_vec())).unwrap();
        assert_eq!(heard, [b"mine".to_vec()]);
    }

    // The kernel tells of it at once and in its queue of errors, too, each time anew.
    #[tokio::test]
    async fn a_packet_that_can_never_leave_is_lost_and_holds_nobody_up() {
        let (line, client) = pair();
        let endless = vec![0; 65_520];
        line.send(&endless).await.unwrap();
        line.send_cut(&endless, 65_520).await.unwrap_err();
        line.send(b"after").await.unwrap();
        drop(line);
        let mut buffer = [0; 16];
        assert_eq!(client.recv(&mut buffer).unwrap(), 5);
    }

    #[tokio::test]
    async fn what_was_said_last_leaves_before_the_socket_closes() {
        let (line, client) = pair();
        line.send(b"farewell").await.unwrap();
        drop(line);
        let mut buffer = [0; 16];
        assert_eq!(client.recv(&mut buffer).unwrap(), 8);
    }
}
