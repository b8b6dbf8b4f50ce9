//! JSON over HTTPS, as BMCs speak it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD as BASE64;
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, StatusCode, header};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper_rustls::HttpsConnector;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::Value;

use super::pin::Pin;
use crate::bmc::{Access, BmcError};
use crate::secrets::Secret;

/// How long an answer may take: some BMCs gather their sensors while one waits.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long a connection may take.
const CONNECT: Duration = Duration::from_secs(3);
/// Most octets of an answer.
const LONGEST: usize = 4 << 20;
/// How often a service that says when to ask again is asked, and how long it may make us wait.
const TRIES: u32 = 4;
const LONGEST_PAUSE: Duration = Duration::from_secs(10);
const ROOT: &str = "/redfish/v1/";
const TOKEN: HeaderName = HeaderName::from_static("x-auth-token");
const SESSIONS: &str = "/redfish/v1/SessionService/Sessions";

/// Who we are towards the BMC.
#[derive(Debug)]
enum Login {
    /// A session's token, and where the session is deleted.
    Session(HeaderValue, Option<String>),
    /// The password goes along with each request.
    Basic(HeaderValue),
}

/// A connection to a BMC, logged in.
#[derive(Debug)]
pub(super) struct Http {
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    pin: Arc<Pin>,
    base: String,
    address: String,
    login: Option<Login>,
}

/// An answer.
#[derive(Debug)]
pub(super) struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Value,
}

impl Answer {
    /// Whether it asks for the password in the manner of RFC 7617.
    fn wants_basic(&self) -> bool {
        let ways = self.headers.get_all(header::WWW_AUTHENTICATE);
        ways.iter()
            .filter_map(|way| way.to_str().ok())
            .any(|way| way.to_ascii_lowercase().starts_with("basic"))
    }

    /// How long it wants to be left alone: nothing was done then, so the same is asked again (RFC 9110 section 15.6.4). One that
    /// does not say how long is not just busy.
    fn pause(&self) -> Option<Duration> {
        if !matches!(self.status.as_u16(), 429 | 503) {
            return None;
        }
        let seconds: u64 = self
            .headers
            .get(header::RETRY_AFTER)?
            .to_str()
            .ok()?
            .trim()
            .parse()
            .ok()?;
        Some(Duration::from_secs(seconds)).filter(|pause| *pause <= LONGEST_PAUSE)
    }

    /// The ETag in the form that comes back in `If-Match`: proxies of some BMCs add a suffix for compression.
    pub(super) fn etag(&self) -> Option<String> {
        let tag = self.headers.get(header::ETAG)?.to_str().ok()?;
        Some(tag.replace("-gzip", "").replace(";gzip", ""))
    }
}

impl Http {
    /// Logs in, by a session if the BMC has them.
    pub(super) async fn open(access: &Access) -> Result<Self, BmcError> {
        let mut http = Self::without_login(access.address, access.shown(), access.pin.clone());
        http.login = Some(match access.quirks.basic_auth {
            true => basic(&access.user, &access.password),
            false => http.log_in(access).await?,
        });
        Ok(http)
    }

    /// A connection that has not logged in.
    pub(super) fn without_login(to: SocketAddr, address: String, wanted: Option<String>) -> Self {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let pin = Arc::new(Pin::new(provider.clone(), wanted));
        let config = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("the provider has the suites of TLS 1.2 and 1.3")
            .dangerous()
            .with_custom_certificate_verifier(pin.clone())
            .with_no_client_auth();
        let mut connector = HttpConnector::new();
        connector.enforce_http(false);
        connector.set_connect_timeout(Some(CONNECT));
        connector.set_nodelay(true);
        let connector = hyper_rustls::HttpsConnectorBuilder::new()
            .with_tls_config(config)
            .https_only()
            .enable_http1()
            .wrap_connector(connector);
        Self {
            client: Client::builder(TokioExecutor::new()).build(connector),
            pin,
            base: format!("https://{to}"),
            address,
            login: None,
        }
    }

    async fn log_in(&self, access: &Access) -> Result<Login, BmcError> {
        let password = String::from_utf8_lossy(access.password.expose());
        let body = serde_json::json!({ "UserName": access.user, "Password": password });
        let answer = self.send(Method::POST, SESSIONS, Some(&body), None).await?;
        match (answer.status.as_u16(), answer.headers.get(TOKEN)) {
            (200..300, Some(token)) => {
                let place = answer.headers.get(header::LOCATION).and_then(|at| at.to_str().ok());
                let place = place.map(|at| self.path_of(at).to_string());
                let mut token = token.clone();
                token.set_sensitive(true);
                Ok(Login::Session(token, place))
            }
            // What wants the password with each request says so for the way to a session, too. One that has sessions means
            // that the password is wrong: a second try would be counted, and accounts are locked for that.
            (401, _) if answer.wants_basic() && !self.has_sessions().await? => {
                Ok(basic(&access.user, &access.password))
            }
            (401 | 403, _) => Err(self.refused("the login", &answer)),
            // Full, or not there at all: the password goes along with each request.
            _ => Ok(basic(&access.user, &access.password)),
        }
    }

    /// Whether the root, which needs no login where there are sessions, names them.
    async fn has_sessions(&self) -> Result<bool, BmcError> {
        let root = self.send(Method::GET, ROOT, None, None).await?;
        let sessions = &root.body["Links"]["Sessions"]["@odata.id"];
        Ok(root.status.is_success() && sessions.is_string())
    }

    /// The path of what may be a whole URL.
    fn path_of<'a>(&self, url: &'a str) -> &'a str {
        match url.split_once("://") {
            Some((_, rest)) => rest.find('/').map_or("/", |at| &rest[at..]),
            None => url,
        }
    }

    pub(super) fn certificate(&self) -> Option<String> {
        self.pin.shown()
    }

    pub(super) fn address(&self) -> &str {
        &self.address
    }

    pub(super) async fn get(&self, what: &'static str, path: &str) -> Result<Answer, BmcError> {
        let answer = self.send(Method::GET, path, None, None).await?;
        self.good(what, answer)
    }

    pub(super) async fn post(&self, what: &'static str, path: &str, body: &Value) -> Result<Answer, BmcError> {
        let answer = self.send(Method::POST, path, Some(body), None).await?;
        self.good(what, answer)
    }

    /// `PATCH` of what was read with that ETag; without it where the BMC does not know its own.
    pub(super) async fn patch(
        &self,
        what: &'static str,
        path: &str,
        etag: Option<&str>,
        body: &Value,
    ) -> Result<Answer, BmcError> {
        let mut answer = self.send(Method::PATCH, path, Some(body), etag).await?;
        if etag.is_some() && matches!(answer.status.as_u16(), 412 | 428 | 400) {
            answer = self.send(Method::PATCH, path, Some(body), Some("*")).await?;
            if answer.status == StatusCode::PRECONDITION_FAILED {
                answer = self.send(Method::PATCH, path, Some(body), None).await?;
            }
        }
        self.good(what, answer)
    }

    fn good(&self, what: &'static str, answer: Answer) -> Result<Answer, BmcError> {
        match answer.status.is_success() {
            true => Ok(answer),
            false => Err(self.refused(what, &answer)),
        }
    }

    fn refused(&self, what: &'static str, answer: &Answer) -> BmcError {
        let reason = answer.status.canonical_reason().unwrap_or_default();
        let message = message(&answer.body)
            .map(|said| format!(": {said}"))
            .unwrap_or_default();
        BmcError::Http {
            address: self.address.clone(),
            what,
            status: answer.status.as_u16(),
            said: format!("{} {reason}{message}", answer.status.as_u16()),
        }
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
        etag: Option<&str>,
    ) -> Result<Answer, BmcError> {
        let mut tries = 1;
        loop {
            let answer = self.exchange(method.clone(), path, body, etag).await?;
            match answer.pause().filter(|_| tries < TRIES) {
                Some(pause) => tokio::time::sleep(pause).await,
                None => return Ok(answer),
            }
            tries += 1;
        }
    }

    async fn exchange(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
        etag: Option<&str>,
    ) -> Result<Answer, BmcError> {
        let mut request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.base))
            .header(header::ACCEPT, "application/json")
            .header("odata-version", "4.0");
        match &self.login {
            Some(Login::Session(token, _)) => request = request.header(TOKEN, token),
            Some(Login::Basic(value)) => request = request.header(header::AUTHORIZATION, value),
            None => {}
        }
        if let Some(etag) = etag {
            request = request.header(header::IF_MATCH, etag);
        }
        let bytes = body.map_or_else(Bytes::new, |body| Bytes::from(body.to_string()));
        if body.is_some() {
            request = request.header(header::CONTENT_TYPE, "application/json");
        }
        let request = request
            .body(Full::new(bytes))
            .map_err(|error| self.nonsense("a path", &error))?;
        let exchange = async {
            let answer = self
                .client
                .request(request)
                .await
                .map_err(|error| self.broken(&error))?;
            let (head, body) = answer.into_parts();
            let body = Limited::new(body, LONGEST).collect().await;
            let body = body.map_err(|error| self.nonsense("a request", &*error))?.to_bytes();
            Ok(Answer {
                status: head.status,
                headers: head.headers,
                // Errors come as HTML now and then; what is no JSON says nothing.
                body: serde_json::from_slice(&body).unwrap_or(Value::Null),
            })
        };
        tokio::time::timeout(PATIENCE, exchange).await.unwrap_or_else(|_| {
            Err(BmcError::Unreachable {
                address: self.address.clone(),
                source: std::io::ErrorKind::TimedOut.into(),
            })
        })
    }

    fn nonsense(&self, what: &'static str, error: &dyn std::fmt::Display) -> BmcError {
        BmcError::Nonsense {
            address: self.address.clone(),
            what,
            said: error.to_string(),
        }
    }

    fn broken(&self, error: &hyper_util::client::legacy::Error) -> BmcError {
        if let (true, Some(shown)) = (self.pin.is_other(), self.pin.shown()) {
            return BmcError::OtherCertificate {
                address: self.address.clone(),
                shown,
            };
        }
        BmcError::Unreachable {
            address: self.address.clone(),
            source: std::io::Error::other(crate::causes::chain(error)),
        }
    }

    /// Gives the session back: BMCs have few, and keep a forgotten one for half an hour.
    pub(super) fn log_out(self) {
        let Some(Login::Session(_, Some(place))) = &self.login else {
            return;
        };
        let place = place.clone();
        let leaving = async move {
            self.send(Method::DELETE, &place, None, None).await.ok();
        };
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(leaving);
        }
    }
}

fn basic(user: &str, password: &Secret) -> Login {
    let mut plain = format!("{user}:").into_bytes();
    plain.extend_from_slice(password.expose());
    let mut value = HeaderValue::try_from(format!("Basic {}", BASE64.encode(&plain))).expect("its digits are ASCII");
    value.set_sensitive(true);
    plain.fill(0);
    Login::Basic(value)
}

/// What a Redfish error says (DSP0266 section 8.6), in one line.
fn message(body: &Value) -> Option<String> {
    let error = &body["error"];
    let extended = error["@Message.ExtendedInfo"].as_array().into_iter().flatten();
    let messages: Vec<&str> = extended.filter_map(|info| info["Message"].as_str()).collect();
    let text = match messages.is_empty() {
        true => error["message"].as_str()?.to_string(),
        false => messages.join(" "),
    };
    let line: String = text
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .take(300)
        .collect();
    (!line.is_empty()).then_some(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_who_says_for_how_long_is_asked_again() {
        let answer = |status: u16, after: Option<&'static str>| {
            let mut headers = HeaderMap::new();
            headers.extend(after.map(|after| (header::RETRY_AFTER, HeaderValue::from_static(after))));
            let status = StatusCode::from_u16(status).unwrap();
            Answer {
                status,
                headers,
                body: Value::Null,
            }
            .pause()
        };
        assert_eq!(answer(503, Some("2")), Some(Duration::from_secs(2)));
        assert_eq!(answer(429, Some("0")), Some(Duration::ZERO));
        for (status, after) in [
            (503, None),
            (503, Some("600")),
            (503, Some("Fri, 31 Dec 2027 23:59:59 GMT")),
            (500, Some("1")),
            (200, Some("1")),
        ] {
            assert_eq!(answer(status, after), None, "{status} {after:?}");
        }
    }

    #[test]
    fn what_an_error_says_is_one_line() {
        let body = serde_json::json!({ "error": { "message": "general\nerror", "@Message.ExtendedInfo": [] } });
        assert_eq!(message(&body).as_deref(), Some("general error"));
        let body =
            serde_json::json!({ "error": { "message": "see below", "@Message.ExtendedInfo": [{ "Message": "No." }] } });
        assert_eq!(message(&body).as_deref(), Some("No."));
        assert_eq!(message(&Value::Null), None);
    }
}
