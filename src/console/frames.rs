//! How a console goes over a connection: a letter, a length of 16 bits (little endian), and so many octets.
//!
//! To the console: `D` data, `B` break, `M` another mode (its word), `A` the last octets again. From it: `D` what the machine
//! said, `I` a sentence about the console, `G` the end, with its reason.

use std::io;

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

use super::{Frame, Mode, Typing, Visit};

/// What the connection is upgraded to.
pub const PROTOCOL: &str = "bellwether-console";
/// Most octets of a frame.
const LONGEST: usize = 32 * 1024;

/// Writes a frame; what is longer is written as several.
///
/// # Errors
/// Those of the writer.
pub async fn write(to: &mut (impl AsyncWrite + Unpin), kind: u8, data: &[u8]) -> io::Result<()> {
    let mut rest = data;
    loop {
        let (part, left) = rest.split_at(rest.len().min(LONGEST));
        let mut frame = Vec::with_capacity(3 + part.len());
        frame.push(kind);
        frame.extend_from_slice(&(part.len() as u16).to_le_bytes());
        frame.extend_from_slice(part);
        to.write_all(&frame).await?;
        rest = left;
        if rest.is_empty() {
            return to.flush().await;
        }
    }
}

/// Reads a frame; `None` at the end. Not to be broken off: what was read of a frame would be lost.
///
/// # Errors
/// Those of the reader, and an end in the middle.
pub async fn read(from: &mut (impl AsyncRead + Unpin)) -> io::Result<Option<(u8, Bytes)>> {
    let kind = match from.read_u8().await {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        other => other?,
    };
    let length = from.read_u16_le().await?;
    let mut data = vec![0; usize::from(length)];
    from.read_exact(&mut data).await?;
    Ok(Some((kind, data.into())))
}

/// Carries a visit over a connection until either end has enough.
pub async fn carry(connection: impl AsyncRead + AsyncWrite, visit: Visit) {
    let (mut reader, mut writer) = tokio::io::split(connection);
    let Visit { mut frames, typing } = visit;
    let there = async {
        while let Ok(Some((kind, data))) = read(&mut reader).await {
            let order = match kind {
                b'D' => Typing::Data(data),
                b'B' => Typing::Break,
                b'A' => Typing::Again,
                b'M' => match std::str::from_utf8(&data).ok().and_then(Mode::named) {
                    Some(mode) => Typing::Mode(mode),
                    None => continue,
                },
                // A newer client asks for something that is not here.
                _ => continue,
            };
            if typing.send(order).await.is_err() {
                return;
            }
        }
    };
    let back = async {
        while let Some(frame) = frames.recv().await {
            let sent = match &frame {
                Frame::Said(data) | Frame::Again(data) => write(&mut writer, b'D', data).await,
                Frame::News(news) => write(&mut writer, b'I', news.to_string().as_bytes()).await,
                Frame::Gone(why) => write(&mut writer, b'G', why.to_string().as_bytes()).await,
            };
            if sent.is_err() || matches!(frame, Frame::Gone(_)) {
                return;
            }
        }
    };
    tokio::select! {
        () = there => {}
        () = back => {}
    }
    writer.shutdown().await.ok();
}
