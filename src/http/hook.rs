//! Callbacks of nodes: ready, failed, progress; of their installers also started and installed.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Extension, Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use jiff::Timestamp;
use model::boot::Occasion;
use model::cluster::Node;
use model::deployment::{Deployment, effective};
use model::event::{Subject, What};
use model::hook::{form, printable};
use model::world::{Boot, World};

use super::{Ends, Problem, Shared, plain};

/// A node's report is cut after this many bytes.
const DETAIL: usize = 4096;
/// What an attempt says goes into its log up to so many bytes.
const LOG: usize = 256 << 10;

/// `POST /boot/hook/{node}/{token}/{hook}`.
///
/// `ready` takes cloud-init's `phone_home` form, whose host keys are remembered; the others take text. `started`, `log`
/// and `installed` take the token of a deployment's attempt. What an attempt says is kept whole in its log, and `log`
/// goes nowhere else.
pub async fn called(
    State(shared): State<Arc<Shared>>,
    Extension(ends): Extension<Ends>,
    Path((name, token, hook)): Path<(String, String, String)>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<&'static str, Problem> {
    let installing = matches!(hook.as_str(), "started" | "log" | "installed");
    if !installing && !matches!(hook.as_str(), "ready" | "failed" | "progress") {
        return Err(Problem::not_found(
            "no-such-hook",
            format!("{hook} is no hook: ready, failed, progress, started, log or installed"),
        ));
    }
    let world = shared.journal.world();
    let caller = check_token(&shared, &world, &name, &token).and_then(|caller| match caller.deployment {
        None if installing => Err(refused("the token is of a boot, not of a deployment")),
        _ => Ok(caller),
    });
    let caller = match caller {
        Ok(caller) => caller,
        Err(problem) => {
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
    };
    if let Some(deployment) = &caller.deployment {
        let said = if hook == "ready" {
            "".into()
        } else {
            printable(&body, LOG)
        };
        // Counted if it cannot be kept; the event below is what must be.
        shared.logs.keep(deployment.id, lines(&hook, &said)).await;
        if hook == "log" {
            return Ok("ok\n");
        }
    }
    let is_form = headers
        .get(header::CONTENT_TYPE)
        .and_then(|t| t.to_str().ok())
        .is_some_and(|t| t.starts_with("application/x-www-form-urlencoded"));
    let (detail, host_keys) = if hook == "ready" && is_form {
        form(&body)
    } else {
        (printable(&body, DETAIL).trim().to_string(), Vec::new())
    };
    let what = What::HookCalled {
        hook,
        detail,
        host_keys,
        deployment: caller.deployment.as_ref().map(|deployment| deployment.id),
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

/// Who called, as its token tells.
pub struct Caller {
    /// The node, as its deployment has it.
    pub node: Arc<Node>,
    /// Its present boot.
    pub boot: Option<Boot>,
    /// What the token is good for.
    pub occasion: Occasion,
    /// The deployment whose attempt the token belongs to.
    pub deployment: Option<Arc<Deployment>>,
}

/// The node, if the token is that of its present boot or of the attempt of its deployment.
pub fn check_token(shared: &Shared, world: &World, name: &str, token: &str) -> Result<Caller, Problem> {
    let Some(node) = world.cluster.node(name) else {
        return Err(refused("the token is not of a boot of such a node"));
    };
    let state = world.state(name);
    let is = |occasion: Occasion| shared.key.verify(name, occasion, token).then_some(occasion);
    if let Some(occasion) = state.boot.as_ref().and_then(|boot| is(Occasion::Boot(boot.id))) {
        return Ok(Caller {
            node: effective(world, node),
            boot: state.boot.clone(),
            occasion,
            deployment: None,
        });
    }
    if let Some(latest) = world.deployments.latest(name) {
        let mut attempts = latest.tries.iter().rev().map(|attempt| Occasion::Attempt {
            deployment: latest.id,
            boot: attempt.boot,
        });
        let present = attempts.next().and_then(is);
        match present {
            Some(occasion) if latest.is_active() => {
                return Ok(Caller {
                    node: effective(world, node),
                    boot: state.boot.clone(),
                    occasion,
                    deployment: Some(latest.clone()),
                });
            }
            Some(_) => {
                let why = format!("the token is of deployment {}, which has ended", latest.id);
                return Err(refused(why));
            }
            None if attempts.any(|occasion| is(occasion).is_some()) => {
                return Err(refused("the token is of an earlier attempt of this deployment"));
            }
            None => {}
        }
    }
    match state.earlier.iter().any(|boot| is(Occasion::Boot(boot.id)).is_some()) {
        true => Err(refused("the token is of an earlier boot of this node")),
        false => Err(refused("the token is not of a boot of such a node")),
    }
}

fn refused(why: impl Into<String>) -> Problem {
    Problem::new(StatusCode::FORBIDDEN, "token", why)
}

/// A report as lines for the log of its deployment.
fn lines(hook: &str, said: &str) -> String {
    let stamp = Timestamp::now().strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string();
    if said.trim().is_empty() {
        return format!("{stamp} {hook}\n");
    }
    let said = said.trim_end().lines();
    said.map(|line| format!("{stamp} {hook}: {line}\n")).collect()
}
