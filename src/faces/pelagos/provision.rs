//! A task on its way: the deployment, the states that are applied to the fresh system, a restart where the node wants one.
//!
//! Invariant: everything that a task did is in its file or in the journal, so that a server that comes back goes on where it was.

use std::net::SocketAddr;
use std::time::Duration;

use jiff::Timestamp;
use model::deployment::{Deployment, End, Ending};
use model::event::{NewEvent, Seq, Subject, What};
use model::pelagos::{LOCAL, MAINTENANCE};
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;

use super::nodes::Entry;
use super::task::{Outcome, Task};
use super::{ACTOR, Pelagos, order, salt};
use crate::bmc::Order;

/// How long a node that was switched over may still be what it was before.
const GOES: Duration = Duration::from_secs(30);
/// How long its port may take to answer then.
const CONNECT: Duration = Duration::from_secs(2);

/// Why a task does not go on.
enum Break {
    /// It ended.
    With(Outcome),
    /// The server stops: it goes on when that comes back.
    Quit,
}

impl From<Outcome> for Break {
    fn from(outcome: Outcome) -> Self {
        Self::With(outcome)
    }
}

/// Runs a task to its end, from where it is.
pub(super) async fn run(pelagos: Pelagos, id: String) {
    let stop = pelagos.0.tasks.stopper(&id);
    let outcome = match go(&pelagos, &id, &stop).await {
        Ok(()) => Outcome::done(),
        Err(Break::With(outcome)) => outcome,
        Err(Break::Quit) => return,
    };
    pelagos.0.tasks.end(&id, outcome).await;
}

async fn go(pelagos: &Pelagos, id: &str, stop: &CancellationToken) -> Result<(), Break> {
    let tasks = &pelagos.0.tasks;
    let Some(task) = tasks.get(id) else {
        return Err(Break::Quit);
    };
    tasks.note(
        id,
        "INFO",
        &format!("Provision node [{}] with OS [{}]", task.node, task.os),
    );
    if !task.states.is_empty() {
        tasks.note(
            id,
            "INFO",
            &format!("Additional salt states [{}]", task.states.join(" ")),
        );
    }
    tasks.note(id, "INFO", &format!("Searching node [{}]", task.node));
    let entry = pelagos.entry(&task.node).await;
    let entry = entry.ok_or_else(|| Outcome::failed(404, format!("No node [{}] found", task.node)))?;
    tasks.note(id, "INFO", &format!("Searching os  {} on disk", task.os));
    // What was found when the task began stays what it is about.
    let resolved = match task.resolved {
        Some(resolved) => resolved,
        None => order::resolve(pelagos, &task.os)
            .await
            .map_err(|refusal| Outcome::failed(refusal.status.as_u16(), refusal.message))?,
    };
    tasks.note(id, "INFO", &format!("Found os [{resolved}]"));
    let task = tasks
        .change(id, |task| {
            task.resolved = Some(resolved.clone());
            task.shown = Some(entry.shown.clone());
        })
        .await
        .ok_or(Break::Quit)?;
    if let Some(simulation) = task.simulation {
        return play(pelagos, &task, simulation.seconds(), stop).await;
    }
    let deployment = armed(pelagos, &task, &entry, &resolved).await?;
    ended(pelagos, deployment, &entry, stop).await?;
    if resolved != LOCAL && resolved != MAINTENANCE {
        states(pelagos, &task, &entry, stop).await?;
    }
    if entry.is_restarted() {
        restart(pelagos, id, &entry, stop).await?;
    }
    Ok(())
}

/// Takes its time and does nothing.
async fn play(pelagos: &Pelagos, task: &Task, seconds: u64, stop: &CancellationToken) -> Result<(), Break> {
    let (tasks, id) = (&pelagos.0.tasks, task.id.as_str());
    tasks.note(
        id,
        "DEBUG",
        &format!("********************** simulating {seconds} seconds of provisioning"),
    );
    let past = Timestamp::now().duration_since(task.started).as_secs();
    let past = u64::try_from(past).unwrap_or(0).min(seconds);
    for second in past + 1..=seconds {
        tasks.note(id, "DEBUG", &format!("sleep, n={second}"));
        pause(pelagos, Duration::from_secs(1), stop).await?;
    }
    Ok(())
}

/// Its deployment: the one that it has already, or a new one.
async fn armed(pelagos: &Pelagos, task: &Task, entry: &Entry, resolved: &str) -> Result<Seq, Break> {
    if let Some(deployment) = task.deployment {
        return Ok(deployment);
    }
    // The server may have stopped between arming it and writing that down.
    let is_its = |deployment: &Deployment| {
        let ticket = deployment.foreign.as_ref().and_then(|foreign| foreign.ticket.as_ref());
        ticket == Some(&task.id)
    };
    let world = pelagos.world();
    let known = world.deployments.iter().rev().find(|deployment| is_its(deployment));
    let deployment = match known {
        Some(known) => known.id,
        None => order::arm(pelagos, &task.actor, entry, resolved, Some(&task.id)).await?,
    };
    let tasks = &pelagos.0.tasks;
    tasks.change(&task.id, |task| task.deployment = Some(deployment)).await;
    Ok(deployment)
}

/// Waits until its deployment has ended well.
async fn ended(pelagos: &Pelagos, id: Seq, entry: &Entry, stop: &CancellationToken) -> Result<(), Break> {
    let mut world = pelagos.0.journal.watch();
    loop {
        let deployment = world.borrow_and_update().deployments.get(id).cloned();
        let deployment = deployment.ok_or_else(|| Outcome::failed(500, format!("deployment {id} is forgotten")))?;
        if let Some(end) = &deployment.end {
            return verdict(&deployment, end, entry, pelagos).map_err(Break::With);
        }
        tokio::select! {
            () = pelagos.0.quit.cancelled() => return Err(Break::Quit),
            () = stop.cancelled() => {
                dismiss(pelagos, &deployment).await;
                return Err(Outcome::stopped().into());
            }
            changed = world.changed() => if changed.is_err() { return Err(Break::Quit) },
        }
    }
}

async fn dismiss(pelagos: &Pelagos, deployment: &Deployment) {
    let what = What::DeploymentEnded {
        deployment: deployment.id,
        ending: Ending::Dismissed,
        why: "its task was dismissed".into(),
    };
    let event = NewEvent::new(Timestamp::now(), ACTOR, Subject::Node(deployment.node.clone()), what);
    if let Err(error) = pelagos.0.journal.commit(vec![event]).await {
        tracing::error!(%error, "that a task was dismissed cannot be written down");
    }
}

/// What the end of a deployment is to a client of Pelagos.
fn verdict(deployment: &Deployment, end: &End, entry: &Entry, pelagos: &Pelagos) -> Result<(), Outcome> {
    let host = deployment
        .foreign
        .as_ref()
        .map(|foreign| foreign.answers_at.ip().to_string())
        .unwrap_or_default();
    let seconds = pelagos.world().cluster.faces.pelagos_ways.timeout_seconds;
    Err(match end.ending {
        Ending::Done => return Ok(()),
        Ending::Dismissed | Ending::Superseded => Outcome::stopped(),
        Ending::Expired => Outcome::failed(
            504,
            format!("Caught TimeoutException {host} have not started in timeout {seconds}"),
        ),
        Ending::Failed if deployment.restarts >= Deployment::RESTARTS => Outcome::failed(
            502,
            format!(
                "Caught CannotBootException max cold restart couter ({}) for {}",
                Deployment::RESTARTS,
                entry.name()
            ),
        ),
        Ending::Failed => Outcome::failed(
            502,
            format!(
                "Caught BMCException ipmitool call failed with status[1], stdout [], stderr[{}]",
                end.why
            ),
        ),
    })
}

/// Applies the states of the configuration and those of the task.
async fn states(pelagos: &Pelagos, task: &Task, entry: &Entry, stop: &CancellationToken) -> Result<(), Break> {
    let config = pelagos.config().await;
    let own = config.option("sls_list").unwrap_or_default();
    let own = own
        .split(',')
        .map(str::trim)
        .filter(|state| !state.is_empty())
        .map(str::to_string);
    let all: Vec<String> = own.chain(task.states.iter().cloned()).collect();
    let (tasks, id) = (&pelagos.0.tasks, task.id.as_str());
    tasks.note(id, "DEBUG", &format!("Executing salt script[{}]", all.join(", ")));
    if all.is_empty() {
        return Ok(());
    }
    let host = entry.host().unwrap_or_default();
    let salt = salt::Salt::new(&config, &pelagos.0.folder, id, &host);
    for state in &all {
        let applied = async {
            match is_state(state) {
                true => salt.apply(state).await,
                false => Err((format!("{state} is no name of a state"), Vec::new())),
            }
        };
        let (said, failed) = tokio::select! {
            () = pelagos.0.quit.cancelled() => return Err(Break::Quit),
            () = stop.cancelled() => return Err(Outcome::stopped().into()),
            applied = applied => match applied {
                Ok(said) => (said, None),
                Err((why, said)) => (said, Some(why)),
            },
        };
        for line in said {
            tasks.note(id, "DEBUG", &format!("Salt Output: {line}"));
        }
        if let Some(why) = failed {
            tasks.note(id, "ERROR", &format!("Salt state {state}: {why}"));
            return Err(Outcome::oops(format!("Salt execution failed: {state}: {why}")).into());
        }
    }
    tasks.note(id, "DEBUG", &format!("Executed salt script[{}]", all.join(", ")));
    Ok(())
}

/// Whether a text can be the name of a state: it becomes a word of a command.
pub(super) fn is_state(state: &str) -> bool {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '/');
    state.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_') && state.chars().all(fits)
}

/// Switches a node over once more, and waits until its system is there again.
async fn restart(pelagos: &Pelagos, id: &str, entry: &Entry, stop: &CancellationToken) -> Result<(), Break> {
    let Some(node) = &entry.node else { return Ok(()) };
    let place = entry.answers_at().await.map_err(Outcome::oops)?;
    pelagos.0.tasks.note(id, "DEBUG", "the node is restarted once more");
    let cycle = Order::Power {
        action: "cycle".into(),
        grace_seconds: None,
    };
    let done = pelagos.0.desk.carry_out(ACTOR, node, &cycle).await;
    if done["ok"] != true {
        let why = done["error"].as_str().unwrap_or_default();
        let message = format!("Caught BMCException ipmitool call failed with status[1], stdout [], stderr[{why}]");
        return Err(Outcome::failed(502, message).into());
    }
    pause(pelagos, GOES, stop).await?;
    let seconds = pelagos.world().cluster.faces.pelagos_ways.timeout_seconds;
    match tokio::time::timeout(Duration::from_secs(seconds.into()), comes(pelagos, place, stop)).await {
        Ok(came) => came,
        Err(_) => {
            let message = format!(
                "Caught TimeoutException {} have not started in timeout {seconds}",
                place.ip()
            );
            Err(Outcome::failed(504, message).into())
        }
    }
}

async fn comes(pelagos: &Pelagos, place: SocketAddr, stop: &CancellationToken) -> Result<(), Break> {
    let is_there = async || tokio::time::timeout(CONNECT, TcpStream::connect(place)).await;
    while !matches!(is_there().await, Ok(Ok(_))) {
        pause(pelagos, Duration::from_secs(5), stop).await?;
    }
    Ok(())
}

async fn pause(pelagos: &Pelagos, time: Duration, stop: &CancellationToken) -> Result<(), Break> {
    tokio::select! {
        () = pelagos.0.quit.cancelled() => Err(Break::Quit),
        () = stop.cancelled() => Err(Outcome::stopped().into()),
        () = tokio::time::sleep(time) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_is_one_word_and_no_option() {
        for good in ["setup_hsm", "ceph.base", "a/b-c"] {
            assert!(is_state(good), "{good}");
        }
        for bad in ["", "-l", "a b", "a;b", "../x", "$(x)"] {
            assert!(!is_state(bad), "{bad}");
        }
    }
}
