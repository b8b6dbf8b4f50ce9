//! One request for one file, from what is known to the answer.

use std::ops::Range;
use std::sync::Arc;

use axum::body::Body;
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use model::cache::{self as rules, Meta, Target, Verdict};
use tokio::sync::watch;

use super::body::Reading;
use super::counters::{add, count};
use super::download::{End, Head, Progress};
use super::store::{Entry, Held};
use super::trouble::Trouble;
use super::upstream::Question;
use super::{Cache, Seat};
use wire::range::{Wanted, wanted};

use crate::http::Problem;
use crate::http::lane::Lane;

/// How an answer came about, for whoever looks at it: `X-Cache: HIT`.
const X_CACHE: HeaderName = HeaderName::from_static("x-cache");

/// What a client asks with.
pub struct Asked {
    /// GET or HEAD.
    pub method: Method,
    /// Its headers.
    pub headers: HeaderMap,
    /// The way for files on its connection.
    pub lane: Option<Arc<Lane>>,
}

impl Asked {
    fn text(&self, name: HeaderName) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    fn head(&self) -> bool {
        self.method == Method::HEAD
    }

    /// `no-cache`; apt's usual `max-age=0` is met by the revalidation of indices.
    fn insists(&self) -> bool {
        self.text(header::CACHE_CONTROL)
            .is_some_and(|value| value.to_ascii_lowercase().contains("no-cache"))
    }
}

/// Why the stored file is served although upstream was not asked, or did not answer.
#[derive(Debug, Clone, Copy)]
enum Stale {
    Offline,
    Unreachable,
}

/// Answers a request for a file.
pub async fn answer(cache: &Arc<Cache>, target: &Target, asked: &Asked) -> Response {
    if asked.text(header::VIA).is_some_and(|via| via.contains(&cache.via)) {
        count(&cache.counters.refused);
        let loops = "this request came from this cache itself: an upstream leads back here";
        return Problem::new(StatusCode::LOOP_DETECTED, "loop", loops).into_response();
    }
    let policy = (cache.declared)();
    let found = cache.find(target, asked.insists(), policy.recheck);
    let stored = match (&found.entry, found.verdict) {
        (Some(entry), Verdict::Serve) => {
            if let Some(answer) = serve(cache, entry, asked, "HIT", None).await {
                count(&cache.counters.hits);
                return answer;
            }
            None
        }
        (entry, _) => entry.clone(),
    };
    if policy.offline {
        if let Some(entry) = &stored
            && let Some(answer) = serve(cache, entry, asked, "STALE", Some(Stale::Offline)).await
        {
            count(&cache.counters.stale);
            return answer;
        }
        count(&cache.counters.refused);
        let detail = format!("{} is not in the package cache, which is offline", target.key);
        return Problem::new(StatusCode::SERVICE_UNAVAILABLE, "offline", detail).into_response();
    }
    if asked.head() && stored.is_none() && !cache.is_coming(&target.key) {
        return head_of_upstream(cache, target).await;
    }
    let found = super::Found {
        entry: stored.clone(),
        ..found
    };
    // Twice: a download that was given up in the moment in which we joined it is begun anew.
    for _ in 0..2 {
        let mut seat = cache.seat(target, &found);
        match begun(&mut seat.progress).await {
            Begun::Head(head, total) => {
                if !seat.joined {
                    count(&cache.counters.misses);
                }
                return follow(cache, seat, head, total, asked);
            }
            Begun::End(End::Complete(Some(entry))) => {
                let how = if seat.joined { "JOINED" } else { "MISS" };
                if let Some(answer) = serve(cache, &entry, asked, how, None).await {
                    if !seat.joined {
                        count(&cache.counters.misses);
                    }
                    return answer;
                }
            }
            Begun::End(End::Current(entry)) => {
                if let Some(answer) = serve(cache, &entry, asked, "REVALIDATED", None).await {
                    count(&cache.counters.current);
                    return answer;
                }
            }
            Begun::End(End::Complete(None) | End::NoRoom) => return pass_through(cache, target, asked).await,
            Begun::End(End::Refused(status)) => {
                count(&cache.counters.refused);
                let detail = format!("{} is not to be had: upstream answers {status}", target.url);
                return Problem::new(status, "upstream-refused", detail).into_response();
            }
            Begun::End(End::Failed(trouble)) if matches!(*trouble, Trouble::Abandoned { .. }) => {}
            Begun::End(End::Failed(trouble)) => return failed(cache, stored.as_ref(), asked, &trouble).await,
        }
    }
    count(&cache.counters.failed);
    let detail = format!("{} came and went while it was asked for: ask again", target.key);
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, "try-again", detail).into_response()
}

enum Begun {
    Head(Arc<Head>, Option<u64>),
    End(End),
}

async fn begun(progress: &mut watch::Receiver<Progress>) -> Begun {
    loop {
        {
            let now = progress.borrow_and_update();
            match (&now.head, &now.end) {
                (Some(head), None | Some(End::Complete(None) | End::NoRoom)) => {
                    return Begun::Head(head.clone(), now.total);
                }
                (_, Some(end)) => return Begun::End(end.clone()),
                (None, None) => {}
            }
        }
        if progress.changed().await.is_err() {
            let url = String::new();
            return Begun::End(End::Failed(Arc::new(Trouble::Abandoned { url })));
        }
    }
}

async fn failed(cache: &Arc<Cache>, stored: Option<&Arc<Entry>>, asked: &Asked, trouble: &Trouble) -> Response {
    if let Some(entry) = stored
        && let Some(answer) = serve(cache, entry, asked, "STALE", Some(Stale::Unreachable)).await
    {
        count(&cache.counters.stale);
        return answer;
    }
    count(&cache.counters.failed);
    Problem::new(trouble.status(), "upstream-failed", trouble.to_string()).into_response()
}

/// The answer from what is stored; `None` if the disk has lost it.
async fn serve(
    cache: &Arc<Cache>,
    entry: &Arc<Entry>,
    asked: &Asked,
    how: &'static str,
    stale: Option<Stale>,
) -> Option<Response> {
    let held = cache.store.hold(entry);
    let mut headers = entry.headers.clone();
    headers.insert(X_CACHE, HeaderValue::from_static(how));
    if let Some(stale) = stale {
        headers.insert(
            header::WARNING,
            HeaderValue::from_static(match stale {
                Stale::Offline => "112 bellwether \"the package cache is offline\"",
                Stale::Unreachable => "111 bellwether \"upstream could not be asked whether this is current\"",
            }),
        );
    }
    let (status, part) = match shape(asked, &entry.meta, &mut headers, Some(entry.meta.length)) {
        Shape::Done(status) => return Some(respond(status, headers, Body::empty())),
        Shape::Body(status, part) => (status, part),
    };
    let part = part.start..part.end.unwrap_or(entry.meta.length);
    if asked.head() {
        return Some(respond(status, headers, Body::empty()));
    }
    let body = if cache.store.is_small(entry) {
        let content = match cache.store.small(&held) {
            Some(content) => content,
            None => read_small(cache, held).await?,
        };
        small(cache, &content, part)
    } else {
        let file = match cache.store.open_file(&held) {
            Some(file) => file,
            None => {
                let (store, entry) = (cache.store.clone(), entry.clone());
                tokio::task::spawn_blocking(move || store.file(&store.hold(&entry)))
                    .await
                    .ok()?
                    .ok()?
            }
        };
        Reading::stored(cache.clone(), asked.lane.clone(), file, held, part).into_body()
    };
    Some(respond(status, headers, body))
}

async fn read_small(cache: &Arc<Cache>, held: Held) -> Option<Bytes> {
    let store = cache.store.clone();
    tokio::task::spawn_blocking(move || store.read_small(&held))
        .await
        .ok()?
        .ok()
}

fn small(cache: &Cache, content: &Bytes, part: Range<u64>) -> Body {
    add(&cache.counters.bytes_out, part.end - part.start);
    // Within the content, which is in memory: fits.
    Body::from(content.slice(part.start as usize..part.end as usize))
}

/// The answer from a download under way.
fn follow(cache: &Arc<Cache>, seat: Seat, head: Arc<Head>, total: Option<u64>, asked: &Asked) -> Response {
    let mut headers = head.headers.clone();
    headers.insert(
        X_CACHE,
        HeaderValue::from_static(if seat.joined { "JOINED" } else { "MISS" }),
    );
    match shape(asked, &head.meta, &mut headers, total) {
        Shape::Done(status) => respond(status, headers, Body::empty()),
        Shape::Body(status, _) if asked.head() => respond(status, headers, Body::empty()),
        Shape::Body(status, part) => {
            let reading = Reading::growing(
                cache.clone(),
                asked.lane.clone(),
                seat.progress,
                head,
                part.start,
                part.end,
            );
            respond(status, headers, reading.into_body())
        }
    }
}

/// The answer where nothing can be stored: upstream's own, for this client alone.
async fn pass_through(cache: &Arc<Cache>, target: &Target, asked: &Asked) -> Response {
    count(&cache.counters.direct);
    let answer = match cache.upstream.ask(&target.url, &Question::default()).await {
        Ok(answer) => answer,
        Err(trouble) => {
            cache.troubled(&target.url, &trouble);
            count(&cache.counters.failed);
            return Problem::new(trouble.status(), "upstream-failed", trouble.to_string()).into_response();
        }
    };
    let mut headers = passed_on(&answer.headers);
    headers.insert(X_CACHE, HeaderValue::from_static("PASS"));
    if let Some(length) = answer.length {
        headers.insert(header::CONTENT_LENGTH, length.into());
    }
    let status = answer.status;
    if asked.head() {
        return respond(status, headers, Body::empty());
    }
    let cache = cache.clone();
    let body = futures_util::stream::unfold(Some((answer.body, cache)), async |state| {
        let (mut body, cache) = state?;
        match body.next().await? {
            Ok(bytes) => {
                add(&cache.counters.bytes_out, bytes.len() as u64);
                Some((Ok(bytes), Some((body, cache))))
            }
            Err(why) => Some((Err(std::io::Error::other(why)), None)),
        }
    });
    respond(status, headers, Body::from_stream(body))
}

/// HEAD of what is not stored: nobody wants the body, so nothing is downloaded.
async fn head_of_upstream(cache: &Arc<Cache>, target: &Target) -> Response {
    count(&cache.counters.direct);
    match cache
        .upstream
        .ask(
            &target.url,
            &Question {
                head: true,
                ..Question::default()
            },
        )
        .await
    {
        Ok(answer) => {
            let mut headers = passed_on(&answer.headers);
            if let Some(length) = answer.length {
                headers.insert(header::CONTENT_LENGTH, length.into());
            }
            respond(answer.status, headers, Body::empty())
        }
        Err(trouble) => {
            cache.troubled(&target.url, &trouble);
            count(&cache.counters.failed);
            Problem::new(trouble.status(), "upstream-failed", trouble.to_string()).into_response()
        }
    }
}

fn passed_on(upstream: &HeaderMap) -> HeaderMap {
    let names = [
        header::CONTENT_TYPE,
        header::ETAG,
        header::LAST_MODIFIED,
        header::CONTENT_ENCODING,
        header::RETRY_AFTER,
    ];
    names
        .into_iter()
        .filter_map(|name| upstream.get(&name).cloned().map(|value| (name, value)))
        .collect()
}

enum Shape {
    /// The headers say everything.
    Done(StatusCode),
    /// These bytes follow; the end is open while nobody knows it.
    Body(StatusCode, Part),
}

struct Part {
    start: u64,
    end: Option<u64>,
}

/// Which part of the content answers the request, and the headers that say so.
fn shape(asked: &Asked, meta: &Meta, headers: &mut HeaderMap, length: Option<u64>) -> Shape {
    let (etag, modified) = (meta.etag.as_deref(), meta.validating_date());
    let conditions = rules::Asked {
        if_none_match: asked.text(header::IF_NONE_MATCH),
        if_modified_since: asked.text(header::IF_MODIFIED_SINCE),
    };
    if rules::holds(conditions, etag, modified) {
        headers.remove(header::CONTENT_ENCODING);
        return Shape::Done(StatusCode::NOT_MODIFIED);
    }
    // A weak tag is no ground for a part (RFC 9110 section 13.1.5).
    let same = asked.text(header::IF_RANGE).is_none_or(|condition| {
        let tag = etag.filter(|tag| !tag.starts_with("W/"));
        tag == Some(condition) || modified == Some(condition)
    });
    headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    let Some(length) = length else {
        return Shape::Body(StatusCode::OK, Part { start: 0, end: None });
    };
    let range = asked
        .text(header::RANGE)
        .filter(|_| same && asked.method == Method::GET);
    let number = |text: String| HeaderValue::from_str(&text).expect("digits and punctuation are a valid header");
    match wanted(range, length) {
        Wanted::Whole => {
            headers.insert(header::CONTENT_LENGTH, length.into());
            Shape::Body(
                StatusCode::OK,
                Part {
                    start: 0,
                    end: Some(length),
                },
            )
        }
        Wanted::Part(part) => {
            headers.insert(header::CONTENT_LENGTH, (part.end - part.start).into());
            let text = format!("bytes {}-{}/{length}", part.start, part.end - 1);
            headers.insert(header::CONTENT_RANGE, number(text));
            Shape::Body(
                StatusCode::PARTIAL_CONTENT,
                Part {
                    start: part.start,
                    end: Some(part.end),
                },
            )
        }
        Wanted::Unsatisfiable => {
            headers.insert(header::CONTENT_RANGE, number(format!("bytes */{length}")));
            headers.insert(header::CONTENT_LENGTH, 0.into());
            Shape::Done(StatusCode::RANGE_NOT_SATISFIABLE)
        }
    }
}

fn respond(status: StatusCode, headers: HeaderMap, body: Body) -> Response {
    let mut answer = Response::new(body);
    *answer.status_mut() = status;
    *answer.headers_mut() = headers;
    answer
}
