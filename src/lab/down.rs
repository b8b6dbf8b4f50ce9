//! Ending a lab, whatever state it is in.
//!
//! Invariant: only processes are ended that the lab itself wrote down, and that are still the same.

use std::time::Duration;

use super::control::{Request, ask};
use super::{Folder, LabError, Status};

/// How long a keeper may take to end everything.
const PATIENCE: Duration = Duration::from_secs(30);

/// Ends the lab of a folder and removes what it made; `keep` leaves journal, disks and logs, so that the next lab in
/// this folder goes on with them. Doing it twice is no error. Returns whether anything ran.
///
/// # Errors
/// If the folder cannot be removed.
pub fn down(folder: &Folder, keep: bool) -> Result<bool, LabError> {
    if !folder.is_lab() {
        return Ok(false);
    }
    let ran = match ask(folder, &Request::Down) {
        Ok(status) => {
            status.keeper.gone_within(PATIENCE);
            true
        }
        // There is none, or it is beyond talking: what follows does not need it.
        Err(_) => false,
    };
    let ran = sweep(folder) || ran;
    if !keep {
        folder.remove()?;
    }
    Ok(ran)
}

/// Ends processes that are still there, and removes sockets that nobody listens on. Returns whether there were any.
pub fn sweep(folder: &Folder) -> bool {
    let Ok(status) = folder.read::<Status>(&folder.status()) else {
        return false;
    };
    let left: Vec<_> = status.processes().filter(|process| process.is_alive()).collect();
    for process in &left {
        process.end(Duration::from_secs(5));
    }
    std::fs::remove_file(folder.control()).ok();
    std::fs::remove_file(folder.status()).ok();
    !left.is_empty()
}
