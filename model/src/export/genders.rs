//! The genders file: a line for each node with its groups as attributes and what it is as values.

use std::fmt::Write as _;

use super::Sheet;
use super::records::Part;

pub(super) fn render(sheet: &mut Sheet<'_>) -> String {
    let mut out = String::new();
    for primary in sheet.records.iter().filter(|record| record.part == Part::Primary) {
        let node = primary.node;
        let bmc = node.bmc.as_ref().map(|bmc| bmc.address.to_string());
        let values = [
            ("profile", node.profile.as_ref().map(|profile| profile.value.clone())),
            ("arch", Some(node.architecture.to_string())),
            ("address", primary.address.map(|address| address.to_string())),
            ("mac", primary.mac.map(|mac| mac.to_string())),
            ("bmc", bmc),
        ];
        let mut attributes: Vec<String> = node.groups.clone();
        for (name, value) in values {
            let Some(value) = value else { continue };
            // A node has an attribute once.
            if node.groups.iter().any(|group| group == name) {
                sheet.notes.node(node, &format!("{name}, since a group has that name"));
            } else {
                attributes.push(format!("{name}={value}"));
            }
        }
        let _ = writeln!(out, "{} {}", node.name, attributes.join(","));
    }
    out
}
