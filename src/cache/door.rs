//! The two doors of the cache: paths on the nodes' HTTP door, and the proxy's own.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse as _, Response};
use http::{Method, StatusCode, Uri, header};
use model::cache::{Refusal, Target};

use super::Cache;
use super::answer::{Asked, answer};
use super::counters::count;
use crate::http::Problem;
use crate::http::lane::Lane;

/// The nodes' HTTP door with the upstreams before it: `http://server/debian/…`. What is no upstream's goes on to `behind`.
pub fn in_front(cache: &Arc<Cache>, behind: Router) -> Router {
    behind.layer(from_fn_with_state(cache.clone(), on_nodes_door))
}

/// The proxy door: `GET http://mirror.example/debian/…`, `GET /debian/…` and `GET /mirror.example/debian/…`.
pub fn proxy(cache: Arc<Cache>) -> Router {
    Router::new().fallback(on_proxy_door).with_state(cache)
}

async fn on_nodes_door(State(cache): State<Arc<Cache>>, request: Request, next: Next) -> Response {
    let target = match request.uri().authority() {
        // Somebody took this door for the proxy: nothing here is meant.
        Some(_) => None,
        None => (cache.declared)().upstreams.by_name(path(request.uri())),
    };
    match target {
        Some(target) => fetch(&cache, target, request).await,
        None => next.run(request).await,
    }
}

async fn on_proxy_door(State(cache): State<Arc<Cache>>, request: Request) -> Response {
    let uri = request.uri();
    if request.method() == Method::CONNECT {
        count(&cache.counters.refused);
        let detail = "tunnels are not cached: write http:// in sources.list; an upstream that is declared with \
                      https:// is fetched so from here";
        return refuse(StatusCode::METHOD_NOT_ALLOWED, "no-tunnels", detail);
    }
    let upstreams = (cache.declared)();
    let target = match (uri.scheme_str(), uri.authority()) {
        (Some(scheme), Some(authority)) => upstreams.upstreams.by_url(scheme, authority.as_str(), path(uri)),
        _ if uri.path() == "/" => return welcome(&cache),
        _ => upstreams.upstreams.by_path(path(uri)),
    };
    fetch(&cache, target, request).await
}

async fn fetch(cache: &Arc<Cache>, target: Result<Target, Refusal>, request: Request) -> Response {
    let target = match target {
        Ok(target) => target,
        Err(refusal) => {
            count(&cache.counters.refused);
            let (status, code) = match refusal {
                Refusal::Path(_) | Refusal::Scheme => (StatusCode::BAD_REQUEST, "bad-path"),
                Refusal::Host(_) | Refusal::NoRepository(_) => (StatusCode::FORBIDDEN, "not-declared"),
                Refusal::Name(_) => (StatusCode::NOT_FOUND, "no-such-upstream"),
            };
            return refuse(status, code, refusal.to_string());
        }
    };
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        count(&cache.counters.refused);
        return refuse(
            StatusCode::METHOD_NOT_ALLOWED,
            "read-only",
            "a repository can be read only: GET or HEAD",
        );
    }
    let (mut parts, _) = request.into_parts();
    let lane = parts.extensions.remove::<Arc<Lane>>();
    answer(
        cache,
        &target,
        &Asked {
            method: parts.method,
            headers: parts.headers,
            lane,
        },
    )
    .await
}

fn refuse(status: StatusCode, code: &'static str, detail: impl Into<String>) -> Response {
    let mut answer = Problem::new(status, code, detail).into_response();
    if status == StatusCode::METHOD_NOT_ALLOWED {
        answer
            .headers_mut()
            .insert(header::ALLOW, http::HeaderValue::from_static("GET, HEAD"));
    }
    answer
}

/// What a person sees who looks here with a browser.
fn welcome(cache: &Cache) -> Response {
    let mut text = "Bellwether's package cache. Either of:\n\n  \
                    Acquire::http::Proxy \"http://THIS-HOST:PORT\";      in apt.conf.d\n  \
                    deb http://THIS-HOST:PORT/NAME SUITE main       in sources.list\n\nUpstreams by NAME:\n"
        .to_string();
    for (name, url) in (cache.declared)().upstreams.list() {
        text += &format!("  {name:<16} {url}\n");
    }
    text.into_response()
}

fn path(uri: &Uri) -> &str {
    uri.path_and_query().map_or("/", http::uri::PathAndQuery::as_str)
}
