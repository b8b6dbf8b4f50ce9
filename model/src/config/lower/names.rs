//! From declarations to names: ranges expanded, every name checked, none twice.

use std::collections::HashMap;
use std::sync::Arc;

use crate::config::diagnostic::Diagnostic;
use crate::config::problems::Problems;
use crate::config::raw;
use crate::config::read::{Named, Wrong};
use crate::config::scalar::node_name_fault;
use crate::config::span::At;
use crate::nodeset::{LIMIT, NodeSet};

/// One declaration and the nodes that it declares.
pub(super) struct Entry<'a> {
    pub key: &'a At<String>,
    pub raw: &'a raw::Node,
    /// Names in the order of the range. Where one is `None` it is declared elsewhere, too.
    pub names: Vec<Option<Arc<str>>>,
}

/// All declarations of a file.
pub(super) struct Declared<'a> {
    pub entries: Vec<Entry<'a>>,
    /// Every name, in the order of the file.
    pub names: Vec<Arc<str>>,
    pub index: HashMap<Arc<str>, usize>,
}

pub(super) fn declared<'a>(raw: &'a Named<raw::Node>, problems: &mut Problems) -> Declared<'a> {
    let mut declared = Declared {
        entries: Vec::with_capacity(raw.entries.len()),
        names: Vec::new(),
        index: HashMap::new(),
    };
    // Which entry a node came from, for the second line of a duplicate.
    let mut from: Vec<usize> = Vec::new();
    for (key, node) in &raw.entries {
        let Some(names) = expand(key, LIMIT - declared.names.len(), problems) else {
            continue;
        };
        let mut entry = Entry {
            key,
            raw: node,
            names: Vec::with_capacity(names.len()),
        };
        let at = declared.entries.len();
        let mut clash: Option<(String, usize, usize)> = None;
        for name in names {
            if let Some(first) = declared.index.get(name.as_str()) {
                match &mut clash {
                    Some((_, _, more)) => *more += 1,
                    None => clash = Some((name, from[*first], 0)),
                }
                entry.names.push(None);
                continue;
            }
            let name: Arc<str> = name.into();
            declared.index.insert(name.clone(), declared.names.len());
            declared.names.push(name.clone());
            from.push(at);
            entry.names.push(Some(name));
        }
        if let Some((name, first, more)) = clash {
            let more = if more > 0 {
                format!(", and {more} more of `{}`", key.value)
            } else {
                String::new()
            };
            let first = declared.entries.get(first).map_or(key, |e| e.key);
            let range = [first, key].into_iter().find(|key| key.value.contains('['));
            let help = match range {
                Some(range) => format!("`{}!{name}` is the range without it", range.value),
                None => "give one of them another name, or take it away".to_string(),
            };
            problems.push(
                Diagnostic::error("duplicate-name", format!("the node `{name}` is declared twice{more}"))
                    .at(key.span, "declared again here")
                    .at(first.span, "first declared here")
                    .help(help),
            );
        }
        declared.entries.push(entry);
    }
    declared
}

fn expand(key: &At<String>, room: usize, problems: &mut Problems) -> Option<Vec<String>> {
    let tell = |wrong: Wrong, name: &str, problems: &mut Problems| {
        let part = wrong.part.filter(|_| name == key.value);
        problems.push(
            Diagnostic::error("bad-name", format!("`{name}` cannot be the name of a node"))
                .at(part.map_or(key.span, |part| key.span.part(&part)), wrong.why)
                .help_if(wrong.help),
        );
    };
    let plain = !key.value.contains(['[', ']', ',', '!', '&', '^', '@', '*', '?']);
    if plain {
        return match node_name_fault(&key.value) {
            None => Some(vec![key.value.clone()]),
            Some(wrong) => {
                tell(wrong, &key.value, problems);
                None
            }
        };
    }
    let names = key.value.parse::<NodeSet>().and_then(|set| set.names());
    let names = match names {
        Ok(names) => names,
        Err(error) => {
            problems.push(
                Diagnostic::error("bad-range", format!("`{}` is not a range of names", key.value))
                    .at(key.span.part(&error.span), error.kind.to_string()),
            );
            return None;
        }
    };
    if names.len() > room {
        problems.push(
            Diagnostic::error("too-many-nodes", "this file declares too many nodes")
                .at(key.span, format!("more than {LIMIT} with these {}", names.len())),
        );
        return None;
    }
    if names.is_empty() {
        problems.push(
            Diagnostic::error("bad-range", format!("`{}` stands for no node", key.value))
                .at(key.span, "everything in it is taken away again"),
        );
        return None;
    }
    if let Some((name, wrong)) = names
        .iter()
        .find_map(|name| node_name_fault(name).map(|wrong| (name, wrong)))
    {
        tell(wrong, name, problems);
        return None;
    }
    Some(names)
}
