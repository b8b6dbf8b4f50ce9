//! Node sets: names of many nodes in few letters, `nid[001-009,12]`, `@compute!nid003`, in ClusterShell's syntax.
//!
//! ```
//! let set: model::nodeset::NodeSet = "nid[001-003],login".parse().unwrap();
//! assert_eq!(set.names().unwrap(), ["nid001", "nid002", "nid003", "login"]);
//! assert_eq!(model::nodeset::fold(["nid001", "nid002", "nid003"]), "nid[001-003]");
//! ```
//!
//! Invariant: no text, however short, expands to more than [`LIMIT`] names.
//! Invariant: folding loses nothing: what is expanded again has the same names.

mod fold;
mod parse;
mod pattern;
#[cfg(test)]
mod tests;

use std::collections::HashSet;
use std::fmt;
use std::ops::Range;
use std::str::FromStr;

pub use fold::fold;
use pattern::Pattern;

/// The most names that a set may stand for, on the way to its result as well.
pub const LIMIT: usize = 1_000_000;

/// A parsed node set. Operators apply from left to right, none binds closer than another:
/// `,` joins, `!` takes away, `&` keeps what both have, `^` keeps what only one of them has.
#[derive(Debug, Clone, PartialEq)]
pub struct NodeSet {
    text: String,
    first: Operand,
    rest: Vec<(Operator, Operand)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operator {
    Union,
    Difference,
    Intersection,
    Either,
}

#[derive(Debug, Clone, PartialEq)]
struct Operand {
    span: Range<usize>,
    group: bool,
    pattern: Pattern,
}

/// Why a text is no node set, or cannot be expanded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{kind}")]
pub struct NodeSetError {
    /// Where in the text, in bytes.
    pub span: Range<usize>,
    /// What is wrong.
    pub kind: NodeSetErrorKind,
}

/// What is wrong with a node set.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NodeSetErrorKind {
    /// A name is missing, at the beginning, at the end or between two operators.
    #[error("a name is missing here")]
    Missing,
    /// A bracket has no counterpart.
    #[error("this `{0}` has no counterpart")]
    Bracket(char),
    /// Something else than numbers stands in a bracket.
    #[error("`{0}` is no range: numbers, `2-9` or `0-8/2`")]
    NotARange(String),
    /// A range goes down.
    #[error("the range goes from {0} down to {1}: begin with the smaller number")]
    Backwards(String, String),
    /// Both ends of a range have leading zeros, but not equally many digits.
    #[error("{0} and {1} are padded to different widths")]
    Padding(String, String),
    /// A step of zero.
    #[error("a step is at least 1")]
    Step,
    /// A character that no name has.
    #[error("{0:?} cannot be in a name")]
    Character(char),
    /// A group that nobody declared.
    #[error("there is no group `{0}`")]
    UnknownGroup(String),
    /// A group or a `*` where only names are allowed.
    #[error("only names are allowed here, no `@group` and no `*`")]
    NamesOnly,
    /// More than [`LIMIT`] names.
    #[error("this stands for more than {LIMIT} names")]
    TooMany,
}

impl NodeSet {
    /// The names, each once, in the order of the text. `groups` gives the members of a group, `all` every node there is;
    /// it is asked only where the text has a `*` or `?`. Plain names are taken as they are, whether or not such a node
    /// exists.
    ///
    /// # Errors
    /// An unknown group, or more than [`LIMIT`] names.
    pub fn expand(
        &self,
        groups: &dyn Fn(&str) -> Option<Vec<String>>,
        all: &dyn Fn() -> Vec<String>,
    ) -> Result<Vec<String>, NodeSetError> {
        let mut written = 0u128;
        for operand in std::iter::once(&self.first).chain(self.rest.iter().map(|(_, operand)| operand)) {
            written = written.saturating_add(operand.pattern.count());
            if written > LIMIT as u128 {
                return Err(operand.error(NodeSetErrorKind::TooMany));
            }
        }
        let mut names = unique(self.first.expand(groups, all)?);
        // Long unions are the common case: they need no set operation per part.
        let mut known: Option<HashSet<String>> = None;
        for (operator, operand) in &self.rest {
            let more = operand.expand(groups, all)?;
            match operator {
                Operator::Union => {
                    let known = known.get_or_insert_with(|| names.iter().cloned().collect());
                    for name in more {
                        if known.insert(name.clone()) {
                            names.push(name);
                        }
                    }
                    if names.len() > LIMIT {
                        return Err(operand.error(NodeSetErrorKind::TooMany));
                    }
                }
                Operator::Difference => {
                    let more: HashSet<String> = more.into_iter().collect();
                    names.retain(|name| !more.contains(name));
                    known = None;
                }
                Operator::Intersection => {
                    let more: HashSet<String> = more.into_iter().collect();
                    names.retain(|name| more.contains(name));
                    known = None;
                }
                Operator::Either => {
                    let left: HashSet<String> = names.iter().cloned().collect();
                    let more = unique(more);
                    let right: HashSet<&String> = more.iter().collect();
                    names.retain(|name| !right.contains(name));
                    names.extend(more.iter().filter(|name| !left.contains(*name)).cloned());
                    known = None;
                }
            }
        }
        Ok(names)
    }

    /// The names of a set that needs nothing else to be known: no group, no `*`.
    ///
    /// # Errors
    /// A group or `*` in the text, or more than [`LIMIT`] names.
    pub fn names(&self) -> Result<Vec<String>, NodeSetError> {
        let operands = std::iter::once(&self.first).chain(self.rest.iter().map(|(_, operand)| operand));
        for operand in operands {
            if operand.group || operand.pattern.is_glob() {
                return Err(operand.error(NodeSetErrorKind::NamesOnly));
            }
        }
        self.expand(&|_| None, &Vec::new)
    }

    /// How many names its ranges write out, before anything is expanded: what `*` and groups stand for is not counted.
    pub fn written(&self) -> u128 {
        let operands = std::iter::once(&self.first).chain(self.rest.iter().map(|(_, operand)| operand));
        operands.fold(0, |sum, operand| sum.saturating_add(operand.pattern.count()))
    }

    /// The one name, if the text is just a name.
    pub fn single(&self) -> Option<&str> {
        let plain = self.rest.is_empty() && !self.first.group && !self.first.pattern.is_glob();
        self.first.pattern.literal().filter(|_| plain)
    }
}

impl Operand {
    fn expand(
        &self,
        groups: &dyn Fn(&str) -> Option<Vec<String>>,
        all: &dyn Fn() -> Vec<String>,
    ) -> Result<Vec<String>, NodeSetError> {
        let names = self.pattern.expand();
        if self.group {
            let mut members = Vec::new();
            for name in names {
                match groups(&name) {
                    Some(found) => members.extend(found),
                    None => return Err(self.error(NodeSetErrorKind::UnknownGroup(name))),
                }
                if members.len() > LIMIT {
                    return Err(self.error(NodeSetErrorKind::TooMany));
                }
            }
            return Ok(members);
        }
        if !self.pattern.is_glob() {
            return Ok(names);
        }
        let mut found = all();
        found.retain(|name| names.iter().any(|glob| pattern::matches(glob, name)));
        Ok(found)
    }

    fn error(&self, kind: NodeSetErrorKind) -> NodeSetError {
        NodeSetError {
            span: self.span.clone(),
            kind,
        }
    }
}

fn unique(mut names: Vec<String>) -> Vec<String> {
    let mut seen = HashSet::with_capacity(names.len());
    names.retain(|name| seen.insert(name.clone()));
    names
}

impl FromStr for NodeSet {
    type Err = NodeSetError;

    fn from_str(text: &str) -> Result<Self, NodeSetError> {
        parse::parse(text)
    }
}

/// The text that it was read from.
impl fmt::Display for NodeSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}
