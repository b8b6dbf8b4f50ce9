//! A BMC at its socket.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::UdpSocket;
use tokio::sync::mpsc;
use tokio::time::Instant;
use wire::ipmi::{Asked, BootFlags, Controller};

use super::LineFaults;

/// Longest datagram of IPMI.
const DATAGRAM: usize = 1500;
/// How long the loop sleeps when nothing is due.
const IDLE: Duration = Duration::from_secs(60);
/// Octets of the machine that may wait for the console's other end before the machine itself has to.
const UNSAID: usize = 8192;

/// What a BMC hears from its machine.
#[derive(Debug)]
pub enum FromMachine {
    /// It is on or off now, by whomever.
    Power(bool),
    /// It said something on its serial port.
    Said(Vec<u8>),
}

/// What a BMC does with its machine. Beside a power-on stands what the machine is to boot.
pub type ToMachine = (Asked, Option<BootFlags>);

/// A BMC with its two ends.
#[derive(Debug)]
pub struct Bmc {
    /// The BMC.
    pub controller: Controller,
    /// What goes wrong.
    pub faults: LineFaults,
    /// To its machine.
    pub machine: mpsc::Sender<ToMachine>,
    /// From its machine.
    pub heard: mpsc::Receiver<FromMachine>,
}

/// Serves until the machine's end of the channels is dropped.
///
/// # Errors
/// If the socket breaks.
pub async fn serve(socket: UdpSocket, bmc: Bmc) -> std::io::Result<()> {
    let Bmc {
        mut controller,
        faults,
        machine,
        mut heard,
    } = bmc;
    faults.afflict(&mut controller);
    let began = Instant::now();
    let mut line = Lossy { faults, count: 0 };
    let mut buffer = [0; DATAGRAM];
    loop {
        while let Some((to, datagram)) = controller.due(began.elapsed()) {
            line.send(&socket, &datagram, to).await?;
        }
        while let Some(asked) = controller.asked() {
            // Only switching on makes a machine look at what it is to boot.
            let boots = matches!(&asked, Asked::Power(control) if starts(*control));
            let boot = boots.then(|| controller.boot()).flatten();
            // The machine's end may wait for us just now, so we never wait for it.
            match machine.try_send((asked, boot)) {
                Ok(()) => {}
                Err(mpsc::error::TrySendError::Closed(_)) => return Ok(()),
                Err(mpsc::error::TrySendError::Full(lost)) => {
                    tracing::warn!(asked = ?lost.0, "a lab machine takes nothing more from its BMC");
                }
            }
        }
        let wake = controller.wake().map_or(IDLE, |at| at.min(began.elapsed() + IDLE));
        let may_hear = controller.unsaid() < UNSAID;
        tokio::select! {
            received = socket.recv_from(&mut buffer) => match received {
                Ok((length, from)) => {
                    if line.loses() {
                        continue;
                    }
                    for answer in controller.hear(&buffer[..length], from, began.elapsed()) {
                        line.send(&socket, &answer, from).await?;
                    }
                }
                // Whoever asked has gone.
                Err(error) if error.kind() == std::io::ErrorKind::ConnectionRefused => {}
                Err(error) => return Err(error),
            },
            said = heard.recv(), if may_hear => match said {
                Some(FromMachine::Power(is_on)) => controller.set_power(is_on),
                Some(FromMachine::Said(data)) => {
                    controller.said(&data);
                }
                None => return Ok(()),
            },
            () = tokio::time::sleep_until(began + wake) => {}
        }
    }
}

fn starts(control: wire::ipmi::Control) -> bool {
    use wire::ipmi::Control;
    matches!(control, Control::On | Control::Cycle | Control::Reset)
}

/// The line with its faults.
struct Lossy {
    faults: LineFaults,
    count: u32,
}

impl Lossy {
    /// Whether the next datagram is lost.
    fn loses(&mut self) -> bool {
        self.count = self.count.wrapping_add(1);
        self.faults.dead || (self.faults.lose > 0 && self.count.is_multiple_of(self.faults.lose))
    }

    async fn send(&mut self, socket: &UdpSocket, datagram: &[u8], to: SocketAddr) -> std::io::Result<()> {
        if self.loses() {
            return Ok(());
        }
        if !self.faults.slow.is_zero() {
            tokio::time::sleep(self.faults.slow).await;
        }
        match socket.send_to(datagram, to).await {
            Err(error) if error.kind() == std::io::ErrorKind::ConnectionRefused => Ok(()),
            other => other.map(drop),
        }
    }
}
