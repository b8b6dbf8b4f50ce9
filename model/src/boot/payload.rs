//! What a loader starts: a kernel, its initial RAM disks and its arguments. One value, whichever loader carries it out.

use std::fmt::Write as _;

use super::{Key, Occasion, Resolved, Site};
use crate::agent;
use crate::cluster::{BootTarget, Node};
use crate::deployment::Files;
use crate::event::Seq;
use wire::Mac;

/// What is started. Paths are those below our HTTP door and our TFTP server alike, without a slash in front.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Payload {
    /// What it is called on the console: the name of the image.
    pub name: String,
    /// The kernel, `images/debian-12/vmlinuz`.
    pub kernel: String,
    /// Initial RAM disks, in their order.
    pub initrds: Vec<String>,
    /// Kernel command line: words with a space between them; a word with spaces in it has double quotes around its value,
    /// as the kernel reads them.
    pub args: String,
}

/// What a node starts for its target; `None` for a target that starts nothing of ours.
///
/// `site` is where the node reaches us, `mac` the NIC that booted.
pub fn payload(
    key: &Key,
    site: Site,
    node: &Node,
    mac: Option<Mac>,
    boot: Seq,
    resolved: &Resolved,
) -> Option<Payload> {
    if let Some(files) = &resolved.files {
        let args = files.args.replace(Files::BASE, &site.base());
        return Some(Payload {
            name: files.name.clone(),
            kernel: files.kernel.clone(),
            initrds: vec![files.initrd.clone()],
            args: args.replace(Files::HOST, &site.address.to_string()),
        });
    }
    if let (BootTarget::Install, Some(installer), Some(deployment)) =
        (resolved.target, &resolved.installer, resolved.deployment)
    {
        let token = key.token(&node.name, Occasion::Attempt { deployment, boot });
        let folder = format!("media/{}", installer.medium);
        return Some(Payload {
            name: installer.medium.clone(),
            kernel: format!("{folder}/{}", installer.kernel),
            initrds: installer
                .initrds
                .iter()
                .map(|file| format!("{folder}/{file}"))
                .collect(),
            args: installer.args(site, &token, mac),
        });
    }
    match (resolved.target, &resolved.image) {
        (BootTarget::Image | BootTarget::Maintenance, Some((name, image))) => Some(Payload {
            name: name.clone(),
            kernel: format!("images/{name}/{}", image.kernel.name),
            initrds: vec![format!("images/{name}/{}", image.initrd.name)],
            args: kernel_line(key, &site.base(), node, mac, boot, name, image),
        }),
        (BootTarget::Deploy, _) => {
            let deployment = resolved.deployment?;
            let token = key.token(&node.name, Occasion::Attempt { deployment, boot });
            Some(agent::boot(resolved.agent.as_ref()?, &site.base(), node, &token, mac))
        }
        _ => None,
    }
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
    let mut line = String::with_capacity(1024);
    // Writing into a string cannot fail.
    let _ = write!(
        line,
        "bellwether.root={base}/images/{name}/{root} bellwether.sha256={sha256} bellwether.size={size} \
         bellwether.hook={base}/boot/hook/{node}/{token}/failed ds=nocloud;dsmode=net;s={base}/cloud-init/{node}/{token}/ panic=60",
        root = image.root.name,
        sha256 = image.root.sha256,
        size = image.root.size,
        node = node.name,
    );
    // Without it the kernel would try each NIC in turn and may wait on a wrong one.
    if let Some(mac) = mac.or_else(|| node.nics.iter().find_map(|n| n.mac)) {
        let _ = write!(line, " BOOTIF=01-{}", mac.hyphened());
    }
    if let Some(console) = &node.settings.console {
        let _ = write!(line, " console=tty0 console={}", console.value);
    }
    for arg in &node.settings.kernel_args {
        line.push(' ');
        line.push_str(&arg.value);
    }
    line
}
