//! Which network boot loader a machine gets in its DHCP answer.

use wire::Mac;
use wire::dhcp4::Arch;

use super::Site;
use crate::cluster::{LoaderChoice, Node};
use crate::event::Stage;

/// What goes into option 67, the header field `file` and option 60 of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BootFile {
    /// TFTP path or URL.
    pub name: String,
    /// Whether the answer must carry the vendor class `HTTPClient`, without which UEFI HTTP boot ignores it
    /// (UEFI 2.10 section 24.7.3.1).
    pub http_client: bool,
}

/// The file of our loader folder for an architecture code, if there is one for it.
///
/// Codes are those of RFC 4578 and its IANA registry: 7 and 9 are both x86-64 UEFI in the field (the registry
/// swapped them after firmware had shipped), 11 is 64-bit ARM.
pub fn default_loader(arch: Option<Arch>, choice: LoaderChoice) -> Option<&'static str> {
    Some(match arch {
        // A PXE ROM that sends no option 93 is older than RFC 4578, so a BIOS.
        None | Some(Arch::BiosX86 | Arch::HttpBiosX86) => "undionly.kpxe",
        Some(Arch::EfiX64 | Arch::EfiX64Old) => match choice {
            LoaderChoice::Ipxe => "ipxe.efi",
            LoaderChoice::Auto | LoaderChoice::Snponly => "snponly.efi",
        },
        Some(Arch::HttpX64) => match choice {
            LoaderChoice::Snponly => "snponly.efi",
            LoaderChoice::Auto | LoaderChoice::Ipxe => "ipxe.efi",
        },
        Some(Arch::EfiIa32 | Arch::HttpIa32) => "ipxe-ia32.efi",
        Some(Arch::EfiArm64 | Arch::HttpArm64) => match choice {
            LoaderChoice::Snponly => "snponly-arm64.efi",
            LoaderChoice::Auto | LoaderChoice::Ipxe => "ipxe-arm64.efi",
        },
        Some(_) => return None,
    })
}

/// The boot file for a DHCP client. `None`: nothing to boot from us (an operating system asks, the machine is no
/// declared node, or there is no loader for its architecture).
///
/// iPXE is recognised and gets its script, so nothing loops. Machines that are no nodes get no boot file: their
/// firmware goes on to the disk at once, and nothing can ever be installed on them.
pub fn boot_file(node: Option<&Node>, mac: Mac, stage: Stage, arch: Option<Arch>, site: Site) -> Option<BootFile> {
    let node = node?;
    let choice = node.settings.loader.as_ref().map(|c| c.value).unwrap_or_default();
    match stage {
        Stage::Ipxe => Some(BootFile {
            name: format!("{}/boot/{}/script?mac={mac}", site.base(), node.name),
            http_client: false,
        }),
        Stage::Firmware => default_loader(arch, choice).map(|name| BootFile {
            name: name.to_string(),
            http_client: false,
        }),
        Stage::HttpFirmware => default_loader(arch, choice).map(|name| BootFile {
            name: format!("{}/loaders/{name}", site.base()),
            http_client: true,
        }),
        Stage::Os => None,
    }
}
