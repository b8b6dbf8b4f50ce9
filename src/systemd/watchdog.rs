//! The watchdog: asks everything that must live whether it does, and says so while all of it answers.

use std::sync::Arc;
use std::time::Duration;

use sd_notify::NotifyState;
use tokio_util::sync::CancellationToken;

use super::{status, tell};
use crate::journal::{Journal, JournalError};
use crate::pulse::Pulse;
use crate::store::StoreError;

/// How often the status line is brought up to date where nobody set a watchdog.
const STATUS: Duration = Duration::from_secs(30);

/// What must live.
#[derive(Debug)]
pub struct Watched {
    /// Its writer has to answer.
    pub journal: Journal,
    /// Loops by name.
    pub loops: Vec<(&'static str, Pulse)>,
}

/// Tells the service manager that the server lives, for as long as it does; until cancelled.
///
/// Asks four times in the time after which the manager would give up, and gives everybody a quarter of it to answer.
pub async fn watch(watched: Watched, cancel: CancellationToken) {
    if std::env::var_os("NOTIFY_SOCKET").is_none() {
        return cancel.cancelled().await;
    }
    let limit = sd_notify::watchdog_enabled();
    let every = limit.map_or(STATUS, |limit| limit / 4);
    let mut said = String::new();
    let mut silent = None;
    let mut ticks = tokio::time::interval(every);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = cancel.cancelled() => return,
            _ = ticks.tick() => {}
        }
        let found = watched.examine(every).await;
        let state = match &found {
            Health::Well => status(&watched.journal.world()),
            Health::Ailing(why) | Health::Dead(why) => why.clone(),
        };
        if state != said {
            tell(&[NotifyState::Status(&state)]);
            said.clone_from(&state);
        }
        match found {
            Health::Dead(why) => {
                if silent.as_ref() != Some(&why) {
                    tracing::error!(why, "the server does not live as it should; the watchdog is not fed");
                }
                silent = Some(why);
            }
            Health::Well | Health::Ailing(_) => {
                if silent.take().is_some() {
                    tracing::info!("the server lives again");
                }
                if limit.is_some() {
                    tell(&[NotifyState::Watchdog]);
                }
            }
        }
    }
}

/// What was found.
#[derive(Debug, PartialEq, Eq)]
enum Health {
    Well,
    /// Something is wrong that a new start would not put right.
    Ailing(String),
    Dead(String),
}

impl Watched {
    async fn examine(&self, patience: Duration) -> Health {
        let loops = futures_util::future::join_all(
            self.loops
                .iter()
                .map(async |(name, pulse)| (!pulse.is_felt(patience).await).then_some(*name)),
        );
        let (journal, loops) = tokio::join!(tokio::time::timeout(patience, self.journal.round_trip()), loops);
        if let Some(name) = loops.into_iter().flatten().next() {
            return Health::Dead(format!("{name} does not answer"));
        }
        judge(journal.ok())
    }
}

/// `None`: no answer in time.
fn judge(journal: Option<Result<(), JournalError>>) -> Health {
    match journal {
        Some(Ok(())) => Health::Well,
        // Space is made by a person. A server that is started again and again would not even hand out files.
        Some(Err(JournalError::Store(error))) if matches!(*error, StoreError::Full { .. }) => {
            Health::Ailing(Arc::clone(&error).to_string())
        }
        Some(Err(error)) => Health::Dead(error.to_string()),
        None => Health::Dead("the journal does not answer: is its disk frozen?".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_is_an_ailment_and_a_silent_journal_is_death() {
        let full = StoreError::Full {
            path: "/x/journal.db".into(),
            source: sqlx::Error::RowNotFound,
        };
        assert!(matches!(judge(Some(Err(full.into()))), Health::Ailing(why) if why.contains("free space")));
        assert_eq!(judge(Some(Ok(()))), Health::Well);
        assert!(matches!(judge(Some(Err(JournalError::Stopped))), Health::Dead(_)));
        assert!(matches!(judge(None), Health::Dead(_)));
    }
}
