//! Boot scripts.

use std::sync::Arc;

use axum::extract::{Extension, Path, State};
use axum::http::{Method, Request, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use model::boot::Client;
use model::event::Seq;

use super::record::Question;
use super::{Ends, Problem, Shared};
use crate::scripts::{self, Denied};

/// From which positions of the journal an answer was made: goes with it, for the recorder.
#[derive(Debug, Clone, Copy)]
pub struct Rendered {
    /// Where it was decided what to make.
    pub asked: Seq,
    /// Where it was made.
    pub rendered: Seq,
}

/// `GET /boot/{node}/script`: the script of a node that DHCP has recognised already.
pub async fn script_of_node(
    State(shared): State<Arc<Shared>>,
    Extension(ends): Extension<Ends>,
    Path(node): Path<String>,
    uri: Uri,
) -> Result<Response, Problem> {
    script(&shared, ends, Some(node), &uri).await
}

/// The node in `GET /boot/{node}/script`, if that is what a request is and nothing in the name wants decoding. Most of what a storm
/// asks for; [`script_at_once`] answers it.
pub fn asks_for_script<B>(request: &Request<B>) -> Option<&str> {
    let uri = request.uri();
    let node = uri.path().strip_prefix("/boot/")?.strip_suffix("/script")?;
    let plain = !node.is_empty() && !node.contains(['/', '%']);
    (plain && request.method() == Method::GET && uri.authority().is_none()).then_some(node)
}

/// [`script_of_node`] and its record without the router's way, which costs as much as the script.
pub async fn script_at_once<B>(shared: &Arc<Shared>, ends: Ends, node: String, request: Request<B>) -> Response {
    let question = shared.recorder.is_on().then(|| Question::of(shared, ends, &request));
    let answer = script(shared, ends, Some(node), request.uri()).await;
    match question {
        Some(question) => question.answered(shared, answer.into_response(), true).await,
        None => answer.into_response(),
    }
}

/// `GET /boot/script?mac=…&uuid=…&serial=…&hostname=…`: the script of whoever asks.
pub async fn script_of_client(
    State(shared): State<Arc<Shared>>,
    Extension(ends): Extension<Ends>,
    uri: Uri,
) -> Result<Response, Problem> {
    script(&shared, ends, None, &uri).await
}

/// `GET /autoexec.ipxe`: what newer iPXE asks for before anything else.
pub async fn autoexec(State(shared): State<Arc<Shared>>, Extension(ends): Extension<Ends>) -> Response {
    text(model::boot::autoexec(shared.site(ends)).text)
}

async fn script(shared: &Shared, ends: Ends, name: Option<String>, uri: &Uri) -> Result<Response, Problem> {
    let client = Client::saying(name, uri.query().unwrap_or_default(), ends.client.ip());
    let site = shared.site(ends);
    let grant = scripts::grant(&shared.journal, "http", &client)
        .await
        .map_err(|denied| {
            let kind = match denied {
                Denied::Journal(_) => "journal",
                Denied::Ended => "deployment",
            };
            Problem::new(StatusCode::SERVICE_UNAVAILABLE, kind, denied.to_string())
        })?;
    let mut answer = text(scripts::ipxe_text(&shared.key, site, client.mac, grant.to.as_ref()));
    answer.extensions_mut().insert(Rendered {
        asked: grant.asked,
        rendered: grant.rendered,
    });
    Ok(answer)
}

fn text(text: String) -> Response {
    (
        [
            (header::CONTENT_TYPE, "text/plain; charset=utf-8"),
            (header::CACHE_CONTROL, "no-store"),
        ],
        text,
    )
        .into_response()
}
