//! What is not worth writing down: the same from the same machine again and again, and floods.

use std::collections::HashMap;
use std::time::Duration;

use model::event::{NewEvent, Subject};
use tokio::time::Instant;
use wire::Mac;

/// A stranger's question of the same kind is written down once in this time.
const AGAIN: Duration = Duration::from_secs(10);
/// Strangers that are remembered for that.
const REMEMBERED: usize = 4096;

/// Lets a number of events through at once, and then so many a second.
#[derive(Debug)]
struct Bucket {
    left: f64,
    most: f64,
    per_second: f64,
    at: Instant,
}

impl Bucket {
    fn new(most: f64, per_second: f64, at: Instant) -> Self {
        Self {
            left: most,
            most,
            per_second,
            at,
        }
    }

    fn take(&mut self, now: Instant) -> bool {
        let passed = now.saturating_duration_since(self.at).as_secs_f64();
        self.left = (self.left + passed * self.per_second).min(self.most);
        self.at = now;
        let room = self.left >= 1.0;
        if room {
            self.left -= 1.0;
        }
        room
    }
}

/// Decides which events that change nothing are written down.
#[derive(Debug)]
pub(super) struct Quiet {
    strangers: Bucket,
    nodes: Bucket,
    last: HashMap<(Mac, &'static str), Instant>,
}

impl Quiet {
    pub fn new(now: Instant) -> Self {
        Self {
            strangers: Bucket::new(200.0, 20.0, now),
            // 5,000 nodes that boot at once send two DISCOVERs each; forged MACs must not fill the disk all the same.
            nodes: Bucket::new(20_000.0, 1_000.0, now),
            last: HashMap::new(),
        }
    }

    /// Whether to write it down.
    pub fn admits(&mut self, event: &NewEvent, now: Instant) -> bool {
        let Subject::Machine(mac) = event.subject else {
            return self.nodes.take(now);
        };
        let key = (mac, event.what.kind());
        if self.last.get(&key).is_some_and(|last| now < *last + AGAIN) {
            return false;
        }
        if !self.strangers.take(now) {
            return false;
        }
        if self.last.len() >= REMEMBERED {
            self.last.retain(|_, last| now < *last + AGAIN);
        }
        if self.last.len() < REMEMBERED {
            self.last.insert(key, now);
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::Timestamp;
    use model::event::What;

    fn of(subject: Subject) -> NewEvent {
        NewEvent::new(Timestamp::UNIX_EPOCH, "dhcp", subject, What::ServerStopped {})
    }

    fn stranger(n: u32) -> NewEvent {
        let [a, b, c, d] = n.to_be_bytes();
        of(Subject::Machine(Mac([2, 0, a, b, c, d])))
    }

    #[test]
    fn a_stranger_that_repeats_itself_is_written_down_every_ten_seconds() {
        let start = Instant::now();
        let mut quiet = Quiet::new(start);
        assert!(quiet.admits(&stranger(1), start));
        assert!(!quiet.admits(&stranger(1), start + Duration::from_secs(9)));
        assert!(quiet.admits(&stranger(1), start + Duration::from_secs(10)));
    }

    #[test]
    fn a_flood_of_strangers_is_cut_off_and_nodes_are_not() {
        let start = Instant::now();
        let mut quiet = Quiet::new(start);
        let admitted = (0..10_000).filter(|n| quiet.admits(&stranger(*n), start)).count();
        assert_eq!(admitted, 200);
        let node = of(Subject::Node("nid001".into()));
        assert!((0..1000).all(|_| quiet.admits(&node, start)));
        let later = start + Duration::from_secs(1);
        assert_eq!(
            (10_000..20_000).filter(|n| quiet.admits(&stranger(*n), later)).count(),
            20
        );
    }
}
