//! The script of a node, derived when it asks.

use std::fmt::Write as _;

use super::grub::grub_script;
use super::payload::{Payload, payload};
use super::{Key, Rendered, Resolved, Site, choose, likely_arch};
use crate::cluster::{Architecture, BootTarget, Node};
use crate::event::Seq;
use crate::templates;
use crate::world::{Boot, World};
use wire::Mac;

/// What a node is told for which nothing can be started although nothing was found to be wrong.
pub(super) const NOTHING: &str = "nothing is there to start";

/// Why a signed iPXE fetches another shim.
const SECOND_SHIM: &str = "# The shim of iPXE trusts iPXE alone; this one trusts the kernel. It is fetched only where Secure Boot is enforced.\n";

/// The language that a loader reads its script in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// iPXE as it is built.
    Ipxe,
    /// iPXE that its own shim started: that shim trusts no distribution's kernel, so the distribution's is asked to.
    SignedIpxe,
    /// GRUB.
    Grub,
}

impl Dialect {
    /// The language of whoever fetched that loader and asks over HTTP.
    pub fn of_ipxe(boot: Option<&Boot>) -> Self {
        match boot.and_then(|boot| boot.loader.as_deref()) {
            Some(path) if path.split('/').any(|part| part.ends_with("-sb")) => Self::SignedIpxe,
            _ => Self::Ipxe,
        }
    }

    /// The language of the loader that a node is given next.
    pub fn next(world: &World, node: &Node) -> Self {
        match choose(world, node, Some(likely_arch(world, node)), false).file {
            Some("shimx64.efi" | "shimaa64.efi") => Self::Grub,
            Some(file) if file.contains("-sb/") => Self::SignedIpxe,
            _ => Self::Ipxe,
        }
    }
}

/// The script for a node in the language of its loader.
pub fn script_in(
    dialect: Dialect,
    key: &Key,
    site: Site,
    mac: Option<Mac>,
    boot: Seq,
    node: &Node,
    resolved: &Resolved,
) -> Rendered {
    match dialect {
        Dialect::Grub => grub_script(key, site, site.address.into(), mac, boot, node, resolved),
        Dialect::SignedIpxe => script(key, site, mac, boot, Some((node, resolved)), true),
        Dialect::Ipxe => script(key, site, mac, boot, Some((node, resolved)), false),
    }
}

/// The iPXE script for a node, or for a machine that is no node.
///
/// `mac` is the NIC that booted, as the loader said; the kernel is told to use the same one.
pub fn boot_script(key: &Key, site: Site, mac: Option<Mac>, boot: Seq, asked: Option<(&Node, &Resolved)>) -> Rendered {
    script(key, site, mac, boot, asked, false)
}

fn script(
    key: &Key,
    site: Site,
    mac: Option<Mac>,
    boot: Seq,
    asked: Option<(&Node, &Resolved)>,
    signed: bool,
) -> Rendered {
    let Some((node, resolved)) = asked else {
        let grub = grub_file(Architecture::Amd64);
        let values = serde_json::json!({ "mac": mac.map(|m| m.to_string()), "base": site.base(), "grub": grub });
        return render("unknown.ipxe", &values);
    };
    let why = match (&resolved.blocked, resolved.target) {
        (Some(blocked), _) => Some(blocked.as_str()),
        (None, BootTarget::Shell) => None,
        (None, target) => match payload(key, site, node, mac, boot, resolved) {
            Some(payload) => return Rendered::plain(image(site, node, boot, resolved, &payload, signed)),
            None => (target != BootTarget::Local).then_some(NOTHING),
        },
    };
    let template = match (why, resolved.target) {
        (Some(_), _) => "blocked.ipxe",
        (None, BootTarget::Shell) => "shell.ipxe",
        (None, _) => "local.ipxe",
    };
    let values = serde_json::json!({
        "node": &*node.name,
        "boot": boot,
        "base": site.base(),
        "because": resolved.because,
        "target": resolved.target.as_str(),
        "grub": grub_file(node.architecture),
        "why": why.unwrap_or_default(),
        "signed": signed,
        "shim": shim(node.architecture),
    });
    render(template, &values)
}

/// The script that starts a payload. Not a template: it is what all machines of a room ask for at once after a power cut, and
/// written out here it costs a fifth of what a template does.
fn image(site: Site, node: &Node, boot: Seq, resolved: &Resolved, payload: &Payload, signed: bool) -> String {
    let base = site.base();
    let mut text = String::with_capacity(1024 + payload.args.len());
    write_image(&mut text, &base, node, boot, resolved, payload, signed).expect("writing into a string cannot fail");
    text
}

fn write_image(
    text: &mut String,
    base: &str,
    node: &Node,
    boot: Seq,
    resolved: &Resolved,
    payload: &Payload,
    signed: bool,
) -> std::fmt::Result {
    let (name, image) = (&node.name, &payload.name);
    let (target, because) = (resolved.target.as_str(), &resolved.because);
    writeln!(text, "#!ipxe\n# {name}, boot {boot}: {target} {image} ({because})")?;
    writeln!(text, "echo Bellwether: {name} boots {image}")?;
    text.push_str("set tries:int32 0\n:again\nimgfree\n");
    write!(text, "kernel {base}/{}", payload.kernel)?;
    for initrd in &payload.initrds {
        write!(text, " initrd={}", file_name(initrd))?;
    }
    writeln!(text, " {} || goto failed", payload.args)?;
    for initrd in &payload.initrds {
        writeln!(text, "initrd {base}/{initrd} || goto failed")?;
    }
    if signed {
        text.push_str(SECOND_SHIM);
        writeln!(text, "shim {base}/loaders/{} || goto failed", shim(node.architecture))?;
    }
    text.push_str("boot || goto failed\n:failed\ninc tries\niseq ${tries} 5 && goto give_up ||\n");
    writeln!(
        text,
        "echo Bellwether: could not boot {image}, trying again in 5 seconds"
    )?;
    text.push_str(
        "sleep 5\ngoto again\n:give_up\n\
         echo Bellwether: giving up after 5 tries, rebooting in 30 seconds\nsleep 30\nreboot\n",
    );
    Ok(())
}

/// The script for a loader that does not know yet who it is (`autoexec.ipxe`, a USB stick).
pub fn autoexec(site: Site) -> Rendered {
    render("autoexec.ipxe", &serde_json::json!({ "base": site.base() }))
}

/// The GRUB that starts a disk's own loader on UEFI, as Debian's `grub-efi-*-bin` packages call it.
fn grub_file(architecture: Architecture) -> &'static str {
    match architecture {
        Architecture::Amd64 => "grubnetx64.efi",
        Architecture::Arm64 => "grubnetaa64.efi",
    }
}

/// The distribution's shim, as Debian's `shim-signed` calls it.
fn shim(architecture: Architecture) -> &'static str {
    match architecture {
        Architecture::Amd64 => "shimx64.efi",
        Architecture::Arm64 => "shimaa64.efi",
    }
}

fn file_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

fn render(template: &str, values: &serde_json::Value) -> Rendered {
    Rendered::plain(templates::render(template, values))
}
