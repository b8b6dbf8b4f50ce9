//! Which boot target a node gets when it asks now.

use std::sync::Arc;

use crate::cluster::{BootTarget, Node};
use crate::world::{Boot, Image, World};

/// A target that can be carried out, or the reason why not.
#[derive(Debug, Clone, PartialEq)]
pub struct Resolved {
    /// The target.
    pub target: BootTarget,
    /// The image that it boots, for `image` and `maintenance`.
    pub image: Option<(String, Arc<Image>)>,
    /// Why this target: `declared in profile worker`, `chosen by root for one boot`.
    pub because: String,
    /// Why it cannot be carried out. The node waits and asks again.
    pub blocked: Option<String>,
}

/// The target of the boot under way, or of the next one.
///
/// A boot keeps the target that its first script had, so a loader that asks twice gets the same answer although
/// `--once` is used up; unless a person chose anew since.
pub fn resolve(world: &World, node: &Node, boot: Option<&Boot>) -> Resolved {
    let state = world.state(&node.name);
    let pinned = boot
        .filter(|b| !b.is_ready())
        .and_then(|b| b.target.as_deref().map(|t| (b, t)));
    let (target, because) = match (&state.choice, pinned) {
        (Some(choice), pinned) if pinned.is_none_or(|(boot, _)| choice.at > boot.last) => {
            let once = if choice.once { " for one boot" } else { "" };
            (choice.target.clone(), format!("chosen by {}{once}", choice.actor))
        }
        // Told in the words of the first time, so that a loader that asks twice gets the same text.
        (_, Some((_, target))) => match declared(node) {
            (declared, because) if declared == target => (declared, because),
            _ => (target.to_string(), "chosen for this boot".to_string()),
        },
        (Some(choice), None) => (choice.target.clone(), format!("chosen by {}", choice.actor)),
        (None, None) => declared(node),
    };
    let target = BootTarget::parse(&target).unwrap_or_default();
    let settings = &node.settings;
    let wanted = match target {
        BootTarget::Image => settings.image.as_ref().map(|i| i.value.clone()),
        // There is one maintenance system: an image of that name if the site built one, else the node's own image
        // without its profile's settings.
        BootTarget::Maintenance if world.images.contains_key("maintenance") => Some("maintenance".to_string()),
        BootTarget::Maintenance => settings.image.as_ref().map(|i| i.value.clone()),
        BootTarget::Local | BootTarget::Shell => {
            return Resolved {
                target,
                image: None,
                because,
                blocked: None,
            };
        }
    };
    let Some(name) = wanted else {
        let blocked = Some(format!("{} has no image: set `image` in its profile", node.name));
        return Resolved {
            target,
            image: None,
            because,
            blocked,
        };
    };
    match world.images.get(&name) {
        Some(image) if image.architecture != node.architecture.as_str() => {
            let blocked = Some(format!(
                "image {name} is for {}, {} is {}",
                image.architecture, node.name, node.architecture
            ));
            Resolved {
                target,
                image: None,
                because,
                blocked,
            }
        }
        Some(image) => Resolved {
            target,
            image: Some((name, image.clone())),
            because,
            blocked: None,
        },
        None => {
            let blocked = Some(format!("image {name} is not built: bellwether image build {name}"));
            Resolved {
                target,
                image: None,
                because,
                blocked,
            }
        }
    }
}

fn declared(node: &Node) -> (String, String) {
    let because = match (&node.settings.boot, node.settings.target()) {
        (Some(_), (_, Some(origin))) => format!("declared in {}", origin.layer),
        (None, (_, Some(origin))) => format!("image declared in {}", origin.layer),
        (_, (_, None)) => "nothing else is declared".to_string(),
    };
    (node.settings.target().0.to_string(), because)
}
