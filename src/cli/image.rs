//! `bellwether image`: build, list, show, verify and remove images. Works on the folder itself: no server is needed.

use clap::{Args, Subcommand};
use indicatif::{ProgressBar, ProgressStyle};
use model::measure;
use serde_json::json;

use super::output::{Failure, Printer, text};
use crate::images::build::{self, KERNEL};
use crate::images::{self, Folders, Manifest, Options, Outcome, Progress, catalog};

/// Build and look after images
#[derive(Debug, Subcommand)]
pub enum ImageCommand {
    /// Build an image; does nothing when the same one is there already
    Build(Build),
    /// Import the image of a whole disk: raw or qcow2, plain or compressed with zstd, xz or gzip
    Import(ImportArgs),
    /// List images
    List,
    /// Show an image: its files, kernel and packages
    Show(Name),
    /// Read every byte of an image and compare it with its manifest
    Verify(Name),
    /// Remove an image
    Remove(Name),
}

/// `image build`.
#[derive(Debug, Args)]
pub struct Build {
    /// Operating system, debian-12 or debian-13; or `agent`, which writes images to disks
    pub os: String,
    /// Name of the image [default: that of the operating system]
    #[arg(long)]
    pub name: Option<String>,
    /// Package of the kernel; linux-image-cloud-amd64 is smaller and knows virtual machines only
    #[arg(long, value_name = "PACKAGE", default_value = KERNEL)]
    pub kernel: String,
    /// Further package to install; may be repeated or separated by commas
    #[arg(long = "package", short, value_name = "PACKAGE", value_delimiter = ',')]
    pub packages: Vec<String>,
    /// Further part of the archive, such as non-free-firmware
    #[arg(long = "component", value_name = "NAME", value_delimiter = ',')]
    pub components: Vec<String>,
    /// Mirror to use instead of this host's apt sources
    #[arg(long, value_name = "URL")]
    pub mirror: Option<String>,
    /// Mirror of security updates
    #[arg(long, value_name = "URL", requires = "mirror")]
    pub security_mirror: Option<String>,
    /// Architecture [default: this host's]
    #[arg(long, value_name = "ARCH")]
    pub architecture: Option<String>,
    /// Leave out what it needs to live on a disk: boot loaders, LVM, an initrd that finds its root there
    #[arg(long)]
    pub network_only: bool,
    /// Build even if the same image is there
    #[arg(long)]
    pub force: bool,
}

/// `image import`.
#[derive(Debug, Args)]
pub struct ImportArgs {
    /// Name of the image
    pub name: String,
    /// File, or address to fetch it from
    #[arg(value_name = "FILE|URL")]
    pub source: String,
    /// What is on it, for people: debian-12
    #[arg(long, default_value = "other")]
    pub os: String,
    /// Architecture [default: this host's]
    #[arg(long, value_name = "ARCH")]
    pub architecture: Option<String>,
    /// What the file's SHA-256 has to be
    #[arg(long, value_name = "HEX")]
    pub sha256: Option<String>,
}

/// One image.
#[derive(Debug, Args)]
pub struct Name {
    /// Name of the image
    pub name: String,
}

/// Runs an image command on the images of a state folder.
///
/// # Errors
/// If it cannot be done; the message says why and what to do.
pub fn run(printer: &Printer, folders: &Folders, command: &ImageCommand) -> Result<(), Failure> {
    match command {
        ImageCommand::Build(args) => build(printer, folders, args),
        ImageCommand::Import(args) => import(printer, folders, args),
        ImageCommand::List => list(printer, folders),
        ImageCommand::Show(args) => {
            let manifest = catalog::show(&folders.images, &args.name).map_err(Failure::of)?;
            printer.value(&value(&manifest), || describe(&manifest))
        }
        ImageCommand::Verify(args) => {
            let manifest = catalog::verify(&folders.images, &args.name).map_err(Failure::of)?;
            printer.value(&value(&manifest), || {
                format!("{} is whole ({})\n", args.name, measure::size(manifest.size()))
            })
        }
        ImageCommand::Remove(args) => {
            catalog::remove(&folders.images, &args.name).map_err(Failure::of)?;
            printer.value(&json!({ "removed": args.name }), || format!("removed {}\n", args.name))
        }
    }
}

fn build(printer: &Printer, folders: &Folders, args: &Build) -> Result<(), Failure> {
    let agent = args.os == build::AGENT;
    let of = if agent { Options::agent() } else { Options::of(&args.os) };
    let options = Options {
        name: args.name.clone().unwrap_or(of.name),
        os: of.os,
        kind: of.kind,
        network_only: args.network_only && !agent,
        architecture: args.architecture.clone().unwrap_or_else(|| build::native().to_string()),
        kernel: args.kernel.clone(),
        packages: args.packages.clone(),
        components: args.components.clone(),
        mirror: args.mirror.clone(),
        security_mirror: args.security_mirror.clone(),
        force: args.force,
    };
    let bar = ProgressBar::new(100);
    // Draws on standard error, and only where that is a terminal.
    let style = ProgressStyle::with_template("{bar:24} {percent:>3}% {elapsed:>4}  {msg}").expect("a fixed template");
    bar.set_style(style);
    bar.enable_steady_tick(std::time::Duration::from_millis(500));
    let result = build::build(folders, &options, &mut |now| show_progress(&bar, now));
    let took = bar.elapsed();
    bar.finish_and_clear();
    match result.map_err(Failure::of)? {
        Outcome::Built(manifest) => printer.value(&json!({ "built": true, "image": value(&manifest) }), || {
            format!(
                "built {} in {} s\n{}",
                manifest.name,
                took.as_secs(),
                describe(&manifest)
            )
        }),
        Outcome::Unchanged(manifest) => printer.value(&json!({ "built": false, "image": value(&manifest) }), || {
            format!(
                "{} is there already, built {} (--force builds it again)\n",
                manifest.name, manifest.built_at
            )
        }),
    }
}

fn import(printer: &Printer, folders: &Folders, args: &ImportArgs) -> Result<(), Failure> {
    let wanted = images::Import {
        name: args.name.clone(),
        source: args.source.clone(),
        os: args.os.clone(),
        architecture: args.architecture.clone().unwrap_or_else(|| build::native().to_string()),
        sha256: args.sha256.clone(),
    };
    let bar = ProgressBar::new_spinner();
    bar.enable_steady_tick(std::time::Duration::from_millis(500));
    let result = images::import(folders, &wanted, &mut |step| bar.set_message(step.to_string()));
    bar.finish_and_clear();
    let manifest = result.map_err(Failure::of)?;
    printer.value(&value(&manifest), || {
        format!("imported {}\n{}", manifest.name, describe(&manifest))
    })
}

fn show_progress(bar: &ProgressBar, now: &Progress) {
    bar.set_position(now.percent.into());
    let what = if now.what.is_empty() {
        String::new()
    } else {
        format!(": {}", now.what)
    };
    bar.set_message(format!("{}{what}", now.phase));
}

fn list(printer: &Printer, folders: &Folders) -> Result<(), Failure> {
    let images = catalog::list(&folders.images);
    if printer.json() {
        let images: Vec<_> = images
            .iter()
            .map(|(name, image)| match image {
                Ok(manifest) => value(manifest),
                Err(error) => json!({ "name": name, "error": error.to_string() }),
            })
            .collect();
        return text(&super::pretty(&json!(images)));
    }
    if images.is_empty() {
        return text("no images yet: bellwether image build debian-12\n");
    }
    let rows = images.into_iter().map(|(name, image)| match image {
        Ok(manifest) => {
            let kernel = manifest.kernel.as_ref().and_then(|kernel| kernel.version.clone());
            let built = manifest.built_at.strftime("%Y-%m-%d %H:%M UTC").to_string();
            [
                name,
                manifest.kind.as_str().to_string(),
                manifest.os.clone(),
                manifest.architecture.clone(),
                kernel.unwrap_or_default(),
                measure::size(manifest.size()),
                built,
            ]
        }
        Err(error) => [
            name,
            String::new(),
            format!("broken: {error}"),
            String::new(),
            String::new(),
            String::new(),
            String::new(),
        ],
    });
    text(&printer.table(["IMAGE", "KIND", "OS", "ARCH", "KERNEL", "SIZE", "BUILT"], rows))
}

fn describe(manifest: &Manifest) -> String {
    use std::fmt::Write as _;
    let packages = manifest.packages.as_ref();
    let packages = packages
        .map(|packages| format!("{} packages, ", packages.count))
        .unwrap_or_default();
    let mut out = format!(
        "{}: {} {} {}, {packages}built {}\n",
        manifest.name,
        manifest.kind.as_str(),
        manifest.os,
        manifest.architecture,
        manifest.built_at
    );
    for file in manifest.files() {
        let version = file
            .version
            .as_ref()
            .map(|version| format!("  {version}"))
            .unwrap_or_default();
        writeln!(
            out,
            "  {:<14} {:>10}  sha256 {}{version}",
            file.path,
            measure::size(file.size),
            file.sha256
        )
        .expect("writing to a string cannot fail");
    }
    out
}

fn value(manifest: &Manifest) -> serde_json::Value {
    serde_json::to_value(manifest).expect("a manifest always serialises")
}
