//! The package cache: how it stands, what is in it, filling and emptying it.

use std::time::Duration;

use axum::Json;
use axum::body::Body;
use axum::extract::{Query, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use futures_util::StreamExt as _;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Api, ApiProblem};
use crate::cache::Packages;

/// `GET /v1/cache`.
pub async fn status(State(api): State<Api>) -> Json<Value> {
    Json(api.cache.status())
}

/// `?prefix=debian/pool/`.
#[derive(Debug, Deserialize)]
pub struct Prefix {
    #[serde(default)]
    prefix: String,
}

/// `GET /v1/cache/files`: what is stored, by URL.
pub async fn files(State(api): State<Api>, Query(wanted): Query<Prefix>) -> Json<Value> {
    Json(Value::Array(api.cache.list(&wanted.prefix)))
}

/// `POST /v1/cache/purge`.
#[derive(Debug, Deserialize)]
pub struct Purge {
    /// URLs, paths or beginnings of them.
    #[serde(default)]
    prefixes: Vec<String>,
    /// Everything.
    #[serde(default)]
    all: bool,
    /// Only what was not asked for during so many days.
    #[serde(default)]
    unused_days: u64,
}

/// Removes stored files.
pub async fn purge(State(api): State<Api>, Json(wanted): Json<Purge>) -> Result<Json<Value>, ApiProblem> {
    let mut prefixes = wanted.prefixes;
    if prefixes.iter().any(|prefix| prefix.trim_matches('/').is_empty()) || (prefixes.is_empty() && !wanted.all) {
        return Err(ApiProblem::bad_request(
            "say which files to remove, or that all are meant",
        ));
    }
    if wanted.all {
        prefixes.push(String::new());
    }
    let unused = Duration::from_secs(wanted.unused_days.saturating_mul(86_400));
    let (files, bytes) = api.cache.purge(&prefixes, unused).await;
    Ok(Json(json!({ "files": files, "bytes": bytes })))
}

/// `POST /v1/cache/warm`: one JSON object a line for each file, as it is done.
pub async fn warm(State(api): State<Api>, Json(wanted): Json<Packages>) -> Result<Response, ApiProblem> {
    if wanted.items.is_empty() {
        return Err(ApiProblem::bad_request(
            "say what to fetch: packages, URLs, paths or folders",
        ));
    }
    let lines = api.cache.clone().warm(wanted).await.map(|warmed| {
        let line = serde_json::to_string(&warmed).expect("plain strings and numbers always serialise") + "\n";
        Ok::<_, std::convert::Infallible>(line)
    });
    let stop = api.stop.clone().cancelled_owned();
    let headers = [(header::CONTENT_TYPE, "application/x-ndjson")];
    Ok((headers, Body::from_stream(lines.take_until(stop))).into_response())
}
