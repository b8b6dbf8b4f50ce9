//! Which boot target a node gets when it asks now.

use std::sync::Arc;

use crate::agent;
use crate::cluster::{BootTarget, Node, Via};
use crate::deployment::{Deployment, Files, Foreign, effective, is_written, obstacle};
use crate::event::Seq;
use crate::install::{InstallerBoot, installer_boot};
use crate::world::{Agent, Boot, Image, World};

/// A target that can be carried out, or the reason why not.
#[derive(Debug, Clone, PartialEq)]
pub struct Resolved {
    /// The target.
    pub target: BootTarget,
    /// The image that it boots, for `image` and `maintenance`, or that is written to the disk, for `deploy`.
    pub image: Option<(String, Arc<Image>)>,
    /// What `install` starts.
    pub installer: Option<InstallerBoot>,
    /// The agent that writes it there, for `deploy`.
    pub agent: Option<(String, Arc<Agent>)>,
    /// What a face has the node start for the target.
    pub files: Option<Files>,
    /// The deployment that `install` and `deploy` belong to, and whatever a face armed.
    pub deployment: Option<Seq>,
    /// Why this target: `declared in profile worker`, `chosen by root for one boot`.
    pub because: String,
    /// Why it cannot be carried out. The node waits and asks again.
    pub blocked: Option<String>,
}

/// The target of the boot under way, or of the next one.
///
/// A boot keeps the target that its first script had, so a loader that asks twice gets the same answer although
/// `--once` is used up; unless a person chose anew since, or a deployment was armed, installed or ended.
pub fn resolve(world: &World, node: &Arc<Node>, boot: Option<&Boot>) -> Resolved {
    let state = world.state(&node.name);
    let pinned = boot.filter(|b| !b.is_ready()).and_then(|b| {
        let target = b.target.as_deref().and_then(BootTarget::parse)?;
        (!target.installs()).then_some((b, target))
    });
    let latest = world.deployments.latest(&node.name);
    let chosen = state.choice.as_ref().map(|choice| {
        let target = BootTarget::parse(&choice.target).unwrap_or_default();
        (choice, target)
    });
    match (chosen, pinned) {
        (Some((choice, target)), pinned) if pinned.is_none_or(|(boot, _)| choice.at > boot.last) => {
            let once = if choice.once { " for one boot" } else { "" };
            return carried_out(world, node, target, format!("chosen by {}{once}", choice.actor));
        }
        _ => {}
    }
    // What the boot under way was given counts, unless the deployment was armed after it began.
    let kept = |deployment: &Deployment| {
        let is_asked_for = deployment.foreign.is_some() && deployment.wants_install();
        pinned.filter(|(boot, _)| boot.started >= deployment.armed_at && !is_asked_for)
    };
    if let Some(latest) = latest
        && kept(latest).is_none_or(|(_, target)| latest.installed.is_some() && target == BootTarget::Local)
        && let Some(resolved) = of_deployment(world, node, latest, boot)
    {
        return resolved;
    }
    // Told in the words of the first time, so that a loader that asks twice gets the same text.
    let (target, because) = match (pinned, chosen) {
        (Some((_, target)), _) => match declared(node) {
            (declared, because) if declared == target => (declared, because),
            _ => (target, "chosen for this boot".to_string()),
        },
        (None, Some((choice, target))) => (target, format!("chosen by {}", choice.actor)),
        (None, None) => declared(node),
    };
    carried_out(world, node, target, because)
}

/// What the latest deployment of a node has to say: install, boot what was installed, or wait for a person.
fn of_deployment(world: &World, node: &Arc<Node>, latest: &Deployment, boot: Option<&Boot>) -> Option<Resolved> {
    let id = latest.id;
    if let Some(foreign) = &latest.foreign {
        return of_face(world, node, latest, foreign, boot);
    }
    if latest.is_active() && latest.installed.is_some() {
        let because = format!("installed by deployment {id}");
        return Some(carried_out(world, node, BootTarget::Local, because));
    }
    if latest.may_install(boot.map(|boot| boot.id)) {
        return Some(installation(world, node, latest, boot));
    }
    if latest.parks() || latest.wants_install() {
        let why = latest
            .end
            .as_ref()
            .map_or("its attempts are used up", |end| end.why.as_str());
        let parked = carried_out(
            world,
            node,
            BootTarget::Maintenance,
            format!("parked: deployment {id} failed"),
        );
        return Some(Resolved {
            blocked: parked
                .blocked
                .is_some()
                .then(|| format!("it is parked, deployment {id} failed: {why}")),
            ..parked
        });
    }
    // A system of another profile than the declared one: what is declared would not boot it.
    let foreign = latest.profile.as_ref().filter(|profile| {
        latest.installed.is_some() && node.profile.as_ref().is_none_or(|declared| declared.value != **profile)
    })?;
    let because = format!("installed with profile {foreign} by deployment {id}");
    Some(carried_out(world, node, BootTarget::Local, because))
}

/// What a deployment has to say that a face armed. Once its system answered the node boots from its disk; one that ended before
/// is as if it had never been.
fn of_face(
    world: &World,
    node: &Arc<Node>,
    latest: &Deployment,
    foreign: &Foreign,
    boot: Option<&Boot>,
) -> Option<Resolved> {
    let (id, boot) = (latest.id, boot.map(|boot| boot.id));
    if latest.installed.is_some() || latest.is_active() && is_written(world, latest) {
        let because = format!("{} by deployment {id}", latest.source);
        return Some(carried_out(world, node, BootTarget::Local, because));
    }
    if !latest.may_install(boot) {
        return None;
    }
    let because = format!("deployment {id} of {}", latest.source);
    let target = BootTarget::parse(&foreign.target).unwrap_or_default();
    let resolved = match &foreign.files {
        None => carried_out(world, node, target, because),
        Some(files) => Resolved {
            files: Some(files.clone()),
            blocked: None,
            ..carried_out(world, node, BootTarget::Local, because)
        },
    };
    Some(Resolved {
        target,
        deployment: Some(id),
        ..resolved
    })
}

fn installation(world: &World, node: &Arc<Node>, deployment: &Deployment, boot: Option<&Boot>) -> Resolved {
    let wanted = effective(world, node);
    let target = match deployment.via {
        Via::Image => BootTarget::Deploy,
        Via::Installer | Via::Network => BootTarget::Install,
    };
    let begun = deployment.tries.len();
    let again = deployment
        .attempt()
        .is_some_and(|attempt| attempt.failed.is_none() && Some(attempt.boot) == boot.map(|boot| boot.id));
    let number = if again { begun } else { begun + 1 };
    // The cluster file may have changed since: what was armed is what is installed, or nothing is.
    let changed = wanted.settings.via() != deployment.via;
    let blocked = changed
        .then(|| {
            format!(
                "deployment {} is of {}, which is no longer declared",
                deployment.id,
                deployment.what()
            )
        })
        .or_else(|| obstacle(world, &wanted));
    let image = match target {
        BootTarget::Deploy => world.images.get(&deployment.source),
        _ => None,
    };
    let installer = match target {
        BootTarget::Install => installer_boot(world, &wanted).ok(),
        _ => None,
    };
    Resolved {
        target,
        image: image.map(|image| (deployment.source.clone(), image.clone())),
        installer,
        agent: (target == BootTarget::Deploy)
            .then(|| agent::of(world, &wanted))
            .flatten(),
        files: None,
        deployment: Some(deployment.id),
        because: format!(
            "deployment {}, attempt {number} of {}",
            deployment.id, deployment.attempts
        ),
        blocked,
    }
}

fn carried_out(world: &World, node: &Node, target: BootTarget, because: String) -> Resolved {
    let resolved = |image, blocked| Resolved {
        target,
        image,
        installer: None,
        agent: None,
        files: None,
        deployment: None,
        because,
        blocked,
    };
    let settings = &node.settings;
    let wanted = match target {
        BootTarget::Image => settings.image.as_ref().map(|i| i.value.clone()),
        // There is one maintenance system: an image of that name if the site built one, else the node's own image
        // without its profile's settings.
        BootTarget::Maintenance if world.images.contains_key("maintenance") => Some("maintenance".to_string()),
        BootTarget::Maintenance => settings.image.as_ref().map(|i| i.value.clone()),
        BootTarget::Local | BootTarget::Shell => return resolved(None, None),
        BootTarget::Install | BootTarget::Deploy => {
            let blocked = format!("{} is not armed: bellwether deploy {}", node.name, node.name);
            return resolved(None, Some(blocked));
        }
    };
    let Some(name) = wanted else {
        let blocked = format!("{} has no image: set `image` in its profile", node.name);
        return resolved(None, Some(blocked));
    };
    match world.images.get(&name) {
        Some(image) if image.architecture != node.architecture.as_str() => {
            let blocked = format!(
                "image {name} is for {}, {} is {}",
                image.architecture, node.name, node.architecture
            );
            resolved(None, Some(blocked))
        }
        Some(image) => resolved(Some((name, image.clone())), None),
        None => {
            let blocked = format!("image {name} is not built: bellwether image build {name}");
            resolved(None, Some(blocked))
        }
    }
}

fn declared(node: &Node) -> (BootTarget, String) {
    let because = match (&node.settings.boot, node.settings.target()) {
        (Some(_), (_, Some(origin))) => format!("declared in {}", origin.layer),
        (None, (BootTarget::Local, Some(origin))) => {
            format!("via: {} declared in {}", node.settings.via(), origin.layer)
        }
        (None, (_, Some(origin))) => format!("image declared in {}", origin.layer),
        (_, (_, None)) => "nothing else is declared".to_string(),
    };
    (node.settings.target().0, because)
}
