//! A socket as a console: octets as they are, or telnet.

use tokio::io::{self, AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::sync::mpsc;
use wire::telnet::{OPENING, SEND_BREAK, Telnet};

use super::source::{Line, WAITING};
use crate::bmc::{Heard, Typed};

/// Octets that are read at once.
const PIECE: usize = 4096;

/// A socket as a console. Only telnet has a break.
pub(super) fn line(stream: impl AsyncRead + AsyncWrite + Send + 'static, telnet: Option<Telnet>) -> Line {
    let (said, heard) = mpsc::channel(WAITING);
    let (typed, orders) = mpsc::channel(WAITING);
    let has_break = telnet.is_some();
    tokio::spawn(async move {
        said.send(Heard::Opened).await.ok();
        let why = match carry(stream, telnet, &said, orders).await {
            Ok(true) => "its other end closed it".to_string(),
            Ok(false) => return,
            Err(error) => error.to_string(),
        };
        said.send(Heard::Closed { why, taken: false }).await.ok();
    });
    Line::of_stream(heard, typed, has_break)
}

/// Carries both ways until the other end closes (`true`) or nobody wants the line any more.
async fn carry(
    stream: impl AsyncRead + AsyncWrite,
    mut telnet: Option<Telnet>,
    said: &mpsc::Sender<Heard>,
    mut orders: mpsc::Receiver<Typed>,
) -> io::Result<bool> {
    let (mut reader, mut writer) = io::split(stream);
    if telnet.is_some() {
        writer.write_all(&OPENING).await?;
    }
    let mut buffer = vec![0; PIECE];
    loop {
        tokio::select! {
            read = reader.read(&mut buffer) => {
                let octets = match read? {
                    0 => return Ok(true),
                    length => &buffer[..length],
                };
                let data = match &mut telnet {
                    None => octets.to_vec(),
                    Some(telnet) => {
                        let (mut data, mut reply) = (Vec::with_capacity(octets.len()), Vec::new());
                        telnet.hear(octets, &mut data, &mut reply);
                        writer.write_all(&reply).await?;
                        data
                    }
                };
                if !data.is_empty() && said.send(Heard::Said(data)).await.is_err() {
                    return Ok(false);
                }
            }
            order = orders.recv() => match (order, &telnet) {
                (Some(Typed::Data(data)), None) => writer.write_all(&data).await?,
                (Some(Typed::Data(data)), Some(telnet)) => {
                    let mut octets = Vec::with_capacity(data.len());
                    telnet.send(&data, &mut octets);
                    writer.write_all(&octets).await?;
                }
                (Some(Typed::Break), Some(_)) => writer.write_all(&SEND_BREAK).await?,
                (Some(Typed::Break), None) => {}
                (None, _) => return Ok(false),
            },
        }
    }
}
