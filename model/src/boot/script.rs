//! The iPXE script of a node, derived when it asks.

use super::{Key, Rendered, Resolved, Site};
use crate::cluster::{Architecture, BootTarget, Node};
use crate::event::Seq;
use crate::templates;
use wire::Mac;

/// The script for a node, or for a machine that is no node.
///
/// `mac` is the NIC that booted, as the loader said; the kernel is told to use the same one.
pub fn boot_script(key: &Key, site: Site, mac: Option<Mac>, boot: Seq, asked: Option<(&Node, &Resolved)>) -> Rendered {
    let Some((node, resolved)) = asked else {
        let grub = grub_file(Architecture::Amd64);
        let values = serde_json::json!({ "mac": mac.map(|m| m.to_string()), "base": site.base(), "grub": grub });
        return render("unknown.ipxe", &values);
    };
    let base = site.base();
    let mut values = serde_json::json!({
        "node": &*node.name,
        "boot": boot,
        "base": base,
        "because": resolved.because,
        "target": resolved.target.as_str(),
        "grub": grub_file(node.architecture),
    });
    let fields = values.as_object_mut().expect("made as an object above");
    if let Some(blocked) = &resolved.blocked {
        fields.insert("why".into(), blocked.as_str().into());
        return render("blocked.ipxe", &values);
    }
    let template = match (resolved.target, &resolved.image) {
        (BootTarget::Local, _) => "local.ipxe",
        (BootTarget::Shell, _) => "shell.ipxe",
        (BootTarget::Image | BootTarget::Maintenance, Some((name, image))) => {
            let folder = format!("{base}/images/{name}");
            fields.insert("image".into(), name.as_str().into());
            fields.insert("kernel".into(), format!("{folder}/{}", image.kernel.name).into());
            fields.insert("initrd".into(), format!("{folder}/{}", image.initrd.name).into());
            fields.insert("initrd_name".into(), image.initrd.name.as_str().into());
            let args = kernel_line(key, &base, node, mac, boot, name, image);
            fields.insert("args".into(), args.into());
            "image.ipxe"
        }
        (BootTarget::Image | BootTarget::Maintenance, None) | (BootTarget::Install | BootTarget::Deploy, _) => {
            fields.insert("why".into(), "nothing is there to start".into());
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

/// The configuration of that GRUB, which it asks for as `grub/grub.cfg` over TFTP.
pub fn local_grub(architecture: Architecture) -> Rendered {
    let cpu = match architecture {
        Architecture::Amd64 => "x64",
        Architecture::Arm64 => "aa64",
    };
    render("local.grub", &serde_json::json!({ "cpu": cpu }))
}

/// The kernel command line; `docs/images.md` explains each argument.
fn kernel_line(
    key: &Key,
    base: &str,
    node: &Node,
    mac: Option<Mac>,
    boot: Seq,
    name: &str,
    image: &crate::world::Image,
) -> String {
    let token = key.token(&node.name, boot);
    let mut line = vec![
        format!("bellwether.root={base}/images/{name}/{}", image.root.name),
        format!("bellwether.sha256={}", image.root.sha256),
        format!("bellwether.size={}", image.root.size),
        format!("bellwether.hook={base}/boot/hook/{}/{token}/failed", node.name),
        format!("ds=nocloud;dsmode=net;s={base}/cloud-init/{}/{token}/", node.name),
        "panic=60".to_string(),
    ];
    // Without it the kernel would try each NIC in turn and may wait on a wrong one.
    if let Some(mac) = mac.or_else(|| node.nics.iter().find_map(|n| n.mac)) {
        line.push(format!("BOOTIF=01-{}", mac.hyphened()));
    }
    if let Some(console) = &node.settings.console {
        line.push("console=tty0".to_string());
        line.push(format!("console={}", console.value));
    }
    line.extend(node.settings.kernel_args.iter().map(|arg| arg.value.clone()));
    line.join(" ")
}

fn render(template: &str, values: &serde_json::Value) -> Rendered {
    Rendered::plain(templates::render(template, values))
}
