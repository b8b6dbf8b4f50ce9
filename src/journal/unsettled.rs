//! Which nodes have events, other than what only happened once more, that are accepted and not in the world yet.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::atomic::{AtomicU32, Ordering};

use model::event::Subject;

/// Nodes share a count with others whose name has the same hash: then one waits for nothing now and then. With some hundred
/// events on their way in a storm that is one in two hundred; a quarter of a mebibyte.
const PLACES: usize = 65_536;

/// Counts of events between their acceptance and the world in which they are, by node.
#[derive(Debug)]
pub(super) struct Unsettled(Box<[AtomicU32]>);

impl Default for Unsettled {
    fn default() -> Self {
        Self((0..PLACES).map(|_| AtomicU32::new(0)).collect())
    }
}

impl Unsettled {
    /// Events about a subject are on their way.
    pub(super) fn add(&self, subject: &Subject) {
        if let Subject::Node(name) = subject {
            self.place(name).fetch_add(1, Ordering::AcqRel);
        }
    }

    /// They are in the world that everybody sees, or will never be.
    pub(super) fn settle(&self, subject: &Subject) {
        if let Subject::Node(name) = subject {
            self.place(name).fetch_sub(1, Ordering::AcqRel);
        }
    }

    /// Whether nothing about a node is on its way. Everything that was accepted before this was asked is in the world that is
    /// looked at after it.
    pub(super) fn is_none(&self, node: &str) -> bool {
        self.place(node).load(Ordering::Acquire) == 0
    }

    fn place(&self, node: &str) -> &AtomicU32 {
        let mut hasher = DefaultHasher::new();
        node.hash(&mut hasher);
        &self.0[hasher.finish() as usize % PLACES]
    }
}
