//! The keeper's children: starting them so that none can outlive it, and hearing when they end.

use std::fs::{self, File};
use std::path::Path;
use std::process::{ExitStatus, Stdio};

use tokio::process::Command;
use tokio::sync::mpsc;

use super::process::Process;
use super::{Folder, LabError, Machine, Plan, needs, qemu};

/// Who a child is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Who {
    /// The server.
    Server,
    /// The machine of that name.
    Machine(String),
}

/// A child has ended.
#[derive(Debug)]
pub struct Ended {
    /// Who.
    pub who: Who,
    /// Its process number.
    pub pid: i32,
    /// How; `None` if that cannot be told.
    pub status: Option<ExitStatus>,
}

/// Starts a child, with further variables in its environment, that gets `signal` when the keeper ends, however that happens. Its output is appended to `log`.
///
/// # Errors
/// If it cannot be started.
pub fn start(
    who: Who,
    command: &[String],
    variables: Vec<(String, String)>,
    signal: &str,
    log: &Path,
    ended: mpsc::Sender<Ended>,
) -> Result<Process, LabError> {
    let shown = command.first().cloned().unwrap_or_default();
    let log = File::options()
        .create(true)
        .append(true)
        .open(log)
        .map_err(LabError::io(format!("write {}", log.display())))?;
    let both = log.try_clone().map_err(LabError::io("write the log twice"))?;
    let setpriv = needs::find_program("setpriv").unwrap_or_else(|| "setpriv".into());
    let mut child = Command::new(setpriv)
        .args(["--pdeathsig", signal, "--"])
        .args(command)
        .envs(variables)
        .stdin(Stdio::null())
        .stdout(log)
        .stderr(both)
        .spawn()
        .map_err(LabError::io(format!("start {shown}")))?;
    let pid = child.id().unwrap_or_default() as i32;
    let process = Process::of(pid).unwrap_or(Process { pid, started: 0 });
    tokio::spawn(async move {
        let status = child.wait().await.ok();
        ended.send(Ended { who, pid, status }).await.ok();
    });
    Ok(process)
}

/// Switches a machine on: gives it its own variables and disk where it has none yet, and starts QEMU. `disk_first` is what
/// its BMC says about this boot.
///
/// # Errors
/// If a file cannot be made or QEMU cannot be started.
pub fn switch_on(
    plan: &Plan,
    machine: &Machine,
    folder: &Folder,
    disk_first: Option<bool>,
    ended: mpsc::Sender<Ended>,
) -> Result<Process, LabError> {
    let disk_first = disk_first.unwrap_or(plan.hardware.disk_first);
    let file = |name: &str| folder.machine(&machine.name, name);
    let variables = file("vars.fd");
    if let Some((_, template)) = needs::ovmf(machine.firmware)
        && !variables.exists()
    {
        fs::copy(template, &variables).map_err(LabError::io(format!("write {}", variables.display())))?;
    }
    let disk = file("disk.raw");
    if let Some(size) = plan.hardware.disk.filter(|_| !disk.exists()) {
        let made = File::create(&disk).and_then(|file| file.set_len(size));
        made.map_err(LabError::io(format!("make {}", disk.display())))?;
    }
    let mut command = vec![qemu::PROGRAM.to_string()];
    command.extend(qemu::arguments(machine, &plan.hardware, plan.accel, folder, disk_first));
    start(
        Who::Machine(machine.name.clone()),
        &command,
        Vec::new(),
        "KILL",
        &file("qemu.log"),
        ended,
    )
}

/// The last lines of a log, for messages.
pub fn last_lines(log: &Path, lines: usize) -> String {
    let text = fs::read(log)
        .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
        .unwrap_or_default();
    let all: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    all[all.len().saturating_sub(lines)..].join("\n")
}
