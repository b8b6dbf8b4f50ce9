//! `bellwether media`: add, list, check and remove media. Works on the folder itself: no server is needed.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use indicatif::{ProgressBar, ProgressStyle};
use model::measure;
use serde_json::json;

use super::output::{Failure, Printer, text};
use crate::media::{self, From, Manifest, Options, Outcome, catalog};

/// Add and look after the media that operating systems are installed from
#[derive(Debug, Subcommand)]
pub enum MediaCommand {
    /// Add a medium: the kernel and initial RAM disk of an installer, with checked signatures
    Add(Add),
    /// List media
    List,
    /// Read every byte of a medium and compare it with its manifest
    Check(Name),
    /// Remove a medium
    Remove(Name),
}

/// `media add`.
#[derive(Debug, Args)]
pub struct Add {
    /// Operating system: debian-12 or debian-13
    pub os: String,
    /// Name of the medium [default: that of the operating system]
    #[arg(long)]
    pub name: Option<String>,
    /// Debian's package as a file, a folder with linux and initrd.gz, or the netboot folder of a mirror
    /// (http://mirror.example/debian/dists/bookworm/main/installer-amd64/current/images/netboot)
    #[arg(long, value_name = "DEB|DIR|URL", conflicts_with = "mirror")]
    pub from: Option<String>,
    /// Mirror to fetch Debian's package from, instead of this host's apt sources
    #[arg(long, value_name = "URL")]
    pub mirror: Option<String>,
    /// Keyring that has to have signed what comes from a mirror [default: Debian's]
    #[arg(long, value_name = "FILE")]
    pub keyring: Option<PathBuf>,
    /// Further initial RAM disk, laid over the installer's (keys or components of your own); may be repeated
    #[arg(long = "extra-initrd", value_name = "FILE")]
    pub extra_initrds: Vec<PathBuf>,
    /// Suite of the mirror with the installer's own components, where it is another than the release's
    #[arg(long, value_name = "SUITE")]
    pub udeb_suite: Option<String>,
    /// Architecture [default: this host's]
    #[arg(long, value_name = "ARCH")]
    pub architecture: Option<String>,
}

/// One medium.
#[derive(Debug, Args)]
pub struct Name {
    /// Name of the medium
    pub name: String,
}

impl MediaCommand {
    /// Whether it may have changed the folder.
    pub fn changes(&self) -> bool {
        matches!(self, Self::Add(_) | Self::Remove(_))
    }
}

/// Runs a media command on the media of a state folder.
///
/// # Errors
/// If it cannot be done; the message says why and what to do.
pub fn run(printer: &Printer, state: &Path, command: &MediaCommand) -> Result<(), Failure> {
    let folder = media::folder(state);
    match command {
        MediaCommand::Add(args) => add(printer, &folder, args),
        MediaCommand::List => list(printer, &folder),
        MediaCommand::Check(args) => {
            let manifest = catalog::check(&folder, &args.name).map_err(Failure::of)?;
            printer.value(&value(&manifest), || {
                format!("{} is whole ({})\n", args.name, measure::size(manifest.size()))
            })
        }
        MediaCommand::Remove(args) => {
            catalog::remove(&folder, &args.name).map_err(Failure::of)?;
            printer.value(&json!({ "removed": args.name }), || format!("removed {}\n", args.name))
        }
    }
}

fn add(printer: &Printer, folder: &Path, args: &Add) -> Result<(), Failure> {
    let from = match (&args.from, &args.mirror) {
        (Some(from), _) => From::parse(from),
        (None, Some(mirror)) => From::Mirror(mirror.clone()),
        (None, None) => From::Apt,
    };
    let native = || crate::images::build::native().to_string();
    let options = Options {
        name: args.name.clone().unwrap_or_else(|| args.os.clone()),
        os: args.os.clone(),
        architecture: args.architecture.clone().unwrap_or_else(native),
        from,
        extra_initrds: args.extra_initrds.clone(),
        udeb_suite: args.udeb_suite.clone(),
        keyring: args.keyring.clone(),
    };
    // Draws on standard error, and only where that is a terminal.
    let bar = ProgressBar::new_spinner();
    bar.set_style(ProgressStyle::with_template("{spinner} {elapsed:>4}  {msg}").expect("a fixed template"));
    bar.enable_steady_tick(std::time::Duration::from_millis(200));
    let result = media::add(folder, Path::new("/etc/apt"), &options, &mut |phase| {
        bar.set_message(phase.to_string());
    });
    bar.finish_and_clear();
    match result.map_err(Failure::of)? {
        Outcome::Added(manifest) => printer.value(&json!({ "added": true, "medium": value(&manifest) }), || {
            format!("added {}\n", describe(&manifest))
        }),
        Outcome::Unchanged(manifest) => printer.value(&json!({ "added": false, "medium": value(&manifest) }), || {
            format!(
                "{} is there already, the same since {}\n",
                manifest.name, manifest.added_at
            )
        }),
    }
}

fn list(printer: &Printer, folder: &Path) -> Result<(), Failure> {
    let media = catalog::list(folder);
    if printer.json() {
        let media: Vec<_> = media
            .iter()
            .map(|(name, medium)| match medium {
                Ok(manifest) => value(manifest),
                Err(error) => json!({ "name": name, "error": error.to_string() }),
            })
            .collect();
        return text(&super::pretty(&json!(media)));
    }
    if media.is_empty() {
        return text("no media yet: bellwether media add debian-12\n");
    }
    let rows = media.into_iter().map(|(name, medium)| match medium {
        Ok(manifest) => {
            let added = manifest.added_at.strftime("%Y-%m-%d %H:%M UTC").to_string();
            let total = measure::size(manifest.size());
            [name, manifest.os, manifest.architecture, manifest.version, total, added]
        }
        Err(error) => {
            let nothing = String::new;
            [
                name,
                format!("broken: {error}"),
                nothing(),
                nothing(),
                nothing(),
                nothing(),
            ]
        }
    });
    text(&printer.table(["MEDIUM", "OS", "ARCH", "VERSION", "SIZE", "ADDED"], rows))
}

fn describe(manifest: &Manifest) -> String {
    use std::fmt::Write as _;
    let mut out = format!(
        "{}: {} {}, version {}\n  from {}\n",
        manifest.name, manifest.os, manifest.architecture, manifest.version, manifest.source
    );
    for file in manifest.files() {
        writeln!(
            out,
            "  {:<14} {:>10}  sha256 {}",
            file.path,
            measure::size(file.size),
            file.sha256
        )
        .expect("writing to a string cannot fail");
    }
    if let Some(suite) = &manifest.udeb_suite {
        writeln!(out, "  components of the suite {suite}").expect("writing to a string cannot fail");
    }
    out.pop();
    out
}

fn value(manifest: &Manifest) -> serde_json::Value {
    serde_json::to_value(manifest).expect("a manifest always serialises")
}
