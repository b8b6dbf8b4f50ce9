//! How commands reach the keeper: one JSON value in a line each way, over a Unix socket that only this user can open.

use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixListener;
use tokio::sync::{mpsc, oneshot};

use super::{Folder, LabError, Status};

/// What the keeper can be asked. It answers with how the lab stands afterwards.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Request {
    /// How does the lab stand?
    Status,
    /// Switch machines.
    Power {
        /// Names of nodes.
        machines: Vec<String>,
        /// What to do.
        action: Power,
    },
    /// Make a machine stand still, as one that hangs.
    Hang {
        /// Name of the node.
        machine: String,
    },
    /// Stop the server and start it again.
    Restart,
    /// End everything.
    Down,
}

/// What can be done to a machine's power.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Power {
    /// Switch on.
    On,
    /// Pull the plug.
    Off,
    /// Press the power button: the system shuts itself down, if it listens.
    Soft,
    /// Press the reset button.
    Reset,
    /// Pull the plug and put it back.
    Cycle,
}

/// The keeper's answer.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Reply {
    /// Done.
    Ok(Box<Status>),
    /// Not done.
    Error(String),
}

/// A request with the place for its answer.
pub(super) type Asked = (Request, oneshot::Sender<Reply>);

/// Asks the keeper of a lab.
///
/// # Errors
/// If no keeper answers, or it refuses.
pub fn ask(folder: &Folder, request: &Request) -> Result<Status, LabError> {
    let what = || format!("ask the lab's keeper on {}", folder.control().display());
    let mut stream = match UnixStream::connect(folder.control()) {
        Ok(stream) => stream,
        Err(error)
            if matches!(
                error.kind(),
                std::io::ErrorKind::NotFound | std::io::ErrorKind::ConnectionRefused
            ) =>
        {
            return Err(LabError::NotUp(folder.root().to_path_buf()));
        }
        Err(error) => return Err(LabError::io(what())(error)),
    };
    stream
        .set_read_timeout(Some(Duration::from_secs(120)))
        .map_err(LabError::io(what()))?;
    let line = serde_json::to_string(request).expect("a request always serialises") + "\n";
    stream.write_all(line.as_bytes()).map_err(LabError::io(what()))?;
    let mut answer = String::new();
    BufReader::new(stream)
        .read_line(&mut answer)
        .map_err(LabError::io(what()))?;
    match serde_json::from_str(&answer).map_err(|error| LabError::io(what())(error.into()))? {
        Reply::Ok(status) => Ok(*status),
        Reply::Error(text) => Err(LabError::Refused(text)),
    }
}

/// Takes requests from the socket for as long as the keeper lives, one at a time for each connection.
pub(super) async fn listen(listener: UnixListener, asked: mpsc::Sender<Asked>) {
    while let Ok((stream, _)) = listener.accept().await {
        let asked = asked.clone();
        tokio::spawn(async move {
            let mut stream = tokio::io::BufReader::new(stream);
            let mut line = String::new();
            while stream.read_line(&mut line).await.is_ok_and(|read| read > 0) {
                let reply = match serde_json::from_str(&line) {
                    Ok(request) => {
                        let (place, answer) = oneshot::channel();
                        if asked.send((request, place)).await.is_err() {
                            return;
                        }
                        answer
                            .await
                            .unwrap_or_else(|_| Reply::Error("the lab is going down".to_string()))
                    }
                    Err(error) => Reply::Error(format!("not understood: {error}")),
                };
                let text = serde_json::to_string(&reply).expect("a reply always serialises") + "\n";
                if stream.get_mut().write_all(text.as_bytes()).await.is_err() {
                    return;
                }
                line.clear();
            }
        });
    }
}
