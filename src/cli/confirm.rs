//! Asking before something is done that cannot be taken back.

use std::io::{BufRead as _, IsTerminal as _, Write as _};

use super::{Failure, Printer};

/// Whether the person at the terminal says yes.
///
/// # Errors
/// If nobody is there to ask.
pub fn confirmed(printer: &Printer, question: &str) -> Result<bool, Failure> {
    if printer.json() || !std::io::stdin().is_terminal() {
        return Err(Failure::usage("nobody is here to confirm: say --yes"));
    }
    let mut out = std::io::stdout();
    write!(out, "{question} [y/N] ").and_then(|()| out.flush()).ok();
    let mut line = String::new();
    std::io::stdin()
        .lock()
        .read_line(&mut line)
        .map_err(|error| Failure::new(format!("cannot read your answer: {error}")))?;
    Ok(matches!(line.trim(), "y" | "Y" | "yes"))
}
