//! Choosing what nodes get.

use axum::Json;
use axum::extract::{Extension, State};
use jiff::Timestamp;
use model::cluster::BootTarget;
use model::event::{NewEvent, Subject, What};
use serde::Deserialize;
use serde_json::{Value, json};

use super::nodes::select;
use super::{Actor, Api, ApiProblem};

/// `POST /v1/boot`.
#[derive(Debug, Deserialize)]
pub struct Choice {
    nodes: String,
    target: Option<String>,
    #[serde(default)]
    once: bool,
}

/// Sets or takes back the boot target of nodes; all of them in one transaction.
pub async fn choose(
    State(api): State<Api>,
    Extension(actor): Extension<Actor>,
    Json(choice): Json<Choice>,
) -> Result<Json<Value>, ApiProblem> {
    let world = api.journal.world();
    let nodes = select(&world, &choice.nodes)?;
    if let Some(target) = &choice.target
        && !BootTarget::CHOOSABLE
            .iter()
            .any(|choosable| choosable.as_str() == target)
    {
        return Err(ApiProblem::bad_request(format!(
            "{target} is no boot target: local, image, shell, maintenance"
        )));
    }
    let now = Timestamp::now();
    let events = nodes
        .iter()
        .map(|node| {
            let what = What::TargetSet {
                target: choice.target.clone(),
                once: choice.once,
            };
            NewEvent::new(now, actor.0.clone(), Subject::Node(node.name.to_string()), what)
        })
        .collect();
    let committed = api
        .journal
        .commit(events)
        .await
        .map_err(|error| ApiProblem::unavailable(&error))?;
    let results: Vec<Value> = nodes
        .iter()
        .map(|node| {
            let resolved = model::boot::resolve(&committed.world, node, None);
            json!({
                "node": &*node.name,
                "target": resolved.target.as_str(),
                "image": resolved.image.as_ref().map(|(name, _)| name),
                "blocked": resolved.blocked,
            })
        })
        .collect();
    Ok(Json(json!({ "nodes": results })))
}

/// `POST /v1/power/noted`.
#[derive(Debug, Deserialize)]
pub struct Power {
    node: String,
    action: String,
}

/// Notes that somebody switched a machine on, off or over, so that its timeline begins there. Changes no machine.
pub async fn power(
    State(api): State<Api>,
    Extension(actor): Extension<Actor>,
    Json(power): Json<Power>,
) -> Result<Json<Value>, ApiProblem> {
    let world = api.journal.world();
    let node = super::nodes::find(&world, &power.node)?;
    if !matches!(power.action.as_str(), "on" | "off" | "reset") {
        return Err(ApiProblem::bad_request(format!(
            "{} is no power action: on, off, reset",
            power.action
        )));
    }
    let what = What::Power { action: power.action };
    let event = NewEvent::new(Timestamp::now(), actor.0, Subject::Node(node.name.to_string()), what);
    let committed = api
        .journal
        .commit(vec![event])
        .await
        .map_err(|error| ApiProblem::unavailable(&error))?;
    Ok(Json(json!({ "seq": committed.last })))
}
