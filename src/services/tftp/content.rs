//! The bytes of a transfer, by offset.
//!
//! Small files come from the [`Shelf`]. Large ones are read in chunks: at once if the page cache has them, else on the threads
//! that may block, since a cold disk or a stalled network file system would hold up every other answer.
//!
//! Invariant: a file is served whole or not at all; one that shrinks on the way is an error, never a short last block.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _};
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use nix::libc;
use tokio::task::spawn_blocking;
use wire::tftp::{Mode, netascii};

use super::shelf::{self, Shelf};
use super::{Refusal, Source};

/// Bytes that are read from a file at once. Holds the largest block (65464); a transfer from disk costs this much memory.
const CHUNK: usize = 64 * 1024;
/// Largest file that is translated to netascii, in bytes: it must be read once more, to know its length before it starts.
const LONGEST_TEXT: u64 = 64 << 20;

pub(super) enum Content {
    /// What was made for this client.
    Text(Bytes),
    /// A file from the shelf.
    Shared(Bytes),
    File(Chunked),
}

pub(super) struct Chunked {
    layout: Arc<Layout>,
    /// Length as it travels.
    length: u64,
    chunk: Vec<u8>,
    /// Where `chunk` starts, in bytes as they travel.
    chunk_at: u64,
}

struct Layout {
    file: File,
    /// Bytes in the file.
    size: u64,
    /// For netascii: where each chunk of the file starts in the translation.
    marks: Option<Vec<u64>>,
}

impl Content {
    /// Opens a source. Blocks.
    pub(super) fn open(source: Source, mode: Mode, shelf: &Shelf) -> Result<Self, Refusal> {
        match (source, mode) {
            (Source::Rendered { text, .. }, mode) => Self::open(Source::Bytes(text), mode, shelf),
            (Source::Bytes(bytes), Mode::Octet) => Ok(Self::Text(bytes)),
            (Source::Bytes(bytes), Mode::Netascii) => {
                let mut text = Vec::with_capacity(bytes.len());
                netascii::encode(&bytes, &mut text);
                Ok(Self::Text(text.into()))
            }
            (Source::File { path, len }, mode) => Self::open_file(&path, len, mode, shelf),
        }
    }

    fn open_file(path: &Path, len: u64, mode: Mode, shelf: &Shelf) -> Result<Self, Refusal> {
        // Not blocking, lest a FIFO that was put in place of a file takes a thread for ever.
        let file = OpenOptions::new()
            .read(true)
            .custom_flags(libc::O_NONBLOCK)
            .open(path)
            .map_err(refusal)?;
        let found = file.metadata().map_err(refusal)?;
        if !found.is_file() {
            return Err(Refusal::NotFound);
        }
        let changing = || Refusal::Failed("the file is being changed, try again".into());
        if found.len() != len {
            return Err(changing());
        }
        if len <= shelf::LONGEST && mode == Mode::Octet {
            let bytes = shelf.take(path, &file, &found).map_err(refusal)?;
            return bytes.map(Self::Shared).ok_or_else(changing);
        }
        Chunked::new(file, len, mode).map(Self::File)
    }

    /// The text as it travels, if it was made for this client.
    pub(super) fn text(&self) -> Option<&[u8]> {
        match self {
            Self::Text(bytes) => Some(bytes),
            Self::Shared(_) | Self::File(_) => None,
        }
    }

    /// Length in bytes, as they travel.
    pub(super) fn len(&self) -> u64 {
        match self {
            Self::Text(bytes) | Self::Shared(bytes) => bytes.len() as u64,
            Self::File(file) => file.length,
        }
    }

    /// The same bytes that [`Content::copy`] appends, if no file is read for them.
    pub(super) fn at_hand(&self, offset: u64, len: usize) -> Option<&[u8]> {
        match self {
            Self::Text(bytes) | Self::Shared(bytes) => part(bytes, offset, len),
            Self::File(_) => None,
        }
    }

    /// Appends `len` bytes from `offset`, which are within the length and no more than a block.
    pub(super) async fn copy(&mut self, offset: u64, len: usize, out: &mut Vec<u8>) -> io::Result<()> {
        let block = match self {
            Self::Text(bytes) | Self::Shared(bytes) => part(bytes, offset, len),
            Self::File(file) => {
                file.load(offset, len).await?;
                part(&file.chunk, offset - file.chunk_at, len)
            }
        };
        out.extend_from_slice(block.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }
}

fn part(bytes: &[u8], offset: u64, len: usize) -> Option<&[u8]> {
    let at = usize::try_from(offset).ok()?;
    bytes.get(at..at.checked_add(len)?)
}

impl Chunked {
    fn new(file: File, len: u64, mode: Mode) -> Result<Self, Refusal> {
        let (marks, length) = match mode {
            Mode::Octet => (None, len),
            Mode::Netascii if len > LONGEST_TEXT => {
                return Err(Refusal::Failed("too large for netascii mode, ask for octet".into()));
            }
            Mode::Netascii => {
                let (marks, length) = survey(&file, len).map_err(refusal)?;
                (Some(marks), length)
            }
        };
        let layout = Arc::new(Layout { file, size: len, marks });
        Ok(Self {
            layout,
            length,
            chunk: Vec::new(),
            chunk_at: 0,
        })
    }

    /// Makes `chunk` hold the whole block.
    async fn load(&mut self, offset: u64, len: usize) -> io::Result<()> {
        let end = offset + len as u64;
        if offset < self.chunk_at || end > self.chunk_at + self.chunk.len() as u64 {
            if self.layout.read_now(offset, end, &mut self.chunk) {
                self.chunk_at = offset;
                return Ok(());
            }
            let mut chunk = std::mem::take(&mut self.chunk);
            let layout = self.layout.clone();
            let read = spawn_blocking(move || {
                let at = layout.read(offset, end, &mut chunk)?;
                Ok::<_, io::Error>((at, chunk))
            });
            (self.chunk_at, self.chunk) = read.await.map_err(io::Error::other)??;
        }
        Ok(())
    }
}

impl Layout {
    /// Fills `chunk` from `offset` on with what the page cache has; whether that reaches to `end`. Does not wait for a disk.
    fn read_now(&self, offset: u64, end: u64, chunk: &mut Vec<u8>) -> bool {
        if self.marks.is_some() {
            return false;
        }
        let left = self.size.saturating_sub(offset);
        chunk.resize(usize::try_from(left).unwrap_or(CHUNK).min(CHUNK), 0);
        let flags = rustix::io::ReadWriteFlags::NOWAIT;
        let read = rustix::io::preadv2(&self.file, &mut [io::IoSliceMut::new(chunk)], offset, flags).unwrap_or(0);
        chunk.truncate(read);
        offset + read as u64 >= end
    }

    /// Fills `chunk` with bytes as they travel, so that `offset..end` is among them; says where it starts.
    fn read(&self, offset: u64, end: u64, chunk: &mut Vec<u8>) -> io::Result<u64> {
        let Some(marks) = &self.marks else {
            self.read_file(offset, chunk)?;
            return Ok(offset);
        };
        let first = marks.partition_point(|&mark| mark <= offset).saturating_sub(1);
        let start = marks.get(first).copied().unwrap_or(0);
        chunk.clear();
        let mut text = Vec::new();
        for piece in first..marks.len() {
            if start + chunk.len() as u64 >= end {
                break;
            }
            self.read_file((piece * CHUNK) as u64, &mut text)?;
            netascii::encode(&text, chunk);
        }
        Ok(start)
    }

    fn read_file(&self, offset: u64, chunk: &mut Vec<u8>) -> io::Result<()> {
        fill(&self.file, offset, self.size, chunk)
    }
}

/// Reads a chunk from `offset`, or what is left up to `size`.
fn fill(file: &File, offset: u64, size: u64, chunk: &mut Vec<u8>) -> io::Result<()> {
    let left = size.saturating_sub(offset);
    chunk.resize(usize::try_from(left).unwrap_or(CHUNK).min(CHUNK), 0);
    file.read_exact_at(chunk, offset)
}

/// Where each chunk of a text starts in its translation, and the translation's length.
fn survey(file: &File, size: u64) -> io::Result<(Vec<u64>, u64)> {
    let (mut marks, mut length, mut chunk) = (Vec::new(), 0, Vec::new());
    for offset in (0..size).step_by(CHUNK) {
        fill(file, offset, size, &mut chunk)?;
        marks.push(length);
        length += netascii::encoded_len(&chunk);
    }
    Ok((marks, length))
}

fn refusal(error: io::Error) -> Refusal {
    match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory | io::ErrorKind::IsADirectory => Refusal::NotFound,
        io::ErrorKind::PermissionDenied => Refusal::Forbidden,
        _ => Refusal::Failed("the file cannot be read".into()),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn open(source: Source, mode: Mode) -> Result<Content, Refusal> {
        Content::open(source, mode, &Shelf::default())
    }

    /// A file that is too large for the shelf.
    fn large(bytes: &[u8]) -> (tempfile::NamedTempFile, Content) {
        let (file, _) = file(bytes);
        let content = Chunked::new(file.reopen().unwrap(), bytes.len() as u64, Mode::Octet).unwrap();
        (file, Content::File(content))
    }

    fn file(bytes: &[u8]) -> (tempfile::NamedTempFile, Source) {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), bytes).unwrap();
        let source = Source::File {
            path: file.path().to_owned(),
            len: bytes.len() as u64,
        };
        (file, source)
    }

    /// Reads all of it in blocks, twice, the second time backwards as after many losses.
    async fn read(content: &mut Content, block: usize) -> (Vec<u8>, Vec<u8>) {
        let (mut forward, mut backward) = (Vec::new(), Vec::new());
        let offsets: Vec<u64> = (0..content.len()).step_by(block).collect();
        for &offset in &offsets {
            let len = usize::try_from(content.len() - offset).unwrap().min(block);
            content.copy(offset, len, &mut forward).await.unwrap();
        }
        for &offset in offsets.iter().rev() {
            let len = usize::try_from(content.len() - offset).unwrap().min(block);
            let mut part = Vec::new();
            content.copy(offset, len, &mut part).await.unwrap();
            part.extend_from_slice(&backward);
            backward = part;
        }
        (forward, backward)
    }

    #[tokio::test]
    async fn every_block_of_a_file_comes_from_its_place() {
        let bytes: Vec<u8> = (0..300_000u32).map(|at| (at * 7 + at / 256) as u8).collect();
        for block in [512, 1468, 65464] {
            let (_file, source) = file(&bytes);
            let (_large, large) = large(&bytes);
            for mut content in [open(source, Mode::Octet).unwrap(), large] {
                let (forward, backward) = read(&mut content, block).await;
                assert!(forward == bytes && backward == bytes, "{block}");
            }
        }
    }

    #[tokio::test]
    async fn text_from_disk_is_the_text_from_memory() {
        let text: Vec<u8> = (0..200_000u32)
            .map(|at| if at % 5 < 3 { b'\n' } else { (at % 256) as u8 })
            .collect();
        for block in [512, 65464] {
            let (_file, source) = file(&text);
            let mut from_disk = open(source, Mode::Netascii).unwrap();
            let mut from_memory = open(Source::Bytes(text.clone().into()), Mode::Netascii).unwrap();
            assert_eq!(from_disk.len(), from_memory.len());
            let expected = read(&mut from_memory, block).await.0;
            let (forward, backward) = read(&mut from_disk, block).await;
            assert!(forward == expected && backward == expected, "{block}");
        }
    }

    #[tokio::test]
    async fn file_that_shrinks_on_the_way_is_an_error() {
        let (file, mut content) = large(&[1; 100_000]);
        content.copy(0, 512, &mut Vec::new()).await.unwrap();
        file.as_file().set_len(80_000).unwrap();
        assert!(content.copy(99_000, 512, &mut Vec::new()).await.is_err());
    }

    #[test]
    fn what_is_not_the_meant_file_is_refused() {
        let open = |path: &Path, len| {
            let path = path.to_owned();
            open(Source::File { path, len }, Mode::Octet).err()
        };
        let (file, _) = file(b"four");
        assert_eq!(open(Path::new("/nonexistent"), 1), Some(Refusal::NotFound));
        assert_eq!(open(Path::new("/tmp"), 1), Some(Refusal::NotFound));
        assert_eq!(open(&file.path().join("below"), 1), Some(Refusal::NotFound));
        assert!(matches!(open(file.path(), 5), Some(Refusal::Failed(_))));
        assert_eq!(open(file.path(), 4), None);
    }
}
