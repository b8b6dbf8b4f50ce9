//! One machine that sends: how much it may, and what it said last.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use model::event::Seq;

/// Lines a second that a sender may send on the whole; a busy installer sends some hundred.
const RATE: u32 = 1000;
/// Lines that it may send at once.
const BURST: u32 = 10_000;
/// Notable lines of a deployment that the journal takes; an installer has some fifty.
const NOTABLE: u32 = 400;

#[derive(Debug)]
pub(super) struct Source {
    tokens: u32,
    filled: Instant,
    heard: Instant,
    missed: u64,
    deployment: Seq,
    /// The last few notable lines: installers go to and fro between two of their parts hundreds of times.
    before: VecDeque<String>,
    news: u32,
}

/// How many of them are remembered.
const BEFORE: usize = 4;

impl Source {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            tokens: BURST,
            filled: now,
            heard: now,
            missed: 0,
            deployment: 0,
            before: VecDeque::new(),
            news: 0,
        }
    }

    /// For how long it has been silent.
    pub(super) fn heard(&self, now: Instant) -> Duration {
        now.duration_since(self.heard)
    }

    /// Whether another line is taken: how many were not since the last one that was. `None`: this one is not either.
    pub(super) fn admit(&mut self, now: Instant) -> Option<u64> {
        self.heard = now;
        let passed = now.duration_since(self.filled);
        let more = u32::try_from(passed.as_millis().saturating_mul(u128::from(RATE)) / 1000).unwrap_or(BURST);
        if more > 0 {
            self.tokens = self.tokens.saturating_add(more).min(BURST);
            self.filled = now;
        }
        match self.tokens.checked_sub(1) {
            Some(left) => {
                self.tokens = left;
                Some(std::mem::take(&mut self.missed))
            }
            None => {
                self.missed += 1;
                None
            }
        }
    }

    /// Whether a notable line is worth a place in the journal: it is another than the few before, and there were not too
    /// many of its deployment.
    pub(super) fn is_news(&mut self, deployment: Seq, line: &str) -> bool {
        if self.deployment != deployment {
            self.deployment = deployment;
            self.before.clear();
            self.news = 0;
        }
        if self.before.iter().any(|before| before == line) || self.news >= NOTABLE {
            return false;
        }
        if self.before.len() == BEFORE {
            self.before.pop_front();
        }
        self.before.push_back(line.to_string());
        self.news += 1;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sender_that_floods_is_cut_off_and_told_of_in_the_next_line() {
        let start = Instant::now();
        let mut source = Source::new(start);
        for _ in 0..BURST {
            assert_eq!(source.admit(start), Some(0));
        }
        assert_eq!(source.admit(start), None);
        assert_eq!(source.admit(start), None);
        let later = start + Duration::from_millis(10);
        assert_eq!(source.admit(later), Some(2));
        assert_eq!(source.heard(later + SILENCE), SILENCE);
    }

    const SILENCE: Duration = Duration::from_secs(7);

    #[test]
    fn the_same_again_is_no_news_until_the_next_deployment() {
        let mut source = Source::new(Instant::now());
        assert!(source.is_news(1, "unpacks"));
        assert!(!source.is_news(1, "unpacks"));
        assert!(source.is_news(1, "configures"));
        assert!(!source.is_news(1, "unpacks"), "to and fro is no news");
        assert!(source.is_news(2, "configures"));
        for n in 0..2 * NOTABLE {
            source.is_news(2, &n.to_string());
        }
        assert!(!source.is_news(2, "one more"));
    }
}
