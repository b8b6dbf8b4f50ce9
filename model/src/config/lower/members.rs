//! Which node is in which group: by its own list, and by the groups' `members`.

use std::cell::RefCell;
use std::collections::HashMap;

use super::names::Declared;
use crate::config::diagnostic::Diagnostic;
use crate::config::problems::Problems;
use crate::config::raw;
use crate::config::read::Named;
use crate::config::suggest::did_you_mean;
use crate::nodeset::{NodeSetError, NodeSetErrorKind};

/// Groups of every node (positions in the file's list of groups), in the order in which they apply: those that the
/// node lists itself, then those that name it among their members.
pub(super) fn groups(
    raw: &Named<raw::Group>,
    own: &[Vec<usize>],
    declared: &Declared<'_>,
    problems: &mut Problems,
) -> Vec<Vec<usize>> {
    let mut groups = own.to_vec();
    if raw.entries.iter().all(|(_, group)| group.members.is_none()) {
        return groups;
    }
    let resolver = Resolver {
        raw,
        own,
        declared,
        position: raw
            .entries
            .iter()
            .enumerate()
            .map(|(i, (name, _))| (name.value.as_str(), i))
            .collect(),
        known: RefCell::default(),
        under_way: RefCell::default(),
        circle: RefCell::default(),
    };
    for (at, (name, group)) in raw.entries.iter().enumerate() {
        let Some(members) = &group.members else { continue };
        let found = resolver.members(at);
        if let Some((from, to)) = resolver.circle.borrow_mut().take() {
            problems.push(
                Diagnostic::error(
                    "circular-group",
                    format!("the members of `{}` lead back to itself", name.value),
                )
                .at(members.span, format!("by way of `@{to}` in `{from}`"))
                .help("name the nodes instead"),
            );
            continue;
        }
        match found {
            Ok(found) => {
                let mut unknown = Vec::new();
                for member in found {
                    match declared.index.get(member.as_str()) {
                        Some(node) if groups[*node].contains(&at) => {}
                        Some(node) => groups[*node].push(at),
                        None => unknown.push(member),
                    }
                }
                if let Some(first) = unknown.first() {
                    let more = match unknown.len() {
                        1 => String::new(),
                        n => format!(", nor of {} more", n - 1),
                    };
                    let nodes = declared.names.iter().map(AsRef::as_ref);
                    problems.push(
                        Diagnostic::error("unknown-node", format!("there is no node of the name `{first}`{more}"))
                            .at(members.span, format!("a member of the group `{}`", name.value))
                            .help_if(did_you_mean(first, nodes)),
                    );
                }
            }
            Err(error) => {
                let help = match &error.kind {
                    NodeSetErrorKind::UnknownGroup(group) => did_you_mean(group, resolver.position.keys().copied()),
                    _ => None,
                };
                let code = match &error.kind {
                    NodeSetErrorKind::UnknownGroup(_) => "unknown-group",
                    _ => "bad-range",
                };
                problems.push(
                    Diagnostic::error(code, error.kind.to_string())
                        .at(
                            members.span.part(&error.span),
                            format!("in the members of `{}`", name.value),
                        )
                        .help_if(help),
                );
            }
        }
    }
    groups
}

struct Resolver<'a> {
    raw: &'a Named<raw::Group>,
    own: &'a [Vec<usize>],
    declared: &'a Declared<'a>,
    position: HashMap<&'a str, usize>,
    known: RefCell<HashMap<usize, Vec<String>>>,
    under_way: RefCell<Vec<usize>>,
    /// A group that was met again while its own members were being found: where, and its name.
    circle: RefCell<Option<(String, String)>>,
}

impl Resolver<'_> {
    fn members(&self, group: usize) -> Result<Vec<String>, NodeSetError> {
        if let Some(known) = self.known.borrow().get(&group) {
            return Ok(known.clone());
        }
        let name = |at: usize| self.raw.entries[at].0.value.clone();
        if let Some(from) = self.under_way.borrow().last()
            && self.under_way.borrow().contains(&group)
        {
            self.circle
                .borrow_mut()
                .get_or_insert_with(|| (name(*from), name(group)));
            return Ok(Vec::new());
        }
        self.under_way.borrow_mut().push(group);
        let mut found: Vec<String> = (0..self.declared.names.len())
            .filter(|node| self.own[*node].contains(&group))
            .map(|node| self.declared.names[node].to_string())
            .collect();
        let listed = match &self.raw.entries[group].1.members {
            None => Ok(Vec::new()),
            Some(members) => members.value.expand(
                // What is wrong inside another group is told there.
                &|name| self.position.get(name).map(|at| self.members(*at).unwrap_or_default()),
                &|| self.declared.names.iter().map(ToString::to_string).collect(),
            ),
        };
        self.under_way.borrow_mut().pop();
        found.extend(listed?);
        self.known.borrow_mut().insert(group, found.clone());
        Ok(found)
    }
}
