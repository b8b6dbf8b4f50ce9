//! What goes wrong on the way to a BMC, and in it.

use std::str::FromStr;
use std::time::Duration;

use wire::ipmi::Faults;

/// What goes wrong between a BMC and whoever asks it, and in it.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct LineFaults {
    /// Each answer takes so long.
    pub slow: Duration,
    /// Of so many datagrams one is lost, in either direction; 0: none. A stream loses nothing.
    pub lose: u32,
    /// It is silent; its port of Redfish is closed.
    pub dead: bool,
    /// Its password is another one than is declared.
    pub other_password: bool,
    /// What its machine is told arrives so much later, although the BMC said yes at once.
    pub late: Duration,
    /// It says yes to whatever is asked of the power, and does nothing.
    pub ignores_power: bool,
    /// It falls silent when its console has said so many octets, and starts anew some time later; 0: never.
    pub hangs_after: usize,
    /// What the BMC itself does wrong.
    pub own: Faults,
}

type Sets = fn(&mut LineFaults);

/// The words for them.
const FAULTS: [(&str, Sets); 16] = [
    // Each answer takes a while.
    ("slow", |faults| faults.slow = Duration::from_millis(400)),
    // In either direction. A handshake has six datagrams in a row, so each sixth would let nobody in.
    ("lossy", |faults| faults.lose = 9),
    ("dead", |faults| faults.dead = true),
    ("no-cycle", |faults| faults.own.refuses_cycle = true),
    ("forgets-boot", |faults| faults.own.loses_boot_flags = true),
    ("full", |faults| faults.own.no_sessions = true),
    ("leaks", |faults| faults.own.leaks_sessions = true),
    ("hides-suites", |faults| faults.own.hides_suites = true),
    ("opensesspriv", |faults| faults.own.open_session_privilege = true),
    ("busy", |faults| faults.own.busy = true),
    ("sloppy", |faults| faults.own.sloppy = true),
    ("hangs", |faults| faults.own.hangs = true),
    // Some screens of a console.
    ("hangs-on-console", |faults| faults.hangs_after = 4096),
    ("wrong-password", |faults| faults.other_password = true),
    ("ignores-power", |faults| faults.ignores_power = true),
    // Longer than a power cycle is waited for before one looks.
    ("late-power", |faults| faults.late = Duration::from_secs(6)),
];

impl LineFaults {
    /// The password that counts, where `declared` is what the cluster file names.
    pub fn password(&self, declared: Vec<u8>) -> Vec<u8> {
        match self.other_password {
            true => [b"not ", declared.as_slice()].concat(),
            false => declared,
        }
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
