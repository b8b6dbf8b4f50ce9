//! The control socket.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use axum::body::Body;
use axum::http::Request;
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use tokio::net::{UnixListener, UnixStream};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceExt as _;

use super::{Actor, Api, ApiProblem, routes};

/// Why the control socket cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum ApiError {
    /// The path cannot be bound.
    #[error("cannot open the control socket {path}")]
    Bind {
        /// The path.
        path: PathBuf,
        /// Cause.
        #[source]
        source: std::io::Error,
    },
}

/// Opens the control socket. The state folder is locked by then, so a socket left there is a dead one.
///
/// # Errors
/// If the path cannot be bound.
pub fn listen(path: &Path) -> Result<UnixListener, ApiError> {
    let failed = |source| ApiError::Bind {
        path: path.to_path_buf(),
        source,
    };
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(failed(error)),
        _ => {}
    }
    let listener = UnixListener::bind(path).map_err(failed)?;
    // Who may do what is decided by the peer's credentials, so the file itself may be open to all.
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o666)).map_err(failed)?;
    Ok(listener)
}

/// How long requests under way may take to end when the server stops.
const GRACE: Duration = Duration::from_secs(2);

/// Serves the control API until cancelled; then followers are let go and requests under way may end.
pub async fn serve(listener: UnixListener, api: Api, cancel: CancellationToken) {
    let router = routes::router(api);
    let own = nix::unistd::geteuid().as_raw();
    let connections = TaskTracker::new();
    loop {
        let accepted = tokio::select! {
            () = cancel.cancelled() => break,
            accepted = listener.accept() => accepted,
        };
        let Ok((stream, _)) = accepted else {
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
            continue;
        };
        connections.spawn(connection(stream, router.clone(), own, cancel.clone()));
    }
    connections.close();
    tokio::time::timeout(GRACE, connections.wait()).await.ok();
}

async fn connection(stream: UnixStream, router: axum::Router, own: u32, cancel: CancellationToken) {
    let uid = stream.peer_cred().map(|credentials| credentials.uid());
    let actor = match uid {
        Ok(uid) if uid == 0 || uid == own => Some(Actor(format!("cli:{}", user(uid)))),
        _ => None,
    };
    let service = hyper::service::service_fn(move |mut request: Request<Incoming>| {
        let router = router.clone();
        let actor = actor.clone();
        async move {
            match actor {
                Some(actor) => {
                    request.extensions_mut().insert(actor);
                    router.oneshot(request.map(Body::new)).await
                }
                None => Ok(axum::response::IntoResponse::into_response(ApiProblem::bad_request(
                    "the control socket takes commands from root and from the user that the server runs as",
                ))),
            }
        }
    });
    let connection = hyper::server::conn::http1::Builder::new()
        .serve_connection(TokioIo::new(stream), service)
        // A console is attached to by an upgrade.
        .with_upgrades();
    tokio::pin!(connection);
    tokio::select! {
        _ = connection.as_mut() => {}
        () = cancel.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await.ok();
        }
    }
}

fn user(uid: u32) -> String {
    match nix::unistd::User::from_uid(nix::unistd::Uid::from_raw(uid)) {
        Ok(Some(user)) => user.name,
        _ => uid.to_string(),
    }
}
