//! An inventory of Ansible, from whichever of its forms: hosts with variables, in groups, in groups.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::MACHINES;
use super::gather::Gather;
use crate::config::plain::Plain;

/// Nesting of groups.
const DEPTH: usize = 32;

/// Hosts and groups.
#[derive(Debug, Default)]
pub(super) struct Inventory {
    pub hosts: Vec<Host>,
    index: HashMap<String, usize>,
    groups: BTreeMap<String, Group>,
}

/// A host.
#[derive(Debug)]
pub(super) struct Host {
    pub name: String,
    pub line: u32,
    /// Its own; a later one of the same name wins.
    pub variables: Vec<(String, Plain)>,
    groups: Vec<String>,
}

#[derive(Debug, Default)]
struct Group {
    children: Vec<String>,
    variables: Vec<(String, Plain)>,
}

impl Host {
    /// Its own value of a variable.
    pub fn get(&self, key: &str) -> Option<&Plain> {
        self.variables
            .iter()
            .rev()
            .find(|(name, _)| name == key)
            .map(|(_, value)| value)
    }
}

impl Inventory {
    pub fn len(&self) -> usize {
        self.hosts.len()
    }

    pub fn group(&mut self, name: &str) {
        self.groups.entry(name.to_string()).or_default();
    }

    pub fn child(&mut self, parent: &str, child: &str) {
        self.group(child);
        let group = self.groups.entry(parent.to_string()).or_default();
        if !group.children.iter().any(|known| known == child) {
            group.children.push(child.to_string());
        }
    }

    pub fn group_variable(&mut self, group: &str, key: &str, value: Plain) {
        let group = self.groups.entry(group.to_string()).or_default();
        group.variables.push((key.to_string(), value));
    }

    pub fn host(&mut self, name: &str, line: u32, group: &str, variables: impl Iterator<Item = (String, Plain)>) {
        let at = match self.index.get(name) {
            Some(at) => *at,
            None if self.hosts.len() >= MACHINES => return,
            None => {
                self.hosts.push(Host {
                    name: name.to_string(),
                    line,
                    variables: Vec::new(),
                    groups: Vec::new(),
                });
                self.index.insert(name.to_string(), self.hosts.len() - 1);
                self.hosts.len() - 1
            }
        };
        let host = &mut self.hosts[at];
        host.variables.extend(variables);
        if !host.groups.iter().any(|known| known == group) {
            host.groups.push(group.to_string());
        }
    }

    /// A group in YAML: `hosts`, `children`, `vars`.
    pub fn yaml(&mut self, name: &str, value: &Plain, depth: usize, gather: &mut Gather) {
        if depth > DEPTH {
            return gather.note(value.line, name, "groups are nested too deeply");
        }
        self.group(name);
        for (key, part) in value.entries() {
            match key {
                "hosts" => {
                    // A dynamic inventory lists names; a file maps them to variables.
                    for item in part.items().iter().filter(|item| !item.is_map()) {
                        self.written(item.text().unwrap_or_default(), item, None, name, gather);
                    }
                    for (host, variables) in part.entries() {
                        self.written(host, part, Some(variables), name, gather);
                    }
                }
                "children" => {
                    for item in part.items().iter().filter_map(Plain::text) {
                        self.child(name, item);
                    }
                    for (child, inner) in part.entries() {
                        self.child(name, child);
                        self.yaml(child, inner, depth + 1, gather);
                    }
                }
                "vars" => {
                    for (variable, value) in part.entries() {
                        self.group_variable(name, variable, value.clone());
                    }
                }
                _ => gather.note(
                    part.line,
                    &format!("{name} {key}"),
                    "no part of an inventory: hosts, children or vars",
                ),
            }
        }
    }

    fn written(&mut self, pattern: &str, place: &Plain, variables: Option<&Plain>, group: &str, gather: &mut Gather) {
        let line = variables.map_or(place.line, |variables| variables.line);
        let names = match pattern.contains('[') {
            true => gather.hosts(&pattern.replace(':', "-")),
            false => Some(vec![pattern.to_string()]),
        };
        let Some(names) = names.filter(|names| self.len().saturating_add(names.len()) <= MACHINES) else {
            return gather.note(line, pattern, "no range of names, or one of too many");
        };
        for name in names {
            let own = variables
                .into_iter()
                .flat_map(|map| map.entries().map(|(key, value)| (key.to_string(), value.clone())));
            self.host(&name, line, group, own);
        }
    }

    /// Every group of each host, those that its groups are children of among them.
    pub fn groups_of(&self) -> Vec<Vec<String>> {
        let mut parents: HashMap<&str, Vec<&str>> = HashMap::new();
        for (name, group) in &self.groups {
            for child in &group.children {
                parents.entry(child).or_default().push(name);
            }
        }
        let mut known: HashMap<&str, Vec<&str>> = HashMap::new();
        let above = |group: &str| {
            let mut seen: HashSet<&str> = HashSet::new();
            let mut open: Vec<&str> = parents.get(group).cloned().unwrap_or_default();
            let mut all = Vec::new();
            while let Some(next) = open.pop() {
                if seen.insert(next) {
                    all.push(next);
                    open.extend(parents.get(next).into_iter().flatten());
                }
            }
            all
        };
        for group in self.groups.keys() {
            known.insert(group, above(group));
        }
        let of = |host: &Host| {
            let mut all: Vec<String> = host.groups.clone();
            for group in &host.groups {
                all.extend(
                    known
                        .get(group.as_str())
                        .into_iter()
                        .flatten()
                        .map(|name| (*name).to_string()),
                );
            }
            let mut seen = HashSet::new();
            all.retain(|name| !matches!(name.as_str(), "all" | "ungrouped") && seen.insert(name.clone()));
            all
        };
        self.hosts.iter().map(of).collect()
    }

    /// Variables of groups, with the group's name.
    pub fn group_variables(&self) -> impl Iterator<Item = (&str, &str, &Plain)> {
        let groups = self.groups.iter();
        groups.flat_map(|(name, group)| {
            group
                .variables
                .iter()
                .map(move |(key, value)| (name.as_str(), key.as_str(), value))
        })
    }
}
