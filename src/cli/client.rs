//! Talking to the running server over its control socket.

use std::path::PathBuf;

use bytes::Bytes;
use http::{Method, Request, header};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::UnixStream;

use super::Failure;
use super::paths::Paths;

/// A connection to the server.
pub struct Client {
    socket: PathBuf,
}

impl Client {
    /// A client for the server of that state folder.
    pub fn new(paths: &Paths) -> Self {
        Self { socket: paths.socket() }
    }

    /// `GET`, as JSON.
    pub async fn get(&self, path: &str) -> Result<Value, Failure> {
        self.json(Method::GET, path, Bytes::new()).await
    }

    /// `GET`, as text.
    pub async fn text(&self, path: &str) -> Result<String, Failure> {
        let bytes = collect(self.ask(Method::GET, path, Bytes::new()).await?).await?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// `GET`, as it is.
    pub async fn bytes(&self, path: &str) -> Result<Bytes, Failure> {
        collect(self.ask(Method::GET, path, Bytes::new()).await?).await
    }

    /// `POST` of JSON or of a cluster file.
    pub async fn post(&self, path: &str, body: impl Into<Bytes>) -> Result<Value, Failure> {
        self.json(Method::POST, path, body.into()).await
    }

    /// `PUT` of octets.
    pub async fn put(&self, path: &str, body: impl Into<Bytes>) -> Result<Value, Failure> {
        self.json(Method::PUT, path, body.into()).await
    }

    /// Removes what is at a path.
    pub async fn delete(&self, path: &str) -> Result<Value, Failure> {
        self.json(Method::DELETE, path, Bytes::new()).await
    }

    /// `GET` of one JSON value a line, without end.
    pub async fn lines(&self, path: &str, each: impl FnMut(Value) -> Result<(), Failure>) -> Result<(), Failure> {
        each_line(self.ask(Method::GET, path, Bytes::new()).await?, each).await
    }

    /// `POST` that is answered with one JSON value a line.
    pub async fn post_lines(
        &self,
        path: &str,
        body: impl Into<Bytes>,
        each: impl FnMut(Value) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        each_line(self.ask(Method::POST, path, body.into()).await?, each).await
    }

    /// `GET`, piece by piece.
    pub async fn pieces(&self, path: &str, mut each: impl FnMut(&[u8]) -> Result<(), Failure>) -> Result<(), Failure> {
        let mut body = self.ask(Method::GET, path, Bytes::new()).await?;
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|error| Failure::new(format!("the server hung up: {error}")))?;
            if let Ok(data) = frame.into_data() {
                each(&data)?;
            }
        }
        Ok(())
    }

    /// A connection to the server.
    pub async fn connect(&self) -> Result<UnixStream, Failure> {
        UnixStream::connect(&self.socket)
            .await
            .map_err(|error| self.unreachable(&error))
    }

    async fn json(&self, method: Method, path: &str, body: Bytes) -> Result<Value, Failure> {
        let bytes = collect(self.ask(method, path, body).await?).await?;
        serde_json::from_slice(&bytes)
            .map_err(|error| Failure::new(format!("the server's answer cannot be read: {error}")))
    }

    async fn ask(&self, method: Method, path: &str, body: Bytes) -> Result<Incoming, Failure> {
        let stream = self.connect().await?;
        let broken = |error: hyper::Error| Failure::new(format!("the server hung up: {error}"));
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
            .await
            .map_err(broken)?;
        tokio::spawn(connection);
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::HOST, "localhost")
            .header(
                header::CONTENT_TYPE,
                if body.starts_with(b"{") {
                    "application/json"
                } else {
                    "text/yaml"
                },
            )
            .body(Full::new(body))
            .map_err(|error| Failure::usage(format!("{path} cannot be asked for: {error}")))?;
        let answer = sender.send_request(request).await.map_err(broken)?;
        let status = answer.status();
        if status.is_success() {
            return Ok(answer.into_body());
        }
        let bytes = collect(answer.into_body()).await?;
        let problem: Value = serde_json::from_slice(&bytes).unwrap_or_default();
        let message = problem["detail"]
            .as_str()
            .map_or_else(|| format!("the server answered {status}"), str::to_string);
        let failure = if status.as_u16() < 500 {
            Failure::usage(message)
        } else {
            Failure::new(message)
        };
        Err(match problem["diagnostics"].as_str() {
            Some(diagnostics) => failure.with_detail(diagnostics),
            None => failure,
        })
    }

    fn unreachable(&self, error: &std::io::Error) -> Failure {
        use std::io::ErrorKind;
        let socket = self.socket.display();
        match error.kind() {
            ErrorKind::NotFound | ErrorKind::ConnectionRefused => Failure::new(format!(
                "no server is running with this state folder (no answer on {socket})"
            ))
            .with_detail(
                "Start it with `bellwether serve --config cluster.yaml`, or name another folder with --state.",
            ),
            ErrorKind::PermissionDenied => Failure::new(format!(
                "you may not use {socket}: the server takes commands from root and from the user that it runs as"
            )),
            _ => Failure::new(format!("cannot reach the server on {socket}: {error}")),
        }
    }
}

async fn each_line(mut body: Incoming, mut each: impl FnMut(Value) -> Result<(), Failure>) -> Result<(), Failure> {
    let mut rest = Vec::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| Failure::new(format!("the server hung up: {error}")))?;
        let Ok(data) = frame.into_data() else { continue };
        rest.extend_from_slice(&data);
        while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = rest.drain(..=end).collect();
            let value = serde_json::from_slice(&line)
                .map_err(|error| Failure::new(format!("the server's answer cannot be read: {error}")))?;
            each(value)?;
        }
    }
    Ok(())
}

async fn collect(body: Incoming) -> Result<Bytes, Failure> {
    let collected = body
        .collect()
        .await
        .map_err(|error| Failure::new(format!("the server hung up: {error}")))?;
    Ok(collected.to_bytes())
}

/// A name for a place in a URL path.
pub fn segment(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~') {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}
