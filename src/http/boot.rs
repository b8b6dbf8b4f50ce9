//! Boot scripts.

use axum::extract::{Extension, Path, Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use model::Mac;
use model::boot::{Client, boot_script, script_in};
use serde::Deserialize;

use super::{Ends, Problem, Shared, plain};
use crate::scripts::{self, Denied, Granted};

/// What a loader says of its machine in the query. Whatever does not parse is as good as not said.
#[derive(Debug, Default, Deserialize)]
pub struct Says {
    mac: Option<String>,
    uuid: Option<String>,
    serial: Option<String>,
    hostname: Option<String>,
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
    let said = |text: Option<String>| text.filter(|t| !t.is_empty());
    let client = Client {
        name,
        mac: said(says.mac).and_then(|mac| mac.parse::<Mac>().ok()),
        uuid: said(says.uuid),
        serial: said(says.serial),
        hostname: said(says.hostname),
        address: Some(plain(ends.client.ip())),
    };
    let site = shared.site(ends);
    let granted = scripts::grant(&shared.journal, "http", &client)
        .await
        .map_err(|denied| {
            let kind = match denied {
                Denied::Journal(_) => "journal",
                Denied::Ended => "deployment",
            };
            Problem::new(StatusCode::SERVICE_UNAVAILABLE, kind, denied.to_string())
        })?;
    let Some(granted) = granted else {
        return Ok(text(boot_script(&shared.key, site, client.mac, 0, None).text));
    };
    let Granted {
        node,
        resolved,
        boot,
        dialect,
    } = &granted;
    Ok(text(
        script_in(*dialect, &shared.key, site, client.mac, *boot, node, resolved).text,
    ))
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
