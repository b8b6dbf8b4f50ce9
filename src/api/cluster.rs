//! The cluster file: plan, then apply.

use axum::Json;
use axum::extract::{Extension, State};
use serde_json::{Value, json};

use super::{Actor, Api, ApiProblem};
use crate::cluster_file;

/// `POST /v1/plan` with the text of a cluster file.
pub async fn plan(State(api): State<Api>, text: String) -> Result<Json<Value>, ApiProblem> {
    let world = api.journal.world();
    // Rendering for thousands of nodes takes its time; the socket must go on answering.
    aside(move || {
        let plan = model::plan::plan(&world, &read(&text)?);
        Ok(Json(serde_json::to_value(plan).unwrap_or_default()))
    })
    .await
}

/// `POST /v1/apply` with the text of a cluster file.
pub async fn apply(
    State(api): State<Api>,
    Extension(actor): Extension<Actor>,
    text: String,
) -> Result<Json<Value>, ApiProblem> {
    let (text, nodes) = aside(move || {
        let nodes = read(&text)?.nodes.len();
        Ok((text, nodes))
    })
    .await?;
    let changed = cluster_file::apply(&api.journal, &actor.0, text, nodes as u64)
        .await
        .map_err(|error| ApiProblem::unavailable(&error))?;
    Ok(Json(json!({ "changed": changed, "nodes": nodes })))
}

/// `POST /v1/images/rescan`: looks at the images folder again.
pub async fn rescan(State(api): State<Api>, Extension(actor): Extension<Actor>) -> Result<Json<Value>, ApiProblem> {
    let (images, journal) = (api.images.clone(), api.journal.clone());
    let changed = crate::image_watch::rescan(&journal, &images, &actor.0)
        .await
        .map_err(|error| ApiProblem::unavailable(&error))?;
    Ok(Json(json!({ "changed": changed })))
}

/// `POST /v1/media/rescan`: looks at the media folder again.
pub async fn rescan_media(
    State(api): State<Api>,
    Extension(actor): Extension<Actor>,
) -> Result<Json<Value>, ApiProblem> {
    let changed = crate::media::watch::rescan(&api.journal, &api.media, &actor.0)
        .await
        .map_err(|error| ApiProblem::unavailable(&error))?;
    Ok(Json(json!({ "changed": changed })))
}

/// Does what may take seconds where nothing else waits for it.
async fn aside<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, ApiProblem> + Send + 'static,
) -> Result<T, ApiProblem> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|error| ApiProblem::unavailable(&error))?
}

fn read(text: &str) -> Result<model::cluster::Cluster, ApiProblem> {
    let reading = model::config::read(text);
    reading.cluster.ok_or_else(|| {
        let shown = crate::cli::diagnostics::render("cluster file", text, &reading.diagnostics, false);
        ApiProblem::invalid("the cluster file has mistakes; nothing was changed", shown)
    })
}
