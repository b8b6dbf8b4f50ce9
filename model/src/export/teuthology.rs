//! teuthology's table of nodes: one SQL statement for each, as Pelagos' make_cfgs writes them.

use std::fmt::Write as _;

use super::Sheet;
use super::records::Part;
use crate::cluster::Architecture;

/// The machine type is the node's first group: a job asks for machines of a type, and locks any of them.
pub(super) fn render(sheet: &mut Sheet<'_>) -> String {
    let mut out = String::new();
    for record in sheet.records.iter().filter(|record| record.part == Part::Primary) {
        let node = record.node;
        let Some(machine_type) = node.groups.first() else {
            sheet
                .notes
                .node(node, "it is in no group, and the first group is the machine type");
            continue;
        };
        let Some(mac) = record.mac else {
            sheet.notes.node(node, "its MAC is not known");
            continue;
        };
        if node.groups.len() > 1 {
            sheet
                .notes
                .node(node, "its further groups: a node has one machine type, its first group");
        }
        // make_cfgs' own spelling.
        let arch = match node.architecture {
            Architecture::Amd64 => "x86-64",
            Architecture::Arm64 => "aarch64",
        };
        let profile = node.profile.as_ref().map_or("", |profile| profile.value.as_str());
        let _ = writeln!(
            out,
            "INSERT INTO nodes (name, machine_type, mac_address, is_vm, locked, arch, description) VALUES  ( {}, {}, {}, 'f', 'f', {}, {} ) ;",
            text(&record.fqdn(sheet.cluster)),
            text(machine_type),
            text(&mac.to_string()),
            text(arch),
            text(profile)
        );
    }
    out
}

fn text(value: &str) -> String {
    format!("'{}'", value.replace('\'', "''"))
}
