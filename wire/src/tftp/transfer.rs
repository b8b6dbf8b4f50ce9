//! One file on its way to one client: the window sender of RFC 7440, of which lock-step RFC 1350 is the window of 1.
//!
//! The caller sends what [`Transfer::poll`] hands out until that says [`Next::Wait`], then waits for a packet or for the
//! deadline, reports it with [`Transfer::on_packet`] or [`Transfer::on_timeout`], and polls again.
//!
//! Invariant: a repeated ACK never makes a lock-step transfer repeat its block (RFC 1123 §4.2.3.1, Sorcerer's Apprentice).
//! Invariant: the sender goes back at most once for what was under way at that moment, however often it is told. Some EDK II versions
//! answer every block after a gap with an ACK, and a sender that believes each of them multiplies the traffic with every window.
//! Such an echo names the last block before the gap or the one that was late; an ACK of a later one speaks of what was repeated.
//! Invariant: no more payload is sent than [`Transfer::budget`] bytes.

use std::time::Duration;

use super::echo::Echo;
use super::negotiate::{Terms, negotiate};
use super::pace::Pace;
use super::packet::{data_header, encode_error};
use super::parts::Parts;
use super::{ErrorCode, Limits, Outcome, Packet, Request};
use crate::Malformed;

/// A datagram to send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Transmit {
    /// A whole packet: an OACK or an ERROR.
    Control(Vec<u8>),
    /// A DATA packet: the header, then `len` bytes of the file from `offset`.
    Data {
        /// The packet's first four bytes.
        header: [u8; 4],
        /// Where the payload starts in the file, in bytes.
        offset: u64,
        /// Bytes of payload; 0 for the last block of a file whose size is a multiple of the block size.
        len: usize,
    },
}

/// What a transfer needs now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next {
    /// Send this, then poll again.
    Send(Transmit),
    /// Nothing until a packet comes, or until this time.
    Wait(Duration),
    /// Nothing any more.
    Done(Outcome),
}

/// What an incoming packet meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reception {
    /// It acknowledged something new.
    Progress,
    /// It repeated an acknowledgement.
    Repeated,
    /// It has no place in this transfer: too old, too new, or of the wrong kind.
    Stray,
    /// It ended the transfer.
    Ended,
    /// It is no TFTP packet.
    Malformed(Malformed),
}

/// The sender of one file. Times are monotonic, counted from any moment that the caller likes.
#[derive(Debug, Clone)]
pub struct Transfer {
    terms: Terms,
    limits: Limits,
    length: u64,
    /// Number of blocks, the short one at the end included; they are counted from 1 and never wrap here.
    blocks: u64,
    /// The OACK, until the client acknowledges it.
    offer: Option<Vec<u8>>,
    offer_due: bool,
    size_asked: bool,
    acked: u64,
    next: u64,
    highest: u64,
    echo: Echo,
    parts: Parts,
    spent: u64,
    retransmitted: u64,
    /// The block whose round trip is being measured, and when it left.
    timed: Option<(u64, Duration)>,
    /// When the first block after `acked` was last sent.
    window_sent: Duration,
    pace: Pace,
    tries: u32,
    started: Duration,
    progressed: Duration,
    deadline: Duration,
    farewell: Option<Vec<u8>>,
    outcome: Option<Outcome>,
}

impl Transfer {
    /// Starts sending `length` bytes (as they travel, that is after translation in netascii mode).
    pub fn start(request: &Request, length: u64, limits: Limits, now: Duration) -> Self {
        let terms = negotiate(&request.wanted, length, &limits);
        let offer = (!terms.granted.is_empty()).then(|| Packet::OptionAck(terms.granted).encode());
        let pace = Pace::new(terms.timeout);
        Self {
            blocks: length / u64::from(terms.block_size) + 1,
            offer_due: offer.is_some(),
            offer,
            size_asked: terms.granted.size.is_some(),
            acked: 0,
            next: 1,
            highest: 0,
            echo: Echo::default(),
            parts: Parts::new(terms.window),
            spent: 0,
            retransmitted: 0,
            timed: None,
            window_sent: now,
            tries: 0,
            started: now,
            progressed: now,
            deadline: now + pace.wait(),
            farewell: None,
            outcome: None,
            pace,
            terms,
            limits,
            length,
        }
    }

    /// Payload bytes in a full block.
    pub fn block_size(&self) -> u16 {
        self.terms.block_size
    }

    /// Blocks in a window.
    pub fn window(&self) -> u16 {
        self.terms.window
    }

    /// Bytes of the file that the client acknowledged.
    pub fn acknowledged(&self) -> u64 {
        (self.acked * u64::from(self.terms.block_size)).min(self.length)
    }

    /// Blocks that were sent again, counted each time.
    pub fn retransmitted(&self) -> u64 {
        self.retransmitted
    }

    /// Payload bytes that left so far, repetitions included.
    pub fn spent(&self) -> u64 {
        self.spent
    }

    /// Most payload bytes that this transfer may send: three times the file; for a file of a few windows, one window (or the
    /// file, if that is less) for the first try and for each repetition.
    pub fn budget(&self) -> u64 {
        let window = u64::from(self.terms.block_size) * u64::from(self.terms.window);
        let small = window.min(self.length).saturating_mul(u64::from(self.limits.tries) + 1);
        self.length.saturating_mul(3).max(small)
    }

    /// What to do now. Changed by every other method that takes `&mut self`, and by itself.
    pub fn poll(&mut self, now: Duration) -> Next {
        if self.offer_due && self.outcome.is_none() {
            self.offer_due = false;
            self.deadline = now + self.pace.wait();
            if let Some(offer) = &self.offer {
                self.timed = (self.tries == 0).then_some((0, now));
                return Next::Send(Transmit::Control(offer.clone()));
            }
        }
        if self.outcome.is_none() && self.offer.is_none() && self.next <= self.window_end().min(self.parts.end()) {
            let (offset, len) = self.extent(self.next);
            if self.spent + len as u64 <= self.budget() {
                return Next::Send(self.send_block(offset, len, now));
            }
            self.fail("the file was sent three times over and did not arrive");
        }
        match (self.farewell.take(), &self.outcome) {
            (Some(packet), _) => Next::Send(Transmit::Control(packet)),
            (None, Some(outcome)) => Next::Done(outcome.clone()),
            (None, None) => Next::Wait(self.deadline.min(self.pause(now))),
        }
    }

    /// Takes in a packet from this transfer's client.
    pub fn on_packet(&mut self, datagram: &[u8], now: Duration) -> Reception {
        if self.outcome.is_some() {
            return Reception::Stray;
        }
        match Packet::parse(datagram) {
            Ok(Packet::Ack { block }) => self.on_ack(block, now),
            Ok(Packet::Error { code, message }) => {
                let size_only = self.offer.is_some() && self.size_asked;
                self.outcome = Some(if size_only {
                    Outcome::Probed
                } else {
                    Outcome::Aborted {
                        code,
                        message: String::from_utf8_lossy(message).into_owned(),
                    }
                });
                Reception::Ended
            }
            Ok(_) => Reception::Stray,
            Err(malformed) => Reception::Malformed(malformed),
        }
    }

    /// Repeats what went unanswered, or gives up; goes on after a pause. Does nothing before it is time.
    pub fn on_timeout(&mut self, now: Duration) {
        self.parts.go_on(now);
        if self.outcome.is_some() || now < self.deadline {
            return;
        }
        self.tries += 1;
        let out_of_patience = self.tries > 1 && now.saturating_sub(self.progressed) >= self.limits.patience;
        if self.tries > self.limits.tries || out_of_patience {
            self.give_up(now);
            return;
        }
        self.pace.timed_out();
        self.deadline = now + self.pace.wait();
        if self.offer.is_some() {
            self.offer_due = true;
        } else {
            self.go_back(now);
        }
    }

    /// The network says that nobody listens at the client's port any more.
    pub fn on_port_closed(&mut self, now: Duration) {
        if self.outcome.is_some() {
            return;
        }
        if self.highest == self.blocks {
            self.give_up(now);
        } else {
            let message = "the client closed its port".to_owned();
            self.outcome = Some(Outcome::Aborted {
                code: ErrorCode::UNDEFINED,
                message,
            });
        }
    }

    /// The client turned to something else without a word; nothing more is sent to it.
    pub fn on_abandoned(&mut self, why: &str) {
        if self.outcome.is_none() {
            self.end_for_client(ErrorCode::UNDEFINED, why.to_owned());
        }
    }

    /// Ends the transfer from our side; the client is told why.
    pub fn fail(&mut self, why: &str) {
        if self.outcome.is_none() {
            self.farewell = Some(encode_error(ErrorCode::UNDEFINED, why));
            self.outcome = Some(Outcome::Failed {
                message: why.to_owned(),
            });
        }
    }

    /// A client that leaves before it took the options, and had asked for the size, came for the size only.
    fn end_for_client(&mut self, code: ErrorCode, message: String) {
        let size_only = self.offer.is_some() && self.size_asked;
        self.outcome = Some(if size_only {
            Outcome::Probed
        } else {
            Outcome::Aborted { code, message }
        });
    }

    fn on_ack(&mut self, number: u16, now: Duration) -> Reception {
        if self.offer.is_some() {
            if number != 0 {
                return Reception::Stray;
            }
            self.offer = None;
            self.offer_due = false;
            self.progress(0, now);
            return Reception::Progress;
        }
        // The wire has 16 bits of the block's number; at most a window is in flight, so the distance is unambiguous.
        let ahead = u64::from(number.wrapping_sub(self.acked as u16));
        if ahead > self.highest - self.acked {
            return Reception::Stray;
        }
        if ahead == 0 {
            if self.believe_repeated(now) {
                self.go_back(now);
            }
            return Reception::Repeated;
        }
        let block = self.acked + ahead;
        let gap = block + 1 < self.next && self.echo.gap_is_news(block, now, self.pace.round_trip());
        if block + 1 == self.next {
            self.parts.went_well();
        }
        self.progress(block, now);
        self.parts.acknowledged(block);
        if self.acked == self.blocks {
            self.outcome = Some(Outcome::Complete {
                bytes: self.length,
                retransmitted: self.retransmitted,
                duration: now.saturating_sub(self.started),
            });
            return Reception::Ended;
        }
        self.next = self.next.max(self.acked + 1);
        if gap {
            self.go_back(now);
        }
        Reception::Progress
    }

    /// Whether an ACK of what is acknowledged already says that the first block of the window is lost, rather than being the
    /// echo of something that was delivered twice.
    fn believe_repeated(&self, now: Duration) -> bool {
        let window = u64::from(self.terms.window);
        // A report about this window cannot be here before a round trip.
        let too_early = self
            .pace
            .round_trip()
            .is_some_and(|round_trip| now.saturating_sub(self.window_sent) < round_trip / 2);
        window > 1 && self.highest > self.acked && !too_early && self.echo.repeat_is_news(self.acked, window)
    }

    fn progress(&mut self, block: u64, now: Duration) {
        if let Some((timed, sent)) = self.timed
            && timed <= block
        {
            self.timed = None;
            if timed == block {
                self.pace.measured(now.saturating_sub(sent));
            }
        }
        self.acked = block;
        self.tries = 0;
        self.progressed = now;
        self.deadline = now + self.pace.wait();
    }

    fn go_back(&mut self, now: Duration) {
        self.echo.went_back(now, self.acked, self.highest, self.window_end());
        self.parts.went_back(self.acked);
        self.next = self.acked + 1;
        self.timed = None;
    }

    /// Until when a part of the window waits; for ever if it is not the parts that it waits for.
    fn pause(&mut self, now: Duration) -> Duration {
        if self.offer.is_none() && self.next > self.parts.end() && self.next <= self.window_end() {
            return self.parts.pause(now, self.pace.round_trip());
        }
        self.parts.no_pause();
        Duration::MAX
    }

    fn give_up(&mut self, now: Duration) {
        self.outcome = Some(Outcome::TimedOut {
            acknowledged: self.acknowledged(),
            last_block_sent: self.highest == self.blocks,
            duration: now.saturating_sub(self.started),
        });
    }

    fn send_block(&mut self, offset: u64, len: usize, now: Duration) -> Transmit {
        let block = self.next;
        if block > self.highest {
            self.highest = block;
            if block == self.window_end() && self.timed.is_none() {
                self.timed = Some((block, now));
            }
        } else {
            self.retransmitted += 1;
        }
        if block == self.acked + 1 {
            self.window_sent = now;
        }
        self.next += 1;
        self.spent += len as u64;
        self.deadline = now + self.pace.wait();
        Transmit::Data {
            header: data_header(block as u16),
            offset,
            len,
        }
    }

    /// The last block that may be in flight.
    fn window_end(&self) -> u64 {
        (self.acked + u64::from(self.terms.window)).min(self.blocks)
    }

    /// Where a block starts in the file, and its length.
    fn extent(&self, block: u64) -> (u64, usize) {
        let size = u64::from(self.terms.block_size);
        let offset = (block - 1) * size;
        let len = (self.length - offset).min(size);
        (offset, usize::try_from(len).expect("a block has at most 65464 bytes"))
    }
}
