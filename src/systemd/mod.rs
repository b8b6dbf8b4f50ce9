//! What the service manager is told (sd_notify(3)): ready, reloading, stopping, how things stand, still alive.
//!
//! Without `NOTIFY_SOCKET` nobody listens, and all of it is nothing.
//! Invariant: "still alive" is said only after the journal's writer and the loops of the doors have answered.

mod watchdog;

pub use watchdog::{Watched, watch};

use model::world::{Serving, World};
use sd_notify::NotifyState;

/// Everything is open, or is again after a reload.
pub fn ready(world: &World) {
    tell(&[NotifyState::Ready, NotifyState::Status(&status(world))]);
}

/// The cluster file is being read again; [`ready`] follows. The time is what `Type=notify-reload` waits for; an older
/// systemd skips it.
pub fn reloading() {
    match NotifyState::monotonic_usec_now() {
        Ok(now) => tell(&[NotifyState::Reloading, now]),
        Err(_) => tell(&[NotifyState::Reloading]),
    }
}

/// On the way out.
pub fn stopping() {
    tell(&[NotifyState::Stopping, NotifyState::Status("stopping")]);
}

fn tell(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        tracing::debug!(%error, "the service manager does not listen");
    }
}

/// How things stand, in the line that `systemctl status` shows.
fn status(world: &World) -> String {
    let networks = world.cluster.networks.iter();
    let each: Vec<String> = networks
        .filter_map(|network| {
            let serving = &world.networks.get(&network.name)?.serving;
            Some(match serving {
                Serving::Yes { interface, .. } => format!("{} on {interface}", network.name),
                Serving::Refused { server } => format!("{} left to {server}", network.name),
                Serving::Absent { .. } => format!("{} not served", network.name),
            })
        })
        .collect();
    let nodes = model::measure::count(world.cluster.nodes.len(), "node");
    if each.is_empty() {
        nodes
    } else {
        format!("{nodes}; networks: {}", each.join(", "))
    }
}
