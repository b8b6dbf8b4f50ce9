//! The same for many BMCs: so many at once, each in its own time, and one that is dead delays no other.

use std::time::Duration;

use futures_util::{Stream, StreamExt as _};
use tokio::time::Instant;

/// How many at once, and how far apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// BMCs that are spoken to at once.
    pub at_once: usize,
    /// Time between two that begin: machines that all switch on at the same moment trip a breaker.
    pub stagger: Duration,
}

impl Default for Pace {
    /// 64 at once, none waits.
    fn default() -> Self {
        Self {
            at_once: 64,
            stagger: Duration::ZERO,
        }
    }
}

/// The work for each item; results come as they are ready. What has not begun does not begin when the stream is dropped.
pub fn run<I, T, F>(items: Vec<I>, pace: Pace, work: impl Fn(I) -> F) -> impl Stream<Item = T>
where
    F: Future<Output = T>,
{
    let began = Instant::now();
    let running = futures_util::stream::iter(items).enumerate().map(move |(n, item)| {
        // Made here, so that nothing of it runs before its turn.
        let turn = pace.stagger.saturating_mul(u32::try_from(n).unwrap_or(u32::MAX));
        let work = work(item);
        async move {
            if !turn.is_zero() {
                tokio::time::sleep_until(began + turn).await;
            }
            work.await
        }
    });
    running.buffer_unordered(pace.at_once.max(1))
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn so_many_at_once_and_a_dead_one_delays_no_other() {
        let (now, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let pace = Pace {
            at_once: 4,
            stagger: Duration::ZERO,
        };
        let mut order = Vec::new();
        let work = |n: u64| {
            let (now, most) = (&now, &most);
            async move {
                most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                tokio::time::sleep(Duration::from_secs(if n == 0 { 1000 } else { 1 })).await;
                now.fetch_sub(1, Ordering::SeqCst);
                n
            }
        };
        let began = Instant::now();
        let mut live = None;
        let mut results = std::pin::pin!(run((0..20).collect(), pace, work));
        while let Some(n) = results.next().await {
            order.push(n);
            if order.len() == 19 {
                live = Some(began.elapsed());
            }
        }
        assert_eq!(most.load(Ordering::SeqCst), 4);
        assert_eq!((order.len(), order.last()), (20, Some(&0)));
        assert!(live.is_some_and(|live| live < Duration::from_secs(10)), "{live:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn machines_are_switched_on_one_after_the_other() {
        let pace = Pace {
            at_once: 64,
            stagger: Duration::from_millis(500),
        };
        let began = Instant::now();
        let at: Vec<_> = run((0..5).collect(), pace, async |n: u32| (n, began.elapsed()))
            .collect()
            .await;
        let expected: Vec<_> = (0..5).map(|n| (n, Duration::from_millis(500) * n)).collect();
        assert_eq!(at, expected);
    }
}
