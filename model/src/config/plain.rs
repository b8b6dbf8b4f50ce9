//! A YAML text as plain values with their lines, for the files of other programs, of whose keys nothing is known here.

use super::problems::Problems;
use super::tree::{Kind, Value, parse};

/// A value with the line that it stands in.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Plain {
    /// From 1.
    pub line: u32,
    pub kind: PlainKind,
}

/// What a value is made of.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum PlainKind {
    Null,
    /// As it is written, without quotes.
    Text(String),
    List(Vec<Plain>),
    /// In the order of the file; a key may stand twice.
    Map(Vec<(Plain, Plain)>),
}

/// Reads the first document.
///
/// # Errors
/// If it is no YAML: the line and what is wrong there.
pub(crate) fn read(text: &str) -> Result<Plain, (u32, String)> {
    let mut problems = Problems::new(text);
    let tree = parse(text, &mut problems);
    let lines = problems.lines.clone();
    if let Some(tree) = tree {
        return Ok(plain(&tree, &|value| lines.line(value.span)));
    }
    let line = |at: usize| lines.line(super::span::Span::new(at, at));
    let first = problems.finish().into_iter().next();
    Err(first.map_or_else(
        || (1, "this is not YAML".to_string()),
        |problem| {
            let label = problem.labels.first();
            let why = label.map_or_else(String::new, |label| format!(": {}", label.text));
            (label.map_or(1, |label| line(label.span.start)), problem.message + &why)
        },
    ))
}

fn plain(value: &Value<'_>, line: &dyn Fn(&Value<'_>) -> u32) -> Plain {
    let kind = match &value.kind {
        _ if value.is_null() => PlainKind::Null,
        Kind::Scalar { text, .. } => PlainKind::Text(text.to_string()),
        Kind::List(items) => PlainKind::List(items.iter().map(|item| plain(item, line)).collect()),
        Kind::Map(pairs) => PlainKind::Map(
            pairs
                .iter()
                .map(|(key, value)| (plain(key, line), plain(value, line)))
                .collect(),
        ),
    };
    Plain {
        line: line(value),
        kind,
    }
}

impl Plain {
    /// The text of a single value.
    pub fn text(&self) -> Option<&str> {
        match &self.kind {
            PlainKind::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The entries of a mapping whose keys are texts; none of anything else.
    pub fn entries(&self) -> impl Iterator<Item = (&str, &Plain)> {
        let pairs = match &self.kind {
            PlainKind::Map(pairs) => pairs.as_slice(),
            _ => &[],
        };
        pairs.iter().filter_map(|(key, value)| Some((key.text()?, value)))
    }

    /// The value of a key.
    pub fn get(&self, key: &str) -> Option<&Plain> {
        self.entries().find(|(name, _)| *name == key).map(|(_, value)| value)
    }

    /// The text of a key.
    pub fn word(&self, key: &str) -> Option<&str> {
        self.get(key)?.text()
    }

    /// The items of a list; a single value stands for a list of one.
    pub fn items(&self) -> &[Plain] {
        match &self.kind {
            PlainKind::List(items) => items,
            PlainKind::Null => &[],
            _ => std::slice::from_ref(self),
        }
    }

    /// Whether it is a mapping.
    pub fn is_map(&self) -> bool {
        matches!(self.kind, PlainKind::Map(_))
    }
}
