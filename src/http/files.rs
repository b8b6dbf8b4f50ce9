//! Files of images, media and boot loaders.

use std::path::{Path as FilePath, PathBuf};

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Extension, Path, State};
use axum::http::request::Parts;
use axum::http::{Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use model::event::{Outcome, Role};
use wire::range::{Wanted, wanted};

use super::lane::Lane;
use super::transfer::{Tracked, body};
use super::{Ends, Problem, Shared};
use crate::pelagos_root;

/// `GET /images/{image}/{file}`: a file of an image that nodes are given; nothing else of its folder is served.
pub async fn image(
    State(shared): State<Arc<Shared>>,
    Extension(ends): Extension<Ends>,
    Path((name, file)): Path<(String, String)>,
    Extension(lane): Extension<Arc<Lane>>,
    request: Parts,
) -> Response {
    let world = shared.journal.world();
    let found = world.file_of(&name, &file).map(|(entry, role)| Found {
        path: shared.images.join(&name).join(&file),
        role,
        size: Some(entry.size),
    });
    send(shared, ends, lane, found, &request).await
}

/// `GET /media/{medium}/{file}`: the kernel or an initial RAM disk of a medium; nothing else of its folder is served.
pub async fn medium(
    State(shared): State<Arc<Shared>>,
    Extension(ends): Extension<Ends>,
    Path((name, file)): Path<(String, String)>,
    Extension(lane): Extension<Arc<Lane>>,
    request: Parts,
) -> Response {
    let world = shared.journal.world();
    let known = world
        .media
        .get(&name)
        .and_then(|medium| medium.files().find(|(entry, _)| entry.name == file));
    let found = known.map(|(entry, role)| Found {
        path: shared.media.join(&name).join(&file),
        role,
        size: Some(entry.size),
    });
    send(shared, ends, lane, found, &request).await
}

/// `GET /loaders/{file}`: a boot loader, for UEFI HTTP boot.
pub async fn loader(
    State(shared): State<Arc<Shared>>,
    Extension(ends): Extension<Ends>,
    Path(file): Path<String>,
    Extension(lane): Extension<Arc<Lane>>,
    request: Parts,
) -> Response {
    let found = shared.loaders.find(&file).map(|path| Found {
        path,
        role: Role::Loader,
        size: None,
    });
    send(shared, ends, lane, found, &request).await
}

/// `GET /pelagos/{file}`: a file of Pelagos' folder of images, for kiwi's installations.
pub async fn pelagos(
    State(shared): State<Arc<Shared>>,
    Extension(ends): Extension<Ends>,
    Path(file): Path<String>,
    Extension(lane): Extension<Arc<Lane>>,
    request: Parts,
) -> Response {
    let root = pelagos_root::of(&shared.journal.world());
    let role = model::pelagos::role(&file);
    let found = tokio::task::spawn_blocking(move || pelagos_root::file(&root?, &file)).await;
    let found = found.ok().flatten().map(|path| Found { path, role, size: None });
    send(shared, ends, lane, found, &request).await
}

/// A file that is there as far as the world knows.
struct Found {
    path: PathBuf,
    role: Role,
    /// Its size, where something says so: a file of another size is torn, or of another build.
    size: Option<u64>,
}

async fn send(shared: Arc<Shared>, ends: Ends, lane: Arc<Lane>, found: Option<Found>, request: &Parts) -> Response {
    let asked = request.uri.path().to_string();
    let role = found.as_ref().map_or(Role::File, |found| found.role);
    let missing = |shared: Arc<Shared>| {
        Tracked::new(shared, ends, asked.clone(), role, 0, 0).ended(Outcome::NotFound);
        Problem::not_found("no-such-file", format!("{asked} is not here")).into_response()
    };
    let Some(Found {
        path, size: expected, ..
    }) = found
    else {
        return missing(shared);
    };
    let opened = match open(&path).await {
        Ok(opened) => opened,
        Err(error) => {
            tracing::warn!(path = %path.display(), %error, "a file that should be there cannot be read");
            return missing(shared);
        }
    };
    let (file, length, etag) = opened;
    if let Some(expected) = expected.filter(|expected| *expected != length) {
        let why =
            format!("{asked} has {length} bytes here, its manifest says {expected}: it is being changed, or damaged");
        tracing::warn!(path = %path.display(), length, expected, "a file is not the one of its manifest");
        Tracked::new(shared, ends, asked, role, 0, 0).ended(Outcome::Refused(why.clone()));
        return Problem::new(StatusCode::SERVICE_UNAVAILABLE, "changing", why).into_response();
    }
    let text = |name: header::HeaderName| request.headers.get(name).and_then(|v| v.to_str().ok());
    let range = match text(header::IF_RANGE) {
        Some(tag) if tag != etag => None,
        _ => text(header::RANGE),
    };
    let (status, part) = match wanted(range, length) {
        Wanted::Whole => (StatusCode::OK, 0..length),
        Wanted::Part(part) => (StatusCode::PARTIAL_CONTENT, part),
        Wanted::Unsatisfiable => {
            let range = [(header::CONTENT_RANGE, format!("bytes */{length}"))];
            return (StatusCode::RANGE_NOT_SATISFIABLE, range).into_response();
        }
    };
    let size = part.end - part.start;
    let mut answer = Response::builder()
        .status(status)
        .header(header::CONTENT_TYPE, "application/octet-stream")
        .header(header::CONTENT_LENGTH, size)
        .header(header::ACCEPT_RANGES, "bytes")
        .header(header::ETAG, &etag);
    if status == StatusCode::PARTIAL_CONTENT {
        answer = answer.header(
            header::CONTENT_RANGE,
            format!("bytes {}-{}/{length}", part.start, part.end - 1),
        );
    }
    let tracked = Tracked::new(shared, ends, asked, role, length, size);
    let body = if request.method == Method::HEAD {
        tracked.ended(Outcome::Probed);
        Body::empty()
    } else {
        body(Arc::new(file), part, lane, tracked)
    };
    answer
        .body(body)
        .expect("every header above is made of valid characters")
}

/// The file, its length, and a tag that changes with it.
async fn open(path: &FilePath) -> std::io::Result<(std::fs::File, u64, String)> {
    let file = tokio::fs::File::open(path).await?.into_std().await;
    let meta = file.metadata()?;
    if !meta.is_file() {
        return Err(std::io::Error::new(
            std::io::ErrorKind::InvalidInput,
            "not a regular file",
        ));
    }
    let changed = meta
        .modified()?
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap_or_default();
    Ok((
        file,
        meta.len(),
        format!("\"{:x}-{:x}\"", meta.len(), changed.as_micros()),
    ))
}
