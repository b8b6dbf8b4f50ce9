//! Boot scripts.

use axum::extract::{Extension, Path, Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use model::Mac;
use model::boot::{Client, Identified, boot_script, identify, resolve};
use model::deployment::effective;
use model::event::{Subject, What};
use serde::Deserialize;

use super::{Ends, Problem, Shared, plain};

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
    let world = shared.journal.world();
    let Some(Identified { node, by }) = identify(&world, &client) else {
        if let Some(mac) = client.mac {
            let what = What::ScriptServed {
                target: "local".into(),
                image: None,
                identified_by: "nothing".into(),
                client: plain(ends.client.ip()),
                mac: Some(mac),
                deployment: None,
            };
            shared.journal.observe(vec![shared.event(Subject::Machine(mac), what)]);
        }
        return Ok(text(boot_script(&shared.key, site, client.mac, 0, None).text));
    };
    let before = world.state(&node.name);
    let resolved = resolve(&world, &node, before.boot.as_ref());
    let what = What::ScriptServed {
        target: resolved.target.to_string(),
        image: resolved.image.as_ref().map(|(name, _)| name.clone()),
        identified_by: by.into(),
        client: plain(ends.client.ip()),
        mac: client.mac,
        // What is blocked starts nothing, so it is no attempt.
        deployment: resolved.deployment.filter(|_| resolved.blocked.is_none()),
    };
    // The event may begin the boot whose number the token is made from, and it uses up a `--once`: it must be in
    // the journal before the script leaves.
    let event = shared.event(Subject::Node(node.name.to_string()), what);
    let committed = shared.journal.commit(vec![event]).await.map_err(|error| {
        tracing::error!(node = %node.name, %error, "a boot script could not be given: the journal takes nothing");
        Problem::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "journal",
            "the journal takes nothing at present, ask again",
        )
    })?;
    let state = committed.world.state(&node.name);
    let boot = state.boot.as_ref().map_or(committed.last, |boot| boot.id);
    let node = effective(&committed.world, &node);
    // Somebody may have dismissed the deployment while the journal wrote: then nothing may be installed.
    let stands = |id| {
        let deployment = committed.world.deployments.get(id);
        deployment.is_some_and(|d| d.wants_install() && d.attempt().is_some_and(|attempt| attempt.boot == boot))
    };
    if resolved.target.installs() && resolved.blocked.is_none() && !resolved.deployment.is_some_and(stands) {
        return Err(Problem::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "deployment",
            "the deployment ended this moment, ask again",
        ));
    }
    Ok(text(
        boot_script(&shared.key, site, client.mac, boot, Some((&node, &resolved))).text,
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
