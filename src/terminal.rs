//! The terminal of this process.

use std::io::{self, IsTerminal as _, Write as _};

use nix::sys::termios::{LocalFlags, SetArg, Termios, cfmakeraw, tcgetattr, tcsetattr};

/// The terminal with every key passed on; as it was before when dropped. Where standard input is none, nothing is done.
#[derive(Debug)]
pub struct Raw(Option<Termios>);

impl Raw {
    /// Passes every key on.
    ///
    /// # Errors
    /// The terminal's settings cannot be read or changed.
    pub fn switch() -> io::Result<Self> {
        let stdin = io::stdin();
        if !stdin.is_terminal() {
            return Ok(Self(None));
        }
        let before = tcgetattr(&stdin)?;
        let mut raw = before.clone();
        cfmakeraw(&mut raw);
        tcsetattr(&stdin, SetArg::TCSANOW, &raw)?;
        Ok(Self(Some(before)))
    }
}

/// The terminal without an echo, for a password; as it was before when dropped.
#[derive(Debug)]
pub struct Silent(Option<Termios>);

impl Silent {
    /// Shows a prompt and nothing of what is typed then. Where standard input is no terminal, neither.
    ///
    /// # Errors
    /// The terminal's settings cannot be read or changed.
    pub fn switch(prompt: &str) -> io::Result<Self> {
        let stdin = io::stdin();
        if !stdin.is_terminal() {
            return Ok(Self(None));
        }
        let before = tcgetattr(&stdin)?;
        let mut silent = before.clone();
        silent.local_flags.remove(LocalFlags::ECHO);
        tcsetattr(&stdin, SetArg::TCSAFLUSH, &silent)?;
        let mut err = io::stderr();
        write!(err, "{prompt}").and_then(|()| err.flush()).ok();
        Ok(Self(Some(before)))
    }
}

impl Drop for Silent {
    fn drop(&mut self) {
        if let Some(before) = &self.0 {
            tcsetattr(io::stdin(), SetArg::TCSANOW, before).ok();
            // The key that ended the line had no echo either.
            writeln!(io::stderr()).ok();
        }
    }
}

impl Drop for Raw {
    fn drop(&mut self) {
        if let Some(before) = &self.0 {
            tcsetattr(io::stdin(), SetArg::TCSANOW, before).ok();
            // Firmware leaves colours and a hidden cursor behind.
            let mut out = io::stdout();
            out.write_all(b"\x1b[0m\x1b[?25h\r\n").and_then(|()| out.flush()).ok();
        }
    }
}
