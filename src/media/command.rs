//! Calling the programs of this host, with what they say kept for the error.

use std::io;
use std::process::{Command, Output, Stdio};

/// Runs to the end; the output is what it printed.
///
/// # Errors
/// The program's name with what it said, or why it could not be run.
pub(super) fn run(command: &mut Command) -> Result<Vec<u8>, String> {
    let name = command.get_program().to_string_lossy().into_owned();
    let output = command.stdin(Stdio::null()).env("LC_ALL", "C.UTF-8").output();
    judge(&name, output)
}

/// What became of a program.
pub(super) fn judge(name: &str, output: io::Result<Output>) -> Result<Vec<u8>, String> {
    match output {
        Ok(output) if output.status.success() => Ok(output.stdout),
        Ok(output) => {
            let mut said = String::from_utf8_lossy(&output.stderr).into_owned();
            said.push_str(&String::from_utf8_lossy(&output.stdout));
            let lines: Vec<&str> = said.lines().filter(|line| !line.trim().is_empty()).collect();
            let last = lines[lines.len().saturating_sub(12)..].join("\n");
            Err(format!("{name}: {}\n{last}", output.status))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Err(format!("{name} is not installed")),
        Err(error) => Err(format!("{name}: {error}")),
    }
}
