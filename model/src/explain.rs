//! Where every effective value of a node comes from.
//!
//! Invariant: what is shown is what the node gets: the rows are read from its settings, the layers are asked only for
//! what lost against them.

use serde::Serialize;

use crate::cluster::{BootTarget, Cluster, Layer, LoaderChoice, Node, Origin, Settings, Sourced};
use crate::config::suggest::did_you_mean;

/// The effective values of a node.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Explanation {
    /// Name of the node.
    pub node: String,
    /// One row per value; a list has one per item.
    pub rows: Vec<Row>,
}

/// An effective value.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Row {
    /// Key of the cluster file, `kernel_args`.
    pub key: &'static str,
    /// The value as text; of users and files a summary.
    pub value: String,
    /// The layer that said it, `group gpu`.
    pub layer: String,
    /// Line in the cluster file, from 1; 0 for a value that is built in.
    pub line: u32,
    /// What lower layers said instead, the nearest one first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub overridden: Vec<Overridden>,
}

/// A value that lost against a higher layer.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Overridden {
    /// The value as text.
    pub value: String,
    /// The layer that said it.
    pub layer: String,
    /// Line in the cluster file, from 1.
    pub line: u32,
}

/// A key that no node has.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no setting `{key}`: {help}")]
pub struct UnknownKey {
    /// What was asked for.
    pub key: String,
    /// What may have been meant.
    pub help: String,
}

/// A value of one layer. Of two with one `id` the higher layer's counts.
struct Said<'a> {
    id: String,
    value: String,
    origin: &'a Origin,
}

type Values = for<'a> fn(&'a Settings) -> Vec<Said<'a>>;

/// Every setting, in the order of the manual.
const SETTINGS: [(&str, Values); 27] = [
    ("boot", |s| one(&s.boot)),
    ("image", |s| one(&s.image)),
    ("via", |s| one(&s.via)),
    ("medium", |s| one(&s.medium)),
    ("disk", |s| one(&s.disk)),
    ("layout", |s| one(&s.layout)),
    ("keyboard", |s| one(&s.keyboard)),
    ("root_password_hash", |s| {
        one_as(&s.root_password_hash, |_| "set".to_string())
    }),
    ("mirror", |s| one(&s.mirror)),
    ("firmware", |s| one(&s.firmware)),
    ("after_install", |s| one(&s.after_install)),
    ("ready_when", |s| one(&s.ready_when)),
    ("after_ready", |s| {
        list(&s.after_ready, |v| (format!("{:?}", v.act), v.to_string()))
    }),
    ("ssh_key_from", |s| one(&s.ssh_key_from)),
    ("attempts", |s| one(&s.attempts)),
    ("loader", |s| one_as(&s.loader, |v| v.as_str().to_string())),
    ("console", |s| one(&s.console)),
    ("timezone", |s| one(&s.timezone)),
    ("locale", |s| one(&s.locale)),
    ("ntp", |s| texts(&s.ntp)),
    ("kernel_args", |s| texts(&s.kernel_args)),
    ("packages", |s| texts(&s.packages)),
    ("package_sources", |s| {
        list(&s.package_sources, |v| {
            let (suites, components) = (v.suites.join(" "), v.components.join(" "));
            (v.name.clone(), format!("{}: {} {suites} {components}", v.name, v.uri))
        })
    }),
    ("ssh_keys", |s| texts(&s.ssh_keys)),
    ("users", |s| {
        list(&s.users, |v| {
            let uid = v.uid.map_or_else(String::new, |uid| format!(", id {uid}"));
            let sudo = if v.sudo { ", may become root" } else { "" };
            let keys = match v.ssh_keys.len() {
                1 => "1 key".to_string(),
                n => format!("{n} keys"),
            };
            (v.name.clone(), format!("{}: {keys}{sudo}{uid}, {}", v.name, v.shell))
        })
    }),
    ("files", |s| {
        list(&s.files, |v| {
            let length = v.content.len();
            let text = format!("{}: {length} bytes, mode {:04o}, {}", v.path, v.mode, v.owner);
            (v.path.clone(), text)
        })
    }),
    ("commands", |s| texts(&s.commands)),
];

/// What a node is, beside its settings.
const FACTS: [&str; 9] = [
    "profile",
    "groups",
    "architecture",
    "nics",
    "bmc",
    "console_via",
    "uuid",
    "serial",
    "client_id",
];

fn one<T: std::fmt::Display>(value: &Option<Sourced<T>>) -> Vec<Said<'_>> {
    one_as(value, T::to_string)
}

fn one_as<T>(value: &Option<Sourced<T>>, text: impl Fn(&T) -> String) -> Vec<Said<'_>> {
    let said = |v: &'_ Sourced<T>| text(&v.value);
    value
        .iter()
        .map(|v| Said {
            id: String::new(),
            value: said(v),
            origin: &v.origin,
        })
        .collect()
}

fn texts(values: &[Sourced<String>]) -> Vec<Said<'_>> {
    list(values, |v| (v.clone(), v.clone()))
}

fn list<T>(values: &[Sourced<T>], show: impl Fn(&T) -> (String, String)) -> Vec<Said<'_>> {
    let said = |v| {
        let Sourced { value, origin }: &Sourced<T> = v;
        let (id, value) = show(value);
        Said { id, value, origin }
    };
    values.iter().map(said).collect()
}

/// Explains one setting of a node, or all of them. A setting that no layer names has a row only if it was asked for.
///
/// # Errors
/// A key that no node has.
pub fn explain(cluster: &Cluster, node: &Node, key: Option<&str>) -> Result<Explanation, UnknownKey> {
    let keys = || FACTS.into_iter().chain(SETTINGS.iter().map(|(key, _)| *key));
    if let Some(key) = key
        && !keys().any(|known| known == key)
    {
        let all: Vec<&str> = keys().collect();
        return Err(UnknownKey {
            key: key.to_string(),
            help: did_you_mean(key, keys()).unwrap_or_else(|| format!("there are `{}`", all.join("`, `"))),
        });
    }
    let mut rows = facts(node);
    let layers = cluster.layers_of(node);
    for (name, values) in SETTINGS {
        if key.is_some_and(|key| key != name) {
            continue;
        }
        let before = rows.len();
        for said in values(&node.settings) {
            let lost = layers.iter().rev().flat_map(|layer| values(layer));
            let lost = lost.filter(|v| v.id == said.id && v.origin != said.origin && v.value != said.value);
            let overridden = lost.map(|v| Overridden {
                value: v.value,
                layer: v.origin.layer.to_string(),
                line: v.origin.line,
            });
            rows.push(Row {
                overridden: overridden.collect(),
                ..row(name, said.value, &said.origin.layer, said.origin.line)
            });
        }
        if rows.len() == before {
            // A target that nobody said follows from the image, so it has the image's origin.
            if let ("boot", (target, Some(origin))) = (name, node.settings.target()) {
                rows.push(row(name, target.to_string(), &origin.layer, origin.line));
                continue;
            }
            let built_in = match name {
                "boot" => Some(BootTarget::default().as_str()),
                "loader" => Some(LoaderChoice::default().as_str()),
                _ => key.map(|_| "not set"),
            };
            rows.extend(built_in.map(|value| row(name, value.to_string(), &Layer::BuiltIn, 0)));
        }
    }
    rows.retain(|row| key.is_none_or(|key| row.key == key));
    if rows.is_empty()
        && let Some(name) = key.and_then(|key| FACTS.into_iter().find(|fact| *fact == key))
    {
        rows.push(row(name, "not set".to_string(), &Layer::BuiltIn, 0));
    }
    Ok(Explanation {
        node: node.name.to_string(),
        rows,
    })
}

fn row(key: &'static str, value: String, layer: &Layer, line: u32) -> Row {
    Row {
        key,
        value,
        layer: layer.to_string(),
        line,
        overridden: Vec::new(),
    }
}

fn facts(node: &Node) -> Vec<Row> {
    let own = Layer::Node(node.name.to_string());
    let mut rows = Vec::new();
    if let Some(profile) = &node.profile {
        rows.push(row(
            "profile",
            profile.value.clone(),
            &profile.origin.layer,
            profile.origin.line,
        ));
    }
    rows.extend(
        node.groups
            .iter()
            .map(|group| row("groups", group.clone(), &own, node.line)),
    );
    rows.push(row("architecture", node.architecture.to_string(), &own, node.line));
    for nic in &node.nics {
        let parts = [
            nic.name.clone(),
            nic.mac.map(|mac| mac.to_string()),
            nic.address.map(|address| address.to_string()),
            nic.network.as_ref().map(|network| format!("on {network}")),
        ];
        let parts: Vec<String> = parts.into_iter().flatten().collect();
        rows.push(row("nics", parts.join(" "), &own, nic.line));
    }
    if let Some(bmc) = &node.bmc {
        rows.push(row(
            "bmc",
            format!("{} by {}", bmc.address, bmc.protocol),
            &own,
            node.line,
        ));
    }
    if let Some(via) = &node.console_via {
        rows.push(row("console_via", via.to_string(), &own, node.line));
    }
    let client_id = node.client_id.as_ref().map(|id| {
        let octets: Vec<String> = id.iter().map(|octet| format!("{octet:02x}")).collect();
        octets.join(":")
    });
    let ids = [
        ("uuid", node.uuid.clone()),
        ("serial", node.serial.clone()),
        ("client_id", client_id),
    ];
    rows.extend(
        ids.into_iter()
            .filter_map(|(key, value)| value.map(|value| row(key, value, &own, node.line))),
    );
    rows
}

/// What to tell somebody who named a node that is not there.
pub fn no_such_node(cluster: &Cluster, name: &str) -> String {
    let names = cluster.nodes.iter().map(|node| &*node.name);
    match did_you_mean(name, names) {
        Some(help) => format!("there is no node `{name}`: {help}"),
        None => format!("there is no node `{name}` in the cluster `{}`", cluster.name),
    }
}

#[cfg(test)]
mod tests;
