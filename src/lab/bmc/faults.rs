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

type Sets = fn(&mut LineFaults);

/// The words for them.
const FAULTS: [(&str, Sets); 9] = [
    // Each answer takes a while.
    ("slow", |faults| faults.slow = Duration::from_millis(400)),
    // In either direction. A handshake has six datagrams in a row, so each sixth would let nobody in.
    ("lossy", |faults| faults.lose = 9),
    ("dead", |faults| faults.dead = true),
    ("no-cycle", |faults| faults.own.refuses_cycle = true),
    ("forgets-boot", |faults| faults.own.loses_boot_flags = true),
    ("full", |faults| faults.own.no_sessions = true),
    ("hides-suites", |faults| faults.own.hides_suites = true),
    ("opensesspriv", |faults| faults.own.open_session_privilege = true),
    ("busy", |faults| faults.own.busy = true),
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
            let found = FAULTS.iter().find(|(known, _)| *known == word);
            let (_, set) = found.ok_or_else(|| {
                let words = FAULTS.map(|(word, _)| word);
                format!("{word} is no fault: {}", words.join(", "))
            })?;
            set(&mut faults);
        }
        Ok(faults)
    }
}
