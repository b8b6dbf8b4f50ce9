//! When a transaction waits for more, since one costs as much as ten events.

use std::time::{Duration, Instant};

use super::queue::Receiver;

/// Events in a millisecond that say that a storm is on. (A DHCP exchange is two.)
const MANY: u128 = 8;
/// Events that one transaction of a storm has at least; fewer may have come together by chance.
const LEAST: u64 = 16;
/// How long it waits at most, and how often it looks.
const GATHER: Duration = Duration::from_millis(5);
const LOOK: Duration = Duration::from_millis(1);

/// Whether so many events within that time are a storm.
pub(super) fn is_on(events: u64, within: Duration) -> bool {
    events >= LEAST && u128::from(events) * 1000 >= within.as_micros() * MANY
}

/// Waits until as many events are waited for as in the last transaction, but not for long: whoever all waited for that one
/// (machines that ask one thing after the other) are there at once again; of those who come by themselves more gather.
pub(super) async fn let_gather(queue: &Receiver, waited_for: usize) {
    let begun = Instant::now();
    while queue.waiting() < waited_for.max(1) && begun.elapsed() < GATHER {
        tokio::time::sleep(LOOK).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_storm_is_many_events_and_many_in_its_time() {
        let ms = Duration::from_millis;
        assert!(is_on(16, ms(2)));
        assert!(!is_on(15, ms(0)), "by chance");
        assert!(!is_on(16, ms(3)));
        assert!(!is_on(4096, ms(1000)), "what a slow disk let gather");
        assert!(is_on(4096, ms(512)));
        assert!(!is_on(u64::MAX, Duration::MAX));
    }
}
