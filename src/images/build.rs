//! Building an image: mmdebstrap with the embedded recipe, mksquashfs behind it, a manifest at the end.
//!
//! Invariant: everything is made in a hidden folder beside the images and moved in by one rename; a build that ends
//! early leaves what was there before.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;
use thiserror::Error;

use super::catalog::{self, CatalogError};
use super::manifest::{self, FileEntry, Kind, Manifest, Packages};
use super::progress::{Follower, Phase, Progress};
use super::{recipe, run, tools};
use crate::apt;

mod command;

/// The kernel for machines as they come. `linux-image-cloud-amd64` is smaller and knows virtual machines only.
pub const KERNEL: &str = "linux-image-amd64";

/// Where images and what a build keeps between runs are.
#[derive(Debug, Clone)]
pub struct Folders {
    /// One folder for each image, and the log of its last build beside it.
    pub images: PathBuf,
    /// Packages that were fetched before.
    pub cache: PathBuf,
}

impl Folders {
    /// The usual places below a state folder.
    pub fn of_state(state: &Path) -> Self {
        Self {
            images: state.join("images"),
            cache: state.join("cache/mmdebstrap"),
        }
    }

    /// The log of the last build of an image.
    pub fn log(&self, name: &str) -> PathBuf {
        self.images.join(format!("{name}.build.log"))
    }
}

/// What to build.
#[derive(Debug, Clone)]
pub struct Options {
    /// Name of the image.
    pub name: String,
    /// Distribution and version, `debian-12`.
    pub os: String,
    /// Architecture in Debian's words; only this host's own can be built.
    pub architecture: String,
    /// The package of the kernel.
    pub kernel: String,
    /// Packages besides those of the recipe.
    pub packages: Vec<String>,
    /// Parts of the archive besides `main`, such as `non-free-firmware`.
    pub components: Vec<String>,
    /// A mirror in place of this host's apt sources.
    pub mirror: Option<String>,
    /// A mirror of security updates; only together with `mirror`.
    pub security_mirror: Option<String>,
    /// A system, or the agent.
    pub kind: Kind,
    /// A system that will not live on disks, and needs no boot loaders.
    pub network_only: bool,
    /// Build even if the same image is there.
    pub force: bool,
}

/// The agent's name, which no other image may have.
pub const AGENT: &str = "agent";

/// What the agent is made of. The oldest release there is: what its tools make has to be read by the boot loaders of
/// every image, and an old GRUB does not know what a new mkfs does.
const AGENT_OS: &str = "debian-12";

impl Options {
    /// An image of an operating system, named after it.
    pub fn of(os: &str) -> Self {
        Self {
            name: os.to_string(),
            os: os.to_string(),
            architecture: native().to_string(),
            kernel: KERNEL.to_string(),
            packages: Vec::new(),
            components: Vec::new(),
            mirror: None,
            security_mirror: None,
            kind: Kind::System,
            network_only: false,
            force: false,
        }
    }

    /// The agent.
    pub fn agent() -> Self {
        Self {
            name: AGENT.to_string(),
            kind: Kind::Agent,
            ..Self::of(AGENT_OS)
        }
    }

    /// What decides about the content: neither the mirror nor the name of the image does.
    fn digest(&self) -> String {
        #[derive(Serialize)]
        struct Content<'a>(
            &'a str,
            &'a str,
            &'a str,
            Vec<&'a String>,
            Vec<&'a String>,
            &'a [&'a str],
            Vec<&'a str>,
        );
        fn sorted(words: &[String]) -> Vec<&String> {
            let mut words: Vec<_> = words.iter().collect();
            words.sort();
            words.dedup();
            words
        }
        let (packages, components) = (sorted(&self.packages), sorted(&self.components));
        let content = Content(
            &self.os,
            &self.architecture,
            &self.kernel,
            packages,
            components,
            &command::SQUASHFS,
            recipe::packages(self.kind, self.network_only),
        );
        recipe::digest(
            self.kind,
            &serde_json::to_string(&content).expect("strings always serialise"),
        )
    }
}

/// The architecture of this host in Debian's words; what Debian does not build is named as Rust names it.
pub fn native() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}

/// How a build ended well.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// There is a new image.
    Built(Manifest),
    /// The same image was there already, and is whole.
    Unchanged(Manifest),
}

/// Why there is no new image.
#[derive(Debug, Error)]
pub enum BuildError {
    /// Not something that can be built.
    #[error("{os} cannot be built, only {} and {AGENT}", apt::supported().collect::<Vec<_>>().join(", "))]
    UnknownOs {
        /// What was asked for.
        os: String,
    },
    /// Not this host's architecture.
    #[error(
        "images for {asked} cannot be built here: this host is {}, and only amd64 on amd64 is supported",
        native()
    )]
    Architecture {
        /// What was asked for.
        asked: String,
    },
    /// Programs are missing on this host.
    #[error("this host lacks what a build needs: apt-get install {}", .0.join(" "))]
    MissingTools(Vec<&'static str>),
    /// A name that cannot be one.
    #[error(transparent)]
    Name(#[from] CatalogError),
    /// The agent under another name, or another image under its name.
    #[error("the agent is called {AGENT}, and nothing else is: choose another --name")]
    AgentsName,
    /// A word that apt would take for something else than a package.
    #[error("{0:?} cannot be the name of a package")]
    BadPackage(String),
    /// This host knows no mirror for it.
    #[error("no apt source of this host has {0}: name a mirror, --mirror http://mirror.example/debian")]
    NoSources(&'static str),
    /// Somebody else is at it.
    #[error("{0} is being built already")]
    Busy(String),
    /// A file or folder that cannot be made, read or moved.
    #[error("cannot {what} {}: {source}", path.display())]
    Files {
        /// What was tried.
        what: &'static str,
        /// With which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A program of the build failed.
    #[error("the build failed while {phase} ({programs}); its last words, the rest is in {}:\n{tail}", log.display())]
    Failed {
        /// During which part.
        phase: Phase,
        /// Which programs, and how they ended.
        programs: String,
        /// The whole output.
        log: PathBuf,
        /// The end of it.
        tail: String,
    },
}

pub(super) fn files<T>(what: &'static str, path: &Path, result: io::Result<T>) -> Result<T, BuildError> {
    result.map_err(|source| BuildError::Files {
        what,
        path: path.to_path_buf(),
        source,
    })
}

/// Builds an image, or says that it is there already. Takes minutes; `on_progress` hears where it stands.
///
/// # Errors
/// If it cannot be built; what was there before is still there.
pub fn build(
    folders: &Folders,
    options: &Options,
    on_progress: &mut dyn FnMut(&Progress),
) -> Result<Outcome, BuildError> {
    let suite = check(options)?;
    let digest = options.digest();
    if !options.force
        && let Ok(manifest) = catalog::verify(&folders.images, &options.name)
        && manifest.recipe == digest
    {
        return Ok(Outcome::Unchanged(manifest));
    }
    let root = nix::unistd::geteuid().is_root();
    let missing = tools::missing(root);
    if !missing.is_empty() {
        return Err(BuildError::MissingTools(missing));
    }
    let sources = sources(options, suite)?;
    files("make", &folders.images, std::fs::create_dir_all(&folders.images))?;
    files("make", &folders.cache, std::fs::create_dir_all(&folders.cache))?;
    let _lock = lock(&folders.images, &options.name)?;

    let mut follower = Follower::default();
    on_progress(follower.now());
    let work = folders.images.join(format!(".build-{}", options.name));
    let recipe = std::env::temp_dir().join(format!("bellwether-recipe-{}", std::process::id()));
    let swept = Sweep(vec![work.clone(), recipe.clone()]);
    swept.sweep();
    files("make", &work, std::fs::create_dir(&work))?;
    files("write the recipe to", &recipe, recipe::write(&recipe))?;
    let list = recipe.join("image.sources");
    files("write", &list, std::fs::write(&list, apt::render(&sources)))?;

    let places = command::Places {
        work: &work,
        recipe: &recipe,
        sources: &list,
        cache: &folders.cache,
    };
    let (make, pack) = command::pair(options, suite, &places, root);
    let log = folders.log(&options.name);
    let ended = run::piped(make, pack, &log, |line| {
        if let Some(progress) = follower.line(line) {
            on_progress(&progress);
        }
    });
    let ended = files("run mmdebstrap and mksquashfs with the log", &log, ended)?;
    if !ended.failed.is_empty() {
        let phase = follower.now().phase;
        return Err(BuildError::Failed {
            phase,
            programs: ended.failed.join(", "),
            log,
            tail: ended.tail.join("\n"),
        });
    }
    on_progress(follower.enter(Phase::Finish));
    let manifest = describe(&work, options, digest)?;
    move_in(&work, &folders.images.join(&options.name))?;
    Ok(Outcome::Built(manifest))
}

fn check(options: &Options) -> Result<&'static str, BuildError> {
    catalog::check_name(&options.name)?;
    if (options.name == AGENT) != (options.kind == Kind::Agent) {
        return Err(BuildError::AgentsName);
    }
    let suite = apt::suite(&options.os).ok_or_else(|| BuildError::UnknownOs { os: options.os.clone() })?;
    if options.architecture != "amd64" || native() != "amd64" {
        return Err(BuildError::Architecture {
            asked: options.architecture.clone(),
        });
    }
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    for word in options
        .packages
        .iter()
        .chain([&options.kernel])
        .chain(&options.components)
    {
        let good = word.bytes().next().is_some_and(plain)
            && word
                .bytes()
                .all(|byte| plain(byte) || matches!(byte, b'-' | b'+' | b'.' | b':'));
        if !good {
            return Err(BuildError::BadPackage(word.clone()));
        }
    }
    Ok(suite)
}

fn sources(options: &Options, suite: &'static str) -> Result<Vec<apt::Source>, BuildError> {
    let found = match &options.mirror {
        Some(mirror) => apt::named(mirror, options.security_mirror.as_deref(), suite, &options.components),
        None => apt::select(&apt::of_host(), suite, &options.components),
    };
    if found.is_empty() {
        Err(BuildError::NoSources(suite))
    } else {
        Ok(found)
    }
}

/// Held while a build works; the kernel lets go of it even if we are killed.
pub(super) fn lock(images: &Path, name: &str) -> Result<File, BuildError> {
    let path = images.join(format!(".lock-{name}"));
    let file = files("make", &path, File::create(&path))?;
    // A child that is just being started holds every open file for a moment, this one too.
    for _ in 0..20 {
        match file.try_lock() {
            Err(std::fs::TryLockError::WouldBlock) => std::thread::park_timeout(Duration::from_millis(25)),
            _ => break,
        }
    }
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(std::fs::TryLockError::WouldBlock) => Err(BuildError::Busy(name.to_string())),
        Err(std::fs::TryLockError::Error(source)) => Err(BuildError::Files {
            what: "lock",
            path,
            source,
        }),
    }
}

fn describe(work: &Path, options: &Options, recipe: String) -> Result<Manifest, BuildError> {
    let measure = |name: &str| files("measure", &work.join(name), FileEntry::measure(work, name));
    let read = |name: &str| files("read", &work.join(name), std::fs::read_to_string(work.join(name)));
    let version = read("kernel-version")?.trim().to_string();
    let system = options.kind == Kind::System;
    let on_disk = system && !options.network_only;
    let unpacked = match system {
        true => read("unpacked")?.trim().parse().ok(),
        false => None,
    };
    let manifest = Manifest {
        name: options.name.clone(),
        os: options.os.clone(),
        architecture: options.architecture.clone(),
        built_at: Timestamp::now(),
        kind: options.kind,
        kernel: Some(FileEntry {
            version: Some(version),
            ..measure("kernel")?
        }),
        initrd: Some(measure("initrd")?),
        root: system.then(|| measure("root.squashfs")).transpose()?,
        disk_initrd: on_disk.then(|| measure("initrd.disk")).transpose()?,
        disk: None,
        unpacked,
        packages: Some(Packages::sum_up(&read("packages")?)),
        recipe,
    };
    let path = work.join(manifest::FILE);
    let text = serde_json::to_string_pretty(&manifest).expect("a manifest always serialises");
    files("write", &path, std::fs::write(&path, text + "\n"))?;
    for spent in ["kernel-version", "unpacked"].into_iter().take(1 + usize::from(system)) {
        let spent = work.join(spent);
        files("remove", &spent, std::fs::remove_file(&spent))?;
    }
    Ok(manifest)
}

/// Puts a finished folder in an image's place. Where there is one already the two change places at once, so that nobody
/// ever finds none.
pub(super) fn move_in(work: &Path, place: &Path) -> Result<(), BuildError> {
    use nix::fcntl::{AT_FDCWD, RenameFlags, renameat2};
    if !place.exists() {
        return files("move the image to", place, std::fs::rename(work, place));
    }
    let swapped = renameat2(AT_FDCWD, work, AT_FDCWD, place, RenameFlags::RENAME_EXCHANGE);
    files("move the image to", place, swapped.map_err(io::Error::from))
}

/// Removes what a build leaves behind, however it ends.
pub(super) struct Sweep(pub(super) Vec<PathBuf>);

impl Sweep {
    pub(super) fn sweep(&self) {
        for path in &self.0 {
            std::fs::remove_dir_all(path).ok();
        }
    }
}

impl Drop for Sweep {
    fn drop(&mut self) {
        self.sweep();
    }
}

#[cfg(test)]
mod tests;
