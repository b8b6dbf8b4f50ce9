//! Events, as they were written down.

use axum::body::Body;
use axum::extract::{Query, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use futures_util::StreamExt as _;
use model::event::{Event, Subject};
use serde::Deserialize;

use super::{Api, ApiProblem};
use crate::journal::Filter;

/// `?subject=node:nid001&kind=dhcp,transfer&after=17&last=50&follow=true`.
#[derive(Debug, Deserialize)]
pub struct Wanted {
    subject: Option<String>,
    kind: Option<String>,
    after: Option<u64>,
    #[serde(default)]
    follow: bool,
    last: Option<u32>,
}

/// `GET /v1/events`: one JSON object a line, oldest first.
pub async fn events(State(api): State<Api>, Query(wanted): Query<Wanted>) -> Result<Response, ApiProblem> {
    let subject = wanted
        .subject
        .as_deref()
        .map(str::parse::<Subject>)
        .transpose()
        .map_err(ApiProblem::bad_request)?;
    let kinds: Vec<String> = wanted
        .kind
        .iter()
        .flat_map(|k| k.split(','))
        .filter(|k| !k.is_empty())
        .map(str::to_string)
        .collect();
    let filter = Filter {
        after: wanted.after,
        subject: subject.clone(),
        kinds: kinds.clone(),
        limit: wanted.last.unwrap_or(1000).min(100_000),
        newest_first: wanted.after.is_none(),
        ..Filter::default()
    };
    // What is committed while we read comes with the stream that begins at this position.
    let position = api.journal.world().seq;
    let mut first = api
        .journal
        .read(&filter)
        .await
        .map_err(|error| ApiProblem::unavailable(&error))?;
    if filter.newest_first {
        first.reverse();
    }
    let position = first.last().map_or(position, |event| event.seq.max(position));
    let head = futures_util::stream::iter(first.iter().map(line).map(Ok).collect::<Vec<_>>());
    let headers = [(header::CONTENT_TYPE, "application/x-ndjson")];
    if !wanted.follow {
        return Ok((headers, Body::from_stream(head)).into_response());
    }
    let live = api.journal.follow(position).filter_map(move |event| {
        let line = match event {
            Ok(event)
                if subject.as_ref().is_none_or(|s| *s == event.subject) && wanted_kind(&kinds, event.what.kind()) =>
            {
                Some(Ok(line(&event)))
            }
            Ok(_) => None,
            Err(error) => Some(Err(std::io::Error::other(error))),
        };
        async move { line }
    });
    Ok((
        headers,
        Body::from_stream(head.chain(live).take_until(api.stop.cancelled_owned())),
    )
        .into_response())
}

/// `dhcp.leased` is of the kinds `dhcp.leased` and `dhcp`.
fn wanted_kind(kinds: &[String], kind: &str) -> bool {
    let family = kind.split('.').next().unwrap_or(kind);
    kinds.is_empty() || kinds.iter().any(|wanted| wanted == kind || wanted == family)
}

fn line(event: &Event) -> String {
    serde_json::to_string(event).expect("an event always serialises") + "\n"
}
