//! ClusterShell's groups, for `nodeset`, `clush` and whatever else reads them.

use std::fmt::Write as _;

use super::{Sheet, quoted};
use crate::nodeset::fold;

/// YAML for `groups.d`: one source for the groups, one for the profiles.
pub(super) fn yaml(sheet: &mut Sheet<'_>) -> String {
    let name = &sheet.cluster.name;
    let mut out = format!("# `nodeset -f @{name}:GROUP`; with `default: {name}` in groups.conf `@GROUP`.\n{name}:\n");
    for (group, members) in with_all(sheet) {
        let _ = writeln!(out, "  {}: {}", quoted(group), quoted(&members));
    }
    let profiles = sheet.profiles();
    if !profiles.is_empty() {
        let _ = writeln!(out, "{name}-profile:");
    }
    for (profile, members) in profiles {
        let _ = writeln!(out, "  {}: {}", quoted(profile), quoted(&fold(members)));
    }
    out
}

/// A line each, for the upcalls that ClusterShell's own groups.conf shows.
pub(super) fn classic(sheet: &mut Sheet<'_>) -> String {
    let mut out = String::new();
    for (group, members) in with_all(sheet) {
        if group.contains('.') {
            sheet.notes.say(format!(
                "the group {group} in lists of groups: the usual `list` upcall sees no name with a dot"
            ));
        }
        let _ = writeln!(out, "{group}: {members}");
    }
    out
}

fn with_all<'a>(sheet: &mut Sheet<'a>) -> Vec<(&'a str, String)> {
    let mut groups: Vec<(&str, String)> = Vec::new();
    let declared = sheet.groups();
    if declared.iter().any(|(group, _)| *group == "all") {
        sheet
            .notes
            .say("all nodes under the name `all`: the cluster file has a group of that name");
    } else {
        groups.push(("all", fold(sheet.nodes.iter().map(|node| &*node.name))));
    }
    groups.extend(declared.into_iter().map(|(group, members)| (group, fold(members))));
    groups
}
