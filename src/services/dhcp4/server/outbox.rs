//! What is to be sent, at a pace that receivers follow.
//!
//! After a disk that was slow for a moment hundreds of acknowledgements may leave, and strangers who asked together are all offered
//! their addresses when the wire was listened to for long enough. Who takes them in for many machines (a relay agent, a switch)
//! has room for some 200 in its socket and looks at each.
//!
//! Promise: what is to be sent leaves in its order, at once while no more come than the pace allows.
//! Invariant: no more wait than leave in some tenths of a second: a flood fills no memory, and who asks again is answered sooner than late.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

/// Most time between two messages of many: 25,000 in a second.
const APART: Duration = Duration::from_micros(40);
/// Where more come than that, the pace is that much of the time between two of them: a quarter faster than they come.
const PART: f64 = 0.8;
/// How long is counted what comes.
const WINDOW: Duration = Duration::from_millis(500);
/// Messages that wait for which the pace is twice as fast, and so on: what outlasts it is no burst but the load.
const TWICE: usize = 1024;
/// How far the pace may be ahead: 40 messages at once. Timers have a millisecond's resolution, in which 25 leave.
const AHEAD: Duration = Duration::from_micros(40 * 40);

/// Messages that may wait.
const ROOM: usize = 8192;

/// Messages in their order; the pace is that of the generic cell rate algorithm (ITU-T I.371).
#[derive(Debug)]
pub(super) struct Outbox<T> {
    waiting: VecDeque<T>,
    /// When the next message would leave if all kept their distance.
    next: Instant,
    /// Time between two messages.
    apart: Duration,
    /// What has come since when.
    came: u32,
    since: Instant,
}

impl<T> Outbox<T> {
    pub fn new(now: Instant) -> Self {
        Self {
            waiting: VecDeque::new(),
            next: now,
            apart: APART,
            came: 0,
            since: now,
        }
    }

    /// Puts a message behind the others; whether there was room.
    #[must_use]
    pub fn push(&mut self, message: T) -> bool {
        let room = self.waiting.len() < ROOM;
        self.came = self.came.saturating_add(1);
        if room {
            self.waiting.push_back(message);
        }
        room
    }

    /// The first message, if it may leave now.
    pub fn take(&mut self, now: Instant) -> Option<T> {
        let passed = now.saturating_duration_since(self.since);
        if passed >= WINDOW {
            // Who asks that often can take in the answers, and they must not wait for each other for long.
            self.apart = APART.min((passed / self.came.max(1)).mul_f64(PART));
            (self.came, self.since) = (0, now);
        }
        if self.next > now + AHEAD {
            return None;
        }
        let message = self.waiting.pop_front()?;
        let times = 1 + self.waiting.len() / TWICE;
        self.next = self.next.max(now) + self.apart / u32::try_from(times).unwrap_or(1);
        Some(message)
    }

    /// When [`Outbox::take`] gives the next one; `None` if nothing waits.
    pub fn due(&self) -> Option<Instant> {
        // What came ahead of its time is made up for in one piece, not in many small ones.
        (!self.waiting.is_empty()).then_some(self.next)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(outbox: &mut Outbox<usize>, now: Instant) -> Vec<usize> {
        std::iter::from_fn(|| outbox.take(now)).collect()
    }

    #[tokio::test]
    async fn what_comes_one_by_one_leaves_at_once() {
        let begin = Instant::now();
        let mut outbox = Outbox::new(begin);
        for n in 0..1000 {
            let now = begin + APART * 2 * n;
            assert!(outbox.push(n as usize));
            assert_eq!(taken(&mut outbox, now), [n as usize]);
            assert_eq!(outbox.due(), None);
        }
    }

    #[tokio::test]
    async fn what_comes_together_leaves_in_parts_in_its_order() {
        let begin = Instant::now();
        let mut outbox = Outbox::new(begin);
        assert!((0..1000).all(|n| outbox.push(n)));
        let (mut now, mut left) = (begin, Vec::new());
        while let Some(due) = outbox.due() {
            // As timers are: late by up to a millisecond.
            now = now.max(due) + Duration::from_millis(1);
            let some = taken(&mut outbox, now);
            assert!(some.len() <= 41, "{}", some.len());
            assert!(!some.is_empty(), "it was due");
            left.extend(some);
        }
        assert_eq!(left, (0..1000).collect::<Vec<_>>());
        let took = now - begin;
        assert!(took >= APART * (1000 - 41), "{took:?}");
    }

    #[tokio::test]
    async fn what_is_more_than_the_pace_for_long_leaves_faster() {
        let begin = Instant::now();
        let mut outbox = Outbox::new(begin);
        let (mut came, mut left) = (0, 0);
        for turn in 0..2000_u32 {
            // Sixty in a millisecond, more than twice the pace.
            came += (0..60).filter(|n| outbox.push(*n)).count();
            left += taken(&mut outbox, begin + Duration::from_millis(1) * turn).len();
        }
        assert_eq!(came, 120_000, "there was always room");
        assert!(left > 115_000, "{left}");
    }

    #[tokio::test]
    async fn a_load_above_the_pace_waits_for_half_a_second_and_then_no_longer() {
        let begin = Instant::now();
        let mut outbox = Outbox::new(begin);
        let mut waiting = Vec::new();
        for turn in 0..2000_u32 {
            assert!((0..40).all(|n| outbox.push(n)), "forty in a millisecond");
            taken(&mut outbox, begin + Duration::from_millis(1) * turn);
            waiting.push(outbox.waiting.len());
        }
        assert!(
            *waiting.iter().max().unwrap() > TWICE / 2,
            "the first of them keep the pace"
        );
        assert_eq!(waiting[1000..], [0; 1000]);
        // When the load is over, the pace is the old one.
        let later = begin + Duration::from_secs(4);
        taken(&mut outbox, later);
        assert_eq!(outbox.apart, APART);
    }

    #[tokio::test]
    async fn no_more_wait_than_there_is_room_for() {
        let begin = Instant::now();
        let mut outbox = Outbox::new(begin);
        let took = (0..ROOM + 10).filter(|n| outbox.push(*n)).count();
        assert_eq!(took, ROOM);
        assert_eq!(outbox.take(begin), Some(0), "the first of them are kept");
        assert!(outbox.push(0));
    }
}
