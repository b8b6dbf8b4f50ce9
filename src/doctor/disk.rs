//! The disk under the state folder: space, inodes, and how long it takes to be sure of a write.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use nix::sys::statvfs::statvfs;

use super::{Finding, Host};

/// Below this the journal may be full before anybody looks, in bytes.
const LITTLE: u64 = 200 << 20;
/// An image and its build need this much, in bytes.
const SOME: u64 = 3 << 30;
/// Files that may still be made.
const FEW: u64 = 1000;
/// Every lease waits for a write; slower than this, a rack that starts at once is felt.
const SLOW: Duration = Duration::from_millis(100);
/// Slower than this, clients ask again before they are answered (RFC 2131 section 4.1: after 4 s).
const TOO_SLOW: Duration = Duration::from_secs(2);

pub(super) fn check(host: &Host) -> Vec<Finding> {
    let folder = existing(&host.state);
    let mut findings = space(&folder);
    findings.push(if folder == host.state {
        writing(&folder)
    } else {
        Finding::ok(
            "disk.state",
            format!(
                "{} is not there yet; it is made when the server starts",
                host.state.display()
            ),
        )
    });
    findings
}

/// The folder itself, or the nearest one above it that is there.
fn existing(path: &Path) -> PathBuf {
    let whole = std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf());
    let found = whole.ancestors().find(|folder| folder.is_dir());
    if path.is_dir() {
        return path.to_path_buf();
    }
    found.unwrap_or(Path::new("/")).to_path_buf()
}

fn space(folder: &Path) -> Vec<Finding> {
    let shown = folder.display();
    let found = match statvfs(folder) {
        Ok(found) => found,
        Err(error) => {
            return vec![Finding::notice(
                "disk.space",
                format!("the space under {shown} cannot be seen: {error}"),
            )];
        }
    };
    let free = found.blocks_available().saturating_mul(found.fragment_size());
    // Some file systems (btrfs) count no inodes, and say 0 of 0.
    let inodes = (found.files() > 0).then(|| found.files_available());
    judge_space(&shown.to_string(), free, inodes)
}

fn judge_space(shown: &str, free: u64, inodes: Option<u64>) -> Vec<Finding> {
    let mut findings = Vec::new();
    let size = model::measure::size(free);
    if free < LITTLE {
        findings.push(
            Finding::problem(
                "disk.space",
                format!("{size} left under {shown}: when the journal cannot be written, nobody gets an address"),
            )
            .run(format!("du -xh --max-depth=2 {shown} | sort -h | tail")),
        );
    } else if free < SOME {
        findings.push(
            Finding::warning(
                "disk.space",
                format!("{size} left under {shown}: too little to build an image"),
            )
            .run(format!("du -xh --max-depth=2 {shown} | sort -h | tail")),
        );
    }
    if let Some(inodes) = inodes.filter(|inodes| *inodes < FEW) {
        findings.push(
            Finding::problem(
                "disk.inodes",
                format!("only {inodes} more files can be made under {shown}"),
            )
            .run(format!("du --inodes -x --max-depth=2 {shown} | sort -n | tail")),
        );
    }
    if findings.is_empty() {
        findings.push(Finding::ok("disk.space", format!("{size} left under {shown}")));
    }
    findings
}

/// Writes a page and waits until it is on the disk, as the journal does for every lease.
fn writing(folder: &Path) -> Finding {
    let path = folder.join(format!(".doctor-{}", std::process::id()));
    let began = Instant::now();
    let written = std::fs::File::create_new(&path).and_then(|mut file| {
        file.write_all(&[0; 4096])?;
        file.sync_all()
    });
    let took = began.elapsed();
    std::fs::remove_file(&path).ok();
    let shown = folder.display();
    match written {
        Ok(()) => judge_sync(&shown.to_string(), took),
        Err(error) if error.kind() == std::io::ErrorKind::PermissionDenied => Finding::notice(
            "disk.sync",
            format!("only root and the server's user may write to {shown}"),
        )
        .advise("run as root: sudo bellwether doctor"),
        Err(error) => Finding::problem(
            "disk.sync",
            format!("cannot write to the state folder {shown}: {error}"),
        )
        .run(format!("df -h {shown}")),
    }
}

fn judge_sync(shown: &str, took: Duration) -> Finding {
    let text = format!("a write to {shown} is safe after {} ms", took.as_millis().max(1));
    if took > TOO_SLOW {
        Finding::problem(
            "disk.sync",
            format!("{text}: clients give up before their lease is written"),
        )
        .advise("put the state folder on another disk: --state DIR")
    } else if took > SLOW {
        Finding::warning("disk.sync", format!("{text}: slow when many machines start at once"))
            .advise("put the state folder on a faster disk: --state DIR")
    } else {
        Finding::ok("disk.sync", text)
    }
}

#[cfg(test)]
mod tests {
    use super::super::Severity;
    use super::*;

    #[test]
    fn little_space_and_few_inodes_are_told_apart() {
        let checks = |free, inodes| {
            let found = judge_space("/x", free, inodes);
            found.into_iter().map(|f| (f.severity, f.check)).collect::<Vec<_>>()
        };
        assert_eq!(checks(10 << 20, Some(1 << 20)), [(Severity::Problem, "disk.space")]);
        assert_eq!(checks(1 << 30, None), [(Severity::Warning, "disk.space")]);
        assert_eq!(checks(1 << 40, Some(3)), [(Severity::Problem, "disk.inodes")]);
        assert_eq!(checks(1 << 40, Some(1 << 20)), [(Severity::Ok, "disk.space")]);
    }

    #[test]
    fn a_slow_disk_is_a_warning_and_a_very_slow_one_a_problem() {
        let judged = |ms| judge_sync("/x", Duration::from_millis(ms)).severity;
        assert_eq!(
            (judged(3), judged(300), judged(3000)),
            (Severity::Ok, Severity::Warning, Severity::Problem)
        );
    }
}
