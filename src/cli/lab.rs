//! `bellwether lab`: virtual machines with real firmware on a network of their own.

mod args;
mod show;

pub use args::Lab;

use std::num::NonZeroUsize;
use std::path::Path;

use model::cluster::Cluster;
use model::nodeset::NodeSet;

use super::output::text;
use super::paths::Paths;
use super::{Failure, Printer};
use crate::cluster_file;
use crate::lab::{self, Accel, Folder, Hardware, LabError, Plan, Request, Status, Wishes};
use args::{Bmcs, LabCommand, Power, Up};

/// The cluster of a lab that was given none.
const DEMO: &str = include_str!("../../examples/demo.yaml");

/// Runs a sub-command of `lab`.
pub fn run(printer: &Printer, paths: &Paths, lab: Lab) -> Result<(), Failure> {
    let folder = Folder::new(lab.dir)?;
    match lab.command {
        LabCommand::Up(wanted) => up(printer, paths, &folder, &wanted),
        LabCommand::Status => show::status(printer, &folder, &lab::ask(&folder, &Request::Status)?),
        LabCommand::Console(console) => {
            let machine = one(&lab::ask(&folder, &Request::Status)?, &console.node)?;
            let said = lab::tail(&folder, &machine, if console.log { u64::MAX } else { 8192 })?;
            text(&String::from_utf8_lossy(&said))?;
            if console.log {
                Ok(())
            } else {
                Ok(lab::attach(&folder, &machine)?)
            }
        }
        LabCommand::Power(power) => switch(printer, &folder, &power),
        LabCommand::Hang(which) => {
            let machine = one(&lab::ask(&folder, &Request::Status)?, &which.node)?;
            lab::ask(
                &folder,
                &Request::Hang {
                    machine: machine.clone(),
                },
            )?;
            text(&format!("{machine} stands still\n"))
        }
        LabCommand::Restart => {
            lab::ask(&folder, &Request::Restart)?;
            text("the server was started again\n")
        }
        LabCommand::Exec(exec) => Err(enter(&folder, &exec.command)),
        LabCommand::Ssh(ssh) => {
            let status = lab::ask(&folder, &Request::Status)?;
            let machine = one(&status, &ssh.node)?;
            let address = show::address(&folder, &status, &machine)?;
            // Machines are installed again and again: their host keys prove nothing.
            let mut command: Vec<String> = [
                "ssh",
                "-o",
                "StrictHostKeyChecking=no",
                "-o",
                "UserKnownHostsFile=/dev/null",
            ]
            .map(String::from)
            .to_vec();
            command.extend([
                "-o".to_string(),
                "LogLevel=ERROR".to_string(),
                format!("{}@{address}", ssh.user),
            ]);
            command.extend(ssh.command);
            Err(enter(&folder, &command))
        }
        LabCommand::Env => text(&format!("export BELLWETHER_STATE={}\n", quoted(&folder.state()))),
        LabCommand::Bmcs(wanted) => super::block_on(bmcs(wanted)),
        LabCommand::Down(down) => {
            let ran = lab::down(&folder, down.keep)?;
            text(if ran { "the lab is down\n" } else { "no lab was up\n" })
        }
        LabCommand::Keeper => {
            crate::telemetry::logs(false);
            Ok(lab::keep(&folder)?)
        }
    }
}

fn up(printer: &Printer, paths: &Paths, folder: &Folder, wanted: &Up) -> Result<(), Failure> {
    let count = wanted.nodes.map(NonZeroUsize::get);
    let demo = demo(count);
    let (file, given) = match &wanted.cluster {
        Some(path) => (
            std::path::absolute(path).map_err(|e| Failure::io("find", path, e))?,
            true,
        ),
        None => (folder.cluster_file(), false),
    };
    let cluster = if given { load(&file)? } else { read(&demo)? };
    let wishes = Wishes {
        count,
        firmware: wanted.firmware(),
        firmware_of: wanted.firmware_of.iter().cloned().collect(),
        bmc_faults: wanted.bmc_faults.iter().cloned().collect(),
        hardware: Hardware {
            memory: wanted.memory,
            cpus: wanted.cpus,
            cpu: wanted.cpu_model.clone(),
            disk: wanted.disk,
            disk_first: wanted.disk_first,
        },
    };
    let program = std::env::current_exe().map_err(|e| Failure::new(format!("cannot find this program: {e}")))?;
    let word = |path: &Path| path.display().to_string();
    let (program, state) = (word(&program), word(&folder.state()));
    let server: Vec<String> = ["serve", "--config", &word(&file), "--state", &state]
        .map(String::from)
        .into();
    let server = [vec![program.clone()], server].concat();
    let first = lab::plan(
        &cluster,
        &wishes,
        Accel::Tcg,
        (!wanted.without_server).then_some(server),
    )?;
    lab::check(&first)?;
    let accel = wanted.accel.unwrap_or_else(Accel::find);
    let plan = Plan {
        accel,
        power_on: !wanted.powered_off,
        ..first
    };
    lab::prepare(folder, &plan)?;
    if !given {
        std::fs::write(&file, demo).map_err(|e| Failure::io("write", &file, e))?;
    }
    let images = wanted.images.clone().unwrap_or_else(|| paths.state().join("images"));
    folder.lend_images(&images)?;
    let keeper = [program.as_str(), "lab", "--dir", &word(folder.root()), "keeper"].map(String::from);
    let status = lab::up(folder, &keeper)?;
    show::up(printer, folder, &status)
}

/// BMCs without machines, until somebody ends it.
async fn bmcs(wanted: Bmcs) -> Result<(), Failure> {
    crate::telemetry::logs(false);
    let password = match &wanted.password_from {
        Some(place) => {
            let secret = crate::secrets::Secrets::default()
                .read(place)
                .map_err(|error| Failure::usage(error.to_string()))?;
            secret.expose().to_vec()
        }
        None => lab::bmc::PASSWORD.into(),
    };
    let bmcs = lab::bmc::alone::Wanted {
        first: wanted.first,
        count: wanted.count,
        port: wanted.port,
        redfish_port: match wanted.redfish_port {
            Some(port) => (port != 0).then_some(port),
            None => (wanted.port == crate::bmc::IPMI_PORT).then_some(crate::bmc::REDFISH_PORT),
        },
        password,
        faults: wanted.fault,
        dead_each: wanted.dead_each,
        chatter: std::time::Duration::from_millis(wanted.chatter),
    };
    let mut tasks = lab::bmc::alone::open(&bmcs).await?;
    text(&format!("{} BMCs from {} on\n", wanted.count, wanted.first))?;
    while tasks.join_next().await.is_some() {}
    Ok(())
}

fn load(file: &Path) -> Result<Cluster, Failure> {
    cluster_file::load(file).map(|(_, cluster)| cluster).map_err(|refused| {
        let failure = Failure::usage(refused.message);
        match refused.detail {
            Some(detail) => failure.with_detail(detail),
            None => failure,
        }
    })
}

/// The demonstration can be wrong only by its number of nodes: more than the network has addresses for.
fn read(demo: &str) -> Result<Cluster, Failure> {
    let reading = model::config::read(demo);
    reading.cluster.ok_or_else(|| {
        let first = reading
            .diagnostics
            .into_iter()
            .next()
            .map(|diagnostic| diagnostic.message);
        Failure::usage(format!(
            "the demonstration has no room for so many: {}",
            first.unwrap_or_default()
        ))
    })
}

/// The demonstration with that many nodes.
fn demo(nodes: Option<usize>) -> String {
    match nodes {
        Some(count) => DEMO.replace("nid[001-004]", &format!("nid[001-{count:03}]")),
        None => DEMO.to_string(),
    }
}

fn switch(printer: &Printer, folder: &Folder, power: &Power) -> Result<(), Failure> {
    let status = lab::ask(folder, &Request::Status)?;
    let machines = select(&status, &power.nodes)?;
    let status = lab::ask(
        folder,
        &Request::Power {
            machines,
            action: power.action,
        },
    )?;
    show::status(printer, folder, &status)
}

/// The machines of a node set; groups are the server's business, so names and `*` only.
fn select(status: &Status, nodes: &str) -> Result<Vec<String>, Failure> {
    let wrong = |error: &dyn std::fmt::Display| Failure::usage(format!("{nodes}: {error}"));
    let set: NodeSet = nodes.parse().map_err(|error| wrong(&error))?;
    let all = || status.machines.iter().map(|machine| machine.name.clone()).collect();
    let names = set.expand(&|_| None, &all).map_err(|error| wrong(&error))?;
    match names.iter().find(|name| status.machine(name).is_none()) {
        Some(unknown) => Err(Failure::usage(format!(
            "there is no machine {unknown} in the lab: bellwether lab status"
        ))),
        None => Ok(names),
    }
}

fn one(status: &Status, node: &str) -> Result<String, Failure> {
    let names = select(status, node)?;
    match <[String; 1]>::try_from(names) {
        Ok([name]) => Ok(name),
        Err(names) => Err(Failure::usage(format!("{node} is {} machines: name one", names.len()))),
    }
}

/// Becomes a command inside the lab; returns only if that fails.
fn enter(folder: &Folder, command: &[String]) -> Failure {
    match lab::ask(folder, &Request::Status) {
        Ok(status) => lab::exec(status.keeper, command).into(),
        Err(error) => error.into(),
    }
}

/// A path for a shell.
fn quoted(path: &Path) -> String {
    format!("'{}'", path.display().to_string().replace('\'', "'\\''"))
}

impl From<LabError> for Failure {
    fn from(error: LabError) -> Self {
        let message = error.chain();
        match error {
            LabError::Wish(_) | LabError::Packages(_) | LabError::NotOurs(_) => Self::usage(message),
            _ => Self::new(message),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn demonstration_has_as_many_nodes_as_asked_for_and_no_mistake() {
        for (wanted, expected) in [(None, 4), (Some(1), 1), (Some(40), 40)] {
            let cluster = read(&demo(wanted)).unwrap();
            assert_eq!(cluster.nodes.len(), expected);
            assert!(cluster.nodes.iter().all(|node| node.primary_address().is_some()));
        }
    }
}
