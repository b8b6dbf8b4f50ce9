//! Asking upstream: one client with kept connections, for http:// and https://, that follows redirects.
//!
//! Invariant: no wait without an end: connecting, the head and every piece of a body have their time.
//! Invariant: upstream is asked for its bytes as they are (`Accept-Encoding: identity`).

use std::fmt::Write as _;
use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, Method, Request, StatusCode, Uri, header};
use http_body_util::{BodyExt as _, Empty};
use hyper::body::Incoming;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use model::cache::ContentRange;

use super::counters::{Counters, add, count};
use super::limits::Limits;
use super::trouble::Trouble;

/// The client.
#[derive(Debug, Clone)]
pub struct Upstream {
    client: Client<HttpsConnector<HttpConnector>, Empty<Bytes>>,
    /// Names this cache in `Via`, so that one that asks itself notices.
    via: Arc<str>,
    limits: Limits,
    counters: Arc<Counters>,
}

/// What upstream is asked.
#[derive(Debug, Clone, Default)]
pub struct Question<'a> {
    /// Only if it is not this any more.
    pub unless: Option<Validators<'a>>,
    /// From this byte on, if it is still this.
    pub resume: Option<(u64, Validators<'a>)>,
    /// Only the head.
    pub head: bool,
}

/// By what content is recognised.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Validators<'a> {
    /// `ETag`.
    pub etag: Option<&'a str>,
    /// `Last-Modified`.
    pub last_modified: Option<&'a str>,
}

impl<'a> Validators<'a> {
    /// The one for `If-Range`: a strong tag, else the date (RFC 9110 section 13.1.5).
    fn for_range(self) -> Option<&'a str> {
        self.etag.filter(|tag| !tag.starts_with("W/")).or(self.last_modified)
    }
}

/// An answer, its body not read yet.
#[derive(Debug)]
pub struct Answer {
    /// 200, 206, 304 or what else upstream says.
    pub status: StatusCode,
    /// Length of the whole content.
    pub length: Option<u64>,
    /// Byte of the content with which the body begins.
    pub start: u64,
    /// All headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Body,
}

/// A body with its time-out.
#[derive(Debug)]
pub struct Body {
    incoming: Incoming,
    limits: Limits,
    counters: Arc<Counters>,
}

impl Body {
    /// The next piece; `None` at the end. The error says why there is none.
    pub async fn next(&mut self) -> Option<Result<Bytes, String>> {
        loop {
            let frame = match tokio::time::timeout(self.limits.stall, self.incoming.frame()).await {
                Err(_) => return Some(Err(format!("nothing came for {} s", self.limits.stall.as_secs()))),
                Ok(None) => return None,
                Ok(Some(Err(error))) => return Some(Err(causes(&error))),
                Ok(Some(Ok(frame))) => frame,
            };
            if let Ok(data) = frame.into_data()
                && !data.is_empty()
            {
                add(&self.counters.bytes_in, data.len() as u64);
                return Some(Ok(data));
            }
        }
    }
}

impl Answer {
    /// A header as text.
    pub fn text(&self, name: HeaderName) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// By what the content is recognised.
    pub fn validators(&self) -> Validators<'_> {
        Validators {
            etag: self.text(header::ETAG),
            last_modified: self.text(header::LAST_MODIFIED),
        }
    }
}

impl Upstream {
    /// A client. The roots of trust for https:// are this host's.
    pub fn new(via: &str, limits: Limits, counters: Arc<Counters>) -> Self {
        let mut connector = HttpConnector::new();
        connector.enforce_http(false);
        connector.set_connect_timeout(Some(limits.connect));
        connector.set_nodelay(true);
        let provider = rustls::crypto::aws_lc_rs::default_provider();
        let builder = match HttpsConnectorBuilder::new().with_provider_and_native_roots(provider.clone()) {
            Ok(builder) => builder,
            // A host without ca-certificates can still fetch from http:// upstreams.
            Err(error) => {
                tracing::warn!(%error, "no upstream with https:// can be trusted: apt-get install ca-certificates");
                let config = rustls::ClientConfig::builder_with_provider(Arc::new(provider))
                    .with_safe_default_protocol_versions()
                    .expect("the provider knows the protocol versions that it is built with")
                    .with_root_certificates(rustls::RootCertStore::empty())
                    .with_no_client_auth();
                HttpsConnectorBuilder::new().with_tls_config(config)
            }
        };
        let connector = builder.https_or_http().enable_http1().wrap_connector(connector);
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(std::time::Duration::from_secs(20))
            .build(connector);
        Self {
            client,
            via: via.into(),
            limits,
            counters,
        }
    }

    /// Asks for a URL, and for what it redirects to.
    ///
    /// # Errors
    /// If there is no answer that makes sense.
    pub async fn ask(&self, url: &str, question: &Question<'_>) -> Result<Answer, Trouble> {
        let nonsense = |why: &str| Trouble::Nonsense {
            url: url.to_string(),
            why: why.to_string(),
        };
        let mut at: Uri = url.parse().map_err(|_| nonsense("this is no URL"))?;
        for _ in 0..=self.limits.redirects {
            count(&self.counters.asked);
            let answer = self.once(&at, question).await?;
            let status = answer.status();
            if !status.is_redirection() || status == StatusCode::NOT_MODIFIED {
                return self.read(url, answer);
            }
            let location = answer.headers().get(header::LOCATION).and_then(|to| to.to_str().ok());
            at = redirected(&at, location).map_err(|why| Trouble::Redirect {
                url: url.to_string(),
                why,
            })?;
        }
        Err(Trouble::Redirect {
            url: url.to_string(),
            why: "redirects lead from one to the next without an end",
        })
    }

    async fn once(&self, at: &Uri, question: &Question<'_>) -> Result<http::Response<Incoming>, Trouble> {
        let host = at.authority().map(ToString::to_string).unwrap_or_default();
        let mut request = Request::builder()
            .method(if question.head { Method::HEAD } else { Method::GET })
            .uri(at)
            .header(header::USER_AGENT, concat!("Bellwether/", env!("CARGO_PKG_VERSION")))
            .header(header::ACCEPT, "*/*")
            .header(header::ACCEPT_ENCODING, "identity")
            .header(header::VIA, &*self.via);
        if let Some(known) = question.unless {
            if let Some(etag) = known.etag {
                request = request.header(header::IF_NONE_MATCH, etag);
            }
            if let Some(date) = known.last_modified {
                request = request.header(header::IF_MODIFIED_SINCE, date);
            }
            request = request.header(header::CACHE_CONTROL, "max-age=0");
        }
        if let Some((from, known)) = question.resume {
            request = request.header(header::RANGE, format!("bytes={from}-"));
            if let Some(validator) = known.for_range() {
                request = request.header(header::IF_RANGE, validator);
            }
        }
        let request = request.body(Empty::new()).map_err(|error| Trouble::Nonsense {
            url: at.to_string(),
            why: error.to_string(),
        })?;
        match tokio::time::timeout(self.limits.connect + self.limits.head, self.client.request(request)).await {
            Err(_) => Err(Trouble::Silent {
                host,
                seconds: (self.limits.connect + self.limits.head).as_secs(),
            }),
            Ok(Err(error)) if error.is_connect() => Err(Trouble::Unreachable {
                host,
                why: causes(&error),
            }),
            Ok(Err(error)) => Err(Trouble::Nonsense {
                url: at.to_string(),
                why: causes(&error),
            }),
            Ok(Ok(answer)) => Ok(answer),
        }
    }

    fn read(&self, url: &str, answer: http::Response<Incoming>) -> Result<Answer, Trouble> {
        let (parts, incoming) = answer.into_parts();
        let text = |name: HeaderName| parts.headers.get(name).and_then(|value| value.to_str().ok());
        let body_length = text(header::CONTENT_LENGTH).and_then(|length| length.trim().parse::<u64>().ok());
        let chunked =
            text(header::TRANSFER_ENCODING).is_some_and(|value| value.to_ascii_lowercase().contains("chunked"));
        let nonsense = |why: &str| Trouble::Nonsense {
            url: url.to_string(),
            why: why.to_string(),
        };
        let (length, start) = match parts.status {
            StatusCode::PARTIAL_CONTENT => {
                let range = text(header::CONTENT_RANGE)
                    .and_then(ContentRange::parse)
                    .ok_or_else(|| nonsense("a part came without a Content-Range that makes sense"))?;
                if body_length.is_some_and(|length| length != range.end - range.start) {
                    return Err(nonsense("the length of a part is not that of its range"));
                }
                (range.total, range.start)
            }
            StatusCode::OK if body_length.is_none() && !chunked && !hyper::body::Body::is_end_stream(&incoming) => {
                return Err(Trouble::NoLength { url: url.to_string() });
            }
            _ => (body_length, 0),
        };
        let body = Body {
            incoming,
            limits: self.limits,
            counters: self.counters.clone(),
        };
        Ok(Answer {
            status: parts.status,
            length,
            start,
            headers: parts.headers,
            body,
        })
    }

    /// Asks for the content from byte `from` on; what comes before it is skipped if upstream begins anew. The content
    /// must be the one that is known by these validators and that length.
    ///
    /// # Errors
    /// If upstream cannot or will not, or the content has changed.
    pub async fn resume(
        &self,
        url: &str,
        from: u64,
        known: Validators<'_>,
        length: Option<u64>,
    ) -> Result<(Answer, Option<Bytes>), Trouble> {
        let broken = |why: &str| Trouble::BrokenOff {
            url: url.to_string(),
            at: from,
            why: why.to_string(),
        };
        let resume = (from > 0).then_some((from, known));
        let mut answer = self
            .ask(
                url,
                &Question {
                    resume,
                    ..Question::default()
                },
            )
            .await?;
        let changed = || broken("upstream has other content there by now");
        match answer.status {
            StatusCode::OK | StatusCode::PARTIAL_CONTENT => {}
            status => {
                return Err(Trouble::Status {
                    url: url.to_string(),
                    status,
                });
            }
        }
        let now = answer.validators();
        let differs = |then: Option<&str>, now: Option<&str>| then.is_some() && now.is_some() && then != now;
        if differs(known.etag, now.etag)
            || differs(known.last_modified, now.last_modified)
            || (length.is_some() && answer.length.is_some() && length != answer.length)
        {
            return Err(changed());
        }
        if answer.start > from {
            return Err(broken("upstream sent another part than was asked for"));
        }
        if from > 0 && answer.start < from && known == Validators::default() {
            return Err(broken(
                "upstream begins anew, and nothing tells whether it is the same content",
            ));
        }
        // Skips what is there already.
        let mut skip = from - answer.start;
        while skip > 0 {
            match answer.body.next().await {
                Some(Ok(mut bytes)) if bytes.len() as u64 > skip => {
                    // Less than a piece: fits.
                    let rest = bytes.split_off(skip as usize);
                    return Ok((answer, Some(rest)));
                }
                Some(Ok(bytes)) => skip -= bytes.len() as u64,
                Some(Err(why)) => return Err(broken(&why)),
                None => return Err(changed()),
            }
        }
        Ok((answer, None))
    }
}

/// Where a redirect leads; the error says why nowhere.
fn redirected(from: &Uri, location: Option<&str>) -> Result<Uri, &'static str> {
    let location = location.ok_or("a redirect came without saying where to")?;
    let (scheme, authority) = match (from.scheme_str(), from.authority()) {
        (Some(scheme), Some(authority)) => (scheme, authority.as_str()),
        _ => return Err("a redirect came from nowhere"),
    };
    let whole = if location.contains("://") {
        location.to_string()
    } else if let Some(rest) = location.strip_prefix("//") {
        format!("{scheme}://{rest}")
    } else if location.starts_with('/') {
        format!("{scheme}://{authority}{location}")
    } else {
        let folder = from.path().rsplit_once('/').map_or("", |(folder, _)| folder);
        format!("{scheme}://{authority}{folder}/{location}")
    };
    let whole = whole.split('#').next().unwrap_or_default();
    let to: Uri = whole
        .parse()
        .map_err(|_| "a redirect leads to something that is no URL")?;
    match (scheme, to.scheme_str()) {
        ("https", Some("http")) => Err("a redirect leads from https:// to http://"),
        (_, Some("http" | "https")) => Ok(to),
        _ => Err("a redirect leads to something else than http:// or https://"),
    }
}

/// An error with its causes in one line.
fn causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(next) = cause {
        write!(text, ": {next}").expect("writing to a String cannot fail");
        cause = next.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn redirects_lead_where_rfc_3986_says_and_never_from_https_to_http() {
        let from: Uri = "http://mirror.example:8080/debian/dists/x".parse().unwrap();
        for (location, to) in [
            ("http://other.example/y", "http://other.example/y"),
            ("https://other.example/y#z", "https://other.example/y"),
            ("//other.example/y", "http://other.example/y"),
            ("/y?z", "http://mirror.example:8080/y?z"),
            ("y", "http://mirror.example:8080/debian/dists/y"),
        ] {
            assert_eq!(redirected(&from, Some(location)).unwrap().to_string(), to);
        }
        for bad in [
            None,
            Some("ftp://x.example/"),
            Some("http://"),
            Some("file:///etc/passwd"),
        ] {
            assert!(redirected(&from, bad).is_err(), "{bad:?}");
        }
        let secure: Uri = "https://mirror.example/x".parse().unwrap();
        assert!(redirected(&secure, Some("http://mirror.example/x")).is_err());
        assert!(redirected(&secure, Some("/y")).is_ok());
    }
}
