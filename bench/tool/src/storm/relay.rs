//! A relay agent in front of the simulated machines: one socket for all of them, told apart by their transactions.
//!
//! Every DHCP server answers a relay agent by unicast to its address (RFC 2131 section 4.1), so this needs neither raw sockets
//! nor a link per machine.

use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::UdpSocket;
use tokio::sync::mpsc;
use wire::dhcp4::{Packet, SERVER_PORT};

type Waiting = HashMap<u32, mpsc::UnboundedSender<Vec<u8>>>;

/// The relay agent.
pub struct Relay {
    socket: UdpSocket,
    server: SocketAddrV4,
    /// Its own address, which tells the server the machines' network.
    pub address: Ipv4Addr,
    waiting: Mutex<Waiting>,
    next: AtomicU32,
    /// Answers that nobody waits for any more.
    pub late: AtomicU64,
}

/// One machine's conversation; its answers come in until it is dropped.
pub struct Conversation {
    relay: Arc<Relay>,
    /// The transaction.
    pub xid: u32,
    answers: mpsc::UnboundedReceiver<Vec<u8>>,
}

impl Relay {
    /// Binds the relay agent's address, port 67.
    ///
    /// # Errors
    /// A text that says what to do.
    pub fn bind(address: Ipv4Addr, server: Ipv4Addr) -> Result<Arc<Self>, String> {
        let socket = socket(address).map_err(|error| {
            format!("the relay agent cannot have {address}:67: {error}; is the address ours, and are we root?")
        })?;
        Ok(Arc::new(Self {
            socket,
            server: SocketAddrV4::new(server, SERVER_PORT),
            address,
            waiting: Mutex::default(),
            next: AtomicU32::new(0x4257_0000),
            late: AtomicU64::new(0),
        }))
    }

    /// Hands answers to those who wait for them, forever.
    pub async fn run(self: Arc<Self>) -> std::io::Result<()> {
        let mut buffer = vec![0; 2048];
        loop {
            let length = match self.socket.recv_from(&mut buffer).await {
                Ok((length, _)) => length,
                // The server's port is closed: machines find out by silence.
                Err(error) if error.kind() == std::io::ErrorKind::ConnectionRefused => continue,
                Err(error) => return Err(error),
            };
            let Ok(packet) = Packet::parse(&buffer[..length]) else {
                continue;
            };
            match self.waiting().get(&packet.xid()) {
                Some(conversation) => drop(conversation.send(buffer[..length].to_vec())),
                None => drop(self.late.fetch_add(1, Ordering::Relaxed)),
            }
        }
    }

    /// Begins a conversation.
    pub fn talk(self: &Arc<Self>) -> Conversation {
        let xid = self.next.fetch_add(1, Ordering::Relaxed);
        let (sender, answers) = mpsc::unbounded_channel();
        self.waiting().insert(xid, sender);
        Conversation {
            relay: self.clone(),
            xid,
            answers,
        }
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Conversation {
    /// Sends a message to the server. What the system refuses to send is lost, as on any network.
    pub async fn send(&self, message: &[u8]) {
        let _ = self.relay.socket.send_to(message, self.relay.server).await;
    }

    /// The next answer.
    pub async fn answer(&mut self) -> Vec<u8> {
        match self.answers.recv().await {
            Some(answer) => answer,
            // The relay keeps the sender as long as we are there.
            None => std::future::pending().await,
        }
    }
}

impl Drop for Conversation {
    fn drop(&mut self) {
        self.relay.waiting().remove(&self.xid);
    }
}

fn socket(address: Ipv4Addr) -> std::io::Result<UdpSocket> {
    let socket = Socket::new(Domain::IPV4, Type::DGRAM, Some(Protocol::UDP))?;
    // Answers to thousands arrive in a moment.
    socket.set_recv_buffer_size(8 << 20)?;
    socket.set_nonblocking(true)?;
    socket.bind(&SocketAddrV4::new(address, SERVER_PORT).into())?;
    UdpSocket::from_std(socket.into())
}
