//! Which network boot loader a machine gets in its DHCP answer, and why that one.

use wire::Mac;
use wire::dhcp4::Arch;

use super::Site;
use crate::cluster::{Architecture, LoaderChoice, Node};
use crate::event::Stage;
use crate::world::{Chain, World};

/// Every file that a firmware is ever told to fetch, in the order of the alphabet. A shim is there only if what it starts
/// is there too.
pub const LOADERS: [&str; 12] = [
    "arm64-sb/ipxe-shim.efi",
    "arm64-sb/snponly-shim.efi",
    "ipxe-arm64.efi",
    "ipxe-ia32.efi",
    "ipxe.efi",
    "shimaa64.efi",
    "shimx64.efi",
    "snponly-arm64.efi",
    "snponly.efi",
    "undionly.kpxe",
    "x86_64-sb/ipxe-shim.efi",
    "x86_64-sb/snponly-shim.efi",
];

/// What goes into option 67, the header field `file` and option 60 of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BootFile {
    /// TFTP path or URL.
    pub name: String,
    /// Whether the answer must carry the vendor class `HTTPClient`, without which UEFI HTTP boot ignores it
    /// (UEFI 2.10 section 24.7.3.1).
    pub http_client: bool,
}

/// A loader that was chosen for a firmware.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chosen {
    /// The file; `None` if there is none for that firmware.
    pub file: Option<&'static str>,
    /// Why this one: `loader: grub is declared in group racks`.
    pub because: String,
    /// Why there is no file although one is meant, and what to do.
    pub missing: Option<String>,
}

/// The file of our loader folders for an architecture code, if there is one for it.
///
/// Codes are those of RFC 4578 and its IANA registry: 7 and 9 are both x86-64 UEFI in the field (the registry
/// swapped them after firmware had shipped), 11 is 64-bit ARM.
pub fn default_loader(arch: Option<Arch>, choice: LoaderChoice) -> Option<&'static str> {
    use LoaderChoice::{Auto, Grub, Ipxe, IpxeShim, Snponly};
    Some(match (arch, choice) {
        // A PXE ROM that sends no option 93 is older than RFC 4578, so a BIOS.
        (None | Some(Arch::BiosX86 | Arch::HttpBiosX86), _) => "undionly.kpxe",
        (Some(Arch::EfiIa32 | Arch::HttpIa32), _) => "ipxe-ia32.efi",
        (Some(Arch::EfiX64 | Arch::EfiX64Old), Ipxe) => "ipxe.efi",
        (Some(Arch::EfiX64 | Arch::EfiX64Old), Auto | Snponly) => "snponly.efi",
        (Some(Arch::EfiX64 | Arch::EfiX64Old), IpxeShim) => "x86_64-sb/snponly-shim.efi",
        (Some(Arch::HttpX64), Snponly) => "snponly.efi",
        (Some(Arch::HttpX64), Auto | Ipxe) => "ipxe.efi",
        (Some(Arch::HttpX64), IpxeShim) => "x86_64-sb/ipxe-shim.efi",
        (Some(Arch::EfiX64 | Arch::EfiX64Old), Grub) => "shimx64.efi",
        (Some(Arch::EfiArm64 | Arch::HttpArm64), Snponly) => "snponly-arm64.efi",
        (Some(Arch::EfiArm64 | Arch::HttpArm64), Auto | Ipxe) => "ipxe-arm64.efi",
        (Some(Arch::EfiArm64), IpxeShim) => "arm64-sb/snponly-shim.efi",
        (Some(Arch::HttpArm64), IpxeShim) => "arm64-sb/ipxe-shim.efi",
        (Some(Arch::EfiArm64), Grub) => "shimaa64.efi",
        // GRUB keeps to the protocol that brought it, and the signed one has no HTTP in it.
        (Some(Arch::HttpX64 | Arch::HttpArm64), Grub) => return None,
        (Some(_), _) => return None,
    })
}

/// The loader for a node's firmware. `asking`: the firmware asks at this moment (see [`crate::world::Tried::next`]).
pub fn choose(world: &World, node: &Node, arch: Option<Arch>, asking: bool) -> Chosen {
    let declared = node.settings.loader.as_ref();
    let choice = declared.map(|said| said.value).unwrap_or_default();
    if choice == LoaderChoice::Auto {
        return by_experience(world, node, arch, asking);
    }
    let file = default_loader(arch, choice);
    let layer = declared
        .map(|said| format!(" in {}", said.origin.layer))
        .unwrap_or_default();
    let because = format!("loader: {} is declared{layer}", choice.as_str());
    if file.is_none() && choice == LoaderChoice::Grub && by_pxe(arch).is_some() {
        return Chosen {
            file: None,
            because,
            missing: Some(ONLY_TFTP.to_string()),
        };
    }
    // Of the unsigned ones nobody is told beforehand: the firmware asks, and the journal says that the file is not here.
    let signed = file.and_then(Chain::begun_by) == Some(Chain::Signed);
    match file.filter(|file| signed && !is_there(world, file)) {
        Some(file) => Chosen {
            file: None,
            because,
            missing: Some(format!("{file} is not in the loader folders: {}", remedy(file))),
        },
        None => Chosen {
            file,
            because,
            missing: None,
        },
    }
}

/// `auto`: what this firmware is known to run.
fn by_experience(world: &World, node: &Node, arch: Option<Arch>, asking: bool) -> Chosen {
    let tried = &world.state(&node.name).tried;
    let usual = default_loader(arch, LoaderChoice::Auto);
    let chosen = |file, because: String| Chosen {
        file,
        because,
        missing: None,
    };
    let signed = [LoaderChoice::IpxeShim, LoaderChoice::Grub]
        .into_iter()
        .filter_map(|choice| default_loader(arch, choice))
        .filter(|file| Chain::begun_by(file) == Some(Chain::Signed));
    let left = tried.last_left.as_ref().map(|(path, _)| file_name(path));
    match (tried.next(asking), tried.ran) {
        (Chain::Unsigned, Some(Chain::Unsigned)) => chosen(usual, "auto: it ran here before".into()),
        (Chain::Unsigned, _) => match left {
            Some(left) => chosen(usual, format!("auto: its firmware left {left}, so in turn")),
            None => chosen(usual, "auto: nothing is known against it".into()),
        },
        (Chain::Signed, ran) => {
            let why = match (ran, left) {
                (Some(Chain::Signed), _) => "the signed chain ran here before".to_string(),
                (_, Some(left)) => format!("its firmware fetched {left} and did not start it"),
                (_, None) => "its firmware did not start the unsigned loader".to_string(),
            };
            let mut signed = signed;
            let wanted = by_pxe(arch).or_else(|| signed.clone().next_back());
            match (signed.find(|file| is_there(world, file)), wanted) {
                (Some(file), _) => chosen(Some(file), format!("auto: {why}")),
                // It asks by HTTP; nothing, lest it fetch once more what it does not start.
                (None, Some(wanted)) if is_there(world, wanted) => Chosen {
                    file: None,
                    because: format!("auto: {why}"),
                    missing: Some(ONLY_TFTP.to_string()),
                },
                (None, Some(wanted)) => Chosen {
                    file: usual,
                    because: format!("auto: {why}, but there is no signed one"),
                    missing: Some(format!("{wanted} is not in the loader folders: {}", remedy(wanted))),
                },
                (None, None) => chosen(usual, "auto: there is no other for its firmware".into()),
            }
        }
    }
}

/// Why HTTP boot cannot begin with the signed GRUB.
const ONLY_TFTP: &str =
    "the signed GRUB fetches by TFTP alone: let its firmware boot by PXE, or use iPXE's signed files";

/// The signed GRUB's shim for the PXE client of a firmware that asks by HTTP boot, or by PXE itself.
fn by_pxe(arch: Option<Arch>) -> Option<&'static str> {
    let pxe = match arch? {
        Arch::HttpX64 => Arch::EfiX64,
        Arch::HttpArm64 => Arch::EfiArm64,
        other => other,
    };
    default_loader(Some(pxe), LoaderChoice::Grub).filter(|file| Chain::begun_by(file) == Some(Chain::Signed))
}

/// iPXE's signed chain is in no package, so it is there only if somebody has seen it.
fn is_there(world: &World, file: &str) -> bool {
    match world.loaders.is_some() {
        true => world.has_loader(file),
        false => !file.contains('/'),
    }
}

/// What to do about a signed loader that is missing.
pub fn remedy(file: &str) -> String {
    match file {
        "shimx64.efi" => "apt install shim-signed grub-efi-amd64-signed, then send SIGHUP".into(),
        "shimaa64.efi" => {
            "put shimaa64.efi.signed and grubnetaa64.efi.signed of Debian's arm64 packages there, then send SIGHUP"
                .into()
        }
        _ => "unpack iPXE's ipxeboot.tar.gz there, then send SIGHUP".into(),
    }
}

fn file_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// The architecture code with which a node's firmware will ask next: what it gave last, else what is likely. A machine that
/// left a loader of its PXE client and went on to HTTP boot begins with PXE again.
pub fn likely_arch(world: &World, node: &Node) -> Arch {
    let state = world.state(&node.name);
    let known = state.arch.map(Arch::from_code);
    let over_http = |path: &str| path.starts_with('/');
    let went_on = state.tried.last_left.as_ref().is_some_and(|(path, _)| !over_http(path));
    let known = match known {
        Some(Arch::HttpX64) if went_on => Some(Arch::EfiX64),
        Some(Arch::HttpArm64) if went_on => Some(Arch::EfiArm64),
        other => other,
    };
    known.unwrap_or(match node.architecture {
        Architecture::Amd64 => Arch::EfiX64,
        Architecture::Arm64 => Arch::EfiArm64,
    })
}

/// The boot file for a DHCP client. `None`: nothing to boot from us (an operating system asks, the machine is no
/// declared node, or there is no loader for its architecture).
///
/// iPXE is recognised and gets its script, so nothing loops. Machines that are no nodes get no boot file: their
/// firmware goes on to the disk at once, and nothing can ever be installed on them.
pub fn boot_file(
    world: &World,
    node: Option<&Node>,
    mac: Mac,
    stage: Stage,
    arch: Option<Arch>,
    site: Site,
) -> Option<BootFile> {
    let node = node?;
    let loader = || choose(world, node, arch, true).file;
    match stage {
        Stage::Ipxe => Some(BootFile {
            name: format!("{}/boot/{}/script?mac={mac}", site.base(), node.name),
            http_client: false,
        }),
        Stage::Firmware => loader().map(|name| BootFile {
            name: name.to_string(),
            http_client: false,
        }),
        Stage::HttpFirmware => loader().map(|name| BootFile {
            name: format!("{}/loaders/{name}", site.base()),
            http_client: true,
        }),
        Stage::Os => None,
    }
}
