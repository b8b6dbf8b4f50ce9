//! From the text of `cluster.yaml` to a checked [`Cluster`] and a list of problems.
//!
//! Invariant: reading never fails: it returns what it understood and every problem it found, in one run.

mod diagnostic;
mod inherit;
mod lower;
pub(crate) mod plain;
mod problems;
mod raw;
mod read;
mod reference;
mod scalar;
mod schema;
mod section;
mod series;
mod span;
pub(crate) mod suggest;
#[cfg(test)]
mod tests;
mod tree;

pub use diagnostic::{Diagnostic, Label, Severity};
pub use reference::reference;
pub use schema::schema;

use crate::cluster::Cluster;
use problems::Problems;
use raw::ClusterFile;
use read::Read;

/// What came of reading a cluster file.
#[derive(Debug, Clone, Default)]
pub struct Reading {
    /// The cluster; `None` if any diagnostic is an error.
    pub cluster: Option<Cluster>,
    /// Every problem found, in the order of the file.
    pub diagnostics: Vec<Diagnostic>,
}

/// Reads and checks the text of a cluster file.
pub fn read(text: &str) -> Reading {
    let mut problems = Problems::new(text);
    let cluster = lowered(text, &mut problems);
    Reading {
        cluster: cluster.filter(|_| !problems.has_errors()),
        diagnostics: problems.finish(),
    }
}

/// Reads a text that was checked and applied before, perhaps by an older version of the program: should today's rules
/// refuse a part of it, the rest stays in force. A server that is upgraded must not forget its nodes. What is not even
/// YAML makes the empty cluster.
pub fn read_applied(text: &str) -> Cluster {
    lowered(text, &mut Problems::new(text)).unwrap_or_default()
}

fn lowered(text: &str, problems: &mut Problems) -> Option<Cluster> {
    let tree = tree::parse(text, problems)?;
    let raw = ClusterFile::read(&tree, problems)?;
    Some(lower::cluster(&raw, problems))
}
