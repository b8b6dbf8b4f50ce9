//! What only one node can have: names, MACs, addresses, identities.

use std::collections::HashMap;
use std::fmt::Display;
use std::hash::Hash;

use crate::config::diagnostic::Diagnostic;
use crate::config::problems::Problems;
use crate::config::span::Span;

/// Who has a value, and where that was said.
#[derive(Clone, Copy)]
struct Holder {
    node: usize,
    span: Span,
}

/// The values of one kind that are taken.
///
/// A range that collides with another does so node by node; it is told once, with the number of nodes.
pub(super) struct Unique<K> {
    what: &'static str,
    code: &'static str,
    help: &'static str,
    taken: HashMap<K, Holder>,
    clashes: Vec<(K, Holder, Holder, usize)>,
}

impl<K: Hash + Eq + Clone + Display> Unique<K> {
    pub fn new(what: &'static str, code: &'static str, help: &'static str) -> Self {
        Self {
            what,
            code,
            help,
            taken: HashMap::new(),
            clashes: Vec::new(),
        }
    }

    /// Takes a value for a node. `false` if another one has it.
    pub fn claim(&mut self, value: K, node: usize, span: Span) -> bool {
        let new = Holder { node, span };
        let old = match self.taken.entry(value.clone()) {
            std::collections::hash_map::Entry::Vacant(free) => {
                free.insert(new);
                return true;
            }
            std::collections::hash_map::Entry::Occupied(taken) => *taken.get(),
        };
        let known = self
            .clashes
            .iter_mut()
            .rev()
            .take(8) // Those of one range follow each other.
            .find(|(_, first, second, _)| first.span == old.span && second.span == span);
        match known {
            Some((_, _, _, more)) => *more += 1,
            None => self.clashes.push((value, old, new, 0)),
        }
        false
    }

    /// Tells of every value that two nodes have.
    pub fn tell(self, names: &[impl AsRef<str>], problems: &mut Problems) {
        for (value, first, second, more) in self.clashes {
            let name = |holder: Holder| names.get(holder.node).map_or("", AsRef::as_ref);
            let (one, other) = (name(first), name(second));
            let mut message = match one == other {
                true => format!("{} `{value}` stands twice in `{one}`", self.what),
                false => format!("`{one}` and `{other}` have the same {} `{value}`", self.what),
            };
            if more > 0 {
                message.push_str(&format!(", and so it is with {more} more"));
            }
            problems.push(
                Diagnostic::error(self.code, message)
                    .at(second.span, format!("`{other}` has it"))
                    .at(first.span, format!("`{one}` has it already"))
                    .help(self.help),
            );
        }
    }
}
