//! Ansible's INI inventories: `[group]`, `host key=value …`, `[group:vars]`, `[group:children]`.

use super::MACHINES;
use super::gather::Gather;
use super::inventory::Inventory;
use crate::config::plain::{Plain, PlainKind};

pub(super) fn read(text: &str, gather: &mut Gather) -> Inventory {
    let mut inventory = Inventory::default();
    let mut group = "ungrouped".to_string();
    let mut part = String::new();
    for (at, raw) in text.lines().enumerate() {
        let number = u32::try_from(at + 1).unwrap_or(u32::MAX);
        let line = raw.trim();
        if line.is_empty() || line.starts_with(['#', ';']) {
            continue;
        }
        if let Some(head) = line.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            let (name, kind) = head.0.split_once(':').unwrap_or((head.0, ""));
            if !matches!(kind, "" | "vars" | "children") {
                gather.note(number, line, "no part of an inventory: `vars` or `children`");
            }
            (group, part) = (name.to_string(), kind.to_string());
            inventory.group(&group);
            continue;
        }
        match part.as_str() {
            "children" => inventory.child(&group, line.split_whitespace().next().unwrap_or(line)),
            "vars" => match line.split_once('=') {
                Some((key, value)) => inventory.group_variable(&group, key.trim(), plain(value.trim(), number)),
                None => gather.note(number, line, "no `key=value`"),
            },
            "" => host(line, number, &group, &mut inventory, gather),
            _ => gather.note(number, line, "in a part that was not understood"),
        }
    }
    inventory
}

fn host(line: &str, number: u32, group: &str, inventory: &mut Inventory, gather: &mut Gather) {
    let mut words = split(line).into_iter();
    let Some(pattern) = words.next() else { return };
    let secret = super::words::is_secret(line);
    let variables: Vec<(String, Plain)> = words
        .filter_map(|word| match word.split_once('=') {
            Some((key, value)) => Some((key.to_string(), plain(value, number))),
            None => {
                // It may be the second word of a password.
                let shown = if secret { format!("{pattern} ***") } else { word };
                gather.note(number, &shown, "no `key=value`");
                None
            }
        })
        .collect();
    // `nid[001:016]`; the colon is a hyphen elsewhere. A port may stand behind a plain name.
    let names = match pattern.contains('[') {
        true => gather.hosts(&pattern.replace(':', "-")),
        false => Some(vec![pattern.split(':').next().unwrap_or(&pattern).to_string()]),
    };
    let Some(names) = names else {
        return gather.note(number, line, "no range of names");
    };
    if inventory.len().saturating_add(names.len()) > MACHINES {
        return gather.note(number, line, format!("more than {MACHINES} machines"));
    }
    for name in names {
        inventory.host(&name, number, group, variables.iter().cloned());
    }
}

fn plain(value: &str, line: u32) -> Plain {
    Plain {
        line,
        kind: PlainKind::Text(value.trim_matches(['"', '\'']).to_string()),
    }
}

/// Words at spaces that are in no quotes, up to a comment.
fn split(line: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut quote = None;
    for c in line.chars() {
        match (quote, c) {
            (None, '#') if words.last().is_some_and(String::is_empty) => break,
            (None, c) if c.is_whitespace() => {
                if words.last().is_some_and(|word| !word.is_empty()) {
                    words.push(String::new());
                }
            }
            (None, '"' | '\'') => quote = Some(c),
            (Some(open), c) if open == c => quote = None,
            (_, c) => {
                if let Some(word) = words.last_mut() {
                    word.push(c);
                }
            }
        }
    }
    words.retain(|word| !word.is_empty());
    words
}
