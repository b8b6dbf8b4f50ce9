//! What goes out to machines: boot loaders for their architectures, images and media that nodes are declared with; and
//! the programs that build images.

use std::collections::BTreeSet;

use model::boot::{default_loader, remedy};
use model::cluster::{Architecture, BootTarget, Cluster, LoaderChoice, Settings, Via};
use model::world::Chain;
use wire::dhcp4::Arch;

use super::{Finding, Host};
use crate::images::build::AGENT;
use crate::images::{Folders, catalog, tools};
use crate::loaders::Loaders;
use crate::media::{self, MediumError};

/// Firmware of each architecture, by what it says of itself in option 93, and how people call it.
const FIRMWARE: [(Architecture, Arch, &str); 5] = [
    (Architecture::Amd64, Arch::EfiX64, "UEFI"),
    (Architecture::Amd64, Arch::HttpX64, "UEFI HTTP boot"),
    (Architecture::Amd64, Arch::BiosX86, "BIOS"),
    (Architecture::Arm64, Arch::EfiArm64, "UEFI"),
    (Architecture::Arm64, Arch::HttpArm64, "UEFI HTTP boot"),
];

pub(super) fn check(host: &Host) -> Vec<Finding> {
    let mut findings = Vec::new();
    if let Some(cluster) = &host.cluster {
        findings.extend(loaders(cluster, &Loaders::new(host.loaders.clone())));
        findings.extend(images(cluster, host));
        findings.extend(media(cluster, host));
    }
    findings.push(building(&tools::missing(host.root)));
    findings
}

fn loaders(cluster: &Cluster, loaders: &Loaders) -> Vec<Finding> {
    let asked: BTreeSet<(&str, &str, &str)> = cluster
        .nodes
        .iter()
        .flat_map(|node| {
            let choice = node.settings.loader.as_ref().map(|c| c.value).unwrap_or_default();
            let of_node = FIRMWARE.iter().filter(|(of, _, _)| *of == node.architecture);
            of_node.filter_map(move |(of, arch, called)| {
                Some((default_loader(Some(*arch), choice)?, of.as_str(), *called))
            })
        })
        .collect();
    let mut findings = Vec::new();
    let there = loaders.there();
    for (file, architecture, firmware) in &asked {
        if there.iter().any(|name| name == file) {
            continue;
        }
        let message = format!("the boot loader {file} for {firmware} on {architecture} is not on this host");
        let finding = if *firmware == "UEFI" {
            Finding::problem(
                "files.loader",
                format!("{message}: such machines stop after their address"),
            )
        } else {
            Finding::warning("files.loader", message)
        };
        findings.push(if Chain::begun_by(file) == Some(Chain::Signed) {
            finding.advise(remedy(file))
        } else if *architecture == "amd64" {
            finding.run("apt-get install ipxe")
        } else {
            finding.advise(format!(
                "Debian 12 has no iPXE for {architecture}: build it from source and put {file} into the folder `loaders` of the state folder"
            ))
        });
    }
    if findings.is_empty() && !asked.is_empty() {
        let names: BTreeSet<&str> = asked.iter().map(|(file, _, _)| *file).collect();
        let names: Vec<&str> = names.into_iter().collect();
        findings.push(Finding::ok(
            "files.loader",
            format!("boot loaders are there: {}", names.join(", ")),
        ));
    }
    findings.extend(signed(cluster, &there));
    findings
}

/// What `loader: auto` gives a machine whose firmware enforces Secure Boot. ARM machines seldom do.
fn signed(cluster: &Cluster, there: &[String]) -> Option<Finding> {
    let choice = |settings: &Settings| settings.loader.as_ref().map(|c| c.value).unwrap_or_default();
    let finds_out = cluster
        .nodes
        .iter()
        .any(|node| node.architecture == Architecture::Amd64 && choice(&node.settings) == LoaderChoice::Auto);
    let file = there.iter().find(|file| {
        !file.starts_with("arm64") && !file.contains("aa64") && Chain::begun_by(file) == Some(Chain::Signed)
    });
    match file {
        _ if !finds_out => None,
        Some(file) => {
            let message = format!("a signed boot loader is there: {file}");
            Some(Finding::ok("files.signed-loader", message))
        }
        None => Some(
            Finding::warning(
                "files.signed-loader",
                "there is no signed boot loader: machines whose firmware enforces Secure Boot do not boot",
            )
            .run("apt-get install shim-signed grub-efi-amd64-signed"),
        ),
    }
}

/// Images that nodes run, or that are written to their disks; the latter takes the agent, too.
fn images(cluster: &Cluster, host: &Host) -> Vec<Finding> {
    let mut wanted: BTreeSet<&str> = BTreeSet::new();
    for settings in cluster.nodes.iter().map(|node| &node.settings) {
        let written = via(settings) == Via::Image;
        if written || settings.target().0 == BootTarget::Image {
            wanted.extend(settings.image.as_ref().map(|image| &*image.value));
        }
        wanted.extend(written.then_some(AGENT));
    }
    let folder = Folders::of_state(&host.state).images;
    wanted
        .into_iter()
        .map(|name| match catalog::show(&folder, name) {
            Ok(image) => Finding::ok(
                "files.image",
                format!("image {name} is there, {}", model::measure::size(image.size())),
            ),
            Err(catalog::CatalogError::Unknown { .. }) => Finding::problem(
                "files.image",
                format!("nodes need the image {name}, which is not there: they wait for it"),
            )
            .run(format!("bellwether image build {name}")),
            Err(error) => Finding::problem("files.image", format!("image {name} cannot be used: {error}"))
                .run(format!("bellwether image build {name}")),
        })
        .collect()
}

/// Media that nodes are installed from.
fn media(cluster: &Cluster, host: &Host) -> Vec<Finding> {
    let installed = cluster.nodes.iter().map(|node| &node.settings);
    let wanted: BTreeSet<&str> = installed
        .filter(|settings| via(settings) == Via::Installer)
        .filter_map(|settings| settings.medium.as_ref().map(|medium| &*medium.value))
        .collect();
    let folder = media::folder(&host.state);
    let look = |name| match media::catalog::show(&folder, name) {
        Ok(_) => Finding::ok("files.medium", format!("medium {name} is there")),
        Err(MediumError::Unknown { .. }) => Finding::problem(
            "files.medium",
            format!("nodes are installed from the medium {name}, which is not there"),
        )
        .run(format!("bellwether media add {name}")),
        Err(error) => Finding::problem("files.medium", format!("medium {name} cannot be used: {error}"))
            .run(format!("bellwether media add {name}")),
    };
    wanted.into_iter().map(look).collect()
}

fn via(settings: &Settings) -> Via {
    settings.via.as_ref().map(|via| via.value).unwrap_or_default()
}

/// Where images are built, this is needed; a host that only serves can do without.
fn building(missing: &[&str]) -> Finding {
    if missing.is_empty() {
        return Finding::ok("files.tools", "everything that builds images is installed");
    }
    Finding::notice(
        "files.tools",
        format!("images cannot be built here without {}", missing.join(", ")),
    )
    .run(format!("apt-get install {}", missing.join(" ")))
}
