//! The cluster that is in force, in other programs' formats.

use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use model::export::{Exported, Format, Request, ansible_dynamic, export};
use serde::Deserialize;
use serde_json::{Value, json};

use super::nodes::select;
use super::{Api, ApiProblem};

/// `?nodes=NODESET&port=9100&host=NAME`.
#[derive(Debug, Deserialize)]
pub struct Asked {
    nodes: Option<String>,
    port: Option<u16>,
    host: Option<String>,
}

/// `GET /v1/export/{format}?nodes=NODESET`: every file of the format, and what it cannot express.
pub async fn whole(
    State(api): State<Api>,
    Path(format): Path<String>,
    Query(asked): Query<Asked>,
) -> Result<Json<Value>, ApiProblem> {
    let exported = exported(&api, known(&format)?, asked).await?;
    let files = exported
        .files
        .iter()
        .map(|file| json!({ "name": file.name, "text": file.text }));
    Ok(Json(
        json!({ "files": files.collect::<Vec<_>>(), "notes": exported.notes }),
    ))
}

/// `GET /v1/export/{format}/{file}?nodes=NODESET`: one of the files as it is. `prometheus/bellwether.json` is what Prometheus'
/// `http_sd_configs` asks for.
pub async fn file(
    State(api): State<Api>,
    Path((format, name)): Path<(String, String)>,
    Query(asked): Query<Asked>,
) -> Result<Response, ApiProblem> {
    let format = known(&format)?;
    let files = exported(&api, format, asked).await?.files;
    let file = files.into_iter().find(|file| file.name == name);
    let file = file.ok_or_else(|| ApiProblem::not_found(format!("{} has no file {name}", format.as_str())))?;
    let kind = match format {
        Format::Prometheus => "application/json",
        _ => "text/plain; charset=utf-8",
    };
    Ok(([(header::CONTENT_TYPE, kind)], file.text).into_response())
}

/// `GET /v1/inventory?nodes=NODESET`: what a dynamic inventory of Ansible answers to `--list`; with `&host=NAME` to `--host`.
pub async fn inventory(State(api): State<Api>, Query(asked): Query<Asked>) -> Result<Json<Value>, ApiProblem> {
    with(&api, asked, ansible_dynamic).await.map(Json)
}

fn known(word: &str) -> Result<Format, ApiProblem> {
    Format::parse(word).ok_or_else(|| ApiProblem::not_found(format!("there is no format {word}")))
}

async fn exported(api: &Api, format: Format, asked: Asked) -> Result<Exported, ApiProblem> {
    with(api, asked, move |request, _| export(format, request))
        .await?
        .map_err(|error| ApiProblem::bad_request(error.to_string()))
}

/// Renders on a thread of its own: of thousands of nodes it takes its time, and the socket must go on answering.
async fn with<T: Send + 'static>(
    api: &Api,
    asked: Asked,
    render: impl FnOnce(&Request<'_>, Option<&str>) -> T + Send + 'static,
) -> Result<T, ApiProblem> {
    let world = api.journal.world();
    let nodes = match asked.nodes.as_deref() {
        None | Some("*") => world.cluster.nodes.clone(),
        Some(text) => select(&world, text)?,
    };
    let rendered = tokio::task::spawn_blocking(move || {
        let request = Request {
            cluster: &world.cluster,
            nodes,
            now: Timestamp::now(),
            port: asked.port.unwrap_or(9100),
        };
        render(&request, asked.host.as_deref())
    });
    rendered.await.map_err(|error| ApiProblem::unavailable(&error))
}
