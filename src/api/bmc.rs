//! Orders for the BMCs of nodes.

use std::time::Duration;

use axum::Json;
use axum::body::Body;
use axum::extract::{Extension, State};
use axum::response::{IntoResponse as _, Response};
use futures_util::StreamExt as _;
use http::header;
use serde::Deserialize;

use super::nodes::select;
use super::{Actor, Api, ApiProblem};
use crate::bmc::Order;
use crate::bmc::batch::Pace;

/// Most BMCs that are spoken to at once: each has a socket.
const AT_ONCE: usize = 512;
/// Longest time between two that begin.
const STAGGER: f64 = 3600.0;

/// `POST /v1/bmc`.
#[derive(Debug, Deserialize)]
pub struct Orders {
    nodes: String,
    #[serde(flatten)]
    order: Order,
    at_once: Option<usize>,
    stagger_seconds: Option<f64>,
}

/// Carries an order out for each node: one JSON object a line for each, as it is done. Whoever hangs up stops what has not
/// begun.
pub async fn order(
    State(api): State<Api>,
    Extension(actor): Extension<Actor>,
    Json(orders): Json<Orders>,
) -> Result<Response, ApiProblem> {
    orders.order.check().map_err(ApiProblem::bad_request)?;
    let pace = pace(&orders)?;
    let nodes = select(&api.journal.world(), &orders.nodes)?;
    let lines = api.bmcs.carry_out_all(&actor.0, nodes, orders.order, pace);
    let lines = lines.map(|line| Ok::<_, std::io::Error>(format!("{line}\n")));
    let headers = [(header::CONTENT_TYPE, "application/x-ndjson")];
    Ok((
        headers,
        Body::from_stream(lines.take_until(api.stop.clone().cancelled_owned())),
    )
        .into_response())
}

fn pace(orders: &Orders) -> Result<Pace, ApiProblem> {
    let usual = Pace::default();
    let at_once = orders.at_once.unwrap_or(usual.at_once);
    if !(1..=AT_ONCE).contains(&at_once) {
        return Err(ApiProblem::bad_request(format!("at once: from 1 to {AT_ONCE}")));
    }
    let stagger = orders.stagger_seconds.unwrap_or_default();
    if !(0.0..=STAGGER).contains(&stagger) {
        return Err(ApiProblem::bad_request("stagger: from 0 to 3600 seconds"));
    }
    Ok(Pace {
        at_once,
        stagger: Duration::from_secs_f64(stagger),
    })
}
