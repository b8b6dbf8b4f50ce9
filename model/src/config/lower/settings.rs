//! A layer's settings: from what is written to what is meant.

use crate::cluster::{FileEntry, Layer, Origin, PackageSource, Settings, Sourced, UserAccount};
use crate::config::diagnostic::Diagnostic;
use crate::config::problems::Problems;
use crate::config::raw;
use crate::config::read::Many;
use crate::config::scalar::{PublicKey, TimeZone};
use crate::config::span::{At, Span};

/// Lowers the settings of one layer.
pub(super) fn settings(raw: &raw::Settings, layer: &Layer, problems: &mut Problems) -> Settings {
    let lines = problems.lines.clone();
    let origin = |span: Span| Origin {
        layer: layer.clone(),
        line: lines.line(span),
    };
    let mut settings = Settings {
        boot: one(&raw.boot, &origin, |v| *v),
        image: one(&raw.image, &origin, |v| v.0.clone()),
        loader: one(&raw.loader, &origin, |v| *v),
        console: one(&raw.console, &origin, Clone::clone),
        locale: one(&raw.locale, &origin, |v| v.0.clone()),
        ntp: list(&raw.ntp, &origin, |v| v.0.clone()),
        kernel_args: list(&raw.kernel_args, &origin, |v| v.0.clone()),
        packages: list(&raw.packages, &origin, |v| v.0.clone()),
        commands: list(&raw.commands, &origin, |v| v.0.clone()),
        ..Settings::default()
    };
    add_shared(&mut settings, &raw.timezone, &raw.ssh_keys, &raw.users, layer, problems);
    super::install::install(&mut settings, raw, &origin, problems);
    super::ready::ready(&mut settings, raw, &origin, problems);
    settings.files = files(&raw.files, &origin, problems);
    settings.package_sources = package_sources(&raw.package_sources, &origin, problems);
    settings
}

/// The settings that may stand at the top of the file as well as in a layer.
pub(super) fn add_shared(
    settings: &mut Settings,
    timezone: &Option<At<TimeZone>>,
    ssh_keys: &Many<At<PublicKey>>,
    users: &[raw::User],
    layer: &Layer,
    problems: &mut Problems,
) {
    let lines = problems.lines.clone();
    let origin = |span: Span| Origin {
        layer: layer.clone(),
        line: lines.line(span),
    };
    if let Some(zone) = timezone {
        if let Some(doubt) = &zone.value.doubt {
            let message = format!("`{}` is no time zone that is known here", zone.value.name);
            let problem = Diagnostic::warning("unknown-time-zone", message).at(zone.span, doubt);
            problems.push(problem.help_if(zone.value.help.clone()));
        }
        settings.timezone = one(timezone, &origin, |zone| zone.name.clone());
    }
    for key in &ssh_keys.items {
        doubtful_key(key, problems);
    }
    settings.ssh_keys = list(ssh_keys, &origin, |key| key.text.clone());
    settings.users = accounts(users, &origin, problems);
}

/// A single value with its origin.
pub(super) fn one<T, U>(
    value: &Option<At<T>>,
    origin: &impl Fn(Span) -> Origin,
    mean: impl Fn(&T) -> U,
) -> Option<Sourced<U>> {
    value.as_ref().map(|v| Sourced {
        value: mean(&v.value),
        origin: origin(v.span),
    })
}

fn list<T, U>(many: &Many<At<T>>, origin: &impl Fn(Span) -> Origin, mean: impl Fn(&T) -> U) -> Vec<Sourced<U>> {
    let sourced = |item: &At<T>| Sourced {
        value: mean(&item.value),
        origin: origin(item.span),
    };
    many.items.iter().map(sourced).collect()
}

fn doubtful_key(key: &At<PublicKey>, problems: &mut Problems) {
    if let Some(doubt) = &key.value.doubt {
        problems.push(
            Diagnostic::warning("bad-ssh-key", "this public key will let nobody in")
                .at(key.span, doubt)
                .help("copy the whole line of the file that ends in `.pub`"),
        );
    }
}

/// Tells that a key is missing that must be there.
pub(super) fn missing(key: &str, of: &str, span: Span, faulty: &[&str], problems: &mut Problems) {
    if faulty.contains(&key) {
        return;
    }
    problems.push(
        Diagnostic::error("missing-key", format!("{of} has no `{key}`")).at(span, format!("`{key}` is missing here")),
    );
}

/// Tells that a list says one thing twice.
fn twice(what: &str, name: &str, again: Span, first: Span, problems: &mut Problems) {
    problems.push(
        Diagnostic::error(
            "duplicate-entry",
            format!("the {what} `{name}` stands twice in one list"),
        )
        .at(again, "again here")
        .at(first, "first here")
        .help("merge the two; a higher layer may replace it as a whole"),
    );
}

fn accounts(
    users: &[raw::User],
    origin: &impl Fn(Span) -> Origin,
    problems: &mut Problems,
) -> Vec<Sourced<UserAccount>> {
    let mut names: Vec<(&str, Span)> = Vec::new();
    let mut ids: Vec<(u32, Span)> = Vec::new();
    let mut accounts = Vec::with_capacity(users.len());
    for user in users {
        let Some(name) = &user.name else {
            missing("name", "the user", user.span, &user.faulty, problems);
            continue;
        };
        let text = name.value.0.as_str();
        if name.value.is_reserved() {
            let help = match text {
                "root" => "keys that may log in as root go into `ssh_keys`, beside `users`".to_string(),
                _ => format!("choose another name, such as `{}1`", text.trim_start_matches('_')),
            };
            problems.push(
                Diagnostic::error(
                    "reserved-user-name",
                    format!("the user name `{text}` is the system's own"),
                )
                .at(name.span, "an account or a group of this name exists on every node")
                .help(help),
            );
        }
        if let Some((_, first)) = names.iter().find(|(known, _)| *known == text) {
            twice("user", text, name.span, *first, problems);
            continue;
        }
        names.push((text, name.span));
        if let Some(uid) = &user.uid {
            match ids.iter().find(|(known, _)| *known == uid.value.0) {
                Some((id, first)) => problems.push(
                    Diagnostic::error("duplicate-user-id", format!("two users have the user id {id}"))
                        .at(uid.span, format!("`{text}` has it"))
                        .at(*first, "this user has it as well")
                        .help("two names with one id are one account: their files are each other's"),
                ),
                None => ids.push((uid.value.0, uid.span)),
            }
        }
        for key in &user.ssh_keys.items {
            doubtful_key(key, problems);
        }
        accounts.push(Sourced {
            value: UserAccount {
                name: text.to_string(),
                gecos: user.gecos.as_ref().map(|v| v.value.0.clone()),
                ssh_keys: user.ssh_keys.items.iter().map(|v| v.value.text.clone()).collect(),
                password_hash: user.password_hash.as_ref().map(|v| v.value.0.clone()),
                sudo: user.sudo.as_ref().is_some_and(|v| v.value.0),
                groups: user.groups.items.iter().map(|v| v.value.0.clone()).collect(),
                shell: user
                    .shell
                    .as_ref()
                    .map_or_else(|| "/bin/bash".to_string(), |v| v.value.0.clone()),
                uid: user.uid.as_ref().map(|v| v.value.0),
            },
            origin: origin(name.span),
        });
    }
    accounts
}

fn files(files: &[raw::File], origin: &impl Fn(Span) -> Origin, problems: &mut Problems) -> Vec<Sourced<FileEntry>> {
    let mut paths: Vec<(&str, Span)> = Vec::new();
    let mut entries = Vec::with_capacity(files.len());
    for file in files {
        let Some(path) = &file.path else {
            missing("path", "the file", file.span, &file.faulty, problems);
            continue;
        };
        let text = path.value.0.as_str();
        if let Some((_, first)) = paths.iter().find(|(known, _)| *known == text) {
            twice("file", text, path.span, *first, problems);
            continue;
        }
        paths.push((text, path.span));
        let Some(content) = &file.content else {
            missing(
                "content",
                &format!("the file `{text}`"),
                path.span,
                &file.faulty,
                problems,
            );
            continue;
        };
        entries.push(Sourced {
            value: FileEntry {
                path: text.to_string(),
                content: content.value.0.clone(),
                owner: file
                    .owner
                    .as_ref()
                    .map_or_else(|| "root:root".to_string(), |v| v.value.0.clone()),
                mode: file.mode.as_ref().map_or(0o644, |v| v.value.0),
            },
            origin: origin(path.span),
        });
    }
    entries
}

fn package_sources(
    sources: &[raw::PackageSource],
    origin: &impl Fn(Span) -> Origin,
    problems: &mut Problems,
) -> Vec<Sourced<PackageSource>> {
    let mut names: Vec<(&str, Span)> = Vec::new();
    let mut entries = Vec::with_capacity(sources.len());
    for source in sources {
        let Some(name) = &source.name else {
            missing("name", "the package source", source.span, &source.faulty, problems);
            continue;
        };
        let text = name.value.0.as_str();
        if let Some((_, first)) = names.iter().find(|(known, _)| *known == text) {
            twice("package source", text, name.span, *first, problems);
            continue;
        }
        names.push((text, name.span));
        let of = format!("the package source `{text}`");
        let Some(uri) = &source.uri else {
            missing("uri", &of, name.span, &source.faulty, problems);
            continue;
        };
        if source.suites.items.is_empty() && !source.suites.faulty {
            missing("suites", &of, name.span, &source.faulty, problems);
        }
        let words = |many: &Many<At<crate::config::scalar::Word>>| -> Vec<String> {
            many.items.iter().map(|v| v.value.0.clone()).collect()
        };
        let mut components = words(&source.components);
        if components.is_empty() {
            components.push("main".to_string());
        }
        entries.push(Sourced {
            value: PackageSource {
                name: text.to_string(),
                uri: uri.value.0.clone(),
                suites: words(&source.suites),
                components,
                signed_by: source.signed_by.as_ref().map(|v| v.value.0.clone()),
            },
            origin: origin(name.span),
        });
    }
    entries
}
