//! The plan of a node: what its agent writes, to which disk, divided how.
//!
//! A line is a name, `=`, and a value that goes to the end of the line. There is nothing to quote and nothing to run,
//! so a shell reads it safely.

use std::fmt::Write as _;

use super::{Source, layout};
use crate::boot::{Rendered, Site};
use crate::cluster::{AfterInstall, Node};
use crate::world::{ImageFile, World};

/// The first line; an agent does nothing for a plan that begins otherwise.
const HEAD: &str = "#bellwether-plan 1";

/// Swap is made of whole MiB.
const MIB: u64 = 1 << 20;

/// The plan of a node for an attempt with that token. `docs/image-to-disk.md` explains each line.
///
/// # Errors
/// A sentence about what stands in the way, see [`super::obstacle`].
pub fn plan(world: &World, site: Site, node: &Node, token: &str) -> Result<Rendered, String> {
    let source = super::source(world, node)?;
    let settings = &node.settings;
    let base = site.base();
    let image = settings.image.as_ref().map_or("", |image| image.value.as_str());
    let url = |file: &ImageFile| format!("{base}/images/{image}/{}", file.name);
    let mut plan = Plan(format!("{HEAD}\n"));
    plan.line("NODE", &node.name).line("HOSTNAME", &node.name);
    plan.line("IMAGE", image);
    match &source {
        Source::Tree(tree, disk) => {
            plan.line("KIND", "tree").file("", &url(&tree.root), &tree.root);
            plan.line("UNPACKED", disk.unpacked);
            plan.file("KERNEL_", &url(&tree.kernel), &tree.kernel);
            plan.file("INITRD_", &url(&disk.initrd), &disk.initrd);
            let layout = layout(node);
            plan.line("RECIPE", layout.recipe).line("FILESYSTEM", layout.filesystem);
            plan.line("SWAP", layout.swap.unwrap_or(0) / MIB * MIB);
        }
        Source::Whole(whole) => {
            plan.line("KIND", "disk").file("", &url(&whole.disk), &whole.disk);
            plan.line("UNPACKED", whole.unpacked);
        }
    }
    plan.line("SEED", format!("{base}/cloud-init/{}/{token}/", node.name));
    if let Some(rule) = settings.disk.as_ref().map(|rule| &rule.value) {
        plan.maybe("DISK_PATH", rule.path.as_ref());
        plan.maybe("DISK_MODEL", rule.model.as_ref());
        plan.maybe("DISK_SERIAL", rule.serial.as_ref());
        plan.maybe("DISK_MIN", rule.min_size);
        plan.maybe("DISK_MAX", rule.max_size);
        plan.line("DISK_PICK", rule.pick);
    }
    plan.maybe("CONSOLE", settings.console.as_ref().map(|console| &console.value));
    let args: Vec<&str> = settings.kernel_args.iter().map(|arg| arg.value.as_str()).collect();
    plan.line("KERNEL_ARGS", args.join(" "));
    let after = settings.after_install.as_ref().map(|after| after.value);
    plan.line("AFTER", after.unwrap_or(AfterInstall::Reboot));
    Ok(Rendered::plain(plan.0))
}

/// One line, for a test of what it lets through.
#[cfg(test)]
pub(super) fn tests_line(name: &str, value: &str) -> String {
    let mut plan = Plan(String::new());
    plan.line(name, value);
    plan.0
}

struct Plan(String);

impl Plan {
    fn line(&mut self, name: &str, value: impl std::fmt::Display) -> &mut Self {
        // The cluster file lets no line break into these values; a plan does not depend on that.
        let value: String = value.to_string().chars().filter(|c| !c.is_control()).collect();
        writeln!(self.0, "{name}={value}").expect("writing to a string cannot fail");
        self
    }

    fn maybe(&mut self, name: &str, value: Option<impl std::fmt::Display>) -> &mut Self {
        match value {
            Some(value) => self.line(name, value),
            None => self,
        }
    }

    fn file(&mut self, prefix: &str, url: &str, file: &ImageFile) -> &mut Self {
        self.line(&format!("{prefix}URL"), url)
            .line(&format!("{prefix}SIZE"), file.size)
            .line(&format!("{prefix}SHA256"), &file.sha256)
    }
}
