//! Nodes: where they stand, what they would get, their story.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, Query, State};
use jiff::Timestamp;
use model::answers::{hosts, meta_data, user_data};
use model::boot::{Dialect, Occasion, choose, likely_arch, resolve, script_in};
use model::cluster::{BootTarget, Node};
use model::deployment::effective;
use model::event::{Event, Subject};
use model::install::Installation;
use model::timeline::{Until, timeline as timeline_of};
use model::world::World;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Api, ApiProblem};
use crate::journal::Filter;

/// `?nodes=NODESET`.
#[derive(Debug, Deserialize)]
pub struct Which {
    nodes: Option<String>,
}

/// `GET /v1/nodes?nodes=NODESET`.
pub async fn list(State(api): State<Api>, Query(which): Query<Which>) -> Result<Json<Value>, ApiProblem> {
    let world = api.journal.world();
    let nodes = match which.nodes.as_deref() {
        None | Some("*") => world.cluster.nodes.clone(),
        Some(text) => select(&world, text)?,
    };
    let now = Timestamp::now();
    Ok(Json(nodes.iter().map(|node| brief(&world, node, now)).collect()))
}

/// `GET /v1/nodes/{node}`.
pub async fn one(State(api): State<Api>, Path(name): Path<String>) -> Result<Json<Value>, ApiProblem> {
    let world = api.journal.world();
    let node = find(&world, &name)?;
    let state = world.state(&node.name);
    let mut value = brief(&world, &node, Timestamp::now());
    value["nics"] = node
        .nics
        .iter()
        .map(|nic| {
            let lease = nic.mac.and_then(|mac| world.leases.of(mac).next().map(|l| l.address));
            json!({ "name": nic.name, "mac": nic.mac, "network": nic.network, "address": nic.address, "lease": lease })
        })
        .collect();
    value["fqdn"] = world.cluster.fqdn(&node).into();
    value["uuid"] = json!(node.uuid);
    value["serial"] = json!(node.serial);
    value["architecture"] = node.architecture.as_str().into();
    value["line"] = node.line.into();
    let loader = choose(&world, &node, Some(likely_arch(&world, &node)), false);
    value["loader"] = json!({ "file": loader.file, "because": loader.because, "missing": loader.missing });
    value["state"] = serde_json::to_value(&*state).unwrap_or_default();
    Ok(Json(value))
}

/// `GET /v1/nodes/{node}/render/{document}`.
pub async fn render(
    State(api): State<Api>,
    Path((name, document)): Path<(String, String)>,
) -> Result<String, ApiProblem> {
    let world = api.journal.world();
    let node = find(&world, &name)?;
    let state = world.state(&node.name);
    let resolved = resolve(&world, &node, state.boot.as_ref());
    let boot = state.boot.as_ref().map_or(0, |boot| boot.id);
    let site = api.site(&node);
    let mac = node.nics.iter().find_map(|nic| nic.mac);
    Ok(match document.as_str() {
        "script" => {
            script_in(
                Dialect::next(&world, &node),
                &api.key,
                site,
                mac,
                boot,
                &node,
                &resolved,
            )
            .text
        }
        "dhcp" => model::dhcp::describe(&world, &node, site),
        "user-data" => user_data(&api.key, site, &world.cluster, &node, boot, resolved.target).text,
        "meta-data" => meta_data(&world.cluster, &node, boot).text,
        "hosts" => hosts(&world.cluster, &node),
        "preseed" => installer_document(&api, &world, &node, "preseed.cfg")?,
        "installer-start" => installer_document(&api, &world, &node, "start.sh")?,
        "installer-disk" => installer_document(&api, &world, &node, "disk.sh")?,
        "installer-end" => installer_document(&api, &world, &node, "end.sh")?,
        _ => return Err(ApiProblem::not_found(format!("there is no document {document}"))),
    })
}

/// What the installer of a node would be told now; with the token of its attempt if one runs.
fn installer_document(api: &Api, world: &World, node: &Arc<Node>, name: &str) -> Result<String, ApiProblem> {
    let node = effective(world, node);
    let deployment = world.deployments.active_of(&node.name);
    let occasion = Occasion::Attempt {
        deployment: deployment.map_or(0, |deployment| deployment.id),
        boot: deployment
            .and_then(|deployment| deployment.attempt())
            .map_or(0, |attempt| attempt.boot),
    };
    let installation = Installation {
        world,
        node: &node,
        deployment: deployment.map(|deployment| &**deployment),
        site: api.site(&node),
        token: &api.key.token(&node.name, occasion),
        mac: node.nics.iter().find_map(|nic| nic.mac),
    };
    model::install::document(&installation, name)
        .unwrap_or_else(|| Err(format!("there is no document {name}")))
        .map(|rendered| rendered.text)
        .map_err(ApiProblem::bad_request)
}

/// `?key=SETTING`.
#[derive(Debug, Deserialize)]
pub struct Key {
    key: Option<String>,
}

/// `GET /v1/nodes/{node}/explain?key=SETTING`.
pub async fn explain(
    State(api): State<Api>,
    Path(name): Path<String>,
    Query(query): Query<Key>,
) -> Result<Json<Value>, ApiProblem> {
    let world = api.journal.world();
    let node = find(&world, &name)?;
    let explanation = model::explain::explain(&world.cluster, &node, query.key.as_deref())
        .map_err(|unknown| ApiProblem::bad_request(unknown.to_string()))?;
    Ok(Json(serde_json::to_value(explanation).unwrap_or_default()))
}

/// `?boot=NUMBER`.
#[derive(Debug, Deserialize)]
pub struct WhichBoot {
    boot: Option<u64>,
}

/// `GET /v1/nodes/{node}/timeline?boot=NUMBER`.
pub async fn timeline(
    State(api): State<Api>,
    Path(name): Path<String>,
    Query(which): Query<WhichBoot>,
) -> Result<Json<Value>, ApiProblem> {
    let world = api.journal.world();
    let node = find(&world, &name)?;
    let state = world.state(&node.name);
    let boot = match which.boot {
        None => state.boot.as_ref(),
        Some(id) => state.all_boots().find(|boot| boot.id == id),
    };
    let Some(boot) = boot else {
        let known: Vec<String> = state.all_boots().map(|boot| boot.id.to_string()).collect();
        return Err(ApiProblem::not_found(if known.is_empty() {
            format!("{name} has not been seen booting yet: bellwether why {name}")
        } else {
            format!("{name} had no such boot; the boots known are {}", known.join(", "))
        }));
    };
    let next = state
        .all_boots()
        .filter(|later| later.id > boot.id)
        .min_by_key(|later| later.id);
    let until = next.map_or_else(|| Until::Now(Timestamp::now()), |next| Until::Next(next.started));
    let events = events_of(&api, &node, boot.id.saturating_sub(1), next.map(|next| next.id)).await?;
    Ok(Json(
        serde_json::to_value(timeline_of(&node.name, boot, &events, until)).unwrap_or_default(),
    ))
}

/// `GET /v1/nodes/{node}/why`.
pub async fn why(State(api): State<Api>, Path(name): Path<String>) -> Result<Json<Value>, ApiProblem> {
    let world = api.journal.world();
    let node = find(&world, &name)?;
    let state = world.state(&node.name);
    let oldest = state.all_boots().last().map_or(0, |boot| boot.id.saturating_sub(1));
    let events = events_of(&api, &node, oldest, None).await?;
    let why = model::why::why(&world, &node, Timestamp::now(), &events);
    Ok(Json(serde_json::to_value(why).unwrap_or_default()))
}

async fn events_of(api: &Api, node: &Node, after: u64, before: Option<u64>) -> Result<Vec<Event>, ApiProblem> {
    let filter = Filter {
        after: Some(after),
        before,
        subject: Some(Subject::Node(node.name.to_string())),
        // A boot has some tens of events; a node in a boot loop may have thousands, of which the latest tell the story.
        limit: 2000,
        newest_first: true,
        ..Filter::default()
    };
    let mut events = api
        .journal
        .read(&filter)
        .await
        .map_err(|error| ApiProblem::unavailable(&error))?;
    events.reverse();
    Ok(events)
}

/// The node of that name, or what it may have meant.
pub fn find(world: &World, name: &str) -> Result<Arc<Node>, ApiProblem> {
    world
        .cluster
        .node(name)
        .cloned()
        .ok_or_else(|| ApiProblem::not_found(model::explain::no_such_node(&world.cluster, name)))
}

/// The nodes of a node set.
pub fn select(world: &World, text: &str) -> Result<Vec<Arc<Node>>, ApiProblem> {
    let names = world
        .cluster
        .select(text)
        .map_err(|error| ApiProblem::bad_request(error.to_string()))?;
    names.iter().map(|name| find(world, name)).collect()
}

fn brief(world: &World, node: &Arc<Node>, now: Timestamp) -> Value {
    let state = world.state(&node.name);
    let resolved = resolve(world, node, state.boot.as_ref().filter(|boot| !boot.is_ready()));
    let boot = state.boot.as_ref();
    let target = boot.and_then(|boot| boot.target.as_deref()).and_then(BootTarget::parse);
    json!({
        "name": &*node.name,
        "address": node.primary_address(),
        "mac": node.nics.iter().find_map(|nic| nic.mac),
        "groups": node.groups,
        "profile": node.profile.as_ref().map(|p| &p.value),
        "step": boot.and_then(|boot| boot.furthest()).map(|mark| mark.step.as_str()),
        "ready": boot.is_some_and(model::world::Boot::is_ready),
        "trouble": boot.and_then(|boot| boot.trouble.clone()),
        "boot": boot.map(|boot| boot.id),
        "booted_target": target.map(|t| t.as_str()),
        "last_seen": state.last_seen,
        "last_seen_seconds": state.last_seen.map(|at| now.duration_since(at).as_secs()),
        "next_target": resolved.target.as_str(),
        "next_image": resolved.image.as_ref().map(|(name, _)| name),
        "because": resolved.because,
        "blocked": resolved.blocked,
    })
}
