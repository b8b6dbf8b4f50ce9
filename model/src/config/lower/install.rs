//! Disk and layout of an installation: from what is written to what is meant.

use crate::cluster::{DiskRule, Layout, Origin, Recipe, Settings, Sourced};
use crate::config::diagnostic::Diagnostic;
use crate::config::problems::Problems;
use crate::config::raw;
use crate::config::span::Span;

use super::settings::one;

/// Adds what says how a node's disk gets its system.
pub(super) fn install(
    settings: &mut Settings,
    raw: &raw::Settings,
    origin: &impl Fn(Span) -> Origin,
    problems: &mut Problems,
) {
    settings.via = one(&raw.via, origin, |v| *v);
    settings.medium = one(&raw.medium, origin, |v| v.0.clone());
    settings.disk = raw.disk.as_ref().map(|disk| disk_rule(disk, origin, problems));
    settings.layout = raw.layout.as_ref().map(|written| layout(written, origin, problems));
    settings.keyboard = one(&raw.keyboard, origin, |v| v.0.clone());
    settings.root_password_hash = one(&raw.root_password_hash, origin, |v| v.0.clone());
    settings.mirror = one(&raw.mirror, origin, |v| v.0.clone());
    settings.firmware = one(&raw.firmware, origin, |v| v.0);
    settings.after_install = one(&raw.after_install, origin, |v| *v);
    settings.attempts = one(&raw.attempts, origin, |v| v.0);
}

fn disk_rule(raw: &raw::Disk, origin: &impl Fn(Span) -> Origin, problems: &mut Problems) -> Sourced<DiskRule> {
    if let Some(path) = raw.path.as_ref().filter(|path| !path.value.0.starts_with("/dev/")) {
        problems.push(
            Diagnostic::error("not-a-disk", format!("`{}` is no device file", path.value.0))
                .at(path.span, "expected a path below `/dev`")
                .help("`/dev/disk/by-id/…` names a disk by its serial number, `/dev/disk/by-path/…` by its slot"),
        );
    }
    if let (Some(least), Some(most)) = (&raw.min_size, &raw.max_size)
        && least.value.0 > most.value.0
    {
        problems.push(
            Diagnostic::error("no-such-size", "no disk is of a size that is wanted")
                .at(least.span, "not smaller than this")
                .at(most.span, "not larger than this"),
        );
    }
    let rule = DiskRule {
        path: raw.path.as_ref().map(|v| v.value.0.clone()),
        model: raw.model.as_ref().map(|v| v.value.0.clone()),
        serial: raw.serial.as_ref().map(|v| v.value.0.clone()),
        min_size: raw.min_size.as_ref().map(|v| v.value.0),
        max_size: raw.max_size.as_ref().map(|v| v.value.0),
        pick: raw.pick.as_ref().map(|v| v.value).unwrap_or_default(),
    };
    Sourced {
        value: rule,
        origin: origin(raw.span),
    }
}

fn layout(raw: &raw::Layout, origin: &impl Fn(Span) -> Origin, problems: &mut Problems) -> Sourced<Layout> {
    let recipe = raw.recipe.as_ref().map(|v| v.value).unwrap_or_default();
    let at = raw.recipe.as_ref().map_or(raw.span, |v| v.span);
    // Without a passphrase from the server the machine asks for one at its console.
    if let (Some(from), Recipe::Plain | Recipe::Lvm) = (&raw.passphrase_from, recipe) {
        problems.push(
            Diagnostic::error("no-use", "a passphrase is of no use here")
                .at(from.span, "for an encrypted disk")
                .at(at, "this disk is not encrypted"),
        );
    }
    let layout = Layout {
        recipe,
        filesystem: raw.filesystem.as_ref().map(|v| v.value).unwrap_or_default(),
        swap: raw.swap.as_ref().and_then(|v| v.value.0),
        passphrase_from: raw.passphrase_from.as_ref().map(|v| v.value.0.clone()),
    };
    Sourced {
        value: layout,
        origin: origin(raw.span),
    }
}
