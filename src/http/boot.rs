//! Boot scripts.

use std::net::IpAddr;

use axum::extract::{Extension, Path, Query, State};
use axum::http::{StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use model::Mac;
use model::boot::Client;
use model::event::Seq;
use serde::Deserialize;

use super::{Ends, Problem, Shared, plain};
use crate::scripts::{self, Denied};

/// What a loader says of its machine in the query. Whatever does not parse is as good as not said.
#[derive(Debug, Default, Deserialize)]
pub struct Says {
    mac: Option<String>,
    uuid: Option<String>,
    serial: Option<String>,
    hostname: Option<String>,
}

impl Says {
    /// Who that is; `name` if the path tells, `address` is where it asks from.
    fn client(self, name: Option<String>, address: IpAddr) -> Client {
        let said = |text: Option<String>| text.filter(|t| !t.is_empty());
        Client {
            name,
            mac: said(self.mac).and_then(|mac| mac.parse::<Mac>().ok()),
            uuid: said(self.uuid),
            serial: said(self.serial),
            hostname: said(self.hostname),
            address: Some(plain(address)),
        }
    }
}

/// The client that asks for a script; `None` if the URI is of something else, or its query cannot be read.
pub fn client(uri: &Uri, address: IpAddr) -> Option<Client> {
    let name = match uri.path().strip_prefix("/boot/")? {
        "script" => None,
        other => Some(
            other
                .strip_suffix("/script")
                .filter(|name| !name.contains('/'))?
                .to_string(),
        ),
    };
    let Query(says) = Query::<Says>::try_from_uri(uri).ok()?;
    Some(says.client(name, address))
}

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
    State(shared): State<Shared>,
    Extension(ends): Extension<Ends>,
    Path(node): Path<String>,
    Query(says): Query<Says>,
) -> Result<Response, Problem> {
    script(shared, ends, Some(node), says).await
}

/// `GET /boot/script?mac=…&uuid=…&serial=…&hostname=…`: the script of whoever asks.
pub async fn script_of_client(
    State(shared): State<Shared>,
    Extension(ends): Extension<Ends>,
    Query(says): Query<Says>,
) -> Result<Response, Problem> {
    script(shared, ends, None, says).await
}

/// `GET /autoexec.ipxe`: what newer iPXE asks for before anything else.
pub async fn autoexec(State(shared): State<Shared>, Extension(ends): Extension<Ends>) -> Response {
    text(model::boot::autoexec(shared.site(ends)).text)
}

async fn script(shared: Shared, ends: Ends, name: Option<String>, says: Says) -> Result<Response, Problem> {
    let client = says.client(name, ends.client.ip());
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
