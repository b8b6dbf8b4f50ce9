//! One request from its datagram to its report.

use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::task::Poll;
use std::time::Duration;

use jiff::Timestamp;
use tokio::time::{Instant, Sleep, sleep_until};
use wire::tftp::{self, Limits, Next, Outcome, Refused, Transmit, block_size_for_mtu, encode_error};

use super::burst::Burst;
use super::content::Content;
use super::ending::Cause;
use super::line::{Closed, Line};
use super::listener::Arrival;
use super::seats::Seat;
use super::{Context, Ending, Finished, Refusal, Request, Served, Shown};

/// MTU of a path about which the system says nothing: Ethernet's.
const USUAL_MTU: u32 = 1500;
/// Why a transfer ended whose client sent another request from the same port.
const REPLACED: &str =
    "the client asked for something else from the same port, or was silent while its place was needed";

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
        Ok((line, content, positions)) => {
            let total = content.len();
            let first = First {
                arrival: &arrival,
                positions,
            };
            let (outcome, transfer) = send(&context, &seat, &asked, &tally, line, content, first).await;
            (Ending::Transfer(outcome), total, Some(transfer))
        }
        Err((line, refusal)) => {
            let (code, message) = refusal.as_error();
            if let Some(line) = line {
                // It is the client's matter if this is lost: it will ask again.
                let answer = encode_error(code, message);
                let _ = line.send(&answer).await;
                show(&context, &arrival, tally.started, line.local(), &answer, None);
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
    fn show(&self, context: &Context, tally: &Tally, line: &Line, limits: &Limits, content: &Content, answer: &[u8]) {
        let of = Served {
            length: content.len(),
            text: content.text(),
            positions: self.positions,
            block_size: limits.block_size,
            window: limits.window,
        };
        show(context, self.arrival, tally.started, line.local(), answer, Some(of));
    }
}

/// The way to the client, what will go through it, and the positions of the journal that it is from.
async fn open(
    context: &Context,
    asked: &tftp::Request,
    request: Request,
    client: SocketAddr,
    local: SocketAddr,
) -> Result<(Line, Content, Option<(u64, u64)>), (Option<Line>, Refusal)> {
    let line = match context.trunks.line(local, client) {
        Ok(line) => line,
        Err(error) => {
            tracing::warn!(%client, local = %local.ip(), %error, "a TFTP transfer has no way to its client");
            return Err((None, Refusal::Failed(format!("no way to the client: {error}"))));
        }
    };
    let (resolve, shelf, mode) = (context.resolve.clone(), context.shelf.clone(), asked.mode);
    let opening = tokio::task::spawn_blocking(move || {
        let source = resolve(&request)?;
        let positions = source.positions();
        Ok((Content::open(source, mode, &shelf)?, positions))
    });
    match opening.await {
        Ok(Ok((content, positions))) => Ok((line, content, positions)),
        Ok(Err(refusal)) => Err((Some(line), refusal)),
        Err(panicked) => {
            tracing::error!(%client, %panicked, "resolving a TFTP request panicked");
            Err((Some(line), Refusal::Failed("internal error".into())))
        }
    }
}

/// Runs the transfer to its end.
async fn send(
    context: &Context,
    seat: &Seat,
    asked: &tftp::Request,
    tally: &Tally,
    mut line: Line,
    mut content: Content,
    first: First<'_>,
) -> (Outcome, tftp::Transfer) {
    let limits = Limits {
        block_size: largest_block(&line, context),
        window: context.limits.window,
        ..Limits::default()
    };
    let mut transfer = tftp::Transfer::start(asked, content.len(), limits, tally.clock.elapsed());
    let mut heard = false;
    let mut burst = Burst::default();
    let mut first = Some(first);
    // Made once: a timer for each block would cost more than the block.
    let alarm = sleep_until(tally.clock);
    tokio::pin!(alarm);
    let mut armed = false;
    // Looked at when something has come or time has passed: in lock-step each look counts.
    let mut now = tally.clock.elapsed();
    let outcome = loop {
        let next = transfer.poll(now);
        if !burst.is_empty() && !matches!(next, Next::Send(Transmit::Data { .. })) {
            settle(burst.send(&line).await, tally);
        }
        match next {
            Next::Done(outcome) => break outcome,
            Next::Send(Transmit::Control(control)) => {
                settle(line.send(&control).await, tally);
                if let Some(first) = first.take() {
                    first.show(context, tally, &line, &limits, &content, &control);
                }
            }
            Next::Send(Transmit::Data { header, offset, len }) => {
                // In lock-step each block is alone. Memory of its own for it would be cold for each of thousands of clients.
                if transfer.window() == 1
                    && first.is_none()
                    && let Some(block) = content.at_hand(offset, len)
                {
                    settle(line.send_block(&header, block).await, tally);
                    continue;
                }
                let start = burst.bytes().len();
                burst.bytes().extend_from_slice(&header);
                match content.copy(offset, len, burst.bytes()).await {
                    Ok(()) => {
                        if let Some(first) = first.take() {
                            first.show(context, tally, &line, &limits, &content, burst.bytes());
                        }
                        if burst.added(start) || transfer.window() == 1 {
                            settle(burst.send(&line).await, tally);
                        }
                    }
                    Err(error) => {
                        burst.give_up(start);
                        tracing::warn!(path = tally.request.path, %error, "a file broke off during its TFTP transfer");
                        transfer.fail("the file cannot be read any more");
                    }
                }
                // A cold disk takes its time, and the wait for an ACK is counted from here.
                now = tally.clock.elapsed();
            }
            Next::Wait(deadline) => {
                // Mostly the deadline moves on with each block. The alarm stays, rings too early, and is set anew then.
                let due = tally.clock + deadline;
                if alarm.is_elapsed() || due < alarm.deadline() {
                    alarm.as_mut().reset(due);
                    armed = false;
                }
                let word = next_word(&line, seat, alarm.as_mut(), &mut armed).await;
                now = tally.clock.elapsed();
                match word {
                    Word::Client => {
                        if take(&mut line, &mut transfer, now) && !heard {
                            heard = true;
                            seat.heard();
                        }
                    }
                    Word::Ended(Cause::Stopping) => transfer.fail("the server is stopping"),
                    Word::Ended(Cause::Replaced) => transfer.on_abandoned(REPLACED),
                    Word::Time => {}
                }
                // Whatever woke us: a client that chatters without making sense must not hold its seat for ever.
                transfer.on_timeout(now);
            }
        }
    };
    (outcome, transfer)
}

/// What a transfer waited for.
enum Word {
    /// Something may have come from the client.
    Client,
    /// Somebody ended it.
    Ended(Cause),
    /// The alarm rang.
    Time,
}

/// The client first: while it goes on, nothing else is looked at.
///
/// `armed` says that the alarm and the seat know whom to wake, and is kept from one word to the next: they wake the task, which
/// is always the same, so that they need not be told again before each block.
async fn next_word(line: &Line, seat: &Seat, mut alarm: Pin<&mut Sleep>, armed: &mut bool) -> Word {
    let mut woken = !std::mem::replace(armed, true);
    poll_fn(|cx| {
        if line.poll_heard(cx).is_ready() {
            return Poll::Ready(Word::Client);
        }
        // Whatever else happens from now on wakes the task once more; what was told while the client was heard does not.
        if !std::mem::replace(&mut woken, true) && seat.ending.cause().is_none() {
            return Poll::Pending;
        }
        if let Some(cause) = seat.ending.poll(cx.waker()) {
            return Poll::Ready(Word::Ended(cause));
        }
        alarm.as_mut().poll(cx).map(|()| Word::Time)
    })
    .await
}

/// Largest block that reaches this client in one packet.
fn largest_block(line: &Line, context: &Context) -> u16 {
    let ipv6 = line.local().is_ipv6();
    let fits = block_size_for_mtu(line.mtu().unwrap_or(USUAL_MTU), ipv6);
    context.limits.block_size.map_or(fits, |most| most.min(fits))
}

/// What could not be sent is as good as lost on the way; the time-outs know what to do.
fn settle(sent: io::Result<()>, tally: &Tally) {
    if let Err(error) = sent {
        tracing::debug!(client = %tally.request.client, %error, "a TFTP packet could not be sent");
    }
}

/// Takes in all that has arrived before anything is sent, so that a burst of equal ACKs is seen as one. Whether anything
/// had arrived.
fn take(line: &mut Line, transfer: &mut tftp::Transfer, now: Duration) -> bool {
    let taken = line.take(|packet| {
        transfer.on_packet(packet, now);
    });
    taken.unwrap_or_else(|Closed| {
        transfer.on_port_closed(now);
        false
    })
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
