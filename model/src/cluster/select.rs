//! Nodes by node set.

use super::Cluster;
use crate::explain::no_such_node;
use crate::nodeset::NodeSet;

impl Cluster {
    /// The names of the nodes of a node set, each once, in the order of the text.
    ///
    /// # Errors
    /// A text that is no node set, an unknown group, or a name that is no node, in a sentence for the person who
    /// typed it.
    pub fn select(&self, text: &str) -> Result<Vec<String>, String> {
        let set: NodeSet = text.parse().map_err(|error| format!("{text}: {error}"))?;
        let groups = |group: &str| {
            self.groups
                .iter()
                .any(|known| known == group)
                .then(|| self.members(group).map(|node| node.name.to_string()).collect())
        };
        let all = || self.nodes.iter().map(|node| node.name.to_string()).collect();
        let names = set.expand(&groups, &all).map_err(|error| format!("{text}: {error}"))?;
        match names.iter().find(|name| self.node(name).is_none()) {
            Some(unknown) => Err(no_such_node(self, unknown)),
            None => Ok(names),
        }
    }
}
