//! Somebody sits at a console.

use http::{Method, Request, StatusCode, header};
use http_body_util::{BodyExt as _, Empty};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::super::Failure;
use super::super::client::{Client, segment};
use super::super::paths::Paths;
use super::keys::{HELP, Key, Keys};
use crate::console::frames;
use crate::terminal::Raw;

/// Puts this terminal on a console until `&.`, the end of standard input, or the end of the console.
pub async fn sit_down(paths: &Paths, node: &str, mode: &str) -> Result<(), Failure> {
    let stream = Client::new(paths).connect().await?;
    let broken = |error: hyper::Error| Failure::new(format!("the server hung up: {error}"));
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
        .await
        .map_err(broken)?;
    tokio::spawn(connection.with_upgrades());
    let request = Request::builder()
        .method(Method::GET)
        .uri(format!("/v1/consoles/{}/attach?mode={mode}", segment(node)))
        .header(header::HOST, "localhost")
        .header(header::CONNECTION, "upgrade")
        .header(header::UPGRADE, frames::PROTOCOL)
        .body(Empty::<bytes::Bytes>::new())
        .map_err(|error| Failure::usage(error.to_string()))?;
    let answer = sender.send_request(request).await.map_err(broken)?;
    if answer.status() != StatusCode::SWITCHING_PROTOCOLS {
        let status = answer.status();
        let body = answer.into_body().collect().await.map_err(broken)?.to_bytes();
        let problem: serde_json::Value = serde_json::from_slice(&body).unwrap_or_default();
        let why = problem["detail"]
            .as_str()
            .map_or_else(|| format!("the server answered {status}"), str::to_string);
        return Err(Failure::usage(why));
    }
    let connection = hyper::upgrade::on(answer).await.map_err(broken)?;
    let (reader, writer) = tokio::io::split(TokioIo::new(connection));
    let raw = Raw::switch().map_err(|error| Failure::new(format!("the terminal cannot be used: {error}")))?;
    let ended = tokio::select! {
        ended = show(node, reader) => ended,
        ended = typed(writer, mode != "monitor") => ended,
    };
    drop(raw);
    // A thread waits in vain for a key: the process must not wait for it.
    match ended {
        Ok(()) => std::process::exit(0),
        Err(failure) => Err(failure),
    }
}

/// What the machine says goes to standard output, what is about the console between angle brackets.
async fn show(node: &str, mut reader: impl tokio::io::AsyncRead + Unpin) -> Result<(), Failure> {
    let mut out = tokio::io::stdout();
    let lost = |error: std::io::Error| Failure::new(format!("the console of {node} is lost: {error}"));
    while let Some((kind, data)) = frames::read(&mut reader).await.map_err(lost)? {
        let sentence = |data: &[u8]| format!("\r\n<{node} {}; &? helps>\r\n", String::from_utf8_lossy(data));
        let written = match kind {
            b'D' => out.write_all(&data).await,
            _ => out.write_all(sentence(&data).as_bytes()).await,
        };
        written.map_err(lost)?;
        out.flush().await.map_err(lost)?;
        if kind == b'G' {
            return Err(Failure::new(format!(
                "the console of {node}: {}",
                String::from_utf8_lossy(&data)
            )));
        }
    }
    // Whoever ends well says so before.
    Err(Failure::new(format!(
        "the server hung up; what {node} said is in the log"
    )))
}

/// Keys go to the console; letters after `&` are done. Who only looks on does so without standard input, too.
async fn typed(mut writer: impl tokio::io::AsyncWrite + Unpin, ends: bool) -> Result<(), Failure> {
    let mut stdin = tokio::io::stdin();
    let mut keys = Keys::default();
    let mut buffer = vec![0; 1024];
    let lost = |error: std::io::Error| Failure::new(format!("the console is lost: {error}"));
    loop {
        let length = stdin.read(&mut buffer).await.map_err(lost)?;
        for key in keys.take(&buffer[..length]) {
            let (kind, data): (u8, &[u8]) = match &key {
                Key::Data(data) => (b'D', data),
                Key::Break => (b'B', b""),
                Key::Mode(mode) => (b'M', mode.as_bytes()),
                Key::Again => (b'A', b""),
                Key::Leave => return Ok(()),
                Key::Help => {
                    tokio::io::stdout().write_all(HELP.as_bytes()).await.map_err(lost)?;
                    continue;
                }
            };
            frames::write(&mut writer, kind, data).await.map_err(lost)?;
        }
        if length == 0 {
            match ends {
                true => return Ok(()),
                false => std::future::pending().await,
            }
        }
    }
}
