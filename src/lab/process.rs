//! Processes that are named so that a number given out again cannot be mistaken for them.

use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde::{Deserialize, Serialize};

/// A process: its number and the tick at which it started (proc(5), `stat` field 22).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Process {
    /// Process number in this host's process namespace.
    pub pid: i32,
    /// Start time in clock ticks since the host started.
    pub started: u64,
}

impl Process {
    /// The process that has that number now.
    pub fn of(pid: i32) -> Option<Self> {
        let (started, _) = stat(pid)?;
        Some(Self { pid, started })
    }

    /// Whether it still runs. One that has ended and was not waited for does not.
    pub fn is_alive(self) -> bool {
        stat(self.pid).is_some_and(|(started, state)| started == self.started && !matches!(state, 'Z' | 'X'))
    }

    /// Sends a signal, if it still runs.
    pub fn signal(self, signal: Signal) {
        if self.is_alive() {
            kill(Pid::from_raw(self.pid), signal).ok();
        }
    }

    /// Asks it to end, and ends it if it has not done so after `patience`.
    pub fn end(self, patience: Duration) {
        self.signal(Signal::SIGTERM);
        if !self.gone_within(patience) {
            self.signal(Signal::SIGKILL);
            self.gone_within(Duration::from_secs(2));
        }
    }

    /// Waits until it has ended; `false` if it still runs after `patience`.
    pub fn gone_within(self, patience: Duration) -> bool {
        let until = Instant::now() + patience;
        while self.is_alive() {
            if Instant::now() >= until {
                return false;
            }
            // The kernel tells only a parent of an end: others have to look now and then.
            std::thread::park_timeout(Duration::from_millis(20));
        }
        true
    }
}

/// Start time and state. The name in field 2 may hold spaces and parentheses, so counting begins after the last one.
fn stat(pid: i32) -> Option<(u64, char)> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let mut fields = text.rsplit_once(") ")?.1.split(' ');
    let state = fields.next()?.chars().next()?;
    let started = fields.nth(18)?.parse().ok()?;
    Some((started, state))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn number_that_was_given_out_again_is_another_process() {
        let own = Process::of(std::process::id() as i32).unwrap();
        assert!(own.is_alive());
        assert!(
            !Process {
                started: own.started + 1,
                ..own
            }
            .is_alive()
        );
    }

    #[test]
    fn ended_process_that_nobody_waited_for_counts_as_gone() {
        let mut child = std::process::Command::new("sleep").arg("60").spawn().unwrap();
        let process = Process::of(child.id() as i32).unwrap();
        assert!(process.is_alive());
        process.end(Duration::from_secs(5));
        assert!(!process.is_alive());
        child.wait().unwrap();
    }
}
