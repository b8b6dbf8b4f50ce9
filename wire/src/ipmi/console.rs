//! Serial over LAN (section 15): one end of the line. Both ends follow the same rules: one packet is under way at a time, its
//! sequence number says whether it came before, and an acknowledgement says how much of it was taken.

use std::collections::VecDeque;
use std::time::Duration;

use super::client::Time;

/// After so long without an acknowledgement a packet is sent again (section 15.11: at least 100 ms between tries).
const AGAIN: Duration = Duration::from_millis(800);
/// So often, then the line is dead.
const TRIES: u8 = 6;
/// Most octets of one packet: its count has one octet.
const MOST: usize = 255;
/// Most octets that wait to be sent; what comes beyond is refused, so that a machine that takes nothing fills no memory.
pub(super) const WAITING: usize = 64 * 1024;

/// What a packet asks for or says besides its data. The numbers are those of each direction (tables 15-3 and 15-4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operation {
    /// To the machine: a break on its line.
    Break,
    /// From the BMC: the line was taken away.
    Deactivated,
}

const NACK: u8 = 0x40;
const UNAVAILABLE: u8 = 0x20;
const DEACTIVATED: u8 = 0x10;
const BREAK: u8 = 0x10;

/// A packet of the line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Packet<'a> {
    /// 1..=15; 0: it acknowledges only.
    pub sequence: u8,
    pub acknowledged: u8,
    pub accepted: u8,
    pub flags: u8,
    pub data: &'a [u8],
}

impl<'a> Packet<'a> {
    pub(super) fn parse(payload: &'a [u8]) -> Option<Self> {
        let (head, data) = payload.split_first_chunk::<4>()?;
        Some(Self {
            sequence: head[0] & 0x0f,
            acknowledged: head[1] & 0x0f,
            accepted: head[2],
            flags: head[3],
            data,
        })
    }

    pub(super) fn pack(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(4 + self.data.len());
        out.extend_from_slice(&[self.sequence, self.acknowledged, self.accepted, self.flags]);
        out.extend_from_slice(self.data);
        out
    }
}

#[derive(Debug, Clone)]
struct Sent {
    sequence: u8,
    flags: u8,
    data: Vec<u8>,
    at: Time,
    tries: u8,
}

/// One end of a line.
#[derive(Debug)]
pub struct Console {
    most: usize,
    waiting: VecDeque<u8>,
    breaks: u8,
    sent: Option<Sent>,
    next: u8,
    /// The packet that came last and how much of it was delivered.
    heard: u8,
    delivered: usize,
    acknowledge: Option<(u8, u8)>,
    /// The other end takes nothing until then.
    refused_until: Option<Time>,
    dead: bool,
}

impl Console {
    /// A line whose packets to the other end have at most so many octets of data.
    pub fn new(most: usize) -> Self {
        Self {
            most: most.clamp(1, MOST),
            waiting: VecDeque::new(),
            breaks: 0,
            sent: None,
            next: 1,
            heard: 0,
            delivered: 0,
            acknowledge: None,
            refused_until: None,
            dead: false,
        }
    }

    /// Puts octets on the line; how many found a place.
    pub fn write(&mut self, data: &[u8]) -> usize {
        let room = WAITING - self.waiting.len().min(WAITING);
        let taken = data.len().min(room);
        self.waiting.extend(&data[..taken]);
        taken
    }

    /// How many octets wait.
    pub fn waiting(&self) -> usize {
        self.waiting.len() + self.sent.as_ref().map_or(0, |sent| sent.data.len())
    }

    /// A break after what waits now.
    pub fn send_break(&mut self) {
        self.breaks = self.breaks.saturating_add(1);
    }

    /// The other end has not acknowledged for too long.
    pub fn is_dead(&self) -> bool {
        self.dead
    }

    /// Takes a packet from the other end; what is new in it. The operation is that of a packet from a BMC.
    pub(super) fn hear(&mut self, packet: &Packet<'_>, now: Time) -> Vec<u8> {
        if let Some(sent) = self.sent.take_if(|sent| sent.sequence == packet.acknowledged) {
            let taken = usize::from(packet.accepted).min(sent.data.len());
            // What was not taken goes first, under a number of its own.
            for byte in sent.data[taken..].iter().rev() {
                self.waiting.push_front(*byte);
            }
            let refused = packet.flags & NACK != 0;
            if refused && sent.flags & BREAK != 0 && sent.data.is_empty() {
                self.breaks = self.breaks.saturating_add(1);
            }
            if refused || packet.flags & UNAVAILABLE != 0 {
                self.refused_until = Some(now + AGAIN);
            }
        }
        if packet.sequence == 0 {
            return Vec::new();
        }
        // A packet that is repeated may have more behind what it had before.
        let old = match packet.sequence == self.heard {
            true => self.delivered.min(packet.data.len()),
            false => 0,
        };
        let length = packet.data.len().min(MOST);
        self.heard = packet.sequence;
        self.delivered = length.max(old);
        self.acknowledge = Some((packet.sequence, length as u8));
        packet.data[old.min(length)..length].to_vec()
    }

    /// The packet that is to be sent now, if any.
    pub(super) fn due(&mut self, now: Time) -> Option<Vec<u8>> {
        if let Some(sent) = &mut self.sent
            && now >= sent.at + AGAIN
        {
            if sent.tries >= TRIES {
                self.dead = true;
                return None;
            }
            (sent.tries, sent.at) = (sent.tries + 1, now);
            let sent = sent.clone();
            return Some(self.packet(&sent));
        }
        if self.sent.is_none() && self.may_send(now) && (!self.waiting.is_empty() || self.breaks > 0) {
            let length = self.waiting.len().min(self.most);
            let data: Vec<u8> = self.waiting.drain(..length).collect();
            let flags = match data.is_empty() {
                true => {
                    self.breaks -= 1;
                    BREAK
                }
                false => 0,
            };
            let sent = Sent {
                sequence: self.next,
                flags,
                data,
                at: now,
                tries: 1,
            };
            self.next = self.next % 15 + 1;
            self.refused_until = None;
            self.sent = Some(sent.clone());
            return Some(self.packet(&sent));
        }
        let (acknowledged, accepted) = self.acknowledge.take()?;
        let packet = Packet {
            sequence: 0,
            acknowledged,
            accepted,
            flags: 0,
            data: &[],
        };
        Some(packet.pack())
    }

    fn may_send(&self, now: Time) -> bool {
        self.refused_until.is_none_or(|until| now >= until)
    }

    fn packet(&mut self, sent: &Sent) -> Vec<u8> {
        let (acknowledged, accepted) = self.acknowledge.take().unwrap_or_default();
        let packet = Packet {
            sequence: sent.sequence,
            acknowledged,
            accepted,
            flags: sent.flags,
            data: &sent.data,
        };
        packet.pack()
    }

    /// When [`Self::due`] has something next, if nobody says anything.
    pub(super) fn wake(&self) -> Option<Time> {
        if self.acknowledge.is_some() {
            return Some(Time::ZERO);
        }
        match &self.sent {
            Some(sent) => Some(sent.at + AGAIN),
            None if self.waiting.is_empty() && self.breaks == 0 => None,
            None => Some(self.refused_until.unwrap_or(Time::ZERO)),
        }
    }
}

/// What a BMC says with a packet.
pub(super) fn from_bmc(flags: u8) -> Option<Operation> {
    (flags & DEACTIVATED != 0).then_some(Operation::Deactivated)
}

/// What a packet asks a BMC for.
pub(super) fn to_bmc(flags: u8) -> Option<Operation> {
    (flags & BREAK != 0).then_some(Operation::Break)
}

/// A BMC's last packet of a line.
pub(super) fn deactivated() -> Vec<u8> {
    let packet = Packet {
        sequence: 0,
        acknowledged: 0,
        accepted: 0,
        flags: DEACTIVATED,
        data: &[],
    };
    packet.pack()
}
