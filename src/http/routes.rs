//! The table of contents of the nodes' HTTP door.

use std::sync::Arc;

use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::routing::{any, get, post};

use super::{Problem, Shared, answers, boot, files, hook, install, record};

/// Every path that a node may ask for.
pub fn router(shared: Arc<Shared>) -> Router {
    Router::new()
        .route("/boot/script", get(boot::script_of_client))
        .route("/boot/{node}/script", get(boot::script_of_node))
        .route("/boot/hook/{node}/{token}/{hook}", post(hook::called))
        .route("/install/{node}/{token}/{document}", get(install::asked))
        .route("/cloud-init/{node}/{token}/{document}", get(answers::document))
        .route("/images/{image}/{file}", get(files::image))
        .route("/media/{medium}/{file}", get(files::medium))
        .route("/loaders/{*file}", get(files::loader))
        .route("/pelagos/{*file}", get(files::pelagos))
        .route("/autoexec.ipxe", get(boot::autoexec))
        .route("/metrics", get(Shared::metrics_text))
        .route("/healthz", get(async || "ok\n"))
        .fallback(any(async || {
            Problem::not_found("no-such-path", "there is nothing here for a node")
        }))
        .layer(from_fn_with_state(shared.clone(), record::record))
        .with_state(shared)
}
