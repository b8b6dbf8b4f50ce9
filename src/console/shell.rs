//! A console behind an SSH login: that of a BMC, or of a terminal server.

use std::sync::Arc;

use model::cluster::{Node, SshConsole};
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout};

use super::dialog::{Dialog, Next, Return, is_taken};
use super::keys::Guard;
use super::source::{Cause, End, Line, WAITING};
use crate::bmc::{Heard, Typed};
use crate::journal::Journal;
use crate::secrets::Secrets;
use crate::ssh::{self, Channel, Credential, Ended, Key, Listener, Login, Session, SshError, Target, Typist};

fn login(node: &Node, console: &SshConsole, place: &str, secrets: &Secrets) -> Result<Login, SshError> {
    // What is the BMC's goes to the BMC alone.
    let bmc = node.bmc.as_ref().filter(|_| console.host.is_none());
    let missing = |missing| SshError::NoLogin {
        place: place.to_string(),
        missing,
    };
    let user = console.user.clone().or_else(|| bmc.and_then(|bmc| bmc.user.clone()));
    let password = (console.password_from.as_deref()).or_else(|| bmc.and_then(|bmc| bmc.password_from.as_deref()));
    let credential = match (&console.key_from, password) {
        (Some(from), _) => Credential::Key(Key::read(from)?),
        (None, Some(from)) => Credential::Password(secrets.read(from)?),
        (None, None) => return Err(missing("`password_from` or `console_ssh: { key_from: … }`")),
    };
    Ok(Login {
        user: user.ok_or_else(|| missing("`user`"))?,
        credential,
    })
}

fn end(error: SshError) -> End {
    End {
        why: crate::causes::chain(&error),
        cause: match error.is_refused() {
            true => Cause::Refused,
            false => Cause::Broken,
        },
    }
}

/// Opens it. With `steal` it is taken from whoever has it, where the console says how.
pub(super) async fn open(
    journal: &Journal,
    secrets: &Secrets,
    node: &Arc<Node>,
    console: &SshConsole,
    steal: bool,
) -> Result<Line, End> {
    let known = journal.world().state(&node.name).console_key.clone();
    let target = Target::of_console(node, console)
        .ok_or_else(|| End::broken("it has no BMC"))?
        .pinned(known.as_ref());
    let login = login(node, console, &target.place(), secrets).map_err(end)?;
    let mut session = Session::connect(&target).await.map_err(end)?;
    if target.pins.is_empty() {
        let event = ssh::trusted(&node.name, "console", None, session.key());
        let noted = journal.commit(vec![event]).await;
        noted.map_err(|error| End::broken(format!("the host key cannot be written down: {error}")))?;
    }
    let entered = enter(&mut session, &login, node, console, steal).await;
    let (channel, first, back) = match entered {
        Ok(entered) => entered,
        Err(end) => {
            session.close().await;
            return Err(end);
        }
    };
    let (said, heard) = mpsc::channel(WAITING);
    let (typed, orders) = mpsc::channel(WAITING);
    let Channel { listener, typist } = channel;
    let (guard, breaks) = (Guard::new(&console.leave_keys), console.break_keys.clone());
    tokio::spawn(write(typist, orders, guard, breaks));
    tokio::spawn(async move {
        read(listener, said, first, back).await;
        session.close().await;
    });
    Ok(Line::of_stream(heard, typed, !console.break_keys.is_empty()))
}

/// Logs in, and goes on until the console is there: with what it said, and what would be its end.
async fn enter(
    session: &mut Session,
    login: &Login,
    node: &Node,
    console: &SshConsole,
    steal: bool,
) -> Result<(Channel, Vec<u8>, Return), End> {
    session.log_in(login).await.map_err(end)?;
    let named = |text: &String| text.replace("{node}", &node.name);
    let command = console.command.as_ref().map(named);
    let mut channel = session.run(command.as_deref(), true).await.map_err(end)?;
    let take = console.take.iter().filter(|_| steal);
    let mut dialog = Dialog::new(take.chain(&console.dialog).map(named));
    let began = Instant::now();
    loop {
        let wait = match dialog.next(began.elapsed()) {
            Next::Wait(wait) => wait,
            Next::Type(keys) => {
                let written = channel.typist.write(keys).await;
                written.map_err(|error| End::broken(error.to_string()))?;
                continue;
            }
            Next::Open(said) => return Ok((channel, said, Return::to(dialog.prompt()))),
            Next::No(said) => {
                let cause = if is_taken(&said) { Cause::Taken } else { Cause::Broken };
                let why = format!("its console is not given: {said}");
                return Err(End { why, cause });
            }
        };
        match timeout(wait, channel.listener.heard()).await {
            Ok(ssh::Heard::Said(said)) => dialog.hear(&said, began.elapsed()),
            Ok(ssh::Heard::Ended(_)) => {
                let cause = if is_taken(dialog.last()) {
                    Cause::Taken
                } else {
                    Cause::Broken
                };
                let why = format!("it closed before its console was there: {}", dialog.last());
                return Err(End { why, cause });
            }
            Err(_) => {}
        }
    }
}

async fn read(mut listener: Listener, said: mpsc::Sender<Heard>, first: Vec<u8>, mut back: Return) {
    let tell = async |heard| said.send(heard).await.is_ok();
    // The last words of one that ends at once say why.
    let mut last = first.clone();
    if !tell(Heard::Opened).await || (!first.is_empty() && !tell(Heard::Said(first)).await) {
        return;
    }
    let closed = loop {
        // Whoever listened may have gone while nothing is said.
        let heard = tokio::select! {
            heard = listener.heard() => heard,
            () = said.closed() => return,
        };
        match heard {
            ssh::Heard::Said(data) => {
                let is_back = back.is_seen(&data);
                last.extend_from_slice(&data);
                last.drain(..last.len().saturating_sub(LAST));
                if !tell(Heard::Said(data)).await {
                    return;
                }
                if is_back {
                    break Heard::Closed {
                        why: "its BMC closed it, or gave it to another session".into(),
                        taken: true,
                    };
                }
            }
            ssh::Heard::Ended(ended) => {
                let last = String::from_utf8_lossy(&last);
                break Heard::Closed {
                    why: match ended {
                        Ended::Lost => "its other end is gone".into(),
                        Ended::Status(0) => "its other end closed it".into(),
                        Ended::Status(status) => format!("its other end closed it with status {status}"),
                        Ended::Signal(signal) => format!("its other end was ended by {signal}"),
                    },
                    taken: is_taken(last.lines().last().unwrap_or_default()),
                };
            }
        }
    };
    tell(closed).await;
}

/// Octets in which the reason of an end is looked for.
const LAST: usize = 256;

async fn write(typist: Typist, mut orders: mpsc::Receiver<Typed>, mut guard: Guard, breaks: Vec<u8>) {
    while let Some(order) = orders.recv().await {
        let keys = match order {
            Typed::Data(data) => guard.pass(&data),
            Typed::Break => breaks.clone(),
        };
        if !keys.is_empty() && typist.write(keys).await.is_err() {
            return;
        }
    }
}
