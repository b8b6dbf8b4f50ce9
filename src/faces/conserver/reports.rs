//! Our consoles, as conserver reports them.

use model::cluster::{ConsoleVia, Node};
use wire::conserver::{Console, Kind, Person};

use super::super::Engine;
use crate::console::{State, Status};

/// All consoles, or one.
pub(super) fn consoles(engine: &Engine, only: Option<&str>) -> Vec<Console> {
    let world = engine.journal.world();
    let all = engine.consoles.status().into_iter();
    let chosen = all.filter(|(name, _)| only.is_none_or(|only| only == &**name));
    chosen
        .map(|(name, status)| Console {
            kind: kind(world.cluster.node(&name).map(|node| &**node)),
            is_up: status.state == State::Open,
            people: people(&status),
            name: name.to_string(),
        })
        .collect()
}

fn kind(node: Option<&Node>) -> Kind {
    match node.and_then(|node| node.console_via.as_ref()) {
        Some(ConsoleVia::Unix(path)) => Kind::Unix(path.clone()),
        Some(ConsoleVia::Tcp(place) | ConsoleVia::Telnet(place)) => Kind::Network(place.clone()),
        Some(_) | None => {
            let bmc = node.and_then(|node| node.bmc.as_ref());
            Kind::Ipmi(bmc.map(|bmc| bmc.address.to_string()).unwrap_or_default())
        }
    }
}

/// Who is at a console. Of two with one name as many write as the hub says.
fn people(status: &Status) -> Vec<Person> {
    let mut writers = status.writers.clone();
    let person = |name: &String| {
        let writes = writers.iter().position(|writer| writer == name);
        if let Some(at) = writes {
            writers.swap_remove(at);
        }
        Person {
            name: name.clone(),
            writes: writes.is_some(),
        }
    };
    status.watchers.iter().map(person).collect()
}
