//! The BMCs of the lab's machines: each switches its machine through the keeper, and has its serial port.

use std::io::SeekFrom;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use tokio::fs::File;
use tokio::io::{AsyncReadExt as _, AsyncSeekExt as _, AsyncWriteExt as _};
use tokio::net::{UdpSocket, UnixStream};
use tokio::sync::mpsc;
use uuid::Uuid;
use wire::ipmi::{Asked, BootDevice, Control};

use super::door::{FromMachine, ToMachine};
use super::{Bmc, Identity, LineFaults, PASSWORD, redfish, serve};
use crate::lab::{Controlled, Folder, LabError, Machine};
use crate::secrets::Secrets;

/// How often it is looked whether a machine said something.
const LOOK: Duration = Duration::from_millis(40);
/// Octets of a machine that are taken at once.
const PIECE: usize = 2048;
/// So long a machine's serial port is kept by one who typed: then the lab's own console may have it again.
const TYPING: Duration = Duration::from_secs(2);

/// A machine is to be switched.
#[derive(Debug, Clone, Copy)]
pub struct Ordered {
    /// Which, in the order of the plan.
    pub at: usize,
    /// What is to be done.
    pub control: Control,
    /// What it is to boot, if its BMC says so: the disk first, or the network.
    pub boot: Option<bool>,
}

/// Opens the doors of all BMCs. What goes to each comes back, in the order of the machines.
///
/// # Errors
/// An address cannot be bound.
pub async fn open(
    machines: &[Machine],
    folder: &Folder,
    orders: &mpsc::Sender<Ordered>,
) -> Result<Vec<Option<mpsc::Sender<FromMachine>>>, LabError> {
    let mut bmcs = Vec::with_capacity(machines.len());
    for (at, machine) in machines.iter().enumerate() {
        let Some(wanted) = &machine.bmc else {
            bmcs.push(None);
            continue;
        };
        let address = SocketAddr::new(wanted.address, wanted.port);
        let (to_machine, asked) = mpsc::channel(256);
        let (said, heard) = mpsc::channel(64);
        let faults: LineFaults = wanted.faults.parse().map_err(LabError::Wish)?;
        let identity = identity(machine, wanted, &faults);
        let (bmc, panel) = Bmc::new(identity.controller(), faults, to_machine, heard);
        let socket = UdpSocket::bind(address).await;
        let socket = socket.map_err(LabError::io(format!("open the BMC of {} on {address}", machine.name)))?;
        if !faults.dead {
            let address = SocketAddr::new(wanted.address, wanted.redfish_port);
            redfish::open(address, identity, faults, panel).await?;
        }
        let name = machine.name.clone();
        tokio::spawn(async move {
            if let Err(error) = serve(socket, bmc).await {
                tracing::error!(machine = name, %error, "a virtual BMC broke");
            }
        });
        tokio::spawn(carry_out(
            at,
            asked,
            orders.clone(),
            folder.machine(&machine.name, "console.sock"),
        ));
        tokio::spawn(listen(folder.machine(&machine.name, "console.log"), said.clone()));
        bmcs.push(Some(said));
    }
    Ok(bmcs)
}

fn identity(machine: &Machine, wanted: &Controlled, faults: &LineFaults) -> Identity {
    Identity {
        name: machine.name.clone(),
        serial: machine.serial.clone(),
        uuid: Uuid::parse_str(&machine.uuid).unwrap_or_default(),
        macs: machine.ports.iter().map(|port| port.mac).collect(),
        user: wanted.user.clone(),
        password: faults.password(password(wanted)),
    }
}

/// The password that the server will use: where it cannot be had, the lab's own.
fn password(wanted: &Controlled) -> Vec<u8> {
    let there = wanted
        .password_from
        .as_deref()
        .and_then(|place| Secrets::default().read(place).ok());
    there.map_or_else(|| PASSWORD.into(), |secret| secret.expose().to_vec())
}

/// Variables for the server, so that it finds the passwords that the lab made up.
pub fn environment(machines: &[Machine]) -> Vec<(String, String)> {
    let places = machines
        .iter()
        .filter_map(|machine| machine.bmc.as_ref()?.password_from.as_deref());
    let mut names: Vec<&str> = places
        .filter_map(|place| place.strip_prefix("env:"))
        .filter(|name| std::env::var_os(name).is_none())
        .collect();
    names.sort_unstable();
    names.dedup();
    let variable = |name: &str| (name.to_string(), PASSWORD.to_string());
    names.into_iter().map(variable).collect()
}

/// Does what a BMC asks of its machine.
async fn carry_out(at: usize, mut asked: mpsc::Receiver<ToMachine>, orders: mpsc::Sender<Ordered>, port: PathBuf) {
    let mut line: Option<UnixStream> = None;
    loop {
        let next = tokio::time::timeout(TYPING, asked.recv()).await;
        let (order, boot) = match next {
            // Nobody types: the port is for others.
            Err(_) => {
                line = None;
                continue;
            }
            Ok(None) => return,
            Ok(Some(order)) => order,
        };
        match order {
            Asked::Power(control) => {
                let boot = boot.and_then(|boot| match boot.device? {
                    BootDevice::Disk => Some(true),
                    BootDevice::Pxe => Some(false),
                    // A lab machine has no drive, and its setup is not to be reached from here.
                    BootDevice::Cdrom | BootDevice::Bios | BootDevice::Default => None,
                });
                if orders.send(Ordered { at, control, boot }).await.is_err() {
                    return;
                }
            }
            Asked::Write(data) => {
                if line.is_none() {
                    line = UnixStream::connect(&port).await.ok();
                }
                let Some(stream) = &mut line else { continue };
                if stream.write_all(&data).await.is_err() {
                    line = None;
                    continue;
                }
                // What the machine says is read from its log; here it must only not pile up.
                while stream.try_read(&mut [0; PIECE]).is_ok_and(|length| length > 0) {}
            }
            // QEMU's socket has no break.
            Asked::Break | Asked::Identify(_) | Asked::ColdReset => {}
        }
    }
}

/// Follows what a machine says: QEMU writes it into a file, whoever looks on.
async fn listen(log: PathBuf, said: mpsc::Sender<FromMachine>) {
    let mut at = tokio::fs::metadata(&log).await.map_or(0, |log| log.len());
    let mut file: Option<File> = None;
    let mut buffer = vec![0; PIECE];
    loop {
        if file.is_none() {
            file = File::open(&log).await.ok();
            if let Some(open) = &mut file
                && open.seek(SeekFrom::Start(at)).await.is_err()
            {
                file = None;
            }
        }
        let length = match &mut file {
            Some(open) => open.read(&mut buffer).await.unwrap_or(0),
            None => 0,
        };
        if length == 0 {
            if said.is_closed() {
                return;
            }
            tokio::time::sleep(LOOK).await;
            continue;
        }
        at += length as u64;
        if said.send(FromMachine::Said(buffer[..length].to_vec())).await.is_err() {
            return;
        }
    }
}
