//! The script of a node, derived when it asks.

use super::grub::grub_script;
use super::payload::payload;
use super::{Key, Rendered, Resolved, Site, choose, likely_arch};
use crate::cluster::{Architecture, BootTarget, Node};
use crate::event::Seq;
use crate::templates;
use crate::world::{Boot, World};
use wire::Mac;

/// What a node is told for which nothing can be started although nothing was found to be wrong.
pub(super) const NOTHING: &str = "nothing is there to start";

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
    let base = site.base();
    let shim = match node.architecture {
        Architecture::Amd64 => "shimx64.efi",
        Architecture::Arm64 => "shimaa64.efi",
    };
    let mut values = serde_json::json!({
        "node": &*node.name,
        "boot": boot,
        "base": base,
        "because": resolved.because,
        "target": resolved.target.as_str(),
        "grub": grub_file(node.architecture),
        "signed": signed,
        "shim": shim,
    });
    let fields = values.as_object_mut().expect("made as an object above");
    if let Some(blocked) = &resolved.blocked {
        fields.insert("why".into(), blocked.as_str().into());
        return render("blocked.ipxe", &values);
    }
    let template = match (resolved.target, payload(key, site, node, mac, boot, resolved)) {
        (BootTarget::Shell, _) => "shell.ipxe",
        (_, Some(payload)) => {
            let initrds: Vec<_> = payload
                .initrds
                .iter()
                .map(|path| serde_json::json!({ "url": format!("{base}/{path}"), "name": file_name(path) }))
                .collect();
            fields.insert("image".into(), payload.name.into());
            fields.insert("kernel".into(), format!("{base}/{}", payload.kernel).into());
            fields.insert("initrds".into(), initrds.into());
            fields.insert("args".into(), payload.args.into());
            "image.ipxe"
        }
        (BootTarget::Local, None) => "local.ipxe",
        (_, None) => {
            fields.insert("why".into(), NOTHING.into());
            "blocked.ipxe"
        }
    };
    render(template, &values)
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

fn file_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

fn render(template: &str, values: &serde_json::Value) -> Rendered {
    Rendered::plain(templates::render(template, values))
}
