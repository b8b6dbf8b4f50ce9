//! The store of secrets: what is in it by name, never what they are.

use axum::Json;
use axum::extract::{Extension, Path, State};
use bytes::Bytes;
use jiff::Timestamp;
use model::event::{NewEvent, Subject, What};
use serde_json::{Value, json};

use super::{Actor, Api, ApiProblem};
use crate::secrets::{Secret, StoreError};

/// `GET /v1/secrets`: names, and since when.
pub async fn list(State(api): State<Api>) -> Result<Json<Value>, ApiProblem> {
    let found = api.secrets.list().map_err(|error| ApiProblem::unavailable(&error))?;
    let each = found
        .iter()
        .map(|(name, since)| json!({ "name": name, "since": since }));
    Ok(Json(each.collect()))
}

/// `PUT /v1/secrets/{name}`: the body is the secret.
pub async fn put(
    State(api): State<Api>,
    Extension(actor): Extension<Actor>,
    Path(name): Path<String>,
    body: Bytes,
) -> Result<Json<Value>, ApiProblem> {
    let secret = Secret::new(&body[..]);
    let (secrets, kept) = (api.secrets.clone(), name.clone());
    blocking(move || secrets.put(&kept, &secret)).await?;
    note(&api, &actor, What::SecretKept { name: name.clone() }).await?;
    Ok(Json(json!({ "name": name })))
}

/// `DELETE /v1/secrets/{name}`.
pub async fn remove(
    State(api): State<Api>,
    Extension(actor): Extension<Actor>,
    Path(name): Path<String>,
) -> Result<Json<Value>, ApiProblem> {
    let (secrets, gone) = (api.secrets.clone(), name.clone());
    blocking(move || secrets.remove(&gone)).await?;
    note(&api, &actor, What::SecretRemoved { name: name.clone() }).await?;
    Ok(Json(json!({ "name": name })))
}

async fn blocking(what: impl FnOnce() -> Result<(), StoreError> + Send + 'static) -> Result<(), ApiProblem> {
    let done = tokio::task::spawn_blocking(what).await;
    let done = done.map_err(|error| ApiProblem::unavailable(&error))?;
    done.map_err(|error| match error {
        StoreError::Unknown(_) => ApiProblem::not_found(error.to_string()),
        StoreError::Name(_) | StoreError::Form => ApiProblem::bad_request(error.to_string()),
        StoreError::Full => ApiProblem::conflict(error.to_string()),
        StoreError::Folder { .. } => ApiProblem::unavailable(&error),
    })
}

async fn note(api: &Api, actor: &Actor, what: What) -> Result<(), ApiProblem> {
    let event = NewEvent::new(Timestamp::now(), actor.0.clone(), Subject::Cluster, what);
    let noted = api.journal.commit(vec![event]).await;
    noted.map(|_| ()).map_err(|error| ApiProblem::unavailable(&error))
}
