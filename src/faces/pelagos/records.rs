//! Boot records: what a node gets when it next asks, without a task. Pelagos wrote a file for it; here it is a choice, or a
//! deployment that waits until somebody restarts the node.

use axum::extract::{Extension, Path, State};
use axum::response::Response;
use http::StatusCode;
use jiff::Timestamp;
use model::cluster::BootTarget;
use model::deployment::{Deployment, Ending};
use model::event::{NewEvent, Subject, What};
use model::pelagos::{LOCAL, MAINTENANCE};
use serde_json::json;

use super::answer::{Refusal, json};
use super::nodes::Entry;
use super::visit::Place;
use super::{Pelagos, order};
use crate::causes::chain;

/// `GET /node/bootrecord/{name}/{os}`
pub(super) async fn set(
    State(pelagos): State<Pelagos>,
    Extension(place): Extension<Place>,
    Path((name, os)): Path<(String, String)>,
) -> Result<Response, Refusal> {
    let entry = pelagos.entry(&name).await.ok_or_else(|| Refusal::no_node(&name))?;
    let os = order::resolve(&pelagos, &os).await?;
    let config = pelagos.config().await;
    let has_own = os == MAINTENANCE && config.option("maintenance_image_kernel").is_none();
    if os == LOCAL || has_own {
        let target = if has_own {
            BootTarget::Maintenance
        } else {
            BootTarget::Local
        };
        let mut events = withdrawn(&pelagos, &entry, place);
        events.push(event(
            &entry,
            place,
            What::TargetSet {
                target: Some(target.as_str().into()),
                once: false,
            },
        )?);
        commit(&pelagos, events).await?;
    } else {
        let armed = order::arm(&pelagos, &place.actor(), &entry, &os, None).await;
        armed.map_err(|outcome| {
            let status = StatusCode::from_u16(outcome.code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            Refusal::new(status, outcome.message)
        })?;
    }
    Ok(json(
        &json!({ "status": "single boot record set", "node": entry.shown, "os": os }),
    ))
}

/// `GET /node/rmbootrecord/{name}`: from then on the node boots what is declared.
pub(super) async fn remove(
    State(pelagos): State<Pelagos>,
    Extension(place): Extension<Place>,
    Path(name): Path<String>,
) -> Result<Response, Refusal> {
    let entry = pelagos.entry(&name).await.ok_or_else(|| Refusal::no_node(&name))?;
    let mut events = withdrawn(&pelagos, &entry, place);
    let world = pelagos.world();
    let chosen = entry
        .node
        .as_ref()
        .is_some_and(|node| world.state(&node.name).choice.is_some());
    if chosen {
        events.push(event(
            &entry,
            place,
            What::TargetSet {
                target: None,
                once: false,
            },
        )?);
    }
    commit(&pelagos, events).await?;
    Ok(json(
        &json!({ "status": "dedicated boot record removed", "node": entry.shown }),
    ))
}

/// The end of a record that is a deployment. One of a task is left alone: that is what `dismiss` is for.
fn withdrawn(pelagos: &Pelagos, entry: &Entry, place: Place) -> Vec<NewEvent> {
    let world = pelagos.world();
    let is_record = |deployment: &Deployment| {
        deployment
            .foreign
            .as_ref()
            .is_some_and(|foreign| foreign.ticket.is_none())
    };
    let active = entry
        .node
        .as_ref()
        .and_then(|node| world.deployments.active_of(&node.name));
    let ended = active.filter(|deployment| is_record(deployment)).map(|deployment| {
        let what = What::DeploymentEnded {
            deployment: deployment.id,
            ending: Ending::Dismissed,
            why: "its boot record was removed".into(),
        };
        NewEvent::new(
            Timestamp::now(),
            place.actor(),
            Subject::Node(deployment.node.clone()),
            what,
        )
    });
    ended.into_iter().collect()
}

fn event(entry: &Entry, place: Place, what: What) -> Result<NewEvent, Refusal> {
    let node = entry.node.as_ref().ok_or_else(|| {
        let message = format!("Oops! {} is not in the cluster file occured.", entry.name());
        Refusal::new(StatusCode::NOT_IMPLEMENTED, message)
    })?;
    Ok(NewEvent::new(
        Timestamp::now(),
        place.actor(),
        Subject::Node(node.name.to_string()),
        what,
    ))
}

async fn commit(pelagos: &Pelagos, events: Vec<NewEvent>) -> Result<(), Refusal> {
    let committed = pelagos.0.journal.commit(events).await;
    committed
        .map(|_| ())
        .map_err(|error| Refusal::new(StatusCode::SERVICE_UNAVAILABLE, chain(&error)))
}
