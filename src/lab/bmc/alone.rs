//! BMCs without machines behind them: for tests and benchmarks of what speaks to BMCs.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use tokio::net::UdpSocket;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use uuid::Uuid;
use wire::Mac;
use wire::ipmi::{Asked, Control};

use super::door::{FromMachine, ToMachine};
use super::{Bmc, Identity, LineFaults, redfish, serve};
use crate::lab::LabError;

/// How long a machine takes to be on or off after it was told.
const SWITCHES: Duration = Duration::from_millis(300);

/// Which BMCs.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// Address of the first one; the others follow it.
    pub first: IpAddr,
    /// How many.
    pub count: u32,
    /// UDP port of all of them, where they speak IPMI.
    pub port: u16,
    /// TCP port of all of them, where they speak Redfish; `None`: they do not.
    pub redfish_port: Option<u16>,
    /// Password of `admin`.
    pub password: Vec<u8>,
    /// What is wrong with them.
    pub faults: LineFaults,
    /// Of so many one is silent; 0: none.
    pub dead_each: u32,
    /// A machine that is on writes a numbered line so often to its serial port; zero: never.
    pub chatter: Duration,
}

/// Opens the doors of all of them; they are there when this returns.
///
/// # Errors
/// An address cannot be bound.
pub async fn open(wanted: &Wanted) -> Result<JoinSet<()>, LabError> {
    let mut tasks = JoinSet::new();
    for n in 0..wanted.count {
        let ip = nth(wanted.first, n);
        let address = SocketAddr::new(ip, wanted.port);
        let socket = UdpSocket::bind(address).await;
        let socket = socket.map_err(LabError::io(format!("open a BMC on {address}")))?;
        let (machine, asked) = mpsc::channel(256);
        let (said, heard) = mpsc::channel(64);
        let mut faults = wanted.faults;
        faults.dead |= wanted.dead_each > 0 && n % wanted.dead_each == wanted.dead_each - 1;
        let identity = identity(n, faults.password(wanted.password.clone()));
        let (bmc, panel) = Bmc::new(identity.controller(), faults, machine, heard);
        if let Some(port) = wanted.redfish_port.filter(|_| !faults.dead) {
            redfish::open(SocketAddr::new(ip, port), identity, faults, panel).await?;
        }
        tasks.spawn(async move {
            if let Err(error) = serve(socket, bmc).await {
                tracing::error!(%address, %error, "a virtual BMC broke");
            }
        });
        tasks.spawn(machine_that_is_none(asked, said, wanted.chatter));
    }
    Ok(tasks)
}

/// What the nth one is.
fn identity(n: u32, password: Vec<u8>) -> Identity {
    let mut guid = [0; 16];
    guid[..4].copy_from_slice(&n.to_le_bytes());
    guid[15] = 1;
    // IPMI writes it the other way round.
    guid.reverse();
    let [_, a, b, c] = n.to_be_bytes();
    Identity {
        name: format!("lab{n:05}"),
        serial: format!("LAB-{n:05}"),
        uuid: Uuid::from_bytes(guid),
        macs: vec![Mac::from([0x52, 0x54, 0x01, a, b, c])],
        user: super::USER.to_string(),
        password,
    }
}

/// The nth address after one.
fn nth(first: IpAddr, n: u32) -> IpAddr {
    match first {
        IpAddr::V4(first) => IpAddr::V4((u32::from(first).wrapping_add(n)).into()),
        IpAddr::V6(first) => IpAddr::V6((u128::from(first).wrapping_add(n.into())).into()),
    }
}

/// Switches, says that it does, and sends back what is typed, as a terminal does.
async fn machine_that_is_none(
    mut asked: mpsc::Receiver<ToMachine>,
    said: mpsc::Sender<FromMachine>,
    chatter: Duration,
) {
    let mut is_on = false;
    let mut lines = 0u64;
    let mut ticks = tokio::time::interval(if chatter.is_zero() {
        Duration::from_secs(3600)
    } else {
        chatter
    });
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Burst);
    loop {
        let heard = tokio::select! {
            asked = asked.recv() => match asked {
                None => return,
                Some((Asked::Power(control), boot)) => {
                    tokio::time::sleep(SWITCHES).await;
                    is_on = match control {
                        Control::On | Control::Cycle | Control::Reset => true,
                        Control::Off | Control::Soft => false,
                        Control::Diagnostic => is_on,
                    };
                    let device = boot.and_then(|boot| boot.device).map_or("default", |device| device.as_str());
                    let text = if is_on { format!("on, boots {device}\r\n") } else { "off\r\n".into() };
                    if said.send(FromMachine::Power(is_on)).await.is_err() {
                        return;
                    }
                    FromMachine::Said(text.into_bytes())
                }
                Some((Asked::Write(data), _)) if is_on => FromMachine::Said(data),
                Some((Asked::Break, _)) if is_on => FromMachine::Said(b"\r\n[break]\r\n".to_vec()),
                Some(_) => continue,
            },
            _ = ticks.tick(), if is_on && !chatter.is_zero() => {
                lines += 1;
                FromMachine::Said(format!("{lines:010} the quick brown fox jumps over the lazy dog\r\n").into_bytes())
            }
        };
        if said.send(heard).await.is_err() {
            return;
        }
    }
}
