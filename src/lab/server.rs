//! The keeper's view of the server: whether it answers, and being told of power switches.

use std::path::Path;
use std::time::Duration;

use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixStream;

/// How often a starting server is tried.
const PACE: Duration = Duration::from_millis(50);

/// Waits until the server takes connections on its control socket.
pub async fn answers(socket: &Path) {
    while UnixStream::connect(socket).await.is_err() {
        tokio::time::sleep(PACE).await;
    }
}

/// Tells the server that a machine was switched, as an operator's tool would, so that the machine's story begins there.
/// A server that does not answer misses it: the lab goes on.
pub async fn note_power(socket: &Path, machine: &str, action: &str) {
    let body = json!({ "node": machine, "action": action }).to_string();
    let request = format!(
        "POST /v1/power/noted HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\
         connection: close\r\n\r\n{body}",
        body.len()
    );
    let told = async {
        let mut stream = UnixStream::connect(socket).await?;
        stream.write_all(request.as_bytes()).await?;
        stream.read_to_end(&mut Vec::new()).await
    };
    match tokio::time::timeout(Duration::from_secs(5), told).await {
        Ok(Ok(_)) => {}
        Ok(Err(error)) => tracing::warn!(machine, action, %error, "the server was not told"),
        Err(_) => tracing::warn!(machine, action, "the server does not answer"),
    }
}
