//! The keeper: the process that a lab consists of. Server and machines are its children; it ends, the lab ends.

use std::io::Write as _;
use std::time::Duration;

use jiff::Timestamp;
use nix::sys::signal::Signal;
use serde::{Deserialize, Serialize};
use tokio::net::UnixListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;
use wire::ipmi::Control;

use super::bmc::FromMachine;
use super::bmc::attached::Ordered;
use super::control::{self, Asked, Power, Reply, Request};
use super::machine::{self, Ended, Who, last_lines};
use super::process::Process;
use super::status::{MachinePower, MachineStatus, ServerStatus, Status};
use super::{Folder, LabError, Plan, bmc, namespace, network, qmp, server};

/// How long the server may take until it answers: a debug build on a busy machine replaying a long journal.
const SERVER_START: Duration = Duration::from_secs(60);
/// How long a child may take to end when asked.
const PATIENCE: Duration = Duration::from_secs(10);

/// What the keeper tells the process that started it, as one line on standard output.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Report {
    /// The lab is up.
    Ready,
    /// It is not, and nothing of it is left.
    Failed(String),
}

/// Makes the lab that is planned in the folder and keeps it until it is told to end. The process must have one thread.
///
/// # Errors
/// If the lab cannot be made; the same was reported to whoever started this process.
pub fn run(folder: &Folder) -> Result<(), LabError> {
    let outcome = make_and_keep(folder);
    if let Err(error) = &outcome {
        report(&Report::Failed(error.chain()));
    }
    outcome
}

fn make_and_keep(folder: &Folder) -> Result<(), LabError> {
    let plan: Plan = folder.read(&folder.plan())?;
    nix::unistd::setsid().map_err(LabError::system("leave the terminal"))?;
    namespace::enter_new()?;
    network::make(&plan)?;
    // One thread: the kernel ties "ends with its parent" to the thread that started the child (prctl(2)).
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(LabError::io("start the keeper"))?
        .block_on(Keeper::live(folder.clone(), plan))
}

fn report(report: &Report) {
    let line = serde_json::to_string(report).expect("a report always serialises");
    let mut out = std::io::stdout();
    // Whoever started the lab may have gone meanwhile.
    writeln!(out, "{line}").and_then(|()| out.flush()).ok();
}

struct Keeper {
    folder: Folder,
    plan: Plan,
    status: Status,
    ended: mpsc::Sender<Ended>,
    /// To the BMC of each machine, in their order.
    bmcs: Vec<Option<mpsc::Sender<FromMachine>>>,
}

/// Who wants a machine switched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum By {
    /// A person at the lab: the server is told, as by an operator's tool.
    Hand,
    /// Its BMC, so whoever told that knows; and what that says about the boot, disk first or network first.
    Bmc(Option<bool>),
}

impl Keeper {
    async fn live(folder: Folder, plan: Plan) -> Result<(), LabError> {
        let now = Timestamp::now();
        let own = std::process::id() as i32;
        let status = Status {
            keeper: Process::of(own).unwrap_or(Process { pid: own, started: 0 }),
            cluster: plan.cluster.clone(),
            accel: plan.accel,
            since: now,
            bridges: plan.bridges.clone(),
            server: None,
            machines: plan
                .machines
                .iter()
                .map(|machine| MachineStatus::new(machine, now))
                .collect(),
        };
        let (ended, mut endings) = mpsc::channel(16);
        let (orders, mut by_bmc) = mpsc::channel(64);
        let bmcs = bmc::attached::open(&plan.machines, &folder, &orders).await?;
        let mut keeper = Self {
            folder,
            plan,
            status,
            ended,
            bmcs,
        };
        let outcome = keeper.until_down(&mut endings, &mut by_bmc).await;
        keeper.end_all(&mut endings).await;
        std::fs::remove_file(keeper.folder.control()).ok();
        match outcome? {
            Some(answer) => {
                answer.send(Reply::Ok(Box::new(keeper.status.clone()))).ok();
                // The connection's task writes the answer while this one waits.
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            None => tracing::info!("ended by a signal"),
        }
        Ok(())
    }

    /// Returns the place for the answer where somebody asked for the end.
    async fn until_down(
        &mut self,
        endings: &mut mpsc::Receiver<Ended>,
        by_bmc: &mut mpsc::Receiver<Ordered>,
    ) -> Result<Option<tokio::sync::oneshot::Sender<Reply>>, LabError> {
        self.start_server(endings).await?;
        if self.plan.power_on {
            let all: Vec<String> = self.plan.machines.iter().map(|machine| machine.name.clone()).collect();
            self.power(&all, Power::On).await?;
        }
        let socket = self.folder.control();
        std::fs::remove_file(&socket).ok();
        let listener = UnixListener::bind(&socket).map_err(LabError::io(format!("listen on {}", socket.display())))?;
        let mut terminate = signal(SignalKind::terminate()).map_err(LabError::io("listen for SIGTERM"))?;
        let mut interrupt = signal(SignalKind::interrupt()).map_err(LabError::io("listen for SIGINT"))?;
        let (asked, mut requests) = mpsc::channel::<Asked>(16);
        tokio::spawn(control::listen(listener, asked));
        self.save();
        report(&Report::Ready);
        loop {
            tokio::select! {
                Some(ended) = endings.recv() => self.note_end(ended).await,
                Some(ordered) = by_bmc.recv() => self.by_bmc(ordered).await,
                Some((request, answer)) = requests.recv() => {
                    if request == Request::Down {
                        return Ok(Some(answer));
                    }
                    let reply = match self.serve(request, endings).await {
                        Ok(()) => Reply::Ok(Box::new(self.status.clone())),
                        Err(error) => Reply::Error(error.chain()),
                    };
                    answer.send(reply).ok();
                }
                _ = terminate.recv() => return Ok(None),
                _ = interrupt.recv() => return Ok(None),
            }
            self.save();
        }
    }

    async fn serve(&mut self, request: Request, endings: &mut mpsc::Receiver<Ended>) -> Result<(), LabError> {
        match request {
            Request::Status | Request::Down => Ok(()),
            Request::Power { machines, action } => self.power(&machines, action).await,
            Request::Hang { machine } => self.hang(&machine).await,
            Request::Restart => {
                if let Some(process) = self.status.server.as_ref().and_then(|server| server.process) {
                    end(process).await;
                }
                self.start_server(endings).await
            }
        }
    }

    /// Starts the server, if the lab has one, and waits until it answers or ends.
    async fn start_server(&mut self, endings: &mut mpsc::Receiver<Ended>) -> Result<(), LabError> {
        let Some(command) = self.plan.server.clone() else {
            return Ok(());
        };
        let socket = self.folder.server_socket();
        // The socket of one that was killed would look like an answer that takes long.
        std::fs::remove_file(&socket).ok();
        let process = machine::start(
            Who::Server,
            &command,
            bmc::attached::environment(&self.plan.machines),
            "TERM",
            &self.folder.server_log(),
            self.ended.clone(),
        )?;
        self.status.server = Some(ServerStatus {
            process: Some(process),
            since: Timestamp::now(),
            ended: None,
        });
        self.save();
        let failed = |said: String| {
            Err(LabError::Program {
                what: "the lab's server".to_string(),
                said,
            })
        };
        let late = tokio::time::sleep(SERVER_START);
        tokio::pin!(late);
        loop {
            tokio::select! {
                () = server::answers(&socket) => return Ok(()),
                () = &mut late => {
                    end(process).await;
                    return failed(format!("no answer within {} s\n{}", SERVER_START.as_secs(), last_lines(&self.folder.server_log(), 8)));
                }
                Some(ended) = endings.recv() => {
                    self.note_end(ended).await;
                    if let Some(ended) = self.status.server.as_ref().and_then(|server| server.ended.clone()) {
                        return failed(ended);
                    }
                }
            }
        }
    }

    /// Switches machines. Names are checked first: all or none.
    async fn power(&mut self, names: &[String], action: Power) -> Result<(), LabError> {
        if let Some(unknown) = names.iter().find(|name| self.status.machine(name).is_none()) {
            return Err(LabError::Wish(format!("there is no machine {unknown} in the lab")));
        }
        for at in 0..self.plan.machines.len() {
            if names.contains(&self.plan.machines[at].name) {
                self.power_one(at, action, By::Hand).await?;
            }
        }
        Ok(())
    }

    /// A machine's BMC wants it switched.
    async fn by_bmc(&mut self, ordered: Ordered) {
        let Ordered { at, control, boot } = ordered;
        // What is to be booted is settled when QEMU starts: a reset with a wish is a new start.
        let action = match control {
            Control::On => Power::On,
            Control::Off => Power::Off,
            Control::Soft => Power::Soft,
            Control::Cycle => Power::Cycle,
            Control::Reset if boot.is_some() => Power::Cycle,
            Control::Reset => Power::Reset,
            Control::Diagnostic => return,
        };
        if let Err(error) = self.power_one(at, action, By::Bmc(boot)).await {
            tracing::warn!(
                machine = self.plan.machines[at].name,
                error = error.chain(),
                "its BMC could not switch it"
            );
        }
    }

    async fn hang(&mut self, name: &str) -> Result<(), LabError> {
        let on = self
            .status
            .machine(name)
            .is_some_and(|machine| machine.process.is_some());
        if !on {
            return Err(LabError::Wish(format!("{name} is off")));
        }
        qmp::command(&self.folder.machine(name, "qmp.sock"), "stop").await
    }

    async fn power_one(&mut self, at: usize, action: Power, by: By) -> Result<(), LabError> {
        let done = self.switch(at, action, by).await;
        if let Some(bmc) = self.bmcs.get(at).and_then(Option::as_ref) {
            let is_on = self.status.machines[at].process.is_some();
            bmc.send(FromMachine::Power(is_on)).await.ok();
        }
        done
    }

    async fn switch(&mut self, at: usize, action: Power, by: By) -> Result<(), LabError> {
        let running = self.status.machines[at].process;
        let name = self.plan.machines[at].name.clone();
        let monitor = self.folder.machine(&name, "qmp.sock");
        match (action, running) {
            (Power::Soft, Some(_)) => qmp::command(&monitor, "system_powerdown").await?,
            (Power::Reset, Some(_)) => {
                qmp::command(&monitor, "system_reset").await?;
                // One that hung runs again.
                qmp::command(&monitor, "cont").await?;
                self.note(&name, "reset", by).await;
            }
            (Power::Off | Power::Cycle, Some(process)) => {
                end(process).await;
                self.status.machines[at].went_off(None, Timestamp::now());
                self.note(&name, "off", by).await;
            }
            (Power::Reset, None) => return Err(LabError::Wish(format!("{name} is off"))),
            _ => {}
        }
        if matches!(action, Power::On | Power::Cycle) && self.status.machines[at].process.is_none() {
            let disk_first = match by {
                By::Hand => None,
                By::Bmc(boot) => boot,
            };
            let machine = &self.plan.machines[at];
            let process = machine::switch_on(&self.plan, machine, &self.folder, disk_first, self.ended.clone())?;
            self.status.machines[at].went_on(process, Timestamp::now());
            self.note(&name, "on", by).await;
        }
        Ok(())
    }

    async fn note(&self, machine: &str, action: &str, by: By) {
        if by == By::Hand
            && self
                .status
                .server
                .as_ref()
                .is_some_and(|server| server.process.is_some())
        {
            server::note_power(&self.folder.server_socket(), machine, action).await;
        }
    }

    /// A child has ended. One that was ended on purpose has been forgotten before, so its number is not found.
    async fn note_end(&mut self, ended: Ended) {
        let now = Timestamp::now();
        let is = |process: Option<Process>| process.is_some_and(|process| process.pid == ended.pid);
        let how = ended
            .status
            .map_or_else(|| "ended".to_string(), |status| status.to_string());
        match ended.who {
            Who::Server => {
                let Some(server) = self.status.server.as_mut().filter(|server| is(server.process)) else {
                    return;
                };
                let said = last_lines(&self.folder.server_log(), 8);
                *server = ServerStatus {
                    process: None,
                    since: now,
                    ended: Some(format!("{how}\n{said}")),
                };
            }
            Who::Machine(name) => {
                let log = self.folder.machine(&name, "qemu.log");
                let Some(machine) = self
                    .status
                    .machines
                    .iter_mut()
                    .find(|m| m.name == name && is(m.process))
                else {
                    return;
                };
                let well = ended.status.is_some_and(|status| status.success());
                machine.went_off((!well).then(|| format!("{how}: {}", last_lines(&log, 2))), now);
                let at = self.plan.machines.iter().position(|machine| machine.name == name);
                if let Some(bmc) = at.and_then(|at| self.bmcs.get(at)).and_then(Option::as_ref) {
                    bmc.send(FromMachine::Power(false)).await.ok();
                }
                self.note(&name, "off", By::Hand).await;
            }
        }
    }

    /// Ends machines first, so that nobody asks a server that is gone, and last whatever else runs in the lab's network.
    async fn end_all(&mut self, endings: &mut mpsc::Receiver<Ended>) {
        let on: Vec<Process> = self
            .status
            .machines
            .iter()
            .filter_map(|machine| machine.process)
            .collect();
        on.iter().for_each(|process| process.signal(Signal::SIGTERM));
        for process in on {
            end(process).await;
        }
        for machine in self
            .status
            .machines
            .iter_mut()
            .filter(|machine| machine.power == MachinePower::On)
        {
            machine.went_off(None, Timestamp::now());
        }
        if let Some(process) = self.status.server.as_mut().and_then(|server| server.process.take()) {
            end(process).await;
        }
        let others = namespace::neighbours();
        others.iter().for_each(|process| process.signal(Signal::SIGTERM));
        for process in others {
            end(process).await;
        }
        endings.close();
        self.save();
    }

    fn save(&self) {
        if let Err(error) = self.folder.write(&self.folder.status(), &self.status) {
            tracing::warn!(error = error.chain(), "the lab's state is not written down");
        }
    }
}

/// Asks a child to end, and ends it if it does not. Its own task waits for it meanwhile.
async fn end(process: Process) {
    process.signal(Signal::SIGTERM);
    let gone = async {
        while process.is_alive() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    if tokio::time::timeout(PATIENCE, gone).await.is_err() {
        process.signal(Signal::SIGKILL);
    }
}
