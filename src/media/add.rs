//! Adding a medium: fetched and checked beside the others, moved in at the end.

use std::path::{Path, PathBuf};

use jiff::Timestamp;
use thiserror::Error;

use super::catalog::{self, MediumError};
use super::fetch::{Fetched, Job, KEYRING};
use super::manifest::{self, Manifest};
use crate::apt::{self, Source};
use crate::images::FileEntry;
use crate::images::catalog::check_name;

/// Where a medium is added from.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum From {
    /// Debian's package of it, from the apt sources of this host.
    #[default]
    Apt,
    /// Debian's package of it, from this mirror.
    Mirror(String),
    /// The package as a file.
    Deb(PathBuf),
    /// A folder with the files.
    Folder(PathBuf),
    /// The files of a mirror, below this address.
    Url(String),
}

impl From {
    /// What was typed behind `--from`.
    pub fn parse(text: &str) -> Self {
        if text.starts_with("http://") || text.starts_with("https://") {
            Self::Url(text.to_string())
        } else if text.ends_with(".deb") {
            Self::Deb(PathBuf::from(text))
        } else {
            Self::Folder(PathBuf::from(text))
        }
    }
}

/// What is added.
#[derive(Debug, Clone)]
pub struct Options {
    /// Its name.
    pub name: String,
    /// Operating system, `debian-12`.
    pub os: String,
    /// Architecture in Debian's words.
    pub architecture: String,
    /// Where it is from.
    pub from: From,
    /// Further initial RAM disks.
    pub extra_initrds: Vec<PathBuf>,
    /// Suite of the installer's own components.
    pub udeb_suite: Option<String>,
    /// Keyring that has to have signed what a mirror gives; Debian's own if none.
    pub keyring: Option<PathBuf>,
}

/// What came of it.
#[derive(Debug)]
pub enum Outcome {
    /// It is there, new or changed.
    Added(Manifest),
    /// The same was there already.
    Unchanged(Manifest),
}

/// Why a medium was not added. What was there before is still there.
#[derive(Debug, Error)]
pub enum AddError {
    /// An operating system that is not known.
    #[error("{os} cannot be installed by its own installer; {} can", known.join(" and "))]
    UnknownSystem {
        /// What was asked for.
        os: String,
        /// What can.
        known: Vec<&'static str>,
    },
    /// A name that cannot be one.
    #[error(transparent)]
    Name(#[from] MediumError),
    /// This host's apt knows no mirror.
    #[error("this host's apt has no sources for Debian: give --mirror URL")]
    NoSources,
    /// A suite's name that would not fit where it goes.
    #[error("{0:?} is not the name of a suite")]
    Suite(String),
    /// It could not be fetched or checked.
    #[error("cannot get {os}: {why}")]
    Fetch {
        /// What.
        os: String,
        /// What the program that tried said.
        why: String,
    },
    /// The kernel or an initial RAM disk is none.
    #[error("{} is not {what}", path.display())]
    NotWhatItShouldBe {
        /// Which file.
        path: PathBuf,
        /// What it should be.
        what: &'static str,
    },
    /// A file that cannot be read or written.
    #[error("cannot {what} {}: {source}", path.display())]
    File {
        /// Read, write, make.
        what: &'static str,
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

/// Adds a medium to the folder. `apt_folder` is `/etc/apt`; `phase` is told what is going on.
///
/// # Errors
/// If it cannot be fetched, checked or written.
pub fn add(
    folder: &Path,
    apt_folder: &Path,
    options: &Options,
    phase: &mut dyn FnMut(&str),
) -> Result<Outcome, AddError> {
    check_name(&options.name).map_err(|_| MediumError::BadName(options.name.clone()))?;
    let suite = model::install::codename(&options.os).ok_or_else(|| AddError::UnknownSystem {
        os: options.os.clone(),
        known: model::install::RELEASES.iter().map(|&(name, _)| name).collect(),
    })?;
    if let Some(udeb_suite) = &options.udeb_suite {
        let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_' | '/' | '+');
        if udeb_suite.is_empty() || !udeb_suite.chars().all(fits) {
            return Err(AddError::Suite(udeb_suite.clone()));
        }
    }
    let own = folder.join(format!(".adding-{}-{}", options.name, std::process::id()));
    let work = own.join("work");
    make(&work)?;
    let made = gather(&own, &work, suite, apt_folder, options, phase);
    let done = made.and_then(|manifest| move_in(folder, &own, manifest));
    std::fs::remove_dir_all(&own).ok();
    done
}

/// Fetches into `work`, and puts what belongs to the medium into `own`.
fn gather(
    own: &Path,
    work: &Path,
    suite: &str,
    apt_folder: &Path,
    options: &Options,
    phase: &mut dyn FnMut(&str),
) -> Result<Manifest, AddError> {
    let job = Job {
        os: &options.os,
        suite,
        architecture: &options.architecture,
        work,
    };
    phase(&format!("fetching the installer of {}", options.os));
    let Fetched {
        kernel,
        initrd,
        version,
        source,
    } = fetch(&job, apt_folder, options)?;
    phase("checking");
    let kernel = take(&kernel, own, "linux", "a kernel")?;
    let initrd = take(&initrd, own, "initrd.gz", "an initial RAM disk")?;
    let mut extra = Vec::new();
    for (number, path) in (1..).zip(&options.extra_initrds) {
        let end = path.extension().map_or("cpio", |end| end.to_str().unwrap_or("cpio"));
        let name = format!("extra{number}.{}", if end == "gz" { "cpio.gz" } else { end });
        let name: String = name
            .chars()
            .filter(|c| c.is_ascii_alphanumeric() || *c == '.')
            .collect();
        extra.push(take(path, own, &name, "an initial RAM disk")?);
    }
    std::fs::remove_dir_all(work).map_err(|source| AddError::File {
        what: "remove",
        path: work.to_path_buf(),
        source,
    })?;
    let manifest = Manifest {
        name: options.name.clone(),
        os: options.os.clone(),
        architecture: options.architecture.clone(),
        version,
        source,
        added_at: Timestamp::now(),
        kernel,
        initrd,
        extra,
        udeb_suite: options.udeb_suite.clone(),
    };
    let text = serde_json::to_vec_pretty(&manifest).expect("a manifest always serialises");
    let path = own.join(manifest::FILE);
    std::fs::write(&path, text).map_err(|source| AddError::File {
        what: "write",
        path,
        source,
    })?;
    Ok(manifest)
}

fn fetch(job: &Job<'_>, apt_folder: &Path, options: &Options) -> Result<Fetched, AddError> {
    let sources = || -> Result<Vec<Source>, AddError> {
        let files: Vec<(PathBuf, String)> = apt::files(apt_folder)
            .into_iter()
            .filter_map(|path| std::fs::read_to_string(&path).ok().map(|text| (path, text)))
            .collect();
        let parsed = apt::parse(files.iter().map(|(path, text)| (path.as_path(), text.as_str())));
        let mut sources = apt::select(&parsed, job.suite, &[]);
        // The installer is in the release itself.
        sources.retain(|source| source.suite == job.suite);
        if sources.is_empty() {
            return Err(AddError::NoSources);
        }
        Ok(sources)
    };
    let keyring = options.keyring.clone().unwrap_or_else(|| PathBuf::from(KEYRING));
    let fetched = match &options.from {
        From::Apt => {
            let mut sources = sources()?;
            if let Some(keyring) = &options.keyring {
                for source in &mut sources {
                    source.signed_by = Some(keyring.display().to_string());
                }
            }
            job.package_from(&sources)
        }
        From::Mirror(mirror) => {
            let mut source = apt::named(mirror, None, job.suite, &[]);
            source.truncate(1);
            for source in &mut source {
                source.signed_by = Some(keyring.display().to_string());
            }
            job.package_from(&source)
        }
        From::Deb(path) => job.unpack(path),
        From::Folder(path) => job.within(path),
        From::Url(url) => job.from_mirror(url, &keyring),
    };
    fetched.map_err(|why| AddError::Fetch {
        os: options.os.clone(),
        why,
    })
}

/// Copies a file in and measures it; what is obviously something else is refused.
fn take(from: &Path, own: &Path, name: &str, what: &'static str) -> Result<FileEntry, AddError> {
    let to = own.join(name);
    let failed = |what, path: &Path| {
        let path = path.to_path_buf();
        move |source| AddError::File { what, path, source }
    };
    std::fs::copy(from, &to).map_err(failed("copy", from))?;
    let file = std::fs::File::open(&to).map_err(failed("read", &to))?;
    let mut head = Vec::new();
    std::io::Read::read_to_end(&mut std::io::Read::take(file, 1024), &mut head).map_err(failed("read", &to))?;
    let fits = match what {
        "a kernel" => is_kernel(&head),
        _ => is_initrd(&head),
    };
    if !fits {
        return Err(AddError::NotWhatItShouldBe {
            path: from.to_path_buf(),
            what,
        });
    }
    FileEntry::measure(own, name).map_err(failed("read", &to))
}

/// x86's boot protocol has `HdrS` at 0x202; ARM's image `ARM\x64` at 0x38; both are PE files where they start on UEFI.
fn is_kernel(head: &[u8]) -> bool {
    head.get(0x202..0x206) == Some(b"HdrS") || head.get(0x38..0x3c) == Some(b"ARM\x64") || head.starts_with(b"MZ")
}

/// What the kernel unpacks: cpio as it is, or packed with gzip, bzip2, xz, lzma, lzo, lz4, zstd.
fn is_initrd(head: &[u8]) -> bool {
    const STARTS: [&[u8]; 9] = [
        b"070701",
        b"070702",
        &[0x1f, 0x8b],
        b"BZh",
        &[0xfd, b'7', b'z', b'X', b'Z'],
        &[0x5d, 0, 0],
        &[0x89, b'L', b'Z', b'O'],
        &[0x02, 0x21, 0x4c, 0x18],
        &[0x28, 0xb5, 0x2f, 0xfd],
    ];
    STARTS.iter().any(|start| head.starts_with(start))
}

fn move_in(folder: &Path, own: &Path, manifest: Manifest) -> Result<Outcome, AddError> {
    if let Ok(before) = catalog::check(folder, &manifest.name)
        && before.same_as(&manifest)
    {
        return Ok(Outcome::Unchanged(before));
    }
    let place = folder.join(&manifest.name);
    let failed = |what, path: &Path| {
        let path = path.to_path_buf();
        move |source| AddError::File { what, path, source }
    };
    let aside = folder.join(format!(".removed-{}-{}", manifest.name, std::process::id()));
    if place.exists() {
        std::fs::rename(&place, &aside).map_err(failed("replace", &place))?;
    }
    if let Err(source) = std::fs::rename(own, &place) {
        // What was there before is better than nothing.
        std::fs::rename(&aside, &place).ok();
        return Err(failed("make", &place)(source));
    }
    std::fs::remove_dir_all(&aside).ok();
    Ok(Outcome::Added(manifest))
}

fn make(folder: &Path) -> Result<(), AddError> {
    std::fs::create_dir_all(folder).map_err(|source| AddError::File {
        what: "make",
        path: folder.to_path_buf(),
        source,
    })
}

#[cfg(test)]
mod tests;
