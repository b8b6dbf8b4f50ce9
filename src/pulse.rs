//! A pulse: proof that a loop still goes round.
//!
//! The loop answers between two turns; whoever watches asks, and waits as long as is bearable. A timer that ticks beside
//! the loop would prove nothing but that timers tick.

use std::time::Duration;

use tokio::sync::{mpsc, oneshot};

/// The watcher's end.
#[derive(Debug, Clone)]
pub struct Pulse(mpsc::Sender<oneshot::Sender<()>>);

/// The loop's end.
#[derive(Debug)]
pub struct Beat(mpsc::Receiver<oneshot::Sender<()>>);

/// The two ends of a pulse.
pub fn pulse() -> (Pulse, Beat) {
    let (asks, asked) = mpsc::channel(1);
    (Pulse(asks), Beat(asked))
}

impl Pulse {
    /// Whether the loop's end is still held by somebody.
    pub fn is_held(&self) -> bool {
        !self.0.is_closed()
    }

    /// Whether the loop answers within `patience`.
    pub async fn is_felt(&self, patience: Duration) -> bool {
        let asked = async {
            let (answer, answered) = oneshot::channel();
            self.0.send(answer).await.ok()?;
            answered.await.ok()
        };
        matches!(tokio::time::timeout(patience, asked).await, Ok(Some(())))
    }
}

impl Beat {
    /// A branch of the loop's `select!`: returns when it was asked and has answered. May be dropped at any time; never
    /// returns once nobody can ask any more.
    pub async fn answer(&mut self) {
        match self.0.recv().await {
            Some(asker) => {
                asker.send(()).ok();
            }
            None => std::future::pending().await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_loop_that_goes_round_has_a_pulse_and_one_that_hangs_or_ended_has_none() {
        let (pulse, mut beat) = pulse();
        let (patience, little) = (Duration::from_secs(60), Duration::from_millis(20));
        let turning = tokio::spawn(async move {
            loop {
                beat.answer().await;
            }
        });
        assert!(pulse.is_felt(patience).await);
        assert!(pulse.is_felt(patience).await);
        turning.abort();
        turning.await.ok();
        assert!(!pulse.is_felt(patience).await, "ended");
        assert!(!pulse.is_held());

        let (pulse, _held_by_a_loop_that_hangs) = super::pulse();
        assert!(!pulse.is_felt(little).await, "hangs");
    }
}
