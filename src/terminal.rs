//! The terminal of this process.

use std::io::{self, IsTerminal as _, Write as _};

use nix::sys::termios::{SetArg, Termios, cfmakeraw, tcgetattr, tcsetattr};

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
