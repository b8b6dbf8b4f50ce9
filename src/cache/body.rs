//! The body of an answer: a stored file, one that still grows, or, where there is no room to store it, upstream itself.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use tokio::sync::watch;

use super::Cache;
use super::counters::{add, count};
use super::download::{End, Head, Progress};
use super::store::Held;
use super::upstream::{self, Validators};
use crate::http::lane::{Lane, SLICE, warm};

/// Readers of a file that grows let so much time pass before they take less than a [`SLICE`]: each of twenty readers
/// would otherwise be woken for every 16 kB that come from the network.
const GATHER: Duration = Duration::from_millis(4);

/// A file on its way to one client.
pub struct Reading {
    cache: Arc<Cache>,
    lane: Option<Arc<Lane>>,
    file: Arc<File>,
    /// Keeps the file from being evicted.
    held: Option<Held>,
    /// Where the next byte is.
    at: u64,
    /// One past the last wanted byte, as far as that is known.
    end: Option<u64>,
    grows: Option<Growing>,
}

struct Growing {
    progress: watch::Receiver<Progress>,
    head: Arc<Head>,
    direct: Option<Direct>,
}

/// Upstream's own body, for one client.
struct Direct {
    body: upstream::Body,
    rest: Option<Bytes>,
}

impl Reading {
    /// A part of a stored file.
    pub fn stored(cache: Arc<Cache>, lane: Option<Arc<Lane>>, file: Arc<File>, held: Held, part: Range<u64>) -> Self {
        Self {
            cache,
            lane,
            file,
            held: Some(held),
            at: part.start,
            end: Some(part.end),
            grows: None,
        }
    }

    /// A part of a file that grows.
    pub fn growing(
        cache: Arc<Cache>,
        lane: Option<Arc<Lane>>,
        progress: watch::Receiver<Progress>,
        head: Arc<Head>,
        start: u64,
        end: Option<u64>,
    ) -> Self {
        let file = head.file.clone();
        let grows = Some(Growing {
            progress,
            head,
            direct: None,
        });
        Self {
            cache,
            lane,
            file,
            held: None,
            at: start,
            end,
            grows,
        }
    }

    /// As the body of an answer.
    pub fn into_body(self) -> Body {
        Body::from_stream(futures_util::stream::unfold(Some(self), async |reading| {
            let mut reading = reading?;
            match reading.next().await {
                Ok(Some(bytes)) => Some((Ok(bytes), Some(reading))),
                Ok(None) => None,
                Err(error) => Some((Err(error), None)),
            }
        }))
    }

    async fn next(&mut self) -> io::Result<Option<Bytes>> {
        if self.end.is_some_and(|end| self.at >= end) {
            return Ok(None);
        }
        let Some(ready) = self.ready().await? else {
            return Ok(None);
        };
        let bytes = match ready {
            Ready::Bytes(bytes) => bytes,
            Ready::Upto(upto) => self.piece(upto).await?,
        };
        self.at += bytes.len() as u64;
        add(&self.cache.counters.bytes_out, bytes.len() as u64);
        Ok(Some(bytes))
    }

    /// Waits until there is something at `at`.
    async fn ready(&mut self) -> io::Result<Option<Ready>> {
        let Some(growing) = &mut self.grows else {
            return Ok(self.end.map(Ready::Upto));
        };
        if growing.direct.is_some() {
            return self.direct().await;
        }
        let mut gathered = false;
        loop {
            let (written, total, end) = {
                let progress = growing.progress.borrow_and_update();
                (progress.written, progress.total, progress.end.clone())
            };
            let upto = self.end.map_or(written, |end| end.min(written));
            let more = end.is_none() && total != Some(written) && self.end != Some(upto);
            if self.at < upto && more && !gathered && upto - self.at < SLICE as u64 {
                gathered = true;
                tokio::time::sleep(GATHER).await;
                continue;
            }
            if self.at < upto {
                return Ok(Some(Ready::Upto(upto)));
            }
            match end {
                _ if total == Some(written) && self.at >= written => return Ok(None),
                Some(End::Complete(_)) => return Ok(None),
                Some(End::NoRoom) => {
                    self.go_direct().await?;
                    return self.direct().await;
                }
                Some(End::Failed(trouble)) => return Err(io::Error::other(trouble.to_string())),
                Some(End::Refused(_) | End::Current(_)) => return Err(io::Error::other("the download ended")),
                None => {}
            }
            if growing.progress.changed().await.is_err() {
                return Err(io::Error::other("the download ended without a word"));
            }
        }
    }

    async fn go_direct(&mut self) -> io::Result<()> {
        let Some(growing) = &mut self.grows else { return Ok(()) };
        count(&self.cache.counters.direct);
        let meta = &growing.head.meta;
        let known = Validators {
            etag: meta.etag.as_deref(),
            last_modified: meta.last_modified.as_deref(),
        };
        let total = growing.progress.borrow().total;
        let (answer, rest) = self
            .cache
            .upstream
            .resume(&meta.url, self.at, known, total)
            .await
            .map_err(|trouble| io::Error::other(trouble.to_string()))?;
        growing.direct = Some(Direct {
            body: answer.body,
            rest,
        });
        Ok(())
    }

    async fn direct(&mut self) -> io::Result<Option<Ready>> {
        let Some(direct) = self.grows.as_mut().and_then(|growing| growing.direct.as_mut()) else {
            return Ok(None);
        };
        let bytes = match direct.rest.take() {
            Some(rest) => Some(rest),
            None => direct.body.next().await.transpose().map_err(io::Error::other)?,
        };
        let Some(mut bytes) = bytes else {
            // An early end is one: hyper breaks the connection if its length was announced.
            return Ok(None);
        };
        if let Some(end) = self.end {
            let left = usize::try_from(end - self.at).unwrap_or(usize::MAX);
            bytes.truncate(left);
        }
        Ok(Some(Ready::Bytes(bytes)))
    }

    async fn piece(&self, upto: u64) -> io::Result<Bytes> {
        let upto = upto.min(self.at + SLICE as u64);
        if let Some(lane) = &self.lane {
            warm(&self.file, self.at..upto).await?;
            return Ok(lane.piece(&self.file, self.at..upto));
        }
        let (file, at) = (self.file.clone(), self.at);
        tokio::task::spawn_blocking(move || {
            use std::os::unix::fs::FileExt as _;
            // At most SLICE: fits.
            let mut bytes = vec![0; (upto - at) as usize];
            file.read_exact_at(&mut bytes, at).map(|()| Bytes::from(bytes))
        })
        .await
        .map_err(io::Error::other)?
    }
}

enum Ready {
    /// The file has bytes up to here.
    Upto(u64),
    /// These bytes come next.
    Bytes(Bytes),
}

impl std::fmt::Debug for Reading {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reading")
            .field("at", &self.at)
            .field("end", &self.end)
            .field("held", &self.held.is_some())
            .finish_non_exhaustive()
    }
}
