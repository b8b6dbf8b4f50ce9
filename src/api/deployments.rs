//! Deployments: what arming would mean, arming, looking on, dismissing.

use axum::Json;
use axum::extract::{Extension, Path, Query, State};
use jiff::{SignedDuration, Timestamp};
use model::cluster::ReadyWhen;
use model::deployment::{Candidate, Deployment, Ending, Phase, candidate, marks, wait};
use model::event::{NewEvent, Subject, What};
use model::world::World;
use serde::Deserialize;
use serde_json::{Value, json};

use super::nodes::select;
use super::{Actor, Api, ApiProblem};
use crate::causes::chain;
use crate::installer_log;
use crate::ssh::Key;

/// How long an armed node may take to ask for its script, in seconds, unless another time is asked for.
const WITHIN: i64 = 24 * 3600;
/// Bounds of that time: a minute to switch on, a month of holidays.
const WITHIN_BOUNDS: std::ops::RangeInclusive<i64> = 60..=31 * 24 * 3600;

/// What is wanted of which nodes.
#[derive(Debug, Deserialize)]
pub struct Wish {
    nodes: String,
    profile: Option<String>,
    attempts: Option<u32>,
    within_seconds: Option<i64>,
    #[serde(default)]
    by_hand: bool,
    frozen_seconds: Option<u32>,
}

/// `POST /v1/deployments/plan`: what arming would mean; changes nothing.
pub async fn plan(State(api): State<Api>, Json(wish): Json<Wish>) -> Result<Json<Value>, ApiProblem> {
    let world = api.journal.world();
    let candidates = candidates(&world, &wish)?;
    Ok(Json(json!({ "nodes": candidates })))
}

/// `POST /v1/deployments`: arms them, all in one transaction, or none if one of them cannot be.
pub async fn arm(
    State(api): State<Api>,
    Extension(actor): Extension<Actor>,
    Json(wish): Json<Wish>,
) -> Result<Json<Value>, ApiProblem> {
    let now = Timestamp::now();
    let within = wish.within_seconds.unwrap_or(WITHIN);
    if !WITHIN_BOUNDS.contains(&within) {
        return Err(ApiProblem::bad_request("within: from a minute to 31 days"));
    }
    if wish.attempts.is_some_and(|attempts| !(1..=10).contains(&attempts)) {
        return Err(ApiProblem::bad_request("attempts: from 1 to 10"));
    }
    if wish
        .frozen_seconds
        .is_some_and(|seconds| !(30..=24 * 3600).contains(&seconds))
    {
        return Err(ApiProblem::bad_request("frozen: from 30 seconds to a day"));
    }
    let candidates = candidates(&api.journal.world(), &wish)?;
    let blocked: Vec<&str> = candidates.iter().filter_map(|c| c.blocked.as_deref()).collect();
    if let Some(first) = blocked.first() {
        return Err(ApiProblem::conflict(format!(
            "nothing was armed, {} of {} cannot be: {first}",
            blocked.len(),
            candidates.len()
        )));
    }
    keys(&candidates)?;
    let events = candidates
        .iter()
        .map(|candidate| {
            let what = What::DeploymentArmed {
                via: candidate.via,
                source: candidate.source.clone(),
                profile: wish.profile.clone(),
                onto: candidate.onto.clone(),
                expires: now + SignedDuration::from_secs(within),
                attempts: wish.attempts.unwrap_or(candidate.attempts),
                by_hand: wish.by_hand,
                frozen_seconds: wish.frozen_seconds,
                ready_when: candidate.ready_when,
                after_ready: candidate.after_ready.clone(),
                foreign: None,
            };
            NewEvent::new(now, actor.0.clone(), Subject::Node(candidate.node.clone()), what)
        })
        .collect();
    let committed = commit(&api, events).await?;
    let armed: Vec<Value> = candidates
        .iter()
        .filter_map(|c| committed.deployments.latest(&c.node))
        .map(|deployment| show(&committed, deployment, now))
        .collect();
    Ok(Json(json!({ "deployments": armed })))
}

/// `?nodes=NODESET&all=true`.
#[derive(Debug, Deserialize)]
pub struct Which {
    nodes: Option<String>,
    #[serde(default)]
    all: bool,
}

/// `GET /v1/deployments`: the latest of each node, or with `all` every one that is remembered, newest first.
pub async fn list(State(api): State<Api>, Query(which): Query<Which>) -> Result<Json<Value>, ApiProblem> {
    let world = api.journal.world();
    let now = Timestamp::now();
    let names: Option<std::collections::HashSet<String>> = match which.nodes.as_deref() {
        None | Some("*") => None,
        Some(text) => Some(select(&world, text)?.iter().map(|node| node.name.to_string()).collect()),
    };
    let wanted = |deployment: &Deployment| {
        names.as_ref().is_none_or(|names| names.contains(&deployment.node))
            && (which.all
                || world
                    .deployments
                    .latest(&deployment.node)
                    .is_some_and(|l| l.id == deployment.id))
    };
    let shown = world.deployments.iter().rev().filter(|deployment| wanted(deployment));
    Ok(Json(shown.map(|deployment| show(&world, deployment, now)).collect()))
}

/// `GET /v1/deployments/{id}`: one, by its number or by the name of its node.
pub async fn one(State(api): State<Api>, Path(id): Path<String>) -> Result<Json<Value>, ApiProblem> {
    let world = api.journal.world();
    let deployment = find(&world, &id)?;
    let mut value = show(&world, &deployment, Timestamp::now());
    value["marks"] = json!(marks(&world, &deployment));
    value["tries"] = json!(deployment.tries);
    value["steps"] = json!(steps(&deployment));
    // What it said last is what somebody who asks after a failure wants to see.
    if matches!(deployment.phase(), Phase::Between | Phase::Ended(Ending::Failed)) {
        let (folder, id) = (api.logs.clone(), deployment.id);
        let tail = tokio::task::spawn_blocking(move || installer_log::tail(&folder, id, TAIL));
        value["log_tail"] = json!(tail.await.ok().and_then(Result::ok));
    }
    Ok(Json(value))
}

/// `POST /v1/dismiss`.
#[derive(Debug, Deserialize)]
pub struct Dismissal {
    nodes: String,
}

/// Ends the deployments of nodes, and takes nodes out of their parking place. From then on each boots what is declared.
pub async fn dismiss(
    State(api): State<Api>,
    Extension(actor): Extension<Actor>,
    Json(dismissal): Json<Dismissal>,
) -> Result<Json<Value>, ApiProblem> {
    let world = api.journal.world();
    let now = Timestamp::now();
    let nodes = select(&world, &dismissal.nodes)?;
    let ended: Vec<_> = nodes
        .iter()
        .filter_map(|node| world.deployments.latest(&node.name))
        .filter(|latest| latest.is_active() || latest.parks())
        .collect();
    let events = ended
        .iter()
        .map(|deployment| {
            let what = What::DeploymentEnded {
                deployment: deployment.id,
                ending: Ending::Dismissed,
                why: format!("{} dismissed it", actor.0.rsplit(':').next().unwrap_or(&actor.0)),
            };
            NewEvent::new(now, actor.0.clone(), Subject::Node(deployment.node.clone()), what)
        })
        .collect();
    let committed = commit(&api, events).await?;
    let shown: Vec<Value> = ended
        .iter()
        .filter_map(|deployment| committed.deployments.get(deployment.id))
        .map(|deployment| show(&committed, deployment, now))
        .collect();
    Ok(Json(json!({ "deployments": shown })))
}

/// A key that cannot be used is told now, and not when the disk is written.
fn keys(candidates: &[Candidate]) -> Result<(), ApiProblem> {
    let by_ssh = (candidates.iter()).filter(|c| c.ready_when == ReadyWhen::Ssh || !c.after_ready.is_empty());
    let from: std::collections::BTreeSet<&str> = by_ssh.filter_map(|c| c.ssh_key_from.as_deref()).collect();
    for from in from {
        Key::read(from).map_err(|error| ApiProblem::conflict(format!("nothing was armed: {}", chain(&error))))?;
    }
    Ok(())
}

async fn commit(api: &Api, events: Vec<NewEvent>) -> Result<std::sync::Arc<World>, ApiProblem> {
    let committed = api.journal.commit(events).await;
    Ok(committed.map_err(|error| ApiProblem::unavailable(&error))?.world)
}

fn candidates(world: &World, wish: &Wish) -> Result<Vec<Candidate>, ApiProblem> {
    let nodes = select(world, &wish.nodes)?;
    if nodes.is_empty() {
        return Err(ApiProblem::bad_request(format!("{} is no node", wish.nodes)));
    }
    Ok(nodes
        .iter()
        .map(|node| candidate(world, node, wish.profile.as_deref()))
        .collect())
}

/// `?from=PLACE`.
#[derive(Debug, Deserialize)]
pub struct Place {
    from: Option<u64>,
}

/// So much of the end of a log is shown with a failed deployment, in bytes.
const TAIL: u64 = 3000;
/// One answer holds at most so much of a log, in bytes.
const PIECE: u64 = 1 << 20;

/// `GET /v1/deployments/{id}/log?from=PLACE`: what the installer said, from a place on; `next` is where to go on.
pub async fn log(
    State(api): State<Api>,
    Path(id): Path<String>,
    Query(place): Query<Place>,
) -> Result<Json<Value>, ApiProblem> {
    let deployment = find(&api.journal.world(), &id)?;
    let (folder, from) = (api.logs.clone(), place.from.unwrap_or(0));
    let read = tokio::task::spawn_blocking(move || installer_log::read(&folder, deployment.id, from, PIECE));
    let piece = read
        .await
        .map_err(|error| ApiProblem::unavailable(&error))?
        .map_err(|error| ApiProblem::unavailable(&error))?;
    let there = piece.is_some();
    let piece = piece.unwrap_or_default();
    Ok(Json(
        json!({ "there": there, "text": piece.text, "next": piece.next.max(from) }),
    ))
}

/// The deployment of that number, or the latest of the node of that name.
pub fn find(world: &World, id: &str) -> Result<std::sync::Arc<Deployment>, ApiProblem> {
    let found = match id.parse() {
        Ok(number) => world.deployments.get(number),
        Err(_) => world.deployments.latest(&super::nodes::find(world, id)?.name),
    };
    found.cloned().ok_or_else(|| match id.parse::<u64>() {
        Ok(_) => ApiProblem::not_found(format!("there is no deployment {id}: bellwether deployments --all")),
        Err(_) => ApiProblem::not_found(format!("{id} was never deployed: bellwether deploy {id}")),
    })
}

/// What is done on the node once it is ready, with what came of it.
fn steps(deployment: &Deployment) -> Vec<Value> {
    let steps = deployment.after_ready.iter().enumerate();
    let shown = steps.map(|(n, step)| match (deployment.done.get(n), n == deployment.done.len()) {
        (Some(done), _) => {
            let state = if done.failed.is_some() { "failed" } else { "done" };
            json!({
                "what": step.act.to_string(), "within_seconds": step.within_seconds, "state": state, "began": done.began,
                "ended": done.at, "failed": done.failed, "said": done.said,
            })
        }
        (None, is_next) => {
            let under_way = deployment.under_way.as_ref().filter(|_| is_next);
            let state = if under_way.is_some() { "under way" } else { "to do" };
            json!({
                "what": step.act.to_string(), "within_seconds": step.within_seconds, "state": state,
                "began": under_way.map(|under_way| under_way.began),
            })
        }
    });
    shown.collect()
}

fn show(world: &World, deployment: &Deployment, now: Timestamp) -> Value {
    let waits = wait(world, deployment);
    let last = marks(world, deployment).pop();
    json!({
        "id": deployment.id,
        "node": deployment.node,
        "via": deployment.via,
        "source": deployment.source,
        "profile": deployment.profile,
        "onto": deployment.onto,
        "actor": deployment.actor,
        "armed_at": deployment.armed_at,
        "expires": deployment.expires,
        "phase": deployment.phase().as_str(),
        "active": deployment.is_active(),
        "attempt": deployment.tries.len(),
        "attempts": deployment.attempts,
        "step": last,
        "waits": waits,
        "overdue": waits.as_ref().is_some_and(|waits| waits.is_overdue(now)),
        "installed": deployment.installed,
        "end": deployment.end,
        "parked": deployment.parks(),
        "seconds": deployment.end.as_ref().map_or(now, |end| end.at).duration_since(deployment.armed_at).as_secs(),
    })
}
