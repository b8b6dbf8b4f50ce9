//! What GRUB is told, derived when it asks: its configuration, and the script of a node in its language.
//!
//! GRUB knows its TFTP server and asks it for `grub/grub.cfg`. That text is the same for everybody: a loop that fetches
//! `grub/script/MAC` and does what it says, for as long as it comes back. So a node that waits asks again without a GRUB
//! inside a GRUB, and is recognised by its MAC wherever its address came from.

use std::net::IpAddr;

use wire::Mac;

use super::payload::payload;
use super::script::NOTHING;
use super::{Key, Rendered, Resolved, Site};
use crate::cluster::{Architecture, BootTarget, Node};
use crate::event::{Seq, Stage};
use crate::templates;
use crate::world::World;

/// Something that GRUB asks its TFTP server for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    /// Its configuration.
    Config,
    /// The script of whoever has that MAC; `None` where GRUB knows none, so that the address has to do.
    Script(Option<Mac>),
}

/// Reads a TFTP path; `None` for a file.
pub fn asked(path: &str) -> Option<Asked> {
    match path.strip_prefix("grub/")? {
        "grub.cfg" => Some(Asked::Config),
        "script" => Some(Asked::Script(None)),
        other => Some(Asked::Script(Some(other.strip_prefix("script/")?.parse().ok()?))),
    }
}

/// The configuration that every GRUB gets.
pub fn config() -> Rendered {
    render("grub.cfg", &serde_json::json!({}))
}

/// Whether the GRUB that asks was started by iPXE, whose script for `local` has been served and counted already: then
/// iPXE was the last to ask DHCP. A GRUB that shim started comes right after the firmware.
pub fn is_under_ipxe(world: &World, node: &Node) -> bool {
    let boot = world.state(&node.name).boot.as_ref().and_then(|boot| boot.stage);
    boot == Some(Stage::Ipxe)
}

/// The script of a node in GRUB's language. `server` is the TFTP server as GRUB reaches it.
pub fn grub_script(
    key: &Key,
    site: Site,
    server: IpAddr,
    mac: Option<Mac>,
    boot: Seq,
    node: &Node,
    resolved: &Resolved,
) -> Rendered {
    let mut values = serde_json::json!({
        "node": &*node.name,
        "boot": boot,
        "because": resolved.because,
        "target": resolved.target.as_str(),
    });
    let fields = values.as_object_mut().expect("made as an object above");
    if let Some(blocked) = &resolved.blocked {
        fields.insert("why".into(), quoted(blocked).into());
        return render("blocked.grub", &values);
    }
    if resolved.target == BootTarget::Shell {
        return render("shell.grub", &values);
    }
    let payload = match (resolved.target, payload(key, site, node, mac, boot, resolved)) {
        (_, Some(payload)) => payload,
        (BootTarget::Local, None) => return local_grub(node.architecture, false),
        (_, None) => {
            fields.insert("why".into(), quoted(NOTHING).into());
            return render("blocked.grub", &values);
        }
    };
    let file = |path: &String| quoted(&format!("(tftp,{server})/{path}"));
    let initrds: Vec<String> = payload.initrds.iter().map(file).collect();
    fields.insert("name".into(), payload.name.as_str().into());
    fields.insert("kernel".into(), file(&payload.kernel).into());
    fields.insert("initrds".into(), initrds.join(" ").into());
    fields.insert("args".into(), words(&payload.args).into());
    render("image.grub", &values)
}

/// What starts the loader of an installed system. A GRUB under iPXE leaves when it finds none, since iPXE asks again then;
/// the other one asks again itself.
pub fn local_grub(architecture: Architecture, under_ipxe: bool) -> Rendered {
    let cpu = match architecture {
        Architecture::Amd64 => "x64",
        Architecture::Arm64 => "aa64",
    };
    render(
        "local.grub",
        &serde_json::json!({ "cpu": cpu, "under_ipxe": under_ipxe }),
    )
}

/// A kernel command line as GRUB's words: GRUB puts double quotes around a word with a space in it and a backslash before
/// every quote, so the quotes that the kernel wants to see are taken off here.
fn words(line: &str) -> String {
    let mut words = Vec::new();
    let (mut word, mut within) = (String::new(), false);
    for character in line.chars() {
        match character {
            '"' => within = !within,
            c if c.is_whitespace() && !within => words.push(std::mem::take(&mut word)),
            c => word.push(c),
        }
    }
    words.push(word);
    let words: Vec<String> = words.iter().filter(|w| !w.is_empty()).map(|w| quoted(w)).collect();
    words.join(" ")
}

/// A word for GRUB that nothing in it can break out of.
fn quoted(text: &str) -> String {
    let text: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    format!("'{}'", text.replace('\'', r"'\''"))
}

fn render(template: &str, values: &serde_json::Value) -> Rendered {
    Rendered::plain(templates::render(template, values))
}
