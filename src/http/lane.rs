//! Files from the page cache to the socket without a copy through this process: sendfile(2) beneath hyper.
//!
//! hyper writes bodies as slices of memory. A part of a file goes through it as a slice of [`PLACE`], an area that
//! stands for file content, while the connection's [`Lane`] holds which file and where, in the same order. [`Wire`],
//! the socket below hyper, knows slices of that area by their address and sends the file instead.
//!
//! Invariant: the content of [`PLACE`] never leaves: a slice of it without its part in the lane ends the connection.
//! Invariant: what a slice stands for is sent in the order and the length in which hyper was given the slices.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, IoSlice};
use std::ops::Range;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep};

/// Most that one slice stands for: some socket buffers full, so that the way through hyper does not count.
pub const SLICE: usize = 1024 * 1024;
static PLACE: [u8; SLICE] = [0; SLICE];

/// The parts of files that are on their way through one connection.
#[derive(Debug, Default)]
pub struct Lane {
    parts: Mutex<VecDeque<Part>>,
}

#[derive(Debug)]
struct Part {
    file: Arc<File>,
    at: u64,
    left: usize,
}

impl Lane {
    /// A piece of a body that stands for these bytes of the file, at most [`SLICE`] of them. The file must have them.
    pub fn piece(&self, file: &Arc<File>, part: Range<u64>) -> Bytes {
        let left = usize::try_from(part.end - part.start).map_or(SLICE, |length| length.min(SLICE));
        if left > 0 {
            let part = Part {
                file: file.clone(),
                at: part.start,
                left,
            };
            self.parts
                .lock()
                .expect("nobody panics while holding it")
                .push_back(part);
        }
        Bytes::from_static(&PLACE[..left])
    }
}

/// Waits until this part of a file, at most [`SLICE`] of it, is in the page cache. The thread that sends answers other
/// doors too, and must not wait for a disk.
///
/// # Errors
/// If it cannot be read.
pub async fn warm(file: &Arc<File>, part: Range<u64>) -> io::Result<()> {
    // The disk is read in pieces larger than a page: where the ends are there, what is between them is.
    if part.is_empty() || is_warm(file, part.start) && is_warm(file, part.end - 1) {
        return Ok(());
    }
    let file = file.clone();
    let read = move || {
        use std::os::unix::fs::FileExt as _;
        let length = usize::try_from(part.end - part.start).map_or(SLICE, |length| length.min(SLICE));
        file.read_exact_at(&mut vec![0; length], part.start)
    };
    tokio::task::spawn_blocking(read).await.map_err(io::Error::other)?
}

/// Whether a byte can be read without waiting. Where a filesystem cannot tell, it counts as there.
fn is_warm(file: &File, at: u64) -> bool {
    let flags = rustix::io::ReadWriteFlags::NOWAIT;
    let read = rustix::io::preadv2(file, &mut [io::IoSliceMut::new(&mut [0])], at, flags);
    read != Err(rustix::io::Errno::AGAIN)
}

/// How many of these bytes are a slice of [`PLACE`]: all or none.
fn stands_for_a_file(slice: &[u8]) -> bool {
    PLACE.as_ptr_range().contains(&slice.as_ptr())
}

/// How long a connection may stand still, in both directions, before it is closed. Longer than the slowest disk of a
/// client takes to write what its socket holds.
const STILL: Duration = Duration::from_secs(300);

/// A connection's socket.
#[derive(Debug)]
pub struct Wire {
    stream: TcpStream,
    lane: Arc<Lane>,
    patience: Duration,
    /// When something went on last.
    moved: Instant,
    /// Looks at that now and then: once for many turns, since a timer for each would cost more than the turn.
    still: Option<Pin<Box<Sleep>>>,
}

impl Wire {
    /// A socket that sends what stands in the lane.
    pub fn new(stream: TcpStream, lane: Arc<Lane>) -> Self {
        Self {
            stream,
            lane,
            patience: STILL,
            moved: Instant::now(),
            still: None,
        }
    }

    /// The same, or the end of patience.
    fn patient<T>(&mut self, cx: &mut Context<'_>, went: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if went.is_ready() {
            self.moved = Instant::now();
            return went;
        }
        let end = self.moved + self.patience;
        let still = self
            .still
            .get_or_insert_with(|| Box::pin(tokio::time::sleep_until(end)));
        while still.as_mut().poll(cx).is_ready() {
            if Instant::now() >= end {
                return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
            }
            still.as_mut().reset(end);
        }
        went
    }

    fn poll_send(&self, cx: &mut Context<'_>, most: usize) -> Poll<io::Result<usize>> {
        loop {
            ready!(self.stream.poll_write_ready(cx))?;
            let sent = self.stream.try_io(Interest::WRITABLE, || {
                let mut parts = self.lane.parts.lock().expect("nobody panics while holding it");
                let part = parts
                    .front_mut()
                    .ok_or_else(|| io::Error::other("a piece of no file"))?;
                let mut at = i64::try_from(part.at).map_err(io::Error::other)?;
                let sent =
                    nix::sys::sendfile::sendfile64(&self.stream, &part.file, Some(&mut at), part.left.min(most))?;
                if sent == 0 {
                    return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the file became shorter"));
                }
                part.at += sent as u64;
                part.left -= sent;
                if part.left == 0 {
                    parts.pop_front();
                }
                Ok(sent)
            });
            match sent {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                sent => return Poll::Ready(sent),
            }
        }
    }
}

impl AsyncRead for Wire {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let went = Pin::new(&mut self.stream).poll_read(cx, buf);
        self.patient(cx, went)
    }
}

impl AsyncWrite for Wire {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(cx, &[IoSlice::new(buf)])
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let Some(first) = slices.iter().position(|slice| !slice.is_empty()) else {
            return Poll::Ready(Ok(0));
        };
        let slices = &slices[first..];
        if stands_for_a_file(&slices[0]) {
            let went = self.poll_send(cx, slices[0].len());
            return self.patient(cx, went);
        }
        let plain = slices
            .iter()
            .position(|slice| !slice.is_empty() && stands_for_a_file(slice))
            .unwrap_or(slices.len());
        let went = Pin::new(&mut self.stream).poll_write_vectored(cx, &slices[..plain]);
        self.patient(cx, went)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;

    use super::*;

    async fn pair() -> (Wire, Arc<Lane>, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let lane = Arc::new(Lane::default());
        let (stream, _) = listener.accept().await.unwrap();
        (Wire::new(stream, lane.clone()), lane, client)
    }

    #[tokio::test]
    async fn memory_and_files_arrive_in_their_order() {
        let (mut wire, lane, mut client) = pair().await;
        let mut file = tempfile::tempfile().unwrap();
        let content: Vec<u8> = (0..1_000_000u32).map(|i| (i % 251) as u8).collect();
        file.write_all(&content).unwrap();
        let file = Arc::new(file);
        let expected = [
            b"head ".as_slice(),
            &content[10..200_010],
            b" between ",
            &content[..5],
            b" end",
        ]
        .concat();
        let reader = tokio::spawn(async move {
            let mut all = Vec::new();
            client.read_to_end(&mut all).await.unwrap();
            all
        });
        let (long, short) = (lane.piece(&file, 10..200_010), lane.piece(&file, 0..5));
        let mut parts: Vec<&[u8]> = vec![b"head ", &long, b"", b" between ", &short, b" end"];
        while !parts.is_empty() {
            let slices: Vec<_> = parts.iter().map(|part| IoSlice::new(part)).collect();
            let mut sent = wire.write_vectored(&slices).await.unwrap();
            while let Some(first) = parts.first_mut() {
                let step = sent.min(first.len());
                *first = &first[step..];
                sent -= step;
                if !first.is_empty() {
                    break;
                }
                parts.remove(0);
            }
        }
        wire.shutdown().await.unwrap();
        assert!(reader.await.unwrap() == expected);
    }

    #[tokio::test]
    async fn what_the_disk_has_to_be_asked_for_is_read_before_it_is_sent() {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(&vec![7; 4 << 20]).unwrap();
        file.sync_all().unwrap();
        rustix::fs::fadvise(&file, 0, None, rustix::fs::Advice::DontNeed).unwrap();
        let file = Arc::new(file);
        let last = (4 << 20) - SLICE as u64;
        warm(&file, last..4 << 20).await.unwrap();
        assert!(is_warm(&file, last) && is_warm(&file, (4 << 20) - 1));
        warm(&file, 0..0).await.unwrap();
        // Beyond the end nothing is cold: sending finds out.
        warm(&file, 5 << 20..6 << 20).await.unwrap();
    }

    #[tokio::test]
    async fn a_client_that_takes_nothing_more_is_let_go_in_the_end() {
        let (mut wire, _lane, _client) = pair().await;
        wire.patience = Duration::from_millis(50);
        let full = vec![0; 1 << 20];
        let error = loop {
            if let Err(error) = wire.write(&full).await {
                break error;
            }
        };
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }

    #[tokio::test]
    async fn a_slice_of_no_file_and_a_file_that_became_shorter_end_the_connection() {
        let (mut wire, lane, _client) = pair().await;
        let error = wire.write(&PLACE[..10]).await.unwrap_err();
        assert_eq!(error.to_string(), "a piece of no file");
        let piece = lane.piece(&Arc::new(tempfile::tempfile().unwrap()), 0..10);
        let error = wire.write(&piece).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
    }
}
