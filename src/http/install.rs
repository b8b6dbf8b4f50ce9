//! What installers ask for.

use std::sync::Arc;

use axum::extract::{Extension, Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use model::event::{Subject, What};
use model::install::{Installation, document};

use super::hook::check_token;
use super::{Ends, Problem, Shared};

/// `GET /install/{node}/{token}/{document}`: a document of the attempt under way.
pub async fn asked(
    State(shared): State<Arc<Shared>>,
    Extension(ends): Extension<Ends>,
    Path((name, token, wanted)): Path<(String, String, String)>,
) -> Result<Response, Problem> {
    let world = shared.journal.world();
    let caller = check_token(&shared, &world, &name, &token)?;
    let Some(deployment) = &caller.deployment else {
        return Err(Problem::new(
            StatusCode::FORBIDDEN,
            "token",
            "the token is of a boot, not of a deployment",
        ));
    };
    let installation = Installation {
        world: &world,
        node: &caller.node,
        deployment: Some(deployment),
        site: shared.site(ends),
        token: &token,
        mac: caller.boot.as_ref().and_then(|boot| boot.nic),
    };
    let rendered = document(&installation, &wanted)
        .ok_or_else(|| Problem::not_found("no-such-document", format!("{wanted} is not served")))?
        .map_err(|why| Problem::new(StatusCode::CONFLICT, "cannot-install", why))?;
    let what = What::AnswersServed {
        document: wanted,
        bytes: rendered.text.len() as u64,
    };
    shared.journal.observe(vec![shared.event(Subject::Node(name), what)]);
    let headers = [
        (header::CONTENT_TYPE, rendered.content_type),
        (header::CACHE_CONTROL, "no-store"),
    ];
    Ok((headers, rendered.text).into_response())
}
