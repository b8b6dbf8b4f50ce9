//! A simulated link with its own clock, and clients of several habits at its end.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

use super::{Limits, Mode, Next, Outcome, Packet, Request, Transfer, Transmit, Wanted, encode_ack};

/// One way through the link takes this long.
const DELAY: Duration = Duration::from_micros(100);
/// A client repeats its last ACK after this much silence.
const CLIENT_TIMEOUT: Duration = Duration::from_secs(1);

/// What a client does with a block that it does not expect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Habit {
    /// Acknowledges at every one what it has, as EDK II does.
    AcksEach,
    /// Acknowledges what it has once until it makes progress (RFC 7440 §4).
    AcksOnce,
    /// Says nothing until its own time-out.
    Silent,
}

/// Chances in a thousand, per packet and direction.
#[derive(Debug, Clone, Copy, Default)]
pub struct Faults {
    pub lost: u32,
    pub doubled: u32,
    pub overtaken: u32,
}

/// What came of a simulated transfer.
pub struct Run {
    pub outcome: Outcome,
    pub received: Vec<u8>,
    pub spent: u64,
    pub budget: u64,
    pub clock: Duration,
}

struct Client {
    habit: Habit,
    block_size: usize,
    window: u64,
    expected: u64,
    unacked: u64,
    complained: bool,
    finished: bool,
    heard: Duration,
    received: Vec<u8>,
}

impl Client {
    fn take(&mut self, datagram: &[u8], now: Duration) -> Option<[u8; 4]> {
        let Ok(Packet::Data { block, payload }) = Packet::parse(datagram) else {
            let offered = matches!(Packet::parse(datagram), Ok(Packet::OptionAck(_)));
            return (offered && self.expected == 1).then(|| encode_ack(0));
        };
        if self.finished || block != self.expected as u16 {
            let speak = match self.habit {
                Habit::AcksEach => true,
                Habit::AcksOnce => !std::mem::replace(&mut self.complained, true) || self.finished,
                Habit::Silent => self.finished,
            };
            return speak.then(|| self.ack());
        }
        self.heard = now;
        self.complained = false;
        self.received.extend_from_slice(payload);
        self.expected += 1;
        self.unacked += 1;
        self.finished = payload.len() < self.block_size;
        (self.finished || self.unacked == self.window).then(|| self.ack())
    }

    fn ack(&mut self) -> [u8; 4] {
        self.unacked = 0;
        encode_ack((self.expected - 1) as u16)
    }
}

/// A small generator (xorshift64*), so that a run is repeated by its seed.
struct Dice(u64);

impl Dice {
    fn chance(&mut self, per_mille: u32) -> bool {
        self.below(1000) < u64::from(per_mille)
    }

    fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) % end
    }
}

/// Arrival, order of sending, whether to the client, datagram.
type Flying = (Duration, u64, bool, Vec<u8>);

struct Link {
    dice: Dice,
    faults: Faults,
    order: u64,
    flying: BinaryHeap<Reverse<Flying>>,
}

impl Link {
    fn send(&mut self, to_client: bool, datagram: &[u8], now: Duration) {
        let copies = 1 + u32::from(self.dice.chance(self.faults.doubled));
        for _ in 0..copies {
            if self.dice.chance(self.faults.lost) {
                continue;
            }
            self.order += 1;
            // Packets that leave together keep a microsecond between them; one that is overtaken falls behind by up to 8.
            let late = if self.dice.chance(self.faults.overtaken) {
                2 + self.dice.below(7)
            } else {
                0
            };
            let at = now + DELAY + Duration::from_micros(late);
            self.flying
                .push(Reverse((at, self.order, to_client, datagram.to_vec())));
        }
    }
}

/// Sends `file` in octet mode over a link with these faults.
pub fn run(file: &[u8], wanted: Wanted, habit: Habit, faults: Faults, seed: u64) -> Run {
    let request = Request {
        path: "f".into(),
        mode: Mode::Octet,
        wanted,
    };
    let limits = Limits {
        block_size: 65464,
        ..Limits::default()
    };
    let mut now = Duration::from_secs(1000);
    let mut transfer = Transfer::start(&request, file.len() as u64, limits, now);
    let mut client = Client {
        habit,
        block_size: usize::from(transfer.block_size()),
        window: u64::from(transfer.window()),
        expected: 1,
        unacked: 0,
        complained: false,
        finished: false,
        heard: now,
        received: Vec::with_capacity(file.len()),
    };
    let mut link = Link {
        dice: Dice(seed | 1),
        faults,
        order: 0,
        flying: BinaryHeap::new(),
    };
    let started = now;
    let outcome = loop {
        let deadline = match transfer.poll(now) {
            Next::Done(outcome) => break outcome,
            Next::Send(Transmit::Control(packet)) => {
                link.send(true, &packet, now);
                continue;
            }
            Next::Send(Transmit::Data { header, offset, len }) => {
                let from = offset as usize;
                link.send(true, &[&header[..], &file[from..from + len]].concat(), now);
                now += Duration::from_micros(1);
                continue;
            }
            Next::Wait(deadline) => deadline,
        };
        let impatient = if client.finished {
            Duration::MAX
        } else {
            client.heard + CLIENT_TIMEOUT
        };
        let arrival = link.flying.peek().map_or(Duration::MAX, |Reverse((at, ..))| *at);
        now = now.max(arrival.min(deadline).min(impatient));
        if arrival <= now {
            let Some(Reverse((_, _, to_client, datagram))) = link.flying.pop() else {
                continue;
            };
            if !to_client {
                transfer.on_packet(&datagram, now);
            } else if let Some(ack) = client.take(&datagram, now) {
                link.send(false, &ack, now);
            }
        } else if impatient <= now {
            client.heard = now;
            if client.expected > 1 {
                let ack = client.ack();
                link.send(false, &ack, now);
            }
        } else {
            transfer.on_timeout(now);
        }
    };
    let (spent, budget) = (transfer.spent(), transfer.budget());
    Run {
        outcome,
        received: client.received,
        spent,
        budget,
        clock: now - started,
    }
}
