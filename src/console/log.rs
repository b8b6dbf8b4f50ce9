//! What consoles said: every octet, with its time.
//!
//! A folder for each node. `live` holds the octets as they came, so that `less -R` and `tail -f` read it; `live.times` has 16
//! octets for each piece: milliseconds since 1970 and the offset, both 64 bits, little endian. At [`SEGMENT`] octets both are
//! compressed under a number that counts up, and the oldest beyond [`KEPT`] go.
//!
//! Invariant: octets are written before their time is, so no time points beyond them, wherever the process dies.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use jiff::Timestamp;
use tokio::sync::{mpsc, oneshot};

/// Octets of a part of a log before it is compressed.
const SEGMENT: u64 = 8 << 20;
/// Compressed parts of each node: with the live one a quarter of a gibibyte of text.
const KEPT: usize = 31;
/// Pieces that come closer together than this share a time, in milliseconds.
const CLOSE: i64 = 100;
/// Files that are open at once; then all are closed, and opened again when they are needed.
const OPEN: usize = 512;
/// Pieces that wait for the disk; then consoles wait.
const WAITING: usize = 16_384;
/// Octets of a record of times.
const RECORD: usize = 16;

enum Order {
    Write {
        node: Arc<str>,
        at: Timestamp,
        data: Bytes,
    },
    /// Everything before is in the files then.
    Flush(oneshot::Sender<()>),
}

/// The logs of all consoles.
#[derive(Debug, Clone)]
pub struct Logs {
    folder: PathBuf,
    orders: mpsc::Sender<Order>,
    lost: Arc<AtomicU64>,
}

impl Logs {
    /// Logs below a folder, with the thread that writes them.
    ///
    /// # Errors
    /// The folder cannot be made.
    pub fn open(folder: PathBuf) -> io::Result<Self> {
        fs::create_dir_all(&folder)?;
        let (orders, taken) = mpsc::channel(WAITING);
        let lost = Arc::new(AtomicU64::new(0));
        let writer = Writer {
            folder: folder.clone(),
            open: HashMap::new(),
            lost: lost.clone(),
            complained: None,
        };
        std::thread::Builder::new()
            .name("console-logs".into())
            .spawn(move || writer.run(taken))?;
        Ok(Self { folder, orders, lost })
    }

    /// Hands octets over; waits while the disk is far behind.
    pub async fn write(&self, node: &Arc<str>, at: Timestamp, data: Bytes) {
        let node = node.clone();
        self.orders.send(Order::Write { node, at, data }).await.ok();
    }

    /// Waits until everything that was handed over is in the files.
    pub async fn flush(&self) {
        let (done, written) = oneshot::channel();
        if self.orders.send(Order::Flush(done)).await.is_ok() {
            written.await.ok();
        }
    }

    /// The same, at the end.
    pub(super) async fn close(&self) {
        self.flush().await;
    }

    /// Octets that could not be written.
    pub fn lost(&self) -> u64 {
        self.lost.load(Ordering::Relaxed)
    }

    /// Reads a node's log from a time on, piece by piece, until `each` breaks off. Blocks.
    ///
    /// # Errors
    /// A file cannot be read. A node without a log has an empty one.
    pub fn read(
        &self,
        node: &str,
        since: Option<Timestamp>,
        mut each: impl FnMut(Timestamp, &[u8]) -> ControlFlow<()>,
    ) -> io::Result<()> {
        let folder = self.folder.join(node);
        let mut parts: Vec<Part> = numbers(&folder)?.into_iter().map(Part::Old).collect();
        parts.push(Part::Live);
        for part in parts {
            let Some((octets, times)) = part.read(&folder, since)? else {
                continue;
            };
            for (n, (at, from)) in times.iter().enumerate() {
                let to = times
                    .get(n + 1)
                    .map_or(octets.len(), |(_, next)| *next)
                    .min(octets.len());
                let piece = octets.get(*from..to).unwrap_or_default();
                if piece.is_empty() || since.is_some_and(|since| *at < since) {
                    continue;
                }
                if each(*at, piece).is_break() {
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    /// The last octets of a node's live log, at most so many. Blocks.
    ///
    /// # Errors
    /// It cannot be read. A node without a log has an empty one.
    pub fn tail(&self, node: &str, most: u64) -> io::Result<Vec<u8>> {
        let mut file = match File::open(self.folder.join(node).join("live")) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            other => other?,
        };
        let length = file.metadata()?.len();
        file.seek(SeekFrom::Start(length.saturating_sub(most)))?;
        let mut out = Vec::new();
        file.take(most).read_to_end(&mut out)?;
        Ok(out)
    }
}

enum Part {
    Old(u64),
    Live,
}

type Times = Vec<(Timestamp, usize)>;

impl Part {
    /// Octets and times; `None`: there are none, or all of them are older.
    fn read(&self, folder: &Path, since: Option<Timestamp>) -> io::Result<Option<(Vec<u8>, Times)>> {
        let (octets, times) = match self {
            Self::Live => (folder.join("live"), folder.join("live.times")),
            Self::Old(number) => old(folder, *number),
        };
        let written = match fs::metadata(&octets) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            other => other?.modified()?,
        };
        let written = Timestamp::try_from(written).unwrap_or(Timestamp::MAX);
        if since.is_some_and(|since| written < since) {
            return Ok(None);
        }
        let read = |path: &Path| match self {
            Self::Live => fs::read(path),
            Self::Old(_) => zstd::decode_all(File::open(path)?),
        };
        let times = read(&times)?;
        let times = times.chunks_exact(RECORD).map(|record| {
            let (at, offset) = record.split_at(RECORD / 2);
            let at = i64::from_le_bytes(at.try_into().unwrap_or_default());
            let offset = u64::from_le_bytes(offset.try_into().unwrap_or_default());
            let at = Timestamp::from_millisecond(at).unwrap_or(Timestamp::UNIX_EPOCH);
            (at, usize::try_from(offset).unwrap_or(usize::MAX))
        });
        Ok(Some((read(&octets)?, times.collect())))
    }
}

fn old(folder: &Path, number: u64) -> (PathBuf, PathBuf) {
    (
        folder.join(format!("{number:08}.zst")),
        folder.join(format!("{number:08}.times.zst")),
    )
}

/// Numbers of the compressed parts, oldest first.
fn numbers(folder: &Path) -> io::Result<Vec<u64>> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        other => other?,
    };
    let mut numbers = Vec::new();
    for entry in entries {
        let name = entry?.file_name();
        let number: Option<u64> = name.to_str().and_then(|name| name.strip_suffix(".zst")?.parse().ok());
        numbers.extend(number);
    }
    numbers.sort_unstable();
    Ok(numbers)
}

/// A log that is open.
struct Live {
    octets: File,
    times: File,
    length: u64,
    last: i64,
}

struct Writer {
    folder: PathBuf,
    open: HashMap<Arc<str>, Live>,
    lost: Arc<AtomicU64>,
    complained: Option<std::time::Instant>,
}

impl Writer {
    fn run(mut self, mut orders: mpsc::Receiver<Order>) {
        while let Some(order) = orders.blocking_recv() {
            match order {
                Order::Flush(done) => {
                    done.send(()).ok();
                }
                Order::Write { node, at, data } => {
                    if let Err(error) = self.write(&node, at, &data) {
                        self.lost.fetch_add(data.len() as u64, Ordering::Relaxed);
                        self.open.remove(&node);
                        self.complain(&node, &error);
                    }
                }
            }
        }
    }

    fn complain(&mut self, node: &str, error: &io::Error) {
        let minute = std::time::Duration::from_secs(60);
        if self.complained.is_none_or(|at| at.elapsed() >= minute) {
            tracing::error!(node, %error, "what a console says cannot be written down");
            self.complained = Some(std::time::Instant::now());
        }
    }

    fn write(&mut self, node: &Arc<str>, at: Timestamp, data: &[u8]) -> io::Result<()> {
        let folder = self.folder.join(&**node);
        if !self.open.contains_key(node) {
            if self.open.len() >= OPEN {
                self.open.clear();
            }
            self.open.insert(node.clone(), Live::open(&folder)?);
        }
        let Some(live) = self.open.get_mut(node) else {
            return Ok(());
        };
        live.write(at, data)?;
        if live.length >= SEGMENT {
            self.open.remove(node);
            rotate(&folder)?;
        }
        Ok(())
    }
}

impl Live {
    fn open(folder: &Path) -> io::Result<Self> {
        fs::create_dir_all(folder)?;
        let append = |name: &str| File::options().create(true).append(true).open(folder.join(name));
        let (mut octets, mut times) = (append("live")?, append("live.times")?);
        let mut length = octets.metadata()?.len();
        // The process ended while this part was put away: that is done to its end, so that nothing is there twice.
        if length >= SEGMENT {
            rotate(folder)?;
            (octets, times, length) = (append("live")?, append("live.times")?, 0);
        }
        // A record that was cut off would shift all that follow; times without octets mean nothing.
        let whole = times.metadata()?.len() / RECORD as u64 * RECORD as u64;
        times.set_len(if length == 0 { 0 } else { whole })?;
        Ok(Self {
            length,
            octets,
            times,
            last: i64::MIN,
        })
    }

    fn write(&mut self, at: Timestamp, data: &[u8]) -> io::Result<()> {
        let from = self.length;
        self.octets.write_all(data)?;
        self.length += data.len() as u64;
        let at = at.as_millisecond();
        // A clock that is set back must not swallow times.
        if at < self.last || at >= self.last.saturating_add(CLOSE) {
            let mut record = [0; RECORD];
            record[..8].copy_from_slice(&at.to_le_bytes());
            record[8..].copy_from_slice(&from.to_le_bytes());
            self.times.write_all(&record)?;
            self.last = at;
        }
        Ok(())
    }
}

/// Compresses the live part under the next number, and lets the oldest go.
fn rotate(folder: &Path) -> io::Result<()> {
    let mut numbers = numbers(folder)?;
    if !is_put_away(folder, numbers.last().copied())? {
        let number = numbers.last().map_or(1, |last| last + 1);
        let (octets, times) = old(folder, number);
        compress(&folder.join("live.times"), &times)?;
        compress(&folder.join("live"), &octets)?;
        numbers.push(number);
    }
    // The times go last: without octets they mean nothing.
    fs::remove_file(folder.join("live"))?;
    fs::remove_file(folder.join("live.times"))?;
    for number in &numbers[..numbers.len().saturating_sub(KEPT)] {
        let (octets, times) = old(folder, *number);
        fs::remove_file(octets)?;
        fs::remove_file(times).ok();
    }
    Ok(())
}

/// Whether the last part is what is live still: what was said may repeat itself, but not its times.
fn is_put_away(folder: &Path, last: Option<u64>) -> io::Result<bool> {
    let Some(number) = last else { return Ok(false) };
    let times = zstd::decode_all(File::open(old(folder, number).1)?)?;
    Ok(!times.is_empty() && times == fs::read(folder.join("live.times"))?)
}

fn compress(from: &Path, to: &Path) -> io::Result<()> {
    let part = to.with_extension("part");
    zstd::stream::copy_encode(File::open(from)?, File::create(&part)?, 3)?;
    fs::rename(part, to)
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_700_000_000).unwrap() + SignedDuration::from_secs(seconds)
    }

    fn all(logs: &Logs, since: Option<Timestamp>) -> Vec<(Timestamp, usize)> {
        let mut pieces = Vec::new();
        logs.read("n1", since, |at, piece| {
            pieces.push((at, piece.len()));
            ControlFlow::Continue(())
        })
        .unwrap();
        pieces
    }

    #[tokio::test]
    async fn every_octet_is_there_with_its_time_across_parts_and_restarts() {
        let folder = tempfile::tempdir().unwrap();
        let node: Arc<str> = "n1".into();
        let piece = Bytes::from(vec![b'x'; 1 << 20]);
        {
            let logs = Logs::open(folder.path().to_path_buf()).unwrap();
            for n in 0..20 {
                logs.write(&node, at(n), piece.clone()).await;
            }
            logs.flush().await;
        }
        // A record that was cut off by the end of the process.
        let times = folder.path().join("n1/live.times");
        File::options()
            .append(true)
            .open(&times)
            .unwrap()
            .write_all(&[1, 2, 3])
            .unwrap();
        let logs = Logs::open(folder.path().to_path_buf()).unwrap();
        logs.write(&node, at(20), Bytes::from_static(b"the last")).await;
        logs.flush().await;
        assert!(folder.path().join("n1/00000002.zst").exists());
        let pieces = all(&logs, None);
        assert_eq!(pieces.len(), 21);
        assert_eq!(pieces[20], (at(20), 8));
        assert!(
            pieces[..20]
                .iter()
                .enumerate()
                .all(|(n, piece)| *piece == (at(n as i64), 1 << 20))
        );
        assert_eq!(logs.tail("n1", 8).unwrap(), b"the last");
        assert_eq!(logs.tail("n2", 8).unwrap(), b"");
        assert_eq!(all(&logs, Some(at(19))), [(at(19), 1 << 20), (at(20), 8)]);
        assert_eq!(logs.lost(), 0);
    }

    #[tokio::test]
    async fn a_part_that_was_put_away_when_the_process_ended_is_there_once() {
        let folder = tempfile::tempdir().unwrap();
        let node: Arc<str> = "n1".into();
        let write = async |seconds: i64, data: Bytes| {
            let logs = Logs::open(folder.path().to_path_buf()).unwrap();
            logs.write(&node, at(seconds), data).await;
            logs.flush().await;
            logs
        };
        write(0, Bytes::from(vec![b'x'; (SEGMENT - 1) as usize])).await;
        let file = |name: &str| folder.path().join("n1").join(name);
        write(1, Bytes::from_static(b"y")).await;
        assert!(!file("live").exists());
        // As if it had ended before the live part was taken away.
        for (part, live) in [("00000001.zst", "live"), ("00000001.times.zst", "live.times")] {
            let put_away = zstd::decode_all(File::open(file(part)).unwrap()).unwrap();
            std::fs::write(file(live), put_away).unwrap();
        }
        let logs = write(2, Bytes::from_static(b"z")).await;
        assert_eq!(
            all(&logs, None),
            [(at(0), SEGMENT as usize - 1), (at(1), 1), (at(2), 1)]
        );
        // Or after the octets, before their times.
        std::fs::remove_file(file("live")).unwrap();
        let logs = write(3, Bytes::from_static(b"w")).await;
        assert_eq!(all(&logs, None)[2..], [(at(3), 1)]);
    }

    #[tokio::test]
    async fn a_disk_that_takes_nothing_is_counted_and_no_reason_to_stop() {
        let folder = tempfile::tempdir().unwrap();
        let logs = Logs::open(folder.path().join("logs")).unwrap();
        // A file where the node's folder should be.
        std::fs::write(folder.path().join("logs/n1"), "").unwrap();
        let node: Arc<str> = "n1".into();
        logs.write(&node, at(0), Bytes::from_static(b"12345")).await;
        logs.flush().await;
        assert_eq!(logs.lost(), 5);
        std::fs::remove_file(folder.path().join("logs/n1")).unwrap();
        logs.write(&node, at(1), Bytes::from_static(b"678")).await;
        logs.flush().await;
        assert_eq!(logs.tail("n1", 100).unwrap(), b"678");
    }
}
