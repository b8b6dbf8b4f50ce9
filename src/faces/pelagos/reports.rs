//! The log of a task: what it did itself, and the story of its deployment as the journal has it, in Pelagos' form.

use axum::extract::{Path, State};
use axum::response::Response;
use http::StatusCode;
use model::event::{Event, Subject, What};
use serde_json::json;

use super::Pelagos;
use super::answer::{Refusal, json};
use super::task::{Line, Task};
use crate::journal::Filter;

/// Events of one deployment at most.
const EVENTS: u32 = 1000;

/// There is no such task.
pub(super) fn no_task(id: &str) -> Refusal {
    Refusal::new(StatusCode::NOT_FOUND, format!("Task \"{id}\" is not found"))
}

/// `GET /tasks/log/{id}`
pub(super) async fn log(State(pelagos): State<Pelagos>, Path(id): Path<String>) -> Result<Response, Refusal> {
    let task = pelagos.0.tasks.get(&id).ok_or_else(|| no_task(&id))?;
    let mut lines = task.log.clone();
    lines.extend(story(&pelagos, &task).await?);
    lines.sort_by_key(|line| line.at);
    let text: String = lines.iter().map(|line| line.shown(task.number)).collect();
    Ok(json(&json!({ "TaskID": id, "LogData": text })))
}

/// What happened to the node from the arming of its deployment to the end of the task.
async fn story(pelagos: &Pelagos, task: &Task) -> Result<Vec<Line>, Refusal> {
    let world = pelagos.world();
    let deployment = task.deployment.and_then(|id| world.deployments.get(id));
    let Some(deployment) = deployment else {
        return Ok(Vec::new());
    };
    let filter = Filter {
        after: Some(deployment.id.saturating_sub(1)),
        subject: Some(Subject::Node(deployment.node.clone())),
        limit: EVENTS,
        ..Filter::default()
    };
    let events = pelagos.0.journal.read(&filter).await;
    let events =
        events.map_err(|error| Refusal::new(StatusCode::SERVICE_UNAVAILABLE, format!("The journal: {error}")))?;
    let until = task.end.as_ref().map(|(_, at)| *at);
    let told = events
        .iter()
        .filter(|event| until.is_none_or(|until| event.at <= until));
    Ok(told
        .map(|event| Line::new(event.at, level(event), &event.sentence()))
        .collect())
}

fn level(event: &Event) -> &'static str {
    match &event.what {
        What::BmcFailed { .. } => "ERROR",
        What::DeploymentArmed { .. }
        | What::DeploymentEnded { .. }
        | What::SystemAnswered { .. }
        | What::ScriptServed { .. }
        | What::Power { .. } => "INFO",
        _ => "DEBUG",
    }
}
