//! A socket as a console.

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::sync::mpsc;

use super::source::{Line, WAITING};
use crate::bmc::{Heard, Typed};

/// Octets that are read at once.
const PIECE: usize = 4096;

/// A socket as a console. It has no break.
pub(super) fn line(stream: impl AsyncRead + AsyncWrite + Send + 'static) -> Line {
    let (mut reader, mut writer) = tokio::io::split(stream);
    let (said, heard) = mpsc::channel(WAITING);
    let (typed, mut orders) = mpsc::channel(WAITING);
    tokio::spawn(async move {
        said.send(Heard::Opened).await.ok();
        let mut buffer = vec![0; PIECE];
        let why = loop {
            tokio::select! {
                read = reader.read(&mut buffer) => match read {
                    Ok(0) => break "its other end closed it".to_string(),
                    Ok(length) => {
                        if said.send(Heard::Said(buffer[..length].to_vec())).await.is_err() {
                            return;
                        }
                    }
                    Err(error) => break error.to_string(),
                },
                order = orders.recv() => match order {
                    Some(Typed::Data(data)) => {
                        if let Err(error) = writer.write_all(&data).await {
                            break error.to_string();
                        }
                    }
                    Some(Typed::Break) => {}
                    None => return,
                },
            }
        };
        said.send(Heard::Closed { why, taken: false }).await.ok();
    });
    Line::of_stream(heard, typed, false)
}
