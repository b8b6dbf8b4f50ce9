//! What the recorder kept of a machine.

use axum::extract::{Path, Query, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;

use super::{Api, ApiProblem};
use crate::capture::{GatherError, Machine, Wanted, gather, write};

/// How much is wanted.
#[derive(Debug, Default, Deserialize)]
pub struct Asked {
    #[serde(default)]
    last_boot: bool,
    #[serde(default)]
    packets_only: bool,
}

/// `GET /v1/captures/{machine}`: a node or a MAC, as a pcapng file.
pub async fn capture(
    State(api): State<Api>,
    Path(name): Path<String>,
    Query(query): Query<Asked>,
) -> Result<Response, ApiProblem> {
    let machine = Machine::named(&api.journal.world(), &name)
        .ok_or_else(|| ApiProblem::not_found(format!("{name} is neither a node nor a MAC")))?;
    let wanted = Wanted {
        last_boot: query.last_boot,
        packets_only: query.packets_only,
    };
    let capture = gather(&api.journal, &api.recorder, &machine, wanted)
        .await
        .map_err(|error| match error {
            GatherError::Off => ApiProblem::conflict(error.to_string()),
            GatherError::Nothing(_) => ApiProblem::not_found(error.to_string()),
            GatherError::Journal(_) => ApiProblem::unavailable(&error),
        })?;
    // Some megabytes of text for a large cluster: not on a thread that answers machines.
    let file = tokio::task::spawn_blocking(move || write(&capture)).await;
    let file = file.map_err(|error| ApiProblem::unavailable(&error))?;
    Ok(([(header::CONTENT_TYPE, "application/x-pcapng")], file).into_response())
}
