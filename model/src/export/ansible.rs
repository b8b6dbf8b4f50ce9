//! Ansible: an inventory as a file, and what a dynamic inventory answers.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;

use serde_json::{Map, Value, json};

use super::records::{Part, Record};
use super::{Request, Sheet, quoted};
use crate::cluster::Node;

/// The inventory as YAML.
pub(super) fn render(sheet: &mut Sheet<'_>) -> String {
    let groups = groups(sheet);
    let hosts = hosts(sheet);
    let mut out = String::from("all:\n");
    if hosts.is_empty() {
        return "all: {}\n".to_string();
    }
    out += "  hosts:\n";
    for (name, variables) in &hosts {
        // JSON is YAML: what a host has stands in one line.
        let _ = writeln!(out, "    {}: {variables}", quoted(name));
    }
    if !groups.is_empty() {
        out += "  children:\n";
    }
    for (group, members) in &groups {
        let _ = writeln!(out, "    {}:\n      hosts:", quoted(group));
        for member in members {
            let _ = writeln!(out, "        {}:", quoted(member));
        }
    }
    out
}

/// What a dynamic inventory says to `--list`: the groups, and every host's variables under `_meta`, so that nobody asks for
/// each. To `--host NAME`: that host's variables, none for a name that is no node.
pub fn dynamic(request: &Request<'_>, host: Option<&str>) -> Value {
    let mut sheet = Sheet::new(request);
    let mut hosts: Map<String, Value> = hosts(&mut sheet).into_iter().collect();
    if let Some(host) = host {
        return hosts.remove(host).unwrap_or_else(|| json!({}));
    }
    let groups = groups(&mut sheet);
    let mut list: Map<String, Value> = groups
        .iter()
        .map(|(group, members)| (group.clone(), json!({ "hosts": members })))
        .collect();
    let children: Vec<&String> = groups.iter().map(|(group, _)| group).collect();
    let names: Vec<&String> = hosts.keys().collect();
    list.insert("all".into(), json!({ "hosts": names, "children": children }));
    list.insert("_meta".into(), json!({ "hostvars": hosts }));
    Value::Object(list)
}

/// Groups and profiles by Ansible's names: letters, digits and underscores.
fn groups<'a>(sheet: &mut Sheet<'a>) -> Vec<(String, Vec<&'a str>)> {
    let profiles = sheet.profiles();
    let profiles = profiles
        .into_iter()
        .map(|(name, nodes)| (format!("profile_{name}"), nodes));
    let groups = sheet
        .groups()
        .into_iter()
        .map(|(name, nodes)| (name.to_string(), nodes));
    let mut known: HashMap<String, String> = HashMap::new();
    let mut named = Vec::new();
    for (group, members) in groups.chain(profiles) {
        let name = group_name(&group);
        if sheet.cluster.node(&name).is_some() {
            sheet.notes.say(format!("the group {group}: a node has that name"));
            continue;
        }
        if let Some(other) = known.insert(name.clone(), group.clone()) {
            sheet
                .notes
                .say(format!("the group {group}, which would be called {name} as {other} is"));
            known.insert(name, other);
            continue;
        }
        if name != group {
            sheet
                .notes
                .say(format!("the name of the group {group}: it is called {name} here"));
        }
        named.push((name, members));
    }
    named
}

fn group_name(group: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() { c } else { '_' };
    let name: String = group.chars().map(plain).collect();
    match name.as_str() {
        "all" | "ungrouped" | "_meta" => format!("group_{name}"),
        _ if name.starts_with(|c: char| c.is_ascii_digit()) => format!("_{name}"),
        _ => name,
    }
}

/// Every node with its variables, in the order of the names.
fn hosts(sheet: &mut Sheet<'_>) -> BTreeMap<String, Value> {
    let mut nics: HashMap<&str, Vec<Value>> = HashMap::new();
    let mut at: HashMap<&str, String> = HashMap::new();
    for record in &sheet.records {
        let name = &*record.node.name;
        if record.part == Part::Primary {
            let address = record.address.map(|address| address.to_string());
            at.insert(name, address.unwrap_or_else(|| record.fqdn(sheet.cluster)));
        }
        if record.part != Part::Bmc && !record.node.nics.is_empty() {
            nics.entry(name).or_default().push(nic(record));
        }
    }
    let mut hosts = BTreeMap::new();
    for node in sheet.nodes {
        let at = at.remove(&*node.name).unwrap_or_else(|| sheet.cluster.fqdn(node));
        let nics = nics.remove(&*node.name).unwrap_or_default();
        let variables = json!({ "ansible_host": at, "ansible_user": "root", "bellwether": facts(node, nics) });
        hosts.insert(node.name.to_string(), variables);
    }
    hosts
}

/// What the cluster file says of a node, under one variable that nobody else uses.
fn facts(node: &Node, nics: Vec<Value>) -> Value {
    let bmc = node.bmc.as_ref().map(|bmc| {
        // Where the password is concerns the server alone.
        json!({ "address": bmc.address, "protocol": bmc.protocol, "mac": bmc.mac, "user": bmc.user })
    });
    json!({
        "nics": nics,
        "bmc": bmc,
        "groups": node.groups,
        "profile": node.profile.as_ref().map(|profile| &profile.value),
        "architecture": node.architecture.as_str(),
    })
}

fn nic(record: &Record<'_>) -> Value {
    json!({
        "name": record.interface,
        "mac": record.mac,
        "network": record.network.map(|network| &network.name),
        "address": record.address,
    })
}
