//! The consoles of the nodes: how they stand, what they said, and a line to each.

use std::ops::ControlFlow;
use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::{Extension, Path, Query, Request, State};
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use http::{StatusCode, header};
use hyper_util::rt::TokioIo;
use jiff::Timestamp;
use model::console::Transcript;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::nodes::{find, select};
use super::{Actor, Api, ApiProblem};
use crate::console::{Mode, frames};

/// Pieces of an answer that wait for its reader.
const WAITING: usize = 64;
/// Octets of a piece.
const PIECE: usize = 64 * 1024;
/// Most octets of a pattern, and of what it may become.
const PATTERN: usize = 1000;
const COMPILED: usize = 1 << 20;

/// `GET /v1/consoles`: how each stands.
pub async fn list(State(api): State<Api>) -> Json<Value> {
    use crate::console::State as Line;
    let consoles = api.consoles.status().into_iter().map(|(node, status)| {
        let (state, why) = match status.state {
            Line::Open => ("open", None),
            Line::Opening => ("opening", None),
            Line::Closed(why) => ("closed", Some(why)),
        };
        json!({
            "node": &*node, "state": state, "why": why, "since": status.since, "octets": status.octets,
            "last": status.last, "watchers": status.watchers, "writers": status.writers,
        })
    });
    Json(json!({ "consoles": consoles.collect::<Vec<_>>() }))
}

/// `?since=2026-11-26T06:00:00Z&raw=true`.
#[derive(Debug, Deserialize)]
pub struct Since {
    since: Option<Timestamp>,
    #[serde(default)]
    raw: bool,
}

/// `GET /v1/consoles/{node}/log`: lines with their times, or the octets as they came.
pub async fn log(
    State(api): State<Api>,
    Path(node): Path<String>,
    Query(since): Query<Since>,
) -> Result<Response, ApiProblem> {
    let name = find(&api.journal.world(), &node)?.name.to_string();
    api.consoles.logs().flush().await;
    let (sender, pieces) = mpsc::channel::<std::io::Result<Bytes>>(WAITING);
    let logs = api.consoles.logs().clone();
    tokio::task::spawn_blocking(move || {
        let mut out = Vec::new();
        let mut transcript = Transcript::default();
        let send = |out: &mut Vec<u8>| sender.blocking_send(Ok(std::mem::take(out).into())).is_ok();
        let read = logs.read(&name, since.since, |at, piece| {
            match since.raw {
                true => out.extend_from_slice(piece),
                false => transcript.hear(piece, at, |at, line| write_line(&mut out, at, line)),
            }
            match out.len() < PIECE || send(&mut out) {
                true => ControlFlow::Continue(()),
                false => ControlFlow::Break(()),
            }
        });
        if let Some((at, line)) = transcript.rest() {
            write_line(&mut out, at, line);
        }
        send(&mut out);
        if let Err(error) = read {
            sender.blocking_send(Err(error)).ok();
        }
    });
    let headers = [(header::CONTENT_TYPE, "text/plain; charset=utf-8")];
    Ok((headers, Body::from_stream(stream(pieces))).into_response())
}

fn stream<T: Send + 'static>(pieces: mpsc::Receiver<T>) -> impl futures_util::Stream<Item = T> + Send {
    futures_util::stream::unfold(pieces, |mut pieces| async move {
        let piece = pieces.recv().await?;
        Some((piece, pieces))
    })
}

fn write_line(out: &mut Vec<u8>, at: Timestamp, line: &str) {
    out.extend_from_slice(format!("{at:.3} {line}\n").as_bytes());
}

/// `POST /v1/consoles/grep`.
#[derive(Debug, Deserialize)]
pub struct Grep {
    pattern: String,
    nodes: String,
    since: Option<Timestamp>,
    #[serde(default)]
    ignore_case: bool,
}

/// Lines that match: one JSON object a line, node by node.
pub async fn grep(State(api): State<Api>, Json(wanted): Json<Grep>) -> Result<Response, ApiProblem> {
    if wanted.pattern.len() > PATTERN {
        return Err(ApiProblem::bad_request("a pattern has at most 1000 octets"));
    }
    let pattern = regex::RegexBuilder::new(&wanted.pattern)
        .case_insensitive(wanted.ignore_case)
        .size_limit(COMPILED)
        .build()
        .map_err(|error| ApiProblem::bad_request(format!("the pattern cannot be used: {error}")))?;
    let nodes = select(&api.journal.world(), &wanted.nodes)?;
    api.consoles.logs().flush().await;
    let (sender, pieces) = mpsc::channel::<std::io::Result<Bytes>>(WAITING);
    let logs = api.consoles.logs().clone();
    tokio::task::spawn_blocking(move || {
        for node in nodes {
            let mut transcript = Transcript::default();
            let mut out = Vec::new();
            let mut found = |at: Timestamp, line: &str| {
                if pattern.is_match(line) {
                    let line = json!({ "node": &*node.name, "at": at, "line": line });
                    out.extend_from_slice(format!("{line}\n").as_bytes());
                }
            };
            let read = logs.read(&node.name, wanted.since, |at, piece| {
                transcript.hear(piece, at, &mut found);
                ControlFlow::Continue(())
            });
            if let Some((at, line)) = transcript.rest() {
                found(at, line);
            }
            let gone = sender.blocking_send(Ok(out.into())).is_err();
            if let Err(error) = read {
                sender.blocking_send(Err(error)).ok();
                return;
            }
            if gone {
                return;
            }
        }
    });
    let headers = [(header::CONTENT_TYPE, "application/x-ndjson")];
    Ok((headers, Body::from_stream(stream(pieces))).into_response())
}

/// `?mode=monitor|connect|force|join`.
#[derive(Debug, Deserialize)]
pub struct How {
    mode: String,
}

/// `GET /v1/consoles/{node}/attach`, upgraded to [`frames`].
pub async fn attach(
    State(api): State<Api>,
    Extension(actor): Extension<Actor>,
    Path(node): Path<String>,
    Query(how): Query<How>,
    mut request: Request,
) -> Result<Response, ApiProblem> {
    let node = find(&api.journal.world(), &node)?;
    let mode =
        Mode::named(&how.mode).ok_or_else(|| ApiProblem::bad_request("mode: monitor, connect, force or join"))?;
    let upgrades = request
        .headers()
        .get(header::UPGRADE)
        .is_some_and(|to| to == frames::PROTOCOL);
    if !upgrades {
        return Err(ApiProblem::bad_request(format!(
            "ask for an upgrade to {}",
            frames::PROTOCOL
        )));
    }
    let hub = api.consoles.hub(&node.name).ok_or_else(|| no_console(&node))?;
    let name = actor.0.strip_prefix("cli:").unwrap_or(&actor.0).to_string();
    let visit = hub
        .attach(name, mode)
        .await
        .map_err(|refused| ApiProblem::conflict(refused.to_string()))?;
    let upgrade = hyper::upgrade::on(&mut request);
    let stop = api.stop.clone();
    tokio::spawn(async move {
        if let Ok(connection) = upgrade.await {
            stop.run_until_cancelled(frames::carry(TokioIo::new(connection), visit))
                .await;
        }
    });
    let headers = [(header::UPGRADE, frames::PROTOCOL), (header::CONNECTION, "upgrade")];
    Ok((StatusCode::SWITCHING_PROTOCOLS, headers).into_response())
}

fn no_console(node: &Arc<model::cluster::Node>) -> ApiProblem {
    ApiProblem::not_found(format!(
        "{} has no console: declare its `bmc`, or `console_via` (line {})",
        node.name, node.line
    ))
}
