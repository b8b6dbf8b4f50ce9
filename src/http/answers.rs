//! cloud-init's documents.

use axum::extract::{Extension, Path, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use model::answers::{meta_data, user_data, vendor_data};
use model::cluster::BootTarget;
use model::event::{Subject, What};

use super::hook::check_token;
use super::{Ends, Problem, Shared};

/// `GET /cloud-init/{node}/{token}/{document}`: `meta-data`, `user-data` or `vendor-data` of the node's present boot.
pub async fn document(
    State(shared): State<Shared>,
    Extension(ends): Extension<Ends>,
    Path((name, token, document)): Path<(String, String, String)>,
) -> Result<Response, Problem> {
    let world = shared.journal.world();
    let (node, boot) = check_token(&shared, &world, &name, &token)?;
    let target = boot.target.as_deref().and_then(BootTarget::parse).unwrap_or_default();
    let rendered = match document.as_str() {
        "meta-data" => meta_data(&world.cluster, &node, boot.id),
        "user-data" => user_data(&shared.key, shared.site(ends), &world.cluster, &node, boot.id, target),
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
