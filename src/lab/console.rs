//! A machine's serial console: what it said so far, and a terminal on it.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::fd::AsFd as _;
use std::os::unix::net::UnixStream;
use std::path::Path;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use super::{Folder, LabError};
use crate::terminal::Raw;

/// Ctrl-]: leaves the console, as in telnet.
const ESCAPE: u8 = 0x1d;
/// How often a machine that is off is tried, in milliseconds.
const RETRY: u16 = 300;

/// The last `limit` bytes of a machine's console log, from the beginning of a line. A machine that was never switched
/// on has said nothing.
///
/// # Errors
/// If the log cannot be read.
pub fn tail(folder: &Folder, machine: &str, limit: u64) -> Result<Vec<u8>, LabError> {
    let path = folder.machine(machine, "console.log");
    let read = |path: &Path| -> io::Result<Vec<u8>> {
        let mut file = File::open(path)?;
        let length = file.metadata()?.len();
        file.seek(SeekFrom::Start(length.saturating_sub(limit)))?;
        let mut text = Vec::new();
        file.read_to_end(&mut text)?;
        if length > limit {
            let line = text.iter().position(|byte| *byte == b'\n').map_or(0, |at| at + 1);
            text.drain(..line);
        }
        Ok(text)
    };
    match read(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        other => other.map_err(LabError::io(format!("read {}", path.display()))),
    }
}

/// Puts this terminal on a machine's console until Ctrl-] is typed or standard input ends. A machine that goes off is
/// waited for.
///
/// # Errors
/// If the terminal or the console cannot be used.
pub fn attach(folder: &Folder, machine: &str) -> Result<(), LabError> {
    let socket = folder.machine(machine, "console.sock");
    let _raw = Raw::switch().map_err(LabError::io("change the terminal's settings"))?;
    let mut line = UnixStream::connect(&socket).ok();
    if line.is_none() {
        say(&format!("{machine} is off; waiting for it to be switched on"));
    }
    let broken = || format!("talk to the console of {machine}");
    loop {
        let Some(stream) = line.as_mut() else {
            if typed(None, RETRY)?.is_some_and(|keys| ends(&keys)) {
                return Ok(());
            }
            line = UnixStream::connect(&socket).ok();
            continue;
        };
        if let Some(keys) = typed(Some(stream), u16::MAX)? {
            let wanted = keys.iter().position(|key| *key == ESCAPE).unwrap_or(keys.len());
            // A machine that goes off in this moment is seen when its side is read.
            stream.write_all(&keys[..wanted]).ok();
            if ends(&keys) {
                return Ok(());
            }
        }
        if readable(stream).map_err(LabError::system(broken()))? {
            let mut bytes = [0; 4096];
            match stream.read(&mut bytes) {
                Ok(0) | Err(_) => {
                    say(&format!("{machine} went off; waiting for it to be switched on"));
                    line = None;
                }
                Ok(read) => show(&bytes[..read]).map_err(LabError::io("write to the terminal"))?,
            }
        }
    }
}

/// Waits for keys, or for the machine to say something, at most `patience` milliseconds (`u16::MAX`: for ever).
fn typed(line: Option<&UnixStream>, patience: u16) -> Result<Option<Vec<u8>>, LabError> {
    let stdin = io::stdin();
    let mut watched = vec![PollFd::new(stdin.as_fd(), PollFlags::POLLIN)];
    watched.extend(line.map(|line| PollFd::new(line.as_fd(), PollFlags::POLLIN)));
    let patience = if patience == u16::MAX {
        PollTimeout::NONE
    } else {
        PollTimeout::from(patience)
    };
    poll(&mut watched, patience).map_err(LabError::system("wait for the terminal"))?;
    if !watched[0].any().unwrap_or(false) {
        return Ok(None);
    }
    let mut keys = vec![0; 1024];
    let read = nix::unistd::read(stdin.as_fd(), &mut keys).map_err(LabError::system("read the terminal"))?;
    keys.truncate(read);
    Ok(Some(keys))
}

fn readable(line: &UnixStream) -> nix::Result<bool> {
    let mut watched = [PollFd::new(line.as_fd(), PollFlags::POLLIN)];
    Ok(poll(&mut watched, PollTimeout::ZERO)? > 0)
}

/// Whether these keys end the session; no keys at all are the end of standard input.
fn ends(keys: &[u8]) -> bool {
    keys.is_empty() || keys.contains(&ESCAPE)
}

fn show(bytes: &[u8]) -> io::Result<()> {
    let mut out = io::stdout();
    out.write_all(bytes)?;
    out.flush()
}

fn say(text: &str) {
    show(format!("\r\n[{text}; Ctrl-] leaves]\r\n").as_bytes()).ok();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tail_begins_at_the_beginning_of_a_line() {
        let dir = tempfile::tempdir().unwrap();
        let folder = Folder::new(Some(dir.path().join("lab"))).unwrap();
        folder.make(["n1"].into_iter()).unwrap();
        assert_eq!(tail(&folder, "n1", 10).unwrap(), b"");
        std::fs::write(folder.machine("n1", "console.log"), "first line\nsecond\nthird\n").unwrap();
        assert_eq!(tail(&folder, "n1", 10).unwrap(), b"third\n");
        assert_eq!(tail(&folder, "n1", 100).unwrap(), b"first line\nsecond\nthird\n");
    }
}
