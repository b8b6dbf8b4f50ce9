//! A BMC at its socket, and the loop that owns its state.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Duration;

use jiff::Timestamp;
use tokio::net::UdpSocket;
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;
use wire::ipmi::{Asked, BootFlags, Completion, Controller, Deed, View};

use super::LineFaults;

/// Longest datagram of IPMI.
const DATAGRAM: usize = 1500;
/// How long the loop sleeps when nothing is due.
const IDLE: Duration = Duration::from_secs(60);
/// Octets of the machine that may wait for the console's other end before the machine itself has to.
const UNSAID: usize = 8192;
/// How long a BMC that fell silent takes until its own watchdog starts it anew.
const SILENT: Duration = Duration::from_secs(20);
/// What waits to be told to a machine late.
const LATE: usize = 64;
/// Errands of other doors that may wait.
const ERRANDS: usize = 32;

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

/// What another door wants: to look, or to do something and look then.
struct Errand {
    deed: Option<Deed>,
    done: oneshot::Sender<Result<View, Completion>>,
}

/// What another door than IPMI has of a BMC.
#[derive(Debug, Clone)]
pub struct Panel {
    errands: mpsc::Sender<Errand>,
}

impl Panel {
    /// What there is to see; `None`: the BMC is over.
    pub async fn look(&self) -> Option<View> {
        self.run(None).await?.ok()
    }

    /// Does something; what there is to see then, or what the BMC says against it. `None`: the BMC is over.
    pub async fn perform(&self, deed: Deed) -> Option<Result<View, Completion>> {
        self.run(Some(deed)).await
    }

    async fn run(&self, deed: Option<Deed>) -> Option<Result<View, Completion>> {
        let (done, answer) = oneshot::channel();
        self.errands.send(Errand { deed, done }).await.ok()?;
        answer.await.ok()
    }
}

/// A BMC with its ends.
#[derive(Debug)]
pub struct Bmc {
    controller: Controller,
    faults: LineFaults,
    machine: mpsc::Sender<ToMachine>,
    heard: mpsc::Receiver<FromMachine>,
    errands: mpsc::Receiver<Errand>,
}

impl Bmc {
    /// A BMC with its faults between its machine's ends, and what other doors have of it.
    pub fn new(
        mut controller: Controller,
        faults: LineFaults,
        machine: mpsc::Sender<ToMachine>,
        heard: mpsc::Receiver<FromMachine>,
    ) -> (Self, Panel) {
        controller.faults = faults.own;
        let (sender, errands) = mpsc::channel(ERRANDS);
        let bmc = Self {
            controller,
            faults,
            machine,
            heard,
            errands,
        };
        (bmc, Panel { errands: sender })
    }
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
        mut errands,
    } = bmc;
    let began = Instant::now();
    let mut line = Lossy { faults, count: 0 };
    let mut orders = Orders {
        faults,
        machine,
        late: VecDeque::new(),
    };
    let mut fuse = Fuse {
        said: 0,
        silent_until: None,
    };
    let mut others = true;
    let mut is_on = false;
    let mut buffer = [0; DATAGRAM];
    loop {
        if fuse.is_over() {
            tracing::info!("a BMC that hung starts anew");
            controller.restart();
        }
        let silent = fuse.silent_until.is_some();
        while !silent && let Some((to, datagram)) = controller.due(began.elapsed()) {
            line.send(&socket, &datagram, to).await?;
        }
        while let Some(asked) = controller.asked() {
            if asked == Asked::ColdReset {
                controller.restart();
            }
            // Only switching on makes a machine look at what it is to boot.
            let boots = matches!(&asked, Asked::Power(control) if starts(*control)) && !faults.ignores_power;
            let boot = boots.then(|| controller.boot()).flatten();
            if !orders.give(asked, boot) {
                return Ok(());
            }
        }
        if !orders.give_late() {
            return Ok(());
        }
        let wakes = [
            // A light that shines for ever is due at the end of time.
            controller
                .wake()
                .filter(|_| !silent)
                .and_then(|at| began.checked_add(at)),
            orders.wake(),
            fuse.silent_until,
        ];
        let idle = Instant::now() + IDLE;
        let wake = wakes.into_iter().flatten().fold(idle, Instant::min);
        let may_hear = controller.unsaid() < UNSAID;
        tokio::select! {
            received = socket.recv_from(&mut buffer) => match received {
                Ok((length, from)) => {
                    if silent || line.loses() {
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
            errand = errands.recv(), if others && !silent => match errand {
                Some(Errand { deed, done }) => {
                    let result = deed.map_or(Ok(()), |deed| controller.perform(deed));
                    // Whoever asked may have gone.
                    done.send(result.map(|()| controller.view())).ok();
                }
                None => others = false,
            },
            said = heard.recv(), if may_hear => match said {
                Some(FromMachine::Power(now)) => {
                    controller.set_power(now);
                    if now != is_on {
                        is_on = now;
                        note_power(&mut controller, now);
                    }
                }
                Some(FromMachine::Said(data)) => {
                    controller.said(&data);
                    if controller.has_console() {
                        fuse.count(data.len(), faults.hangs_after);
                    }
                }
                None => return Ok(()),
            },
            () = tokio::time::sleep_until(wake) => {}
        }
    }
}

/// Power on and switched off, into the event log (table 42-3).
fn note_power(controller: &mut Controller, is_on: bool) {
    let now = u32::try_from(Timestamp::now().as_second()).unwrap_or(u32::MAX);
    let (kind, offset) = if is_on { (0x1d, 0) } else { (0x09, 0) };
    controller.log(kind, offset, now);
}

fn starts(control: wire::ipmi::Control) -> bool {
    use wire::ipmi::Control;
    matches!(control, Control::On | Control::Cycle | Control::Reset)
}

/// What goes to the machine, and what of it has to wait.
struct Orders {
    faults: LineFaults,
    machine: mpsc::Sender<ToMachine>,
    late: VecDeque<(Instant, ToMachine)>,
}

impl Orders {
    /// `false`: the machine's end is gone.
    fn give(&mut self, asked: Asked, boot: Option<BootFlags>) -> bool {
        match asked {
            Asked::Power(_) if self.faults.ignores_power => true,
            Asked::Power(_) if !self.faults.late.is_zero() => {
                if self.late.len() < LATE {
                    self.late.push_back((Instant::now() + self.faults.late, (asked, boot)));
                }
                true
            }
            _ => self.tell((asked, boot)),
        }
    }

    fn give_late(&mut self) -> bool {
        while self.late.front().is_some_and(|(at, _)| *at <= Instant::now()) {
            if let Some((_, order)) = self.late.pop_front()
                && !self.tell(order)
            {
                return false;
            }
        }
        true
    }

    fn wake(&self) -> Option<Instant> {
        self.late.front().map(|(at, _)| *at)
    }

    fn tell(&self, order: ToMachine) -> bool {
        // The machine's end may wait for us just now, so we never wait for it.
        match self.machine.try_send(order) {
            Ok(()) => true,
            Err(mpsc::error::TrySendError::Closed(_)) => false,
            Err(mpsc::error::TrySendError::Full(lost)) => {
                tracing::warn!(asked = ?lost.0, "a lab machine takes nothing more from its BMC");
                true
            }
        }
    }
}

/// What makes a BMC fall silent over its console.
struct Fuse {
    said: usize,
    silent_until: Option<Instant>,
}

impl Fuse {
    fn count(&mut self, octets: usize, most: usize) {
        self.said = self.said.saturating_add(octets);
        if most > 0 && self.said > most && self.silent_until.is_none() {
            tracing::info!(octets = self.said, "a BMC hangs over its console");
            self.silent_until = Some(Instant::now() + SILENT);
        }
    }

    /// Whether its silence is over just now.
    fn is_over(&mut self) -> bool {
        let over = self.silent_until.is_some_and(|until| until <= Instant::now());
        if over {
            (self.said, self.silent_until) = (0, None);
        }
        over
    }
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
