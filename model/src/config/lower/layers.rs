//! The layers of settings, and the settings of nodes that are laid together from them.

use std::collections::HashMap;
use std::sync::Arc;

use super::settings::{add_shared, settings};
use crate::cluster::{BootTarget, Layer, Origin, ReadyWhen, Recipe, Settings, Sourced, Via};
use crate::config::diagnostic::Diagnostic;
use crate::config::problems::Problems;
use crate::config::raw::{self, ClusterFile};
use crate::config::scalar::Name;
use crate::config::span::At;

use super::nics::unknown;

/// All layers but those of single nodes.
pub(super) struct Layers<'a> {
    raw: &'a ClusterFile,
    pub defaults: Arc<Settings>,
    profiles: Vec<Arc<Settings>>,
    groups: Vec<Arc<Settings>>,
    /// The default profile and those of the groups, where they are declared.
    default_profile: Option<Choice>,
    group_profiles: Vec<Option<Choice>>,
    profile_at: HashMap<&'a str, usize>,
    /// Nodes with the same layers share their settings.
    laid: HashMap<(Option<usize>, Vec<usize>), Arc<Settings>>,
}

/// A profile that a layer chose.
#[derive(Clone)]
pub(super) struct Choice {
    profile: usize,
    sourced: Sourced<String>,
}

/// What a node has of its layers.
#[derive(Clone)]
pub(super) struct Laid {
    pub profile: Option<Sourced<String>>,
    pub settings: Arc<Settings>,
}

impl<'a> Layers<'a> {
    pub fn of(raw: &'a ClusterFile, problems: &mut Problems) -> Self {
        let mut defaults = settings(&raw.defaults.settings, &Layer::Defaults, problems);
        let mut top = Settings::default();
        add_shared(
            &mut top,
            &raw.timezone,
            &raw.ssh_keys,
            &raw.users,
            &Layer::Defaults,
            problems,
        );
        if let (Some(top), Some(below)) = (&raw.timezone, &raw.defaults.settings.timezone) {
            let (first, second) = if top.span < below.span {
                (top, below)
            } else {
                (below, top)
            };
            problems.push(
                Diagnostic::error("duplicate-key", "the default time zone is said twice")
                    .at(second.span, "again here")
                    .at(first.span, "first here")
                    .help("`timezone` at the top of the file and under `defaults` are the same: keep one"),
            );
        }
        top.overlay(&defaults);
        std::mem::swap(&mut top, &mut defaults);
        let mut layers = Self {
            raw,
            defaults: Arc::new(defaults),
            profiles: Vec::new(),
            groups: Vec::new(),
            default_profile: None,
            group_profiles: Vec::new(),
            profile_at: HashMap::new(),
            laid: HashMap::new(),
        };
        for (at, (name, profile)) in raw.profiles.entries.iter().enumerate() {
            layers.profile_at.insert(&name.value, at);
            let lowered = settings(profile, &Layer::Profile(name.value.clone()), problems);
            layers.profiles.push(Arc::new(lowered));
        }
        layers.default_profile = layers.choice(&raw.defaults.profile, &Layer::Defaults, problems);
        for (name, group) in &raw.groups.entries {
            let layer = Layer::Group(name.value.clone());
            layers
                .groups
                .push(Arc::new(settings(&group.settings, &layer, problems)));
            let choice = layers.choice(&group.profile, &layer, problems);
            layers.group_profiles.push(choice);
        }
        layers
    }

    /// The profile that a layer names.
    pub fn choice(&self, name: &Option<At<Name>>, layer: &Layer, problems: &mut Problems) -> Option<Choice> {
        let name = name.as_ref()?;
        let Some(profile) = self.profile_at.get(name.value.0.as_str()) else {
            let names = self.raw.profiles.entries.iter().map(|(name, _)| name.value.as_str());
            problems.push(unknown("profile", name, names));
            return None;
        };
        Some(Choice {
            profile: *profile,
            sourced: Sourced {
                value: name.value.0.clone(),
                origin: Origin {
                    layer: layer.clone(),
                    line: problems.lines.line(name.span),
                },
            },
        })
    }

    /// Lays the layers of a node together. `own` are the node's own settings, if it has any.
    pub fn lay(&mut self, choice: Option<&Choice>, groups: &[usize], own: Option<&Settings>) -> Laid {
        let chosen = choice
            .or_else(|| {
                groups
                    .iter()
                    .rev()
                    .find_map(|group| self.group_profiles[*group].as_ref())
            })
            .or(self.default_profile.as_ref());
        let key = (chosen.map(|c| c.profile), groups.to_vec());
        let profile = chosen.map(|c| c.sourced.clone());
        let base = self.laid.entry(key).or_insert_with_key(|(profile, groups)| {
            let mut settings = Settings::clone(&self.defaults);
            for layer in profile
                .iter()
                .map(|p| &self.profiles[*p])
                .chain(groups.iter().map(|g| &self.groups[*g]))
            {
                settings.overlay(layer);
            }
            Arc::new(settings)
        });
        let settings = match own {
            None => Arc::clone(base),
            Some(own) => {
                let mut settings = Settings::clone(base);
                settings.overlay(own);
                Arc::new(settings)
            }
        };
        Laid { profile, settings }
    }

    /// Tells of settings that contradict each other once they are laid together.
    pub fn check(&self, node: &At<String>, raw: &raw::Node, settings: &Settings, problems: &mut Problems) {
        self.boot_without_image(node, raw, settings, problems);
        self.image_on_encrypted_disk(node, raw, settings, problems);
        self.ssh_without_key(node, raw, settings, problems);
    }

    fn ssh_without_key(&self, node: &At<String>, raw: &raw::Node, settings: &Settings, problems: &mut Problems) {
        let by_ssh = settings.ready_when.as_ref().filter(|when| when.value == ReadyWhen::Ssh);
        let step = settings.after_ready.first();
        let (Some(origin), None) = (
            by_ssh.map(|when| &when.origin).or(step.map(|step| &step.origin)),
            &settings.ssh_key_from,
        ) else {
            return;
        };
        let said = self.said(&origin.layer, raw);
        let ready = said
            .and_then(|said| said.ready_when.as_ref())
            .filter(|_| by_ssh.is_some());
        let steps = said.and_then(|said| said.after_ready.first());
        let span = ready.map(|when| when.span).or(steps.map(|step| step.span));
        problems.push(
            Diagnostic::error(
                "ssh-without-key",
                format!("nobody can log in on `{}` by SSH", node.value),
            )
            .at(
                span.unwrap_or(node.span),
                format!("needed for this, says {}", origin.layer),
            )
            .at(node.span, "no layer of this node names a key")
            .help("add `ssh_key_from: file:/path` of a private key whose public half is in `ssh_keys` or in the image"),
        );
    }

    fn boot_without_image(&self, node: &At<String>, raw: &raw::Node, settings: &Settings, problems: &mut Problems) {
        let Some(boot) = &settings.boot else { return };
        if boot.value != BootTarget::Image || settings.image.is_some() {
            return;
        }
        let said = self.said(&boot.origin.layer, raw).and_then(|said| said.boot.as_ref());
        problems.push(
            Diagnostic::error(
                "boot-without-image",
                format!("`{}` is to boot an image, but has none", node.value),
            )
            .at(
                said.map_or(node.span, |boot| boot.span),
                format!("said by {}", boot.origin.layer),
            )
            .at(node.span, "no layer of this node names an `image`")
            .help("add `image: NAME` beside `boot: image`; `bellwether image list` knows the names"),
        );
    }

    fn image_on_encrypted_disk(
        &self,
        node: &At<String>,
        raw: &raw::Node,
        settings: &Settings,
        problems: &mut Problems,
    ) {
        let (Some(layout), Via::Image) = (&settings.layout, settings.via()) else {
            return;
        };
        if layout.value.recipe != Recipe::Encrypted {
            return;
        }
        let said = self
            .said(&layout.origin.layer, raw)
            .and_then(|said| said.layout.as_ref());
        problems.push(
            Diagnostic::error(
                "image-on-encrypted-disk",
                format!("`{}` is to get an image on an encrypted disk", node.value),
            )
            .at(
                said.map_or(node.span, |layout| layout.span),
                format!("encrypted, says {}", layout.origin.layer),
            )
            .at(node.span, "its passphrase would travel to it over plain HTTP")
            .help("choose `recipe: plain` or `lvm`"),
        );
    }

    /// What a layer says, as it is written.
    fn said<'b>(&'b self, layer: &Layer, node: &'b raw::Node) -> Option<&'b raw::Settings> {
        match layer {
            Layer::Defaults => Some(&self.raw.defaults.settings),
            Layer::Profile(name) => {
                let profile = self.raw.profiles.entries.iter().find(|(n, _)| n.value == *name);
                profile.map(|(_, profile)| profile)
            }
            Layer::Group(name) => {
                let group = self.raw.groups.entries.iter().find(|(n, _)| n.value == *name);
                group.map(|(_, group)| &group.settings)
            }
            Layer::Node(_) | Layer::BuiltIn => Some(&node.settings),
        }
    }

    /// What stays in the cluster, so that it can be explained.
    pub fn into_cluster(self, own: Vec<Option<Arc<Settings>>>) -> crate::cluster::Layers {
        let names = |names: Vec<&At<String>>, layers: Vec<Arc<Settings>>| {
            names.into_iter().map(|name| name.value.clone()).zip(layers).collect()
        };
        crate::cluster::Layers {
            profiles: names(
                self.raw.profiles.entries.iter().map(|(n, _)| n).collect(),
                self.profiles,
            ),
            groups: names(self.raw.groups.entries.iter().map(|(n, _)| n).collect(), self.groups),
            own,
        }
    }
}
