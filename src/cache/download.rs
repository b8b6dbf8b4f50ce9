//! One download for everybody who wants the file: written to disk as it comes, and read from there at each one's pace.
//!
//! Invariant: a download that did not end as it should is never told of as complete.
//! Invariant: nobody who reads keeps the download waiting, or another reader.

use std::fs::File;
use std::io;
use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, StatusCode, header};
use jiff::Timestamp;
use model::cache::{Kind, Meta, keep_going, parse_http_date, plausible, settled};
use tokio::sync::{mpsc, watch};

use super::Cache;
use super::counters::count;
use super::store::{Draft, Entry, Sealed, StoreError, headers, unix_seconds};
use super::trouble::Trouble;
use super::upstream::{Answer, Question, Validators};

/// Pieces between the network and the disk; each is some 16 kB.
const QUEUE: usize = 64;
/// Pieces are written together up to this length, so that readers are not woken for each.
const BATCH: u64 = 256 * 1024;

/// A download under way.
#[derive(Debug)]
pub struct Download {
    /// Key of the file.
    pub key: String,
    /// What it is.
    pub kind: Kind,
    /// Places to look, in order; the digest is what the content must have there.
    pub places: Vec<(String, Option<String>)>,
    /// Digest of what was stored under the key before.
    pub before: Option<String>,
    /// How far it is.
    pub state: watch::Sender<Progress>,
}

/// How far a download is.
#[derive(Debug, Clone, Default)]
pub struct Progress {
    /// What is being downloaded, once that is known.
    pub head: Option<Arc<Head>>,
    /// Bytes that can be read.
    pub written: u64,
    /// Bytes in all, once that is known.
    pub total: Option<u64>,
    /// How it ended.
    pub end: Option<End>,
}

/// The head of a download.
#[derive(Debug)]
pub struct Head {
    /// The file that grows.
    pub file: Arc<File>,
    /// Headers of every answer with it.
    pub headers: HeaderMap,
    /// What is known about it; length and digest are not yet.
    pub meta: Meta,
}

/// How a download ended.
#[derive(Debug, Clone)]
pub enum End {
    /// All of it is there, and stored if the disk took it.
    Complete(Option<Arc<Entry>>),
    /// What is stored is still current.
    Current(Arc<Entry>),
    /// Upstream has no such file, or does not give it.
    Refused(StatusCode),
    /// There is no room: each has to fetch it for itself.
    NoRoom,
    /// It cannot be had.
    Failed(Arc<Trouble>),
}

/// Runs a download to its end and tells everybody.
pub async fn run(cache: Arc<Cache>, download: Arc<Download>, prior: Option<Arc<Entry>>) {
    let end = match attempt(&cache, &download, prior.as_ref()).await {
        Ok(end) => end,
        Err(trouble) => {
            cache.troubled(&download.places[0].0, &trouble);
            End::Failed(Arc::new(trouble))
        }
    };
    // Whoever comes after this finds the stored file, or begins anew.
    cache.finished(&download);
    download.state.send_modify(|progress| progress.end = Some(end));
}

async fn attempt(cache: &Arc<Cache>, download: &Download, prior: Option<&Arc<Entry>>) -> Result<End, Trouble> {
    let _slot = cache.slots.acquire().await.expect("the semaphore is never closed");
    let last = download.places.len() - 1;
    for (at, (url, digest)) in download.places.iter().enumerate() {
        let known = prior.filter(|_| digest.is_none()).map(|entry| Validators {
            etag: entry.meta.etag.as_deref(),
            last_modified: entry.meta.validating_date(),
        });
        let answer = ask(cache, url, known).await?;
        match answer.status {
            StatusCode::OK => {}
            StatusCode::NOT_MODIFIED => {
                if let Some(entry) = prior {
                    entry.validate(Some(cache.now()));
                    cache.succeeded(url);
                    return Ok(End::Current(entry.clone()));
                }
                return Err(Trouble::Status {
                    url: url.clone(),
                    status: answer.status,
                });
            }
            status if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS => {
                return Err(Trouble::Status {
                    url: url.clone(),
                    status,
                });
            }
            StatusCode::NOT_FOUND | StatusCode::GONE if at < last => continue,
            status if status.is_client_error() => {
                if let Some(entry) = prior.filter(|_| matches!(status, StatusCode::NOT_FOUND | StatusCode::GONE)) {
                    cache.store.remove(entry);
                }
                cache.succeeded(url);
                return Ok(End::Refused(status));
            }
            status => {
                return Err(Trouble::Status {
                    url: url.clone(),
                    status,
                });
            }
        }
        let end = fetch(cache, download, url, digest.as_deref(), answer).await?;
        cache.succeeded(url);
        return Ok(end);
    }
    Err(Trouble::Nonsense {
        url: download.key.clone(),
        why: "there is nowhere to look".into(),
    })
}

/// The first question, asked once more if the connection fails: a kept one may have been closed meanwhile.
async fn ask(cache: &Cache, url: &str, known: Option<Validators<'_>>) -> Result<Answer, Trouble> {
    let question = Question {
        unless: known,
        ..Question::default()
    };
    match cache.upstream.ask(url, &question).await {
        Err(Trouble::Nonsense { .. }) => {
            tokio::time::sleep(cache.limits.retries[0]).await;
            cache.upstream.ask(url, &question).await
        }
        answer => answer,
    }
}

async fn fetch(
    cache: &Arc<Cache>,
    download: &Download,
    url: &str,
    digest: Option<&str>,
    mut answer: Answer,
) -> Result<End, Trouble> {
    let text = |name| answer.text(name).map(str::to_string);
    let sent = answer
        .text(header::DATE)
        .and_then(parse_http_date)
        .unwrap_or_else(Timestamp::now);
    let meta = Meta {
        key: download.key.clone(),
        url: url.to_string(),
        length: 0,
        sha256: String::new(),
        etag: text(header::ETAG),
        last_modified: text(header::LAST_MODIFIED),
        unsettled: answer
            .text(header::LAST_MODIFIED)
            .is_some_and(|date| !settled(date, sent)),
        content_type: text(header::CONTENT_TYPE),
        content_encoding: text(header::CONTENT_ENCODING).filter(|coding| coding != "identity"),
        fetched: unix_seconds().cast_signed(),
    };
    let length = answer.length;
    let disk = |error: String| Trouble::Disk {
        url: url.to_string(),
        why: error,
    };
    let store = cache.store.clone();
    let draft = match tokio::task::spawn_blocking(move || store.draft(length)).await {
        Ok(Ok(draft)) => draft,
        Ok(Err(error)) => {
            if !matches!(error, StoreError::TooLarge(_)) {
                cache.troubled(url, &disk(crate::causes::chain(&error)));
            }
            return Ok(End::NoRoom);
        }
        Err(error) => return Err(disk(error.to_string())),
    };
    // The first piece decides whether this is the file at all, before anybody hears of it.
    let first = answer.body.next().await;
    if let Some(Ok(bytes)) = &first
        && !plausible(url, bytes)
    {
        return Err(Trouble::Implausible { url: url.to_string() });
    }
    let head = Arc::new(Head {
        file: draft.file(),
        headers: headers(&meta),
        meta,
    });
    download.state.send_modify(|progress| {
        progress.head = Some(head.clone());
        progress.total = length;
    });
    let (queue, pieces) = mpsc::channel(QUEUE);
    let state = download.state.clone();
    // The last byte waits where the content may prove wrong, and where the next question of the same client may
    // depend on this answer: a release file is known before its indices are asked for.
    let listed = matches!(download.kind, Kind::Release | Kind::Index);
    let hold_back = u64::from(digest.is_some() || listed);
    let writer = tokio::task::spawn_blocking(move || write(draft, pieces, &state, hold_back));
    let received = receive(cache, download, &head, length, answer, first, &queue).await;
    drop(queue);
    let sealed = match (writer.await, received) {
        (Err(error), _) => return Err(disk(error.to_string())),
        (Ok(Err(error)), _) => {
            // The disk is full or broken: whoever waits goes on without it.
            cache.troubled(url, &disk(error.to_string()));
            return Ok(End::NoRoom);
        }
        (Ok(Ok(_)), Err(trouble)) => return Err(trouble),
        (Ok(Ok(sealed)), Ok(_)) => sealed,
    };
    if digest.is_some_and(|digest| digest != sealed.sha256) {
        return Err(Trouble::Corrupt { url: url.to_string() });
    }
    let total = sealed.length();
    let all_there = || {
        download.state.send_modify(|progress| {
            progress.written = total;
            progress.total = Some(total);
        });
    };
    // Nobody waits for the disk to have a package durable.
    if !listed {
        all_there();
    }
    let meta = Meta {
        length: total,
        sha256: sealed.sha256.clone(),
        ..head.meta.clone()
    };
    let stored = tokio::task::spawn_blocking(move || sealed.store(meta)).await;
    match stored {
        Ok(Ok(entry)) => {
            cache.stored(download, &entry);
            all_there();
            Ok(End::Complete(Some(entry)))
        }
        Ok(Err(error)) => {
            cache.troubled(url, &disk(crate::causes::chain(&error)));
            all_there();
            Ok(End::Complete(None))
        }
        Err(error) => Err(disk(error.to_string())),
    }
}

/// From the network into the queue; broken connections are taken up again.
async fn receive(
    cache: &Cache,
    download: &Download,
    head: &Head,
    length: Option<u64>,
    mut answer: Answer,
    first: Option<Result<Bytes, String>>,
    queue: &mpsc::Sender<Bytes>,
) -> Result<(), Trouble> {
    let url = head.meta.url.as_str();
    let known = Validators {
        etag: head.meta.etag.as_deref(),
        last_modified: head.meta.last_modified.as_deref(),
    };
    let mut at = 0u64;
    let mut attempts = cache.limits.retries.iter();
    let mut piece = first;
    loop {
        let why = match piece {
            Some(Ok(bytes)) => {
                at += bytes.len() as u64;
                if length.is_some_and(|length| at > length) {
                    return Err(broken(url, at, "more came than was announced"));
                }
                // The writer has gone: it says why.
                if queue.send(bytes).await.is_err() {
                    return Ok(());
                }
                if !keep_going(at, length) && cache.abandoned(download) {
                    return Err(Trouble::Abandoned { url: url.to_string() });
                }
                piece = answer.body.next().await;
                continue;
            }
            None if length.is_none_or(|length| at == length) => return Ok(()),
            None => "the connection was closed".to_string(),
            Some(Err(why)) => why,
        };
        // Without a validator only what never changes can be put together from two answers.
        let same = known != Validators::default() || (download.kind == Kind::Immutable && length.is_some());
        let Some(pause) = attempts.next().filter(|_| same) else {
            return Err(broken(url, at, &why));
        };
        tracing::info!(url, at, why, "a download broke off and is taken up again");
        tokio::time::sleep(*pause).await;
        piece = match cache.upstream.resume(url, at, known, length).await {
            Ok((resumed, rest)) => {
                count(&cache.counters.resumed);
                answer = resumed;
                match rest {
                    Some(rest) => Some(Ok(rest)),
                    None => answer.body.next().await,
                }
            }
            Err(trouble) => Some(Err(trouble.to_string())),
        };
    }
}

fn broken(url: &str, at: u64, why: &str) -> Trouble {
    Trouble::BrokenOff {
        url: url.to_string(),
        at,
        why: why.to_string(),
    }
}

/// From the queue to the disk, on a thread of its own; tells readers how far it is.
fn write(
    mut draft: Draft,
    mut pieces: mpsc::Receiver<Bytes>,
    state: &watch::Sender<Progress>,
    hold_back: u64,
) -> io::Result<Sealed> {
    let mut told = 0;
    while let Some(piece) = pieces.blocking_recv() {
        let mut written = draft.write(&piece)?;
        while written - told < BATCH {
            match pieces.try_recv() {
                Ok(piece) => written = draft.write(&piece)?,
                Err(_) => break,
            }
        }
        told = written;
        state.send_modify(|progress| progress.written = written - hold_back.min(written));
    }
    Ok(draft.complete())
}
