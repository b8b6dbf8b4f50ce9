//! What a format cannot express, said once for all nodes that it is true of.

use crate::cluster::Node;
use crate::nodeset::fold;

/// Notes in the order in which they came up.
#[derive(Debug, Default)]
pub(super) struct Notes {
    list: Vec<(String, Vec<String>)>,
}

impl Notes {
    /// Something about a node.
    pub fn node(&mut self, node: &Node, what: &str) {
        match self
            .list
            .iter_mut()
            .find(|(known, nodes)| known == what && !nodes.is_empty())
        {
            Some((_, nodes)) => nodes.push(node.name.to_string()),
            None => self.list.push((what.to_string(), vec![node.name.to_string()])),
        }
    }

    /// Something that is about no single node.
    pub fn say(&mut self, what: impl Into<String>) {
        let what = what.into();
        if !self
            .list
            .iter()
            .any(|(known, nodes)| *known == what && nodes.is_empty())
        {
            self.list.push((what, Vec::new()));
        }
    }

    /// A sentence each, the nodes folded.
    pub fn lines(&self) -> Vec<String> {
        let line = |(what, nodes): &(String, Vec<String>)| match nodes.is_empty() {
            true => what.clone(),
            false => format!("{}: {what}", fold(nodes)),
        };
        self.list.iter().map(line).collect()
    }
}
