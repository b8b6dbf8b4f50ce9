//! One request from its datagram to its report.

use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use jiff::Timestamp;
use nix::sys::socket::{getsockopt, sockopt};
use tokio::net::UdpSocket;
use tokio::time::{Instant, sleep_until};
use wire::tftp::{self, Limits, Next, Outcome, Refused, Transmit, block_size_for_mtu, encode_error};

use super::content::Content;
use super::listener::Arrival;
use super::seats::Seat;
use super::{Context, Ending, Finished, Refusal, Request, Served, Shown};

/// MTU of a path about which the system says nothing: Ethernet's.
const USUAL_MTU: u32 = 1500;
/// Longest packet that is looked at during a transfer, in bytes; an ACK has 4, an ERROR a line of text.
const LONGEST_PACKET: usize = 600;
/// Why a transfer ended whose client sent another request from the same port.
const REPLACED: &str =
    "the client asked for something else from the same port, or was silent while its place was needed";
/// Packets that are taken in before it is this transfer's turn to send: a window's worth of repeated ACKs.
const MOST_AT_ONCE: usize = 64;

/// Answers a request that is at fault itself.
pub(super) fn refuse(arrival: &Arrival, refused: Refused, context: &Context) {
    let came = Timestamp::now();
    let answer = refused.encode();
    match send_once(arrival.local, arrival.client, &answer) {
        Ok(answered) => show(context, arrival, came, answered, &answer, None),
        Err(error) => {
            tracing::debug!(client = %arrival.client, %error, "a TFTP client could not be told of its error");
        }
    }
    let request = Request {
        path: refused.path,
        client: arrival.client,
        local: arrival.local.ip(),
    };
    let ending = Ending::Refused(Refusal::Request(refused.code, refused.message));
    let tally = Tally {
        request,
        started: came,
        clock: Instant::now(),
    };
    tally.finish(context, ending, 0, None);
}

/// From a socket of its own, since the listening one may stand for many addresses. Returns its address.
fn send_once(local: SocketAddr, client: SocketAddr, packet: &[u8]) -> io::Result<SocketAddr> {
    let socket = std::net::UdpSocket::bind(local)?;
    socket.set_nonblocking(true)?;
    socket.send_to(packet, client)?;
    socket.local_addr()
}

/// Shows a request with the first packet of its answer to whoever wants to see it.
fn show(
    context: &Context,
    arrival: &Arrival,
    came: Timestamp,
    answered: SocketAddr,
    answer: &[u8],
    of: Option<Served<'_>>,
) {
    if let Some(show) = &context.show {
        let mut asked = arrival.local;
        asked.set_port(arrival.port);
        show(&Shown {
            request: &arrival.datagram,
            came,
            client: arrival.client,
            asked,
            answered,
            answer,
            of,
        });
    }
}

/// Serves one read request.
pub(super) async fn serve(context: Arc<Context>, seat: Seat, asked: tftp::Request, arrival: Arrival) {
    let (client, local) = (arrival.client, arrival.local);
    context.counters.active.fetch_add(1, Relaxed);
    let request = Request {
        path: asked.path.clone(),
        client,
        local: local.ip(),
    };
    let tally = Tally {
        request: request.clone(),
        started: Timestamp::now(),
        clock: Instant::now(),
    };
    let (ending, total, transfer) = match open(&context, &asked, request, client, local).await {
        Ok((socket, content, positions)) => {
            let total = content.len();
            let first = First {
                arrival: &arrival,
                positions,
            };
            let (outcome, transfer) = send(&context, &seat, &asked, &tally, socket, content, first).await;
            (Ending::Transfer(outcome), total, Some(transfer))
        }
        Err((socket, refusal)) => {
            let (code, message) = refusal.as_error();
            if let Some(socket) = socket {
                // It is the client's matter if this is lost: it will ask again.
                let answer = encode_error(code, message);
                let _ = socket.send(&answer).await;
                if let Ok(answered) = socket.local_addr() {
                    show(&context, &arrival, tally.started, answered, &answer, None);
                }
            }
            (Ending::Refused(refusal), 0, None)
        }
    };
    // Whoever hears of the end may count on it being over.
    drop(seat);
    context.counters.active.fetch_sub(1, Relaxed);
    tally.finish(&context, ending, total, transfer.as_ref());
}

/// What the first packet of a transfer is shown with.
struct First<'a> {
    arrival: &'a Arrival,
    positions: Option<(u64, u64)>,
}

impl First<'_> {
    fn show(
        &self,
        context: &Context,
        tally: &Tally,
        socket: &UdpSocket,
        limits: &Limits,
        content: &Content,
        answer: &[u8],
    ) {
        let Ok(answered) = socket.local_addr() else { return };
        let of = Served {
            length: content.len(),
            text: content.text(),
            positions: self.positions,
            block_size: limits.block_size,
            window: limits.window,
        };
        show(context, self.arrival, tally.started, answered, answer, Some(of));
    }
}

/// The socket for the transfer, what will go through it, and the positions of the journal that it is from.
async fn open(
    context: &Context,
    asked: &tftp::Request,
    request: Request,
    client: SocketAddr,
    local: SocketAddr,
) -> Result<(UdpSocket, Content, Option<(u64, u64)>), (Option<UdpSocket>, Refusal)> {
    let socket = match connect(local, client).await {
        Ok(socket) => socket,
        Err(error) => {
            tracing::warn!(%client, local = %local.ip(), %error, "no socket for a TFTP transfer: is the limit of open files too low?");
            return Err((None, Refusal::Failed(format!("no socket for the transfer: {error}"))));
        }
    };
    let (resolve, mode) = (context.resolve.clone(), asked.mode);
    let opening = tokio::task::spawn_blocking(move || {
        let source = resolve(&request)?;
        let positions = source.positions();
        Ok((Content::open(source, mode)?, positions))
    });
    match opening.await {
        Ok(Ok((content, positions))) => Ok((socket, content, positions)),
        Ok(Err(refusal)) => Err((Some(socket), refusal)),
        Err(panicked) => {
            tracing::error!(%client, %panicked, "resolving a TFTP request panicked");
            Err((Some(socket), Refusal::Failed("internal error".into())))
        }
    }
}

async fn connect(local: SocketAddr, client: SocketAddr) -> io::Result<UdpSocket> {
    let socket = UdpSocket::bind(local).await?;
    socket.connect(client).await?;
    Ok(socket)
}

/// Runs the transfer to its end.
async fn send(
    context: &Context,
    seat: &Seat,
    asked: &tftp::Request,
    tally: &Tally,
    socket: UdpSocket,
    mut content: Content,
    first: First<'_>,
) -> (Outcome, tftp::Transfer) {
    let limits = Limits {
        block_size: largest_block(&socket, context),
        window: context.limits.window,
        ..Limits::default()
    };
    let mut transfer = tftp::Transfer::start(asked, content.len(), limits, tally.clock.elapsed());
    let mut heard = false;
    let mut packet = Vec::with_capacity(4 + usize::from(transfer.block_size()));
    let mut first = Some(first);
    let outcome = loop {
        match transfer.poll(tally.clock.elapsed()) {
            Next::Done(outcome) => break outcome,
            Next::Send(Transmit::Control(control)) => {
                put(&socket, &control, &mut transfer, tally).await;
                if let Some(first) = first.take() {
                    first.show(context, tally, &socket, &limits, &content, &control);
                }
            }
            Next::Send(Transmit::Data { header, offset, len }) => {
                packet.clear();
                packet.extend_from_slice(&header);
                match content.copy(offset, len, &mut packet).await {
                    Ok(()) => {
                        put(&socket, &packet, &mut transfer, tally).await;
                        if let Some(first) = first.take() {
                            first.show(context, tally, &socket, &limits, &content, &packet);
                        }
                    }
                    Err(error) => {
                        tracing::warn!(path = tally.request.path, %error, "a file broke off during its TFTP transfer");
                        transfer.fail("the file cannot be read any more");
                    }
                }
            }
            Next::Wait(deadline) => {
                tokio::select! {
                    biased;
                    () = context.stop.cancelled() => transfer.fail("the server is stopping"),
                    () = seat.replaced.cancelled() => transfer.on_abandoned(REPLACED),
                    ready = socket.readable() => {
                        if take(&socket, ready, &mut transfer, tally) && !heard {
                            heard = true;
                            seat.heard();
                        }
                    }
                    () = sleep_until(tally.clock + deadline) => {}
                }
                // Whatever woke us: a client that chatters without making sense must not hold its seat for ever.
                transfer.on_timeout(tally.clock.elapsed());
            }
        }
    };
    (outcome, transfer)
}

/// Largest block that reaches this client in one packet.
fn largest_block(socket: &UdpSocket, context: &Context) -> u16 {
    let ipv6 = socket.peer_addr().is_ok_and(|peer| peer.is_ipv6());
    // Only the IPv4 option can be asked for here; IPv6 paths are taken for Ethernet.
    let known = if ipv6 {
        None
    } else {
        getsockopt(socket, sockopt::IpMtu)
            .ok()
            .and_then(|mtu| u32::try_from(mtu).ok())
    };
    let fits = block_size_for_mtu(known.unwrap_or(USUAL_MTU), ipv6);
    context.limits.block_size.map_or(fits, |most| most.min(fits))
}

async fn put(socket: &UdpSocket, packet: &[u8], transfer: &mut tftp::Transfer, tally: &Tally) {
    match socket.send(packet).await {
        Ok(_) => {}
        Err(error) if error.kind() == ErrorKind::ConnectionRefused => transfer.on_port_closed(tally.clock.elapsed()),
        // As good as lost on the way; the time-outs know what to do.
        Err(error) => tracing::debug!(client = %tally.request.client, %error, "a TFTP packet could not be sent"),
    }
}

/// Takes in all that has arrived before anything is sent, so that a burst of equal ACKs is seen as one. Whether anything
/// had arrived.
fn take(socket: &UdpSocket, ready: io::Result<()>, transfer: &mut tftp::Transfer, tally: &Tally) -> bool {
    let mut any = false;
    if ready.is_err() {
        return any;
    }
    let mut buffer = [0u8; LONGEST_PACKET];
    for _ in 0..MOST_AT_ONCE {
        match socket.try_recv(&mut buffer) {
            Ok(length) => {
                any = true;
                transfer.on_packet(&buffer[..length], tally.clock.elapsed());
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => break,
            Err(error) if error.kind() == ErrorKind::ConnectionRefused => {
                transfer.on_port_closed(tally.clock.elapsed());
                break;
            }
            Err(error) => {
                tracing::debug!(client = %tally.request.client, %error, "a TFTP transfer could not receive");
                break;
            }
        }
    }
    any
}

/// What is known of a request from the beginning, for its report.
struct Tally {
    request: Request,
    started: Timestamp,
    clock: Instant,
}

impl Tally {
    fn finish(&self, context: &Context, ending: Ending, total: u64, transfer: Option<&tftp::Transfer>) {
        let counters = &context.counters;
        let counter = match &ending {
            Ending::Refused(_) => &counters.refused,
            Ending::Transfer(Outcome::Complete { .. }) => &counters.complete,
            Ending::Transfer(Outcome::Probed) => &counters.probed,
            Ending::Transfer(Outcome::Aborted { .. }) => &counters.aborted,
            Ending::Transfer(Outcome::TimedOut { .. }) => &counters.timed_out,
            Ending::Transfer(Outcome::Failed { .. }) => &counters.failed,
        };
        counter.fetch_add(1, Relaxed);
        if let Some(transfer) = transfer {
            counters.bytes.fetch_add(transfer.spent(), Relaxed);
            counters.retransmitted.fetch_add(transfer.retransmitted(), Relaxed);
        }
        let Request { path, client, local } = self.request.clone();
        (context.report)(Finished {
            path,
            client,
            local,
            bytes: transfer.map_or(0, tftp::Transfer::acknowledged),
            total,
            started: self.started,
            duration: self.clock.elapsed(),
            retransmitted: transfer.map_or(0, tftp::Transfer::retransmitted),
            ending,
        });
    }
}
