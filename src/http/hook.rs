//! Callbacks of nodes: ready, failed, progress.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Extension, Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use model::cluster::Node;
use model::event::{Subject, What};
use model::world::{Boot, World};

use super::{Ends, Problem, Shared, plain};

/// A node's report is cut after this many bytes.
const DETAIL: usize = 4096;

/// `POST /boot/hook/{node}/{token}/{hook}`.
///
/// `ready` takes cloud-init's `phone_home` form, whose host keys are remembered; `failed` and `progress` take text.
pub async fn called(
    State(shared): State<Shared>,
    Extension(ends): Extension<Ends>,
    Path((name, token, hook)): Path<(String, String, String)>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<&'static str, Problem> {
    if !matches!(hook.as_str(), "ready" | "failed" | "progress") {
        return Err(Problem::not_found(
            "no-such-hook",
            format!("{hook} is no hook: ready, failed or progress"),
        ));
    }
    let world = shared.journal.world();
    if let Err(problem) = check_token(&shared, &world, &name, &token) {
        if world.cluster.node(&name).is_some() {
            let what = What::HookRefused {
                hook,
                client: plain(ends.client.ip()),
                why: problem.detail.clone(),
            };
            shared.journal.observe(vec![shared.event(Subject::Node(name), what)]);
        }
        return Err(problem);
    }
    let is_form = headers
        .get(header::CONTENT_TYPE)
        .and_then(|t| t.to_str().ok())
        .is_some_and(|t| t.starts_with("application/x-www-form-urlencoded"));
    let (detail, host_keys) = if hook == "ready" && is_form {
        form(&body)
    } else {
        (shorten(&body), Vec::new())
    };
    let what = What::HookCalled {
        hook,
        detail,
        host_keys,
    };
    let event = shared.event(Subject::Node(name), what);
    shared.journal.commit(vec![event]).await.map_err(|error| {
        tracing::error!(%error, "a callback could not be kept");
        Problem::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "journal",
            "the journal takes nothing at present, call again",
        )
    })?;
    Ok("ok\n")
}

/// The node and its present boot, if the token is that boot's.
pub fn check_token(shared: &Shared, world: &World, name: &str, token: &str) -> Result<(Arc<Node>, Boot), Problem> {
    let refuse = |why: &str| Problem::new(StatusCode::FORBIDDEN, "token", why);
    let Some(node) = world.cluster.node(name) else {
        return Err(refuse("the token is not of a boot of such a node"));
    };
    let state = world.state(name);
    match &state.boot {
        Some(boot) if shared.key.verify(name, boot.id, token) => Ok((node.clone(), boot.clone())),
        _ if state.earlier.iter().any(|boot| shared.key.verify(name, boot.id, token)) => {
            Err(refuse("the token is of an earlier boot of this node"))
        }
        _ => Err(refuse("the token is not of a boot of such a node")),
    }
}

fn form(body: &[u8]) -> (String, Vec<String>) {
    let mut host_keys = Vec::new();
    let mut hostname = String::new();
    for (key, value) in form_urlencoded::parse(body) {
        let value = value.trim();
        // cloud-init says N/A for keys that the host does not have.
        if key.starts_with("pub_key_") && value.starts_with("ssh-") | value.starts_with("ecdsa-") && host_keys.len() < 8
        {
            host_keys.push(value.chars().take(1024).collect());
        } else if key == "fqdn" {
            hostname = value.chars().take(256).collect();
        }
    }
    (hostname, host_keys)
}

fn shorten(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(&body[..body.len().min(DETAIL)]);
    text.chars()
        .map(|c| {
            if c.is_control() && c != '\n' && c != '\t' {
                ' '
            } else {
                c
            }
        })
        .collect::<String>()
        .trim()
        .into()
}
