//! Which nodes are meant. What powerman calls an alias is a group here; `@group`, `*` and what else a node set knows work too.

use std::collections::HashSet;
use std::sync::Arc;

use model::cluster::{Cluster, Node};
use model::nodeset::NodeSet;
use wire::powerman::Answer;

/// Most names that a list may write out: nobody has so many machines, and each costs memory.
const MOST: u128 = 100_000;

/// The nodes that can be switched at all.
pub(super) fn all(cluster: &Cluster) -> impl Iterator<Item = &Arc<Node>> {
    cluster.nodes.iter().filter(|node| node.bmc.is_some())
}

/// The nodes of a list.
///
/// # Errors
/// What the client is told instead.
pub(super) fn listed(cluster: &Cluster, list: &str) -> Result<Vec<Arc<Node>>, Answer> {
    let bad = |error: String| Answer::BadList(error);
    let set: NodeSet = list.parse().map_err(|error| bad(format!("{list}: {error}")))?;
    if set.written() > MOST {
        return Err(bad(format!("this stands for more than {MOST} names")));
    }
    let is_group = |name: &str| cluster.groups.iter().any(|group| group == name);
    let groups = |group: &str| {
        let members = all(cluster).filter(|node| node.groups.iter().any(|of| of == group));
        is_group(group).then(|| members.map(|node| node.name.to_string()).collect())
    };
    let every = || all(cluster).map(|node| node.name.to_string()).collect();
    let names = set
        .expand(&groups, &every)
        .map_err(|error| bad(format!("{list}: {error}")))?;
    let (mut found, mut unknown, mut seen) = (Vec::new(), Vec::new(), HashSet::new());
    let mut take = |node: &Arc<Node>| {
        if seen.insert(node.name.clone()) {
            found.push(node.clone());
        }
    };
    for name in names {
        match cluster.node(&name) {
            Some(node) => take(node),
            None if is_group(&name) => (cluster.members(&name))
                .filter(|node| node.bmc.is_some())
                .for_each(&mut take),
            None => unknown.push(name),
        }
    }
    match unknown.is_empty() {
        true => Ok(found),
        false => Err(Answer::NoSuchNodes(unknown)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(list: &str) -> Result<String, Answer> {
        let reading = model::config::read(
            "cluster: rack\nnetworks:\n  lan: { prefix: 10.77.0.0/24 }\n\
             defaults:\n  bmc: { user: admin, password_from: 'env:BMC_PASSWORD' }\n\
             groups: { compute: {}, empty: {} }\nnodes:\n\
             \x20 nid[1-4]: { mac: '52:54:00:00:00:01+', bmc: { address: 127.0.0.1+ }, groups: [compute] }\n\
             \x20 bare: { mac: '52:54:00:00:01:01', groups: [compute] }\n",
        );
        let found = listed(&reading.cluster.expect("it has no mistakes"), list)?;
        Ok(model::nodeset::fold(found.iter().map(|node| &*node.name)))
    }

    #[test]
    fn lists_are_hostlists_groups_and_node_sets() {
        for (list, wanted) in [
            ("nid1", "nid1"),
            ("nid[1-3],nid2", "nid[1-3]"),
            ("compute", "nid[1-4]"),
            ("@compute!nid[1-2]", "nid[3-4]"),
            ("*", "nid[1-4]"),
            ("empty", ""),
            // That it has no BMC is told when it is switched.
            ("bare", "bare"),
        ] {
            assert_eq!(names(list).as_deref(), Ok(wanted), "{list}");
        }
    }

    #[test]
    fn what_makes_no_sense_is_told() {
        let unknown = |names: &[&str]| Answer::NoSuchNodes(names.iter().map(|name| name.to_string()).collect());
        assert_eq!(names("nid[3-6]"), Err(unknown(&["nid5", "nid6"])));
        for list in [
            "nid[3-1]",
            "nid[",
            "nid]",
            "a,,b",
            "nid[1-9999999]",
            "@nobody",
            "[]",
            "\u{0}",
            "nid[1-99999][1-99999]",
        ] {
            assert!(
                matches!(names(list), Err(Answer::BadList(_))),
                "{list}: {:?}",
                names(list)
            );
        }
    }
}
