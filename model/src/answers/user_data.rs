//! The `user-data` of NoCloud: a cloud-config with the node's settings.

use serde_json::json;

use super::hosts::{Written, head};
use super::yaml;
use crate::boot::{Key, Occasion, Rendered, Site};
use crate::cluster::{BootTarget, Cluster, Node, Settings};
use crate::templates;

/// Stands in a rendered document where the lines of all nodes belong. No value can bring it in: a cluster file takes no text with it,
/// and where a text is quoted it would be escaped.
const HOSTS: char = '\0';

/// The cloud-config of a node for one boot, or for the system that a deployment installs. A maintenance boot gets name, keys and users only: it waits for a person
/// and does nothing by itself.
pub fn user_data(
    key: &Key,
    site: Site,
    cluster: &Cluster,
    node: &Node,
    occasion: impl Into<Occasion>,
    target: BootTarget,
) -> Rendered {
    let mut own = serde_json::to_string(&head(cluster, node)).expect("a string always serialises");
    // They are most of it and the same for every node, and all nodes of a room ask at once: they are written once for all.
    let (lines, packed) = match cluster.hosts_written() {
        Written::Quoted(lines) => (lines, None),
        Written::Packed(lines) => (lines, Some(HOSTS)),
    };
    if packed.is_none() {
        own.insert(own.len() - 1, HOSTS);
    }
    let hosts = json!({ "own": own, "packed": packed });
    let rendered = document(key, site, cluster, node, occasion.into(), target, Some(hosts));
    let (before, after) =
        (rendered.text.split_once(HOSTS)).expect("the template has a place for the hosts, a test renders it");
    yaml([before, lines, after].concat())
}

/// The cloud-config without the list of hosts, which is the same for every node and would be most of each plan.
pub(crate) fn user_data_without_hosts(
    key: &Key,
    site: Site,
    cluster: &Cluster,
    node: &Node,
    occasion: impl Into<Occasion>,
    target: BootTarget,
) -> Rendered {
    document(key, site, cluster, node, occasion.into(), target, None)
}

fn document(
    key: &Key,
    site: Site,
    cluster: &Cluster,
    node: &Node,
    occasion: Occasion,
    target: BootTarget,
    hosts: Option<serde_json::Value>,
) -> Rendered {
    let settings = &*node.settings;
    let maintenance = target == BootTarget::Maintenance;
    let token = key.token(&node.name, occasion);
    let values = json!({
        "name": &*node.name,
        "fqdn": cluster.fqdn(node),
        "occasion": occasion.to_string(),
        "on_disk": matches!(occasion, Occasion::Attempt { .. }),
        "timezone": settings.timezone.as_ref().map(|v| &v.value),
        "locale": settings.locale.as_ref().map(|v| &v.value),
        "ntp": settings.ntp.iter().map(|v| &v.value).collect::<Vec<_>>(),
        "root_password_hash": settings.root_password_hash.as_ref().map(|v| &v.value),
        "root_keys": settings.ssh_keys.iter().map(|v| &v.value).collect::<Vec<_>>(),
        "users": users(settings),
        "sources": if maintenance { json!([]) } else { sources(settings) },
        "packages": if maintenance { vec![] } else { settings.packages.iter().map(|v| &v.value).collect() },
        "hosts": hosts,
        "files": files(settings, maintenance),
        "commands": if maintenance { json!([]) } else { commands(settings) },
        "ready": format!("{}/boot/hook/{}/{token}/ready", site.base(), node.name),
        "failed": format!("{}/boot/hook/{}/{token}/failed", site.base(), node.name),
    });
    yaml(templates::render("user-data.yaml", &values))
}

/// Each command with what to call it in a report: its place and its first line.
fn commands(settings: &Settings) -> serde_json::Value {
    let all = settings.commands.len();
    settings
        .commands
        .iter()
        .enumerate()
        .map(|(at, command)| {
            let first = command.value.lines().next().unwrap_or_default().replace('\'', "");
            let first: String = first.chars().take(80).collect();
            json!({ "text": command.value, "label": format!("command {} of {all} failed: {first}", at + 1) })
        })
        .collect()
}

fn users(settings: &Settings) -> serde_json::Value {
    settings
        .users
        .iter()
        .map(|user| {
            let user = &user.value;
            json!({
                "name": user.name,
                "gecos": user.gecos,
                "ssh_keys": user.ssh_keys,
                "password_hash": user.password_hash,
                "sudo": user.sudo,
                "groups": user.groups.join(","),
                "shell": user.shell,
                "uid": user.uid,
            })
        })
        .collect()
}

fn sources(settings: &Settings) -> serde_json::Value {
    settings
        .package_sources
        .iter()
        .map(|source| {
            let source = &source.value;
            // An armoured key is stored by cloud-init, which fills in the path for $KEY_FILE; a path stands as it is.
            let (signed_by, key) = match source.signed_by.as_deref() {
                Some(text) if text.starts_with('/') => (format!("[signed-by={text}] "), None),
                Some(text) => ("[signed-by=$KEY_FILE] ".to_string(), Some(text)),
                None => (String::new(), None),
            };
            let lines: Vec<String> = source
                .suites
                .iter()
                .map(|suite| format!("deb {signed_by}{} {suite} {}", source.uri, source.components.join(" ")))
                .collect();
            json!({ "name": source.name, "lines": lines.join("\n"), "key": key })
        })
        .collect()
}

fn files(settings: &Settings, maintenance: bool) -> serde_json::Value {
    let declared = settings.files.iter().filter(|_| !maintenance).map(|file| {
        let file = &file.value;
        json!({
            "path": file.path,
            "content": file.content,
            "owner": file.owner,
            "mode": format!("{:04o}", file.mode),
        })
    });
    declared.collect()
}
