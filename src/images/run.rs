//! mmdebstrap piped into mksquashfs, with everything they say in one log.

use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};

/// How the pair ended.
pub(super) struct Ended {
    /// `mmdebstrap: exit status: 1`, for those that failed.
    pub failed: Vec<String>,
    /// The last lines that were said.
    pub tail: Vec<String>,
}

/// Lines of output that an error shows.
const TAIL: usize = 12;

/// Runs both to their ends. `line` sees every line the first one says.
///
/// Without a second one the first has nothing to hand on.
pub(super) fn piped(
    mut make: Command,
    pack: Option<Command>,
    log: &Path,
    mut line: impl FnMut(&str),
) -> io::Result<Ended> {
    let mut log_file = File::create(log)?;
    writeln!(log_file, "$ {make:?}\n| {pack:?}")?;
    let mut maker = make
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    let stdout = maker.stdout.take().expect("it was asked for as a pipe");
    let stderr = maker.stderr.take().expect("it was asked for as a pipe");
    // The command holds its end of the pipe and goes out of scope with it: otherwise the first would never see that the
    // second has gone.
    let packer = pack
        .map(|mut pack| {
            pack.stdin(stdout)
                .stdout(log_file.try_clone()?)
                .stderr(log_file.try_clone()?)
                .spawn()
        })
        .transpose();
    let packer = match packer {
        Ok(packer) => packer,
        Err(error) => {
            maker.kill().ok();
            maker.wait().ok();
            return Err(error);
        }
    };
    let mut tail = std::collections::VecDeque::with_capacity(TAIL);
    for said in BufReader::new(stderr).split(b'\n') {
        let said = said?;
        let said = String::from_utf8_lossy(&said);
        // Bars that redraw themselves: their last state is the line.
        let said = said.trim_end().rsplit('\r').next().unwrap_or_default();
        writeln!(log_file, "{said}")?;
        line(said);
        if !said.is_empty() {
            if tail.len() == TAIL {
                tail.pop_front();
            }
            tail.push_back(said.to_string());
        }
    }
    let mut failed = Vec::new();
    let maker = maker.wait()?;
    let packer = packer.map(|mut packer| packer.wait()).transpose()?;
    for (name, status) in [("mmdebstrap", Some(maker)), ("mksquashfs", packer)] {
        let Some(status) = status else { continue };
        if !status.success() {
            failed.push(format!("{name}: {status}"));
        }
    }
    Ok(Ended {
        failed,
        tail: tail.into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    #[test]
    fn both_ends_and_everything_said_are_in_the_log() {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("log");
        let mut seen = Vec::new();
        let make = shell("echo one >&2; printf 'half\\rtwo\\n' >&2; echo data");
        let ended = piped(make, Some(shell("cat; exit 3")), &log, |line| {
            seen.push(line.to_string())
        })
        .unwrap();
        assert_eq!(seen, ["one", "two"]);
        assert_eq!(ended.tail, seen);
        assert_eq!(ended.failed, ["mksquashfs: exit status: 3"]);
        let log = std::fs::read_to_string(&log).unwrap();
        assert!(log.contains("one\n") && log.contains("data\n"), "{log}");
    }

    #[test]
    fn a_packer_that_is_not_there_ends_the_maker_too() {
        let folder = tempfile::tempdir().unwrap();
        let error = piped(
            shell("sleep 60"),
            Some(Command::new("/no/such/program")),
            &folder.path().join("log"),
            |_| (),
        );
        assert_eq!(error.err().map(|error| error.kind()), Some(io::ErrorKind::NotFound));
    }
}
