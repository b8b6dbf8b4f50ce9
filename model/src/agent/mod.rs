//! The agent: the small system that writes an image to a node's disk. How it is booted and what it is told to do.
//!
//! Invariant: pure; the plan of a node follows from the world, and whatever stands in its way is said before a machine
//! is touched.
//! Invariant: a plan holds nothing secret, it travels over plain HTTP.

mod plan;
#[cfg(test)]
mod tests;

pub use plan::plan;

use std::sync::Arc;

use crate::boot::Payload;
use crate::cluster::{Layout, Node, Recipe};
use crate::world::{Agent, DiskImage, Image, OnDisk, World};
use wire::Mac;

/// What is written to a disk.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Source {
    /// A tree of files with its kernel.
    Tree(Arc<Image>, OnDisk),
    /// A whole disk.
    Whole(Arc<DiskImage>),
}

/// What a node's loader starts for an attempt with that token.
///
/// `base` is where the node reaches our HTTP door, `mac` the NIC that booted, as the loader said; the agent uses the same
/// one.
pub fn boot(agent: &(String, Arc<Agent>), base: &str, node: &Node, token: &str, mac: Option<Mac>) -> Payload {
    let (name, agent) = agent;
    let mut args = vec![
        format!("bellwether.plan={base}/install/{}/{token}/plan", node.name),
        format!("bellwether.hooks={base}/boot/hook/{}/{token}/", node.name),
        "panic=60".to_string(),
    ];
    if let Some(mac) = mac.or_else(|| node.nics.iter().find_map(|nic| nic.mac)) {
        args.push(format!("BOOTIF=01-{}", mac.hyphened()));
    }
    if let Some(console) = &node.settings.console {
        args.push("console=tty0".to_string());
        args.push(format!("console={}", console.value));
    }
    // What a machine needs to run its own system it may need to run ours.
    args.extend(node.settings.kernel_args.iter().map(|arg| arg.value.clone()));
    Payload {
        name: name.clone(),
        kernel: format!("images/{name}/{}", agent.kernel.name),
        initrds: vec![format!("images/{name}/{}", agent.initrd.name)],
        args: args.join(" "),
    }
}

/// The agent that a node boots, with its name among the images.
pub fn of(world: &World, node: &Node) -> Option<(String, Arc<Agent>)> {
    world
        .agents
        .iter()
        .find(|(_, agent)| agent.architecture == node.architecture.as_str())
        .map(|(name, agent)| (name.clone(), agent.clone()))
}

/// What keeps an image from being written to the disk of this node, and what to do about it; `None` if nothing does.
pub fn obstacle(world: &World, node: &Node) -> Option<String> {
    source(world, node).err()
}

/// What the agent is to write, if there is an agent for it.
fn source(world: &World, node: &Node) -> Result<Source, String> {
    let settings = &node.settings;
    let Some(image) = settings.image.as_ref().map(|image| image.value.as_str()) else {
        return Err(format!("{} has no image: set `image` in its profile", node.name));
    };
    if layout(node).recipe == Recipe::Encrypted {
        return Err(
            "an image cannot be written to an encrypted disk: its passphrase would travel to the node over plain \
             HTTP; choose `recipe: plain` or `lvm`"
                .to_string(),
        );
    }
    let source = match (world.images.get(image), world.disk_images.get(image)) {
        (Some(found), _) => match &found.disk {
            Some(disk) => Source::Tree(found.clone(), disk.clone()),
            None => {
                return Err(format!(
                    "image {image} was built for the network only: build it again without --network-only"
                ));
            }
        },
        (None, Some(found)) => Source::Whole(found.clone()),
        (None, None) => return Err(format!("image {image} is not built: bellwether image build {image}")),
    };
    let architecture = match &source {
        Source::Tree(found, _) => &found.architecture,
        Source::Whole(found) => &found.architecture,
    };
    if architecture != node.architecture.as_str() {
        return Err(format!(
            "image {image} is for {architecture}, {} is {}",
            node.name, node.architecture
        ));
    }
    if of(world, node).is_none() {
        return Err(format!(
            "there is no agent for {} to write it to the disk: bellwether image build agent",
            node.architecture
        ));
    }
    Ok(source)
}

fn layout(node: &Node) -> Layout {
    node.settings
        .layout
        .as_ref()
        .map(|layout| layout.value.clone())
        .unwrap_or_default()
}
