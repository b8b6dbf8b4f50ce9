//! As much of QEMU's machine protocol as power switches need.

use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::UnixStream;

use super::LabError;

/// How long QEMU may take to make its socket.
const PATIENCE: Duration = Duration::from_secs(5);

/// Runs one command without arguments (`system_reset`, `system_powerdown`) on the machine behind the socket.
///
/// # Errors
/// If the machine does not answer or refuses.
pub async fn command(socket: &Path, name: &str) -> Result<(), LabError> {
    let what = || format!("tell QEMU {name} on {}", socket.display());
    let mut stream = BufReader::new(connect(socket).await.map_err(LabError::io(what()))?);
    // QEMU greets, and takes commands only after its capabilities have been agreed on (QMP specification, section 4).
    for execute in ["qmp_capabilities", name] {
        let line = json!({ "execute": execute }).to_string() + "\n";
        stream
            .get_mut()
            .write_all(line.as_bytes())
            .await
            .map_err(LabError::io(what()))?;
        answer(&mut stream)
            .await
            .map_err(LabError::io(what()))?
            .map_err(|said| LabError::Program { what: what(), said })?;
    }
    Ok(())
}

/// A machine that was switched on in this moment has no socket yet.
async fn connect(socket: &Path) -> std::io::Result<UnixStream> {
    let until = Instant::now() + PATIENCE;
    loop {
        match UnixStream::connect(socket).await {
            Err(error) if Instant::now() >= until => return Err(error),
            Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
            Ok(stream) => return Ok(stream),
        }
    }
}

/// The next answer; greetings and events are passed over.
async fn answer(stream: &mut BufReader<UnixStream>) -> std::io::Result<Result<(), String>> {
    let mut line = String::new();
    loop {
        line.clear();
        if stream.read_line(&mut line).await? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        let value: Value = serde_json::from_str(&line)?;
        if let Some(error) = value.get("error") {
            return Ok(Err(error["desc"].as_str().unwrap_or("no reason given").to_string()));
        }
        if value.get("return").is_some() {
            return Ok(Ok(()));
        }
    }
}
