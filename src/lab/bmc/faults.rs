//! What goes wrong on the way to a BMC.

use std::str::FromStr;
use std::time::Duration;

use wire::ipmi::{Controller, Faults};

/// What goes wrong between a BMC and whoever asks it, and in it.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct LineFaults {
    /// Each answer takes so long.
    pub slow: Duration,
    /// Of so many datagrams one is lost, in either direction; 0: none.
    pub lose: u32,
    /// It is silent.
    pub dead: bool,
    /// What the BMC itself does wrong.
    pub own: Faults,
}

/// Words for them, with what each does.
pub const FAULTS: [(&str, &str); 9] = [
    ("slow", "each answer takes 400 ms"),
    ("lossy", "every ninth datagram is lost, in either direction"),
    ("dead", "it is silent"),
    ("no-cycle", "it refuses a power cycle"),
    ("forgets-boot", "it takes boot flags and forgets them"),
    ("full", "it has no room for sessions"),
    ("hides-suites", "it does not tell its cipher suites"),
    (
        "opensesspriv",
        "it computes its codes with the privilege of Open Session",
    ),
    ("busy", "it answers \"busy\" to every second command"),
];

impl LineFaults {
    /// Gives a BMC its own faults.
    pub fn afflict(&self, controller: &mut Controller) {
        controller.faults = self.own;
    }
}

impl FromStr for LineFaults {
    type Err = String;

    /// Words with commas between them.
    fn from_str(text: &str) -> Result<Self, String> {
        let mut faults = Self::default();
        for word in text.split(',').map(str::trim).filter(|word| !word.is_empty()) {
            match word {
                "slow" => faults.slow = Duration::from_millis(400),
                "lossy" => faults.lose = 9,
                "dead" => faults.dead = true,
                "no-cycle" => faults.own.refuses_cycle = true,
                "forgets-boot" => faults.own.loses_boot_flags = true,
                "full" => faults.own.no_sessions = true,
                "hides-suites" => faults.own.hides_suites = true,
                "opensesspriv" => faults.own.open_session_privilege = true,
                "busy" => faults.own.busy = true,
                _ => {
                    let words = FAULTS.map(|(word, _)| word);
                    return Err(format!("{word} is no fault: {}", words.join(", ")));
                }
            }
        }
        Ok(faults)
    }
}
