//! One socket for many transfers.
//!
//! Invariant: what comes from a client goes to the line that is registered for it, and from anybody else to nobody.
//! Invariant: nothing is ever answered here: the answer to a straggler would reach whatever its client does next from its port.
//!
//! Datagrams are taken in and sent many at a time: a thousand clients in lock-step cost a call for each 64 of their blocks, and one
//! socket stays in the processor's cache where a thousand do not.

use std::collections::HashMap;
use std::io::{self, ErrorKind, IoSlice, IoSliceMut};
use std::net::{SocketAddr, UdpSocket};
use std::os::fd::AsRawFd as _;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::task::AtomicWaker;
use nix::libc;
use nix::sys::socket::{
    ControlMessage, ControlMessageOwned, MsgFlags, MultiHeaders, SockaddrStorage, recvmmsg, recvmsg, sendmsg,
    setsockopt, sockopt,
};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::task::AbortHandle;

use super::inbox::Inbox;
use super::listener::socket_address;
use super::lock;
use super::outbox::{Batch, Flushed, Outbox};
use crate::links::watched;

/// Longest packet that is looked at during a transfer, in bytes; an ACK has 4, an ERROR a line of text.
const LONGEST_PACKET: usize = 256;
/// Packets in one call.
const AT_ONCE: usize = 64;
/// Room in the kernel, in bytes, for a word of each client, and for the windows that are on their way to a slow interface. It may
/// grant less.
const BUFFER: usize = 4 << 20;
/// Packets in one call as long as it does not find more.
const FEW: usize = 4;
/// Packets in one call up to which each is answered by itself: to gather answers costs a turn.
const QUIET: usize = 2;
/// How often sending is tried again after it told of earlier packets, to whomever. More often it is about this one.
const TRIES: u32 = 3;
/// Pause after an error of the socket itself.
const PAUSE: Duration = Duration::from_millis(50);

/// A socket at one of our addresses; closed when the last of its lines is gone.
#[derive(Debug)]
pub(super) struct Trunk {
    shared: Arc<Shared>,
    driver: AbortHandle,
}

#[derive(Debug)]
struct Shared {
    socket: AsyncFd<UdpSocket>,
    local: SocketAddr,
    lines: Mutex<HashMap<SocketAddr, Arc<Inbox>>>,
    outbox: Mutex<Outbox>,
    /// Little has come the last time: an answer need not wait for others.
    quiet: AtomicBool,
    /// Wakes the driver.
    waker: AtomicWaker,
}

impl Trunk {
    /// Opens it at an address of ours, whose port may be 0.
    ///
    /// # Errors
    /// The kernel has no socket for us.
    pub(super) fn open(local: SocketAddr) -> io::Result<Self> {
        let socket = UdpSocket::bind(local)?;
        socket.set_nonblocking(true)?;
        // Without this the kernel would not tell a socket without a peer that a client's port is closed.
        if local.is_ipv6() {
            setsockopt(&socket, sockopt::Ipv6RecvErr, &true)?;
        } else {
            setsockopt(&socket, sockopt::Ipv4RecvErr, &true)?;
        }
        // More than the system's bound takes a privilege; with less, a storm loses more.
        let _ = setsockopt(&socket, sockopt::RcvBufForce, &BUFFER)
            .or_else(|_| setsockopt(&socket, sockopt::RcvBuf, &BUFFER));
        let _ = setsockopt(&socket, sockopt::SndBufForce, &BUFFER)
            .or_else(|_| setsockopt(&socket, sockopt::SndBuf, &BUFFER));
        let shared = Arc::new(Shared {
            local: socket.local_addr()?,
            socket: watched(socket, Interest::READABLE)?,
            lines: Mutex::default(),
            outbox: Mutex::default(),
            quiet: AtomicBool::new(true),
            waker: AtomicWaker::new(),
        });
        let driver = tokio::spawn(drive(shared.clone())).abort_handle();
        Ok(Self { shared, driver })
    }

    /// Our address, with the port.
    pub(super) fn local(&self) -> SocketAddr {
        self.shared.local
    }

    /// Lets a client's packets into `inbox` from now on; false when another line has that client here.
    pub(super) fn register(&self, client: SocketAddr, inbox: &Arc<Inbox>) -> bool {
        use std::collections::hash_map::Entry;
        match lock(&self.shared.lines).entry(client) {
            Entry::Occupied(_) => false,
            Entry::Vacant(place) => {
                place.insert(inbox.clone());
                true
            }
        }
    }

    /// Ends what [`Trunk::register`] began.
    pub(super) fn unregister(&self, client: SocketAddr) {
        lock(&self.shared.lines).remove(&client);
    }

    /// Sends a packet, which is told in two parts, soon, together with others; waits while the interface is slower than we are.
    ///
    /// # Errors
    /// The socket is of no more use. What is wrong with the way to the client is as good as a loss.
    pub(super) async fn send(&self, client: SocketAddr, header: &[u8], rest: &[u8]) -> io::Result<()> {
        let shared = &*self.shared;
        loop {
            {
                let mut outbox = lock(&shared.outbox);
                if outbox.is_full() {
                    outbox.flush(|batch| shared.send_batch(batch));
                }
                if !outbox.is_full() {
                    let first = outbox.add(client, header, rest);
                    let sent = shared.quiet.load(Ordering::Relaxed)
                        && outbox.flush(|batch| shared.send_batch(batch)) == Flushed::Empty;
                    if first && !sent {
                        shared.waker.wake();
                    }
                    return Ok(());
                }
            }
            shared.until_writable().await?;
        }
    }

    /// Sends packets of `length` bytes (the last one may be shorter) in one piece, which the kernel cuts (`UDP_SEGMENT`,
    /// udp(7)).
    ///
    /// # Errors
    /// The kernel cannot cut on this path, or there is none.
    pub(super) async fn send_cut(&self, client: SocketAddr, packets: &[u8], length: u16) -> io::Result<()> {
        let shared = &*self.shared;
        let address = SockaddrStorage::from(client);
        let mut heard = 0;
        loop {
            let cut = [ControlMessage::UdpGsoSegments(&length)];
            let parts = [IoSlice::new(packets)];
            let fd = shared.socket.get_ref().as_raw_fd();
            match sendmsg(fd, &parts, &cut, MsgFlags::MSG_DONTWAIT, Some(&address)) {
                Ok(_) => return Ok(()),
                Err(nix::Error::EAGAIN) => shared.until_writable().await?,
                Err(_) if shared.take_errors() && heard < TRIES => heard += 1,
                Err(error) => return Err(error.into()),
            }
        }
    }
}

impl Drop for Trunk {
    fn drop(&mut self) {
        self.driver.abort();
        let shared = &*self.shared;
        lock(&shared.outbox).flush(|batch| shared.send_batch(batch));
    }
}

/// Moves packets both ways until it is aborted.
async fn drive(shared: Arc<Shared>) {
    let mut hands = Hands::default();
    loop {
        let turn = std::future::poll_fn(|cx| shared.poll_turn(cx, &mut hands)).await;
        let waited = match turn {
            Ok(()) => shared.until_writable().await,
            Err(error) => Err(error),
        };
        if let Err(error) = waited {
            tracing::warn!(local = %shared.local, %error, "TFTP has trouble with a socket, and tries again");
            tokio::time::sleep(PAUSE).await;
        }
    }
}

/// What datagrams are taken in with, and how many came the last time.
struct Hands {
    buffers: Box<[[u8; LONGEST_PACKET]; AT_ONCE]>,
    last: usize,
}

impl Default for Hands {
    fn default() -> Self {
        Self {
            buffers: Box::new([[0; LONGEST_PACKET]; AT_ONCE]),
            last: 0,
        }
    }
}

impl Shared {
    /// Sends what is due and hands out what has come. If that is much, its next turn comes after those of the lines that it woke,
    /// so that their answers leave together. Ready when the kernel takes no more for now.
    ///
    /// # Errors
    /// The socket's, if they are not about one of the clients.
    fn poll_turn(&self, cx: &mut Context<'_>, hands: &mut Hands) -> Poll<io::Result<()>> {
        self.waker.register(cx.waker());
        if lock(&self.outbox).flush(|batch| self.send_batch(batch)) == Flushed::Blocked {
            return Poll::Ready(Ok(()));
        }
        while self.socket.poll_read_ready(cx).is_ready() {
            let mut count = 0;
            let drained = self.socket.try_io(Interest::READABLE, |socket| {
                let room = if hands.last < FEW { FEW } else { AT_ONCE };
                count = self.receive(socket, &mut hands.buffers[..room])?;
                // Less than there was room for is all that there was. To say so here saves a call that would find nothing.
                if count < room {
                    Err(ErrorKind::WouldBlock.into())
                } else {
                    Ok(())
                }
            });
            match drained {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                // About a client; where the kernel had no room to say which, it is still no trouble of this socket's.
                Err(error) if self.take_errors() || is_of_the_network(&error) => {}
                Err(error) => return Poll::Ready(Err(error)),
                Ok(()) => {}
            }
            if count > 0 {
                hands.last = count;
                let quiet = count <= QUIET;
                self.quiet.store(quiet, Ordering::Relaxed);
                if !quiet {
                    cx.waker().wake_by_ref();
                    break;
                }
            }
        }
        Poll::Pending
    }

    /// Hands out a call's worth of packets; how many there were.
    fn receive(&self, socket: &UdpSocket, buffers: &mut [[u8; LONGEST_PACKET]]) -> io::Result<usize> {
        let mut headers = MultiHeaders::<SockaddrStorage>::preallocate(buffers.len(), None);
        let mut came = [None; AT_ONCE];
        let mut count = 0;
        {
            let mut parts: [[IoSliceMut<'_>; 1]; AT_ONCE] = std::array::from_fn(|_| [IoSliceMut::new(&mut [])]);
            for (part, buffer) in parts.iter_mut().zip(buffers.iter_mut()) {
                *part = [IoSliceMut::new(buffer)];
            }
            let flags = MsgFlags::MSG_DONTWAIT;
            let received = recvmmsg(socket.as_raw_fd(), &mut headers, parts.iter_mut(), flags, None)?;
            for (message, place) in received.zip(&mut came) {
                let client = message.address.as_ref().and_then(socket_address);
                *place = client.map(|client| (client, message.bytes.min(LONGEST_PACKET)));
                count += 1;
            }
        }
        let lines = lock(&self.lines);
        for (buffer, place) in buffers.iter().zip(came) {
            if let Some((client, length)) = place
                && let Some(inbox) = lines.get(&client)
            {
                inbox.put(&buffer[..length]);
            }
        }
        Ok(count)
    }

    fn send_batch(&self, batch: Batch<'_>) -> io::Result<usize> {
        let mut heard = 0;
        loop {
            let sent = batch.send(self.socket.get_ref());
            match &sent {
                // What was heard of earlier packets cuts a call short, which does not say so.
                Ok(count) if *count < batch.len() => drop(self.take_errors()),
                Err(error) if error.kind() != ErrorKind::WouldBlock && self.take_errors() && heard < TRIES => {
                    heard += 1;
                    continue;
                }
                _ => {}
            }
            return sent;
        }
    }

    /// Tells the lines what the network says about their clients. Whether it had said anything.
    fn take_errors(&self) -> bool {
        let mut any = false;
        let fd = self.socket.get_ref().as_raw_fd();
        let mut control = nix::cmsg_space!(libc::sock_extended_err, libc::sockaddr_in6);
        loop {
            let mut buffer = [0; 8];
            let mut parts = [IoSliceMut::new(&mut buffer)];
            let flags = MsgFlags::MSG_ERRQUEUE | MsgFlags::MSG_DONTWAIT;
            let Ok(message) = recvmsg::<SockaddrStorage>(fd, &mut parts, Some(&mut control), flags) else {
                return any;
            };
            any = true;
            let refused = message
                .cmsgs()
                .is_ok_and(|mut messages| messages.any(|message| is_refusal(&message)));
            // Whatever else kept a packet from its client is as good as a loss.
            let client = message.address.as_ref().and_then(socket_address).filter(|_| refused);
            if let Some(inbox) = client.and_then(|client| lock(&self.lines).get(&client).cloned()) {
                inbox.close();
            }
        }
    }

    async fn until_writable(&self) -> io::Result<()> {
        let socket = watched(self.socket.get_ref().try_clone()?, Interest::WRITABLE)?;
        socket.writable().await.map(drop)
    }
}

/// Whether it says that nobody listens at a client's port.
fn is_refusal(message: &ControlMessageOwned) -> bool {
    match message {
        ControlMessageOwned::Ipv4RecvErr(error, _) | ControlMessageOwned::Ipv6RecvErr(error, _) => {
            i32::try_from(error.ee_errno) == Ok(libc::ECONNREFUSED)
        }
        _ => false,
    }
}

/// Whether an error of the socket is what the network answered to a packet; it is told once.
fn is_of_the_network(error: &io::Error) -> bool {
    use ErrorKind::{ConnectionRefused, HostUnreachable, NetworkUnreachable};
    matches!(error.kind(), ConnectionRefused | HostUnreachable | NetworkUnreachable)
}
