//! The table of contents of the control API.

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::{MethodRouter, get, post};

use super::{
    Api, ApiProblem, bmc, boot, cache, capture, cluster, console, deployments, events, export, nodes, secrets, status,
};

/// A path that takes a whole cluster file; the others take 2 MiB, as axum does unless told.
fn cluster_file(route: MethodRouter<Api>) -> MethodRouter<Api> {
    route.layer(DefaultBodyLimit::max(crate::cluster_file::LONGEST))
}

/// Every path of the control API.
pub fn router(api: Api) -> Router {
    Router::new()
        .route("/v1/status", get(status::status))
        .route("/v1/leases", get(status::leases))
        .route("/v1/machines", get(status::machines))
        .route("/v1/nodes", get(nodes::list))
        .route("/v1/nodes/{node}", get(nodes::one))
        .route("/v1/nodes/{node}/render/{document}", get(nodes::render))
        .route("/v1/nodes/{node}/explain", get(nodes::explain))
        .route("/v1/nodes/{node}/timeline", get(nodes::timeline))
        .route("/v1/nodes/{node}/why", get(nodes::why))
        .route("/v1/boot", post(boot::choose))
        .route("/v1/power/noted", post(boot::power))
        .route("/v1/bmc", post(bmc::order))
        .route("/v1/consoles", get(console::list))
        .route("/v1/consoles/grep", post(console::grep))
        .route("/v1/consoles/{node}/log", get(console::log))
        .route("/v1/consoles/{node}/attach", get(console::attach))
        .route("/v1/deployments", get(deployments::list).post(deployments::arm))
        .route("/v1/deployments/plan", post(deployments::plan))
        .route("/v1/deployments/{id}", get(deployments::one))
        .route("/v1/deployments/{id}/log", get(deployments::log))
        .route("/v1/dismiss", post(deployments::dismiss))
        .route("/v1/plan", cluster_file(post(cluster::plan)))
        .route("/v1/apply", cluster_file(post(cluster::apply)))
        .route("/v1/export/{format}", get(export::whole))
        .route("/v1/export/{format}/{file}", get(export::file))
        .route("/v1/inventory", get(export::inventory))
        .route("/v1/secrets", get(secrets::list))
        .route(
            "/v1/secrets/{name}",
            axum::routing::put(secrets::put).delete(secrets::remove),
        )
        .route("/v1/images/rescan", post(cluster::rescan))
        .route("/v1/cache", get(cache::status))
        .route("/v1/cache/files", get(cache::files))
        .route("/v1/cache/purge", post(cache::purge))
        .route("/v1/cache/warm", post(cache::warm))
        .route("/v1/captures/{machine}", get(capture::capture))
        .route("/v1/media/rescan", post(cluster::rescan_media))
        .route("/v1/events", get(events::events))
        .route("/metrics", get(status::metrics))
        .route("/healthz", get(async || "ok\n"))
        .fallback(async || ApiProblem::not_found("no such path"))
        .with_state(api)
}
