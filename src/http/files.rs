//! Files of images, media and boot loaders.

use std::path::{Path as FilePath, PathBuf};

use axum::body::Body as HttpBody;
use axum::extract::{Extension, Path, State};
use axum::http::{HeaderMap, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use model::event::{Outcome, Role};
use tokio::io::{AsyncReadExt, AsyncSeekExt};

use super::range::{Wanted, wanted};
use super::transfer::{Body, Tracked};
use super::{Ends, Problem, Shared};

/// `GET /images/{image}/{file}`: a file of an image that nodes are given; nothing else of its folder is served.
pub async fn image(
    State(shared): State<Shared>,
    Extension(ends): Extension<Ends>,
    Path((name, file)): Path<(String, String)>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
) -> Response {
    let world = shared.journal.world();
    let known = world.role_of(&name, &file);
    let path = known.map(|_| shared.images.join(&name).join(&file));
    send(shared, ends, path, known.unwrap_or(Role::File), &method, &uri, &headers).await
}

/// `GET /media/{medium}/{file}`: the kernel or an initial RAM disk of a medium; nothing else of its folder is served.
pub async fn medium(
    State(shared): State<Shared>,
    Extension(ends): Extension<Ends>,
    Path((name, file)): Path<(String, String)>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
) -> Response {
    let world = shared.journal.world();
    let known = world
        .media
        .get(&name)
        .and_then(|medium| medium.files().find(|(entry, _)| entry.name == file))
        .map(|(_, role)| role);
    let path = known.map(|_| shared.media.join(&name).join(&file));
    send(shared, ends, path, known.unwrap_or(Role::File), &method, &uri, &headers).await
}

/// `GET /loaders/{file}`: a boot loader, for UEFI HTTP boot.
pub async fn loader(
    State(shared): State<Shared>,
    Extension(ends): Extension<Ends>,
    Path(file): Path<String>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
) -> Response {
    let path = shared.loaders.find(&file);
    send(shared, ends, path, Role::Loader, &method, &uri, &headers).await
}

async fn send(
    shared: Shared,
    ends: Ends,
    path: Option<PathBuf>,
    role: Role,
    method: &Method,
    uri: &Uri,
    headers: &HeaderMap,
) -> Response {
    let asked = uri.path().to_string();
    let missing = |shared: Shared| {
        Tracked::new(shared, ends, asked.clone(), role, 0, 0).ended(Outcome::NotFound);
        Problem::not_found("no-such-file", format!("{asked} is not here")).into_response()
    };
    let Some(path) = path else { return missing(shared) };
    let opened = match open(&path).await {
        Ok(opened) => opened,
        Err(error) => {
            tracing::warn!(path = %path.display(), %error, "a file that should be there cannot be read");
            return missing(shared);
        }
    };
    let (mut file, length, etag) = opened;
    let text = |name: header::HeaderName| headers.get(name).and_then(|v| v.to_str().ok());
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
    let body = if *method == Method::HEAD {
        tracked.ended(Outcome::Probed);
        HttpBody::empty()
    } else if part.start > 0 && file.seek(std::io::SeekFrom::Start(part.start)).await.is_err() {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    } else {
        HttpBody::from_stream(Body::new(file.take(size), tracked))
    };
    answer
        .body(body)
        .expect("every header above is made of valid characters")
}

/// The file, its length, and a tag that changes with it.
async fn open(path: &FilePath) -> std::io::Result<(tokio::fs::File, u64, String)> {
    let file = tokio::fs::File::open(path).await?;
    let meta = file.metadata().await?;
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
