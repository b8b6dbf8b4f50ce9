//! cloud-init's documents.

use std::sync::Arc;

use axum::extract::{Extension, Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use model::answers::{meta_data, user_data, vendor_data};
use model::cluster::BootTarget;
use model::event::{Subject, What};

use super::hook::check_token;
use super::{Ends, Problem, Shared};

/// `GET /cloud-init/{node}/{token}/{document}`: `meta-data`, `user-data` or `vendor-data` of the node's present boot, or of
/// the system that a deployment installed.
pub async fn document(
    State(shared): State<Arc<Shared>>,
    Extension(ends): Extension<Ends>,
    Path((name, token, document)): Path<(String, String, String)>,
) -> Result<Response, Problem> {
    // Which documents they are depends on the script that was given, which may still be on its way into the world.
    if !shared.journal.is_settled(&name) {
        shared
            .journal
            .round_trip()
            .await
            .map_err(|error| Problem::new(StatusCode::SERVICE_UNAVAILABLE, "journal", error.to_string()))?;
    }
    let world = shared.journal.world();
    let caller = check_token(&shared, &world, &name, &token)?;
    let (node, occasion) = (&caller.node, caller.occasion);
    // What a deployment installed is set up in full, whichever way it was booted.
    let booted = caller.boot.as_ref().filter(|_| caller.deployment.is_none());
    let target = booted
        .and_then(|boot| boot.target.as_deref())
        .and_then(BootTarget::parse)
        .unwrap_or_default();
    let rendered = match document.as_str() {
        "meta-data" => meta_data(&world.cluster, node, occasion),
        "user-data" => user_data(&shared.key, shared.site(ends), &world.cluster, node, occasion, target),
        "vendor-data" => vendor_data(),
        _ => {
            return Err(Problem::not_found(
                "no-such-document",
                format!("{document} is not served"),
            ));
        }
    };
    let what = What::AnswersServed {
        document,
        bytes: rendered.text.len() as u64,
    };
    shared.journal.observe(vec![shared.event(Subject::Node(name), what)]);
    let headers = [
        (header::CONTENT_TYPE, rendered.content_type),
        (header::CACHE_CONTROL, "no-store"),
    ];
    Ok((headers, rendered.text).into_response())
}
