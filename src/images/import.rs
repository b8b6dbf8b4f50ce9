//! Importing the image of a whole disk: raw or qcow2, plain or compressed, from a file or an address.
//!
//! Whatever comes in becomes one thing, a raw disk compressed with zstd, so that a machine that writes it needs to know
//! nothing else.
//!
//! Invariant: everything is made in a hidden folder and moved in by one rename, as a build does it.
//! Invariant: an image cannot make this host read its own files: a qcow2 that leans on another file is refused.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use jiff::Timestamp;
use thiserror::Error;

use super::build::{self, BuildError, Folders, Sweep};
use super::catalog::{self, CatalogError};
use super::manifest::{self, FileEntry, Kind, Manifest};

/// What to import.
#[derive(Debug, Clone)]
pub struct Import {
    /// Name of the image.
    pub name: String,
    /// A path, or an `http://` or `https://` address.
    pub source: String,
    /// What is on it, for people.
    pub os: String,
    /// Architecture in Debian's words.
    pub architecture: String,
    /// What its SHA-256 has to be, as it comes.
    pub sha256: Option<String>,
}

/// Why there is no new image.
#[derive(Debug, Error)]
pub enum ImportError {
    /// A name that cannot be one.
    #[error(transparent)]
    Name(#[from] CatalogError),
    /// A file or folder that cannot be made, read or moved; or somebody else is at it.
    #[error(transparent)]
    Build(#[from] BuildError),
    /// A program is missing on this host.
    #[error("this host lacks {program}: apt-get install {package}")]
    MissingTool {
        /// What was to be run.
        program: &'static str,
        /// Where it comes from.
        package: &'static str,
    },
    /// A program failed.
    #[error("cannot {what}: {said}")]
    Tool {
        /// What it was to do.
        what: String,
        /// Its last words.
        said: String,
    },
    /// The file is not the one that was meant.
    #[error("{source_name} has the SHA-256 {found}, expected {expected}")]
    Digest {
        /// Where it came from.
        source_name: String,
        /// What it has.
        found: String,
        /// What was given.
        expected: String,
    },
    /// Not a disk.
    #[error("{0}")]
    NotADisk(String),
}

/// How a file begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Zstd,
    Xz,
    Gzip,
    Qcow2,
    Other,
}

/// Imports an image. Takes as long as its disk is large; `step` hears what is done.
///
/// # Errors
/// If it cannot be imported; what was there before is still there.
pub fn import(folders: &Folders, wanted: &Import, step: &mut dyn FnMut(&str)) -> Result<Manifest, ImportError> {
    catalog::check_name(&wanted.name)?;
    if wanted.name == build::AGENT {
        return Err(BuildError::AgentsName.into());
    }
    build::files("make", &folders.images, std::fs::create_dir_all(&folders.images))?;
    let _lock = build::lock(&folders.images, &wanted.name)?;
    let work = folders.images.join(format!(".build-{}", wanted.name));
    let swept = Sweep(vec![work.clone()]);
    swept.sweep();
    build::files("make", &work, std::fs::create_dir(&work))?;

    let given = fetched(wanted, &work, step)?;
    step("checking");
    let (_, digest) = build::files("read", &given, manifest::digest(&given))?;
    if let Some(expected) = &wanted.sha256
        && !expected.eq_ignore_ascii_case(&digest)
    {
        return Err(ImportError::Digest {
            source_name: wanted.source.clone(),
            found: digest,
            expected: expected.clone(),
        });
    }
    let raw = raw(&given, &work, step)?;
    let size = checked(&raw, &wanted.source)?;
    step("compressing");
    let disk = work.join("disk.zst");
    let mut zstd = Command::new("zstd");
    zstd.args(["-q", "-T0", "-9", "-f", "-o"])
        .arg(&disk)
        .arg("--")
        .arg(&raw);
    run("compress the image", "zstd", zstd)?;
    for spent in ["given", "plain", "raw"] {
        std::fs::remove_file(work.join(spent)).ok();
    }
    step("measuring");
    let manifest = Manifest {
        name: wanted.name.clone(),
        kind: Kind::Disk,
        os: wanted.os.clone(),
        architecture: wanted.architecture.clone(),
        built_at: Timestamp::now(),
        kernel: None,
        initrd: None,
        root: None,
        disk_initrd: None,
        disk: Some(build::files("measure", &disk, FileEntry::measure(&work, "disk.zst"))?),
        unpacked: Some(size),
        packages: None,
        recipe: digest,
    };
    let path = work.join(manifest::FILE);
    let text = serde_json::to_string_pretty(&manifest).expect("a manifest always serialises");
    build::files("write", &path, std::fs::write(&path, text + "\n"))?;
    build::move_in(&work, &folders.images.join(&wanted.name))?;
    Ok(manifest)
}

/// The file as it was given; one from an address is fetched first.
fn fetched(wanted: &Import, work: &Path, step: &mut dyn FnMut(&str)) -> Result<PathBuf, ImportError> {
    if !wanted.source.starts_with("http://") && !wanted.source.starts_with("https://") {
        return Ok(PathBuf::from(&wanted.source));
    }
    step("fetching");
    let given = work.join("given");
    let mut curl = Command::new("curl");
    curl.args([
        "-sS",
        "-f",
        "-L",
        "--proto",
        "=http,https",
        "--retry",
        "5",
        "-C",
        "-",
        "-o",
    ]);
    curl.arg(&given).arg("--").arg(&wanted.source);
    run(&format!("fetch {}", wanted.source), "curl", curl)?;
    Ok(given)
}

/// The disk byte for byte, whatever it came in.
fn raw(given: &Path, work: &Path, step: &mut dyn FnMut(&str)) -> Result<PathBuf, ImportError> {
    let unpacker = match form(given)? {
        Form::Zstd => Some(("zstd", "zstd")),
        Form::Xz => Some(("xz", "xz-utils")),
        Form::Gzip => Some(("gzip", "gzip")),
        Form::Qcow2 | Form::Other => None,
    };
    let mut plain = given.to_path_buf();
    if let Some((program, package)) = unpacker {
        step("unpacking");
        plain = work.join("plain");
        let out = build::files("make", &plain, File::create(&plain))?;
        let mut unpack = Command::new(program);
        unpack.arg("-dc").arg("--").arg(given);
        run_into(out, "unpack the image", package, unpack)?;
    }
    if form(&plain)? != Form::Qcow2 {
        return Ok(plain);
    }
    step("converting");
    leans_on_nothing(&plain)?;
    let raw = work.join("raw");
    let mut convert = Command::new("qemu-img");
    convert
        .args(["convert", "-f", "qcow2", "-O", "raw"])
        .arg(&plain)
        .arg(&raw);
    run("convert the qcow2", "qemu-utils", convert)?;
    Ok(raw)
}

/// A qcow2 may name other files, of this host, as the place of its content: those would end up in the image.
fn leans_on_nothing(image: &Path) -> Result<(), ImportError> {
    let mut info = Command::new("qemu-img");
    info.args(["info", "-f", "qcow2", "--output", "json"]).arg(image);
    let said = run("look into the qcow2", "qemu-utils", info)?;
    let info: serde_json::Value = serde_json::from_slice(&said).map_err(|error| ImportError::Tool {
        what: "look into the qcow2".into(),
        said: error.to_string(),
    })?;
    let elsewhere = ["/backing-filename", "/format-specific/data/data-file"];
    match elsewhere.iter().find_map(|place| info.pointer(place)?.as_str()) {
        Some(other) => Err(ImportError::NotADisk(format!(
            "the qcow2 is only a part: the rest is in {other}. Make one whole first: qemu-img convert -O qcow2 IN OUT"
        ))),
        None => Ok(()),
    }
}

/// The length of a disk that somebody can boot from, as far as its first sector tells.
fn checked(raw: &Path, source: &str) -> Result<u64, ImportError> {
    let read = || -> io::Result<(u64, [u8; 2])> {
        let mut file = File::open(raw)?;
        let size = file.metadata()?.len();
        let mut mark = [0; 2];
        if size >= 1 << 20 {
            file.seek(SeekFrom::Start(510))?;
            file.read_exact(&mut mark)?;
        }
        Ok((size, mark))
    };
    let (size, mark) = build::files("read", raw, read())?;
    match (size, mark) {
        (..1_048_576, _) => Err(ImportError::NotADisk(format!(
            "{source} is not the image of a disk: it has {size} bytes only"
        ))),
        (_, [0x55, 0xaa]) if size % 512 == 0 => Ok(size),
        (_, [0x55, 0xaa]) => Err(ImportError::NotADisk(format!(
            "{source} is not a whole disk: {size} bytes are no number of sectors"
        ))),
        _ => Err(ImportError::NotADisk(format!(
            "{source} is not the image of a disk: its first sector has no partition table. Raw and qcow2 images are \
             taken, plain or compressed with zstd, xz or gzip"
        ))),
    }
}

fn form(path: &Path) -> Result<Form, ImportError> {
    let mut head = Vec::new();
    let read = File::open(path).and_then(|file| file.take(6).read_to_end(&mut head));
    build::files("read", path, read)?;
    Ok(match head.as_slice() {
        [0x28, 0xb5, 0x2f, 0xfd, ..] => Form::Zstd,
        [0xfd, b'7', b'z', b'X', b'Z', 0] => Form::Xz,
        [0x1f, 0x8b, ..] => Form::Gzip,
        [b'Q', b'F', b'I', 0xfb, ..] => Form::Qcow2,
        _ => Form::Other,
    })
}

/// Runs a program to its end and returns what it wrote.
fn run(what: &str, package: &'static str, command: Command) -> Result<Vec<u8>, ImportError> {
    run_into(Stdio::piped(), what, package, command)
}

/// Runs a program to its end; what it writes goes into `out`, and is returned if that is a pipe.
fn run_into(
    out: impl Into<Stdio>,
    what: &str,
    package: &'static str,
    mut command: Command,
) -> Result<Vec<u8>, ImportError> {
    let program = match package {
        "qemu-utils" => "qemu-img",
        "xz-utils" => "xz",
        other => other,
    };
    let ended = command
        .stdin(Stdio::null())
        .stdout(out)
        .stderr(Stdio::piped())
        .spawn()
        .and_then(|child| child.wait_with_output());
    match ended {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Err(ImportError::MissingTool { program, package }),
        Err(error) => Err(ImportError::Tool {
            what: what.to_string(),
            said: error.to_string(),
        }),
        Ok(output) if output.status.success() => Ok(output.stdout),
        Ok(output) => Err(ImportError::Tool {
            what: what.to_string(),
            said: match String::from_utf8_lossy(&output.stderr).trim() {
                "" => format!("{program} ended with {}", output.status),
                said => said.lines().last().unwrap_or_default().to_string(),
            },
        }),
    }
}

#[cfg(test)]
mod tests;
