//! Starting a lab: a keeper of its own session, and its word that everything runs.

use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};

use super::control::{Request, ask};
use super::keeper::Report;
use super::machine::last_lines;
use super::{Folder, LabError, Plan, Status, down};

/// Makes the folder of a lab and writes down what it is to be.
///
/// # Errors
/// If a lab runs there already, or the folder cannot be a lab's.
pub fn prepare(folder: &Folder, plan: &Plan) -> Result<(), LabError> {
    if is_up(folder) {
        return Err(LabError::Up(folder.root().to_path_buf()));
    }
    folder.make(plan.machines.iter().map(|machine| machine.name.as_str()))?;
    // What a lab left that was not taken down, if its keeper was killed.
    down::sweep(folder);
    folder.write(&folder.plan(), plan)
}

/// Starts the lab that was prepared in the folder, and waits until its server answers and its machines are switched on.
///
/// `keeper` is the program and the arguments that call [`super::keep`] on the same folder.
///
/// # Errors
/// If it does not come up; nothing of it runs then.
pub fn up(folder: &Folder, keeper: &[String]) -> Result<Status, LabError> {
    let log = folder.keeper_log();
    let errors = File::create(&log).map_err(LabError::io(format!("write {}", log.display())))?;
    let (program, arguments) = keeper.split_first().expect("a keeper has a program");
    let mut child = Command::new(program)
        .args(arguments)
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(errors)
        .spawn()
        .map_err(LabError::io(format!("start {program}")))?;
    let mut line = String::new();
    let stdout = child.stdout.take().expect("standard output is a pipe");
    BufReader::new(stdout)
        .read_line(&mut line)
        .map_err(LabError::io("hear from the keeper"))?;
    match serde_json::from_str(&line) {
        Ok(Report::Ready) => ask(folder, &Request::Status),
        Ok(Report::Failed(why)) => {
            child.wait().ok();
            Err(LabError::Refused(why))
        }
        Err(_) => {
            let status = child.wait().map_err(LabError::io("wait for the keeper"))?;
            let said = last_lines(&log, 8);
            Err(LabError::Program {
                what: format!("the lab's keeper ({status})"),
                said,
            })
        }
    }
}

fn is_up(folder: &Folder) -> bool {
    folder
        .read::<Status>(&folder.status())
        .is_ok_and(|status| status.keeper.is_alive())
}
