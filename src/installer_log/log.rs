//! The log of one deployment on disk: its beginning and its end, however much comes.
//!
//! The first [`HEAD`] bytes are `ID.log`. What follows is cut into parts named after the place where they begin,
//! `ID.log.8388608`, of which the last two are kept. So a place in the log is the same number for ever, and whoever
//! follows it sees what was left out.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use model::event::Seq;

/// How much of the beginning is kept, in bytes.
pub const HEAD: u64 = 8 << 20;
/// Size of the parts that follow, in bytes.
pub const PART: u64 = 4 << 20;
/// How many of them are kept.
const PARTS: usize = 2;

/// A log that is being written.
#[derive(Debug)]
pub struct Log {
    folder: PathBuf,
    deployment: Seq,
    file: File,
    /// Where the file begins in the log.
    begins: u64,
    length: u64,
}

impl Log {
    /// Opens the log of a deployment, new or where it was left off.
    ///
    /// # Errors
    /// If the folder or a file cannot be read or written.
    pub fn open(folder: &Path, deployment: Seq) -> io::Result<Self> {
        let begins = parts(folder, deployment)?.last().map_or(0, |part| *part);
        let file = File::options()
            .create(true)
            .append(true)
            .open(path(folder, deployment, begins))?;
        let length = file.metadata()?.len();
        Ok(Self {
            folder: folder.to_path_buf(),
            deployment,
            file,
            begins,
            length,
        })
    }

    /// Appends whole lines.
    ///
    /// # Errors
    /// If they cannot be written.
    pub fn append(&mut self, text: &str) -> io::Result<()> {
        let size = if self.begins == 0 { HEAD } else { PART };
        if self.length + text.len() as u64 > size && self.length > 0 {
            self.next()?;
        }
        self.file.write_all(text.as_bytes())?;
        self.length += text.len() as u64;
        Ok(())
    }

    fn next(&mut self) -> io::Result<()> {
        let begins = self.begins + self.length;
        self.file = File::options()
            .create(true)
            .append(true)
            .open(path(&self.folder, self.deployment, begins))?;
        (self.begins, self.length) = (begins, 0);
        let parts = parts(&self.folder, self.deployment)?;
        let old = parts.iter().filter(|part| **part > 0);
        for part in old.clone().take(old.count().saturating_sub(PARTS)) {
            std::fs::remove_file(path(&self.folder, self.deployment, *part))?;
        }
        Ok(())
    }
}

/// A piece of a log.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Piece {
    /// Its text; a line says so where something was left out.
    pub text: String,
    /// Where the log goes on.
    pub next: u64,
}

/// Reads the log of a deployment from a place on, at most `limit` bytes; 0 is its beginning. `None`: there is no log.
///
/// # Errors
/// If it cannot be read.
pub fn read(folder: &Path, deployment: Seq, from: u64, limit: u64) -> io::Result<Option<Piece>> {
    let parts = parts(folder, deployment)?;
    if parts.is_empty() {
        return Ok(None);
    }
    let mut bytes = Vec::new();
    let mut next = from;
    for begins in parts {
        let mut file = match File::open(path(folder, deployment, begins)) {
            Ok(file) => file,
            // The writer has just left it out.
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(error),
        };
        let length = file.metadata()?.len();
        if begins + length <= next || bytes.len() as u64 >= limit {
            continue;
        }
        if begins > next {
            writeln!(bytes, "… {} bytes are left out here …", begins - next)?;
            next = begins;
        }
        file.seek(SeekFrom::Start(next - begins))?;
        let room = limit.saturating_sub(bytes.len() as u64);
        next += file.take(room).read_to_end(&mut bytes)? as u64;
    }
    Ok(Some(Piece {
        text: String::from_utf8_lossy(&bytes).into_owned(),
        next,
    }))
}

/// The last bytes of a log, in whole lines; empty where there is none.
///
/// # Errors
/// If it cannot be read.
pub fn tail(folder: &Path, deployment: Seq, bytes: u64) -> io::Result<String> {
    let Some(last) = parts(folder, deployment)?.last().copied() else {
        return Ok(String::new());
    };
    let length = std::fs::metadata(path(folder, deployment, last))?.len();
    let from = (last + length).saturating_sub(bytes);
    let piece = read(folder, deployment, from, bytes)?.unwrap_or_default();
    Ok(match piece.text.split_once('\n') {
        Some((_, whole)) if from > 0 => whole.to_string(),
        _ => piece.text,
    })
}

fn path(folder: &Path, deployment: Seq, begins: u64) -> PathBuf {
    match begins {
        0 => folder.join(format!("{deployment}.log")),
        begins => folder.join(format!("{deployment}.log.{begins}")),
    }
}

/// Where the parts of a log begin, in order.
fn parts(folder: &Path, deployment: Seq) -> io::Result<Vec<u64>> {
    let name = format!("{deployment}.log");
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut parts: Vec<u64> = entries
        .flatten()
        .filter_map(|entry| entry.file_name().into_string().ok())
        .filter_map(|file| match file.strip_prefix(&name)? {
            "" => Some(0),
            rest => rest.strip_prefix('.')?.parse().ok(),
        })
        .collect();
    parts.sort_unstable();
    Ok(parts)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(n: u64) -> String {
        format!("{n:015}\n")
    }

    #[test]
    fn a_log_is_read_as_it_was_written_and_goes_on_after_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(read(folder.path(), 7, 0, 100).unwrap(), None);
        Log::open(folder.path(), 7).unwrap().append("one\n").unwrap();
        Log::open(folder.path(), 7).unwrap().append("two\n").unwrap();
        Log::open(folder.path(), 77).unwrap().append("other\n").unwrap();
        let piece = read(folder.path(), 7, 0, 100).unwrap().unwrap();
        assert_eq!((piece.text.as_str(), piece.next), ("one\ntwo\n", 8));
        let piece = read(folder.path(), 7, 4, 100).unwrap().unwrap();
        assert_eq!((piece.text.as_str(), piece.next), ("two\n", 8));
        assert_eq!(
            read(folder.path(), 7, 8, 100).unwrap().unwrap(),
            Piece {
                text: String::new(),
                next: 8
            }
        );
        assert_eq!(tail(folder.path(), 7, 5).unwrap(), "two\n");
    }

    #[test]
    fn of_a_log_without_end_the_beginning_and_the_end_are_kept() {
        let folder = tempfile::tempdir().unwrap();
        let mut log = Log::open(folder.path(), 1).unwrap();
        let lines = (HEAD + 5 * PART) / 16 + 1;
        for n in 0..lines {
            log.append(&line(n)).unwrap();
        }
        let piece = read(folder.path(), 1, 0, u64::MAX).unwrap().unwrap();
        assert!(piece.text.len() as u64 <= HEAD + 2 * PART + 100, "{}", piece.text.len());
        assert!(piece.text.starts_with(&line(0)) && piece.text.ends_with(&line(lines - 1)));
        assert_eq!(piece.next, lines * 16);
        let left_out = piece
            .text
            .lines()
            .filter(|line| line.contains("are left out here"))
            .count();
        assert_eq!(left_out, 1);
        // Whoever followed it sees every line that is there once.
        let mut from = 0;
        let mut followed = String::new();
        loop {
            let piece = read(folder.path(), 1, from, 1 << 20).unwrap().unwrap();
            if piece.text.is_empty() {
                break;
            }
            (from, followed) = (piece.next, followed + &piece.text);
        }
        assert_eq!(followed, piece.text);
        assert_eq!(
            tail(folder.path(), 1, 40).unwrap(),
            format!("{}{}", line(lines - 2), line(lines - 1))
        );
    }
}
