//! The text as a tree in which everything knows its place.
//!
//! Invariant: a scalar keeps the text that stands in the file. What it means is decided by the key that it belongs to,
//! never by its looks, so `on`, `0123`, `1.10` and `52:54:00:00:00:01` cannot turn into something else.
//! Invariant: aliases cannot grow the tree beyond [`COPIES`] nodes (a "billion laughs" file is refused).

use std::borrow::Cow;

use granit_parser::{ErrorKind, Event, Parser, ScalarStyle, ScanError};

use super::diagnostic::Diagnostic;
use super::problems::Problems;
use super::span::Span;

/// How many values all aliases of a file together may stand for.
const COPIES: usize = 100_000;

/// Nesting of collections; a cluster file needs six.
const DEPTH: usize = 64;

/// A value with its place.
#[derive(Debug, Clone)]
pub(super) struct Value<'a> {
    pub span: Span,
    pub kind: Kind<'a>,
}

/// What a value is made of.
#[derive(Debug, Clone)]
pub(super) enum Kind<'a> {
    Scalar { text: Cow<'a, str>, plain: bool },
    List(Vec<Value<'a>>),
    Map(Vec<(Value<'a>, Value<'a>)>),
}

impl<'a> Value<'a> {
    /// The text of a scalar that is not null.
    pub fn text(&self) -> Option<&str> {
        match &self.kind {
            Kind::Scalar { text, .. } if !self.is_null() => Some(text),
            _ => None,
        }
    }

    /// Whether nothing was written, or a null.
    pub fn is_null(&self) -> bool {
        matches!(&self.kind, Kind::Scalar { text, plain: true } if matches!(text.as_ref(), "" | "~" | "null" | "Null" | "NULL"))
    }

    /// "a list", for messages.
    pub fn noun(&self) -> &'static str {
        match self.kind {
            Kind::Scalar { .. } if self.is_null() => "nothing",
            Kind::Scalar { .. } => "a single value",
            Kind::List(_) => "a list",
            Kind::Map(_) => "a mapping",
        }
    }

    /// The place to point at: for a collection its first entry, since the whole would be a page.
    pub fn head(&self) -> Span {
        match &self.kind {
            Kind::Map(entries) => entries.first().map_or(self.span, |(key, _)| key.span),
            Kind::List(items) => items.first().map_or(self.span, Value::head),
            Kind::Scalar { .. } => self.span,
        }
    }

    fn null(at: usize) -> Self {
        Self {
            span: Span::new(at, at),
            kind: Kind::Scalar {
                text: Cow::Borrowed(""),
                plain: true,
            },
        }
    }

    fn size(&self) -> usize {
        1 + match &self.kind {
            Kind::Scalar { .. } => 0,
            Kind::List(items) => items.iter().map(Value::size).sum(),
            Kind::Map(entries) => entries.iter().map(|(k, v)| k.size() + v.size()).sum(),
        }
    }
}

/// An open collection.
struct Open<'a> {
    span: Span,
    anchor: usize,
    list: Option<Vec<Value<'a>>>,
    map: Vec<(Value<'a>, Value<'a>)>,
    key: Option<Value<'a>>,
}

impl<'a> Open<'a> {
    fn add(&mut self, value: Value<'a>) {
        match (&mut self.list, self.key.take()) {
            (Some(list), _) => list.push(value),
            (None, Some(key)) => self.map.push((key, value)),
            (None, None) => self.key = Some(value),
        }
    }
}

/// Reads the first document. `None` if the text is no YAML; the problem is told then.
pub(super) fn parse<'a>(text: &'a str, problems: &mut Problems) -> Option<Value<'a>> {
    let options = granit_parser::options! {
        emit_unresolved_aliases: true,
        emit_comments: false,
        flow_nesting_limit: DEPTH,
        block_nesting_limit: DEPTH,
    };
    let mut open: Vec<Open<'a>> = Vec::new();
    let mut anchors: Vec<(usize, Value<'a>)> = Vec::new();
    let mut root = None;
    let mut copies = 0;
    let mut broken = false;
    for next in Parser::new_from_str_with_options(text, options) {
        let (event, place) = match next {
            Ok(next) => next,
            Err(error) => {
                let opened = open.last().map(|collection| collection.span);
                problems.push(syntax(text, &error, opened));
                return None;
            }
        };
        let span = place
            .byte_range()
            .map_or(Span::default(), |r| Span::new(r.start, r.end));
        let (value, anchor) = match event {
            Event::Scalar(content, style, anchor, _) => (
                Value {
                    span: match style {
                        // Without the quotes, so that a part of the text can be pointed at.
                        ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted if span.end >= span.start + 2 => {
                            Span::new(span.start + 1, span.end - 1)
                        }
                        _ => trimmed(text, span),
                    },
                    kind: Kind::Scalar {
                        text: content,
                        plain: style == ScalarStyle::Plain,
                    },
                },
                anchor,
            ),
            Event::SequenceStart(_, anchor, _) | Event::MappingStart(_, anchor, _) => {
                open.push(Open {
                    span,
                    anchor,
                    list: matches!(event, Event::SequenceStart(..)).then(Vec::new),
                    map: Vec::new(),
                    key: None,
                });
                continue;
            }
            Event::SequenceEnd | Event::MappingEnd => {
                let Some(done) = open.pop() else { continue };
                let kind = match done.list {
                    Some(list) => Kind::List(list),
                    None => Kind::Map(done.map),
                };
                let span = trimmed(text, Span::new(done.span.start, span.end.max(done.span.end)));
                (Value { span, kind }, done.anchor)
            }
            Event::Alias(id) => {
                let known = anchors.iter().rev().find(|(anchor, _)| *anchor == id);
                let mut value = known.map_or_else(|| Value::null(span.start), |(_, value)| value.clone());
                copies += value.size();
                if copies > COPIES {
                    problems.push(
                        Diagnostic::error("too-many-aliases", "the aliases of this file stand for too many values")
                            .at(span, format!("more than {COPIES} values with this one"))
                            .help("say shared settings once, in a profile or a group"),
                    );
                    return None;
                }
                if let Kind::Scalar { .. } = value.kind {
                    value.span = span;
                }
                (value, 0)
            }
            Event::UnresolvedAlias(name) => {
                broken = true;
                problems.push(
                    Diagnostic::error("unknown-alias", format!("no value is marked `&{name}` above this line"))
                        .at(span, "nothing to refer to")
                        .help("to begin a text with `*`, put it in quotes"),
                );
                (Value::null(span.start), 0)
            }
            Event::DocumentStart(..) if root.is_some() => {
                problems.push(
                    Diagnostic::error("second-document", "a cluster file is one YAML document")
                        .at(span, "a second one begins here")
                        .help("take the line `---` away"),
                );
                return root;
            }
            _ => continue,
        };
        if anchor != 0 {
            anchors.push((anchor, value.clone()));
        }
        match open.last_mut() {
            Some(parent) => parent.add(value),
            None => root = Some(value),
        }
    }
    // A hole where a value should be would look like other mistakes.
    (!broken).then(|| root.unwrap_or_else(|| Value::null(0)))
}

/// Block scalars and block collections reach to the next token: what is pointed at ends with their last character.
fn trimmed(text: &str, span: Span) -> Span {
    let content = text.get(span.start..span.end).unwrap_or("").trim_end();
    Span::new(span.start, span.start + content.len())
}

fn syntax(text: &str, error: &ScanError, opened: Option<Span>) -> Diagnostic {
    let mut start = error.marker().byte_offset().unwrap_or(text.len()).min(text.len());
    if error.kind() == &ErrorKind::TabInPlainScalar {
        start += text[start..].find('\t').unwrap_or(0); // The parser names the beginning of the text before it.
    }
    let end = text[start..].chars().next().map_or(start, |c| start + c.len_utf8());
    let help = match error.kind() {
        ErrorKind::TabNotAllowed
        | ErrorKind::TabInPlainScalar
        | ErrorKind::TabInBlockIndentation
        | ErrorKind::TabInIndentation => "indent with spaces: YAML knows no tabs",
        ErrorKind::UnclosedQuotedScalar => "a quote that was opened is not closed",
        ErrorKind::UnclosedFlowCollection { .. } | ErrorKind::MismatchedFlowCollectionEnd { .. } => {
            "is its end missing? inside, a text that has brackets or commas itself wants quotes: \"nid[001-009]\""
        }
        ErrorKind::ExpectedFlowMappingSeparator | ErrorKind::ExpectedFlowSequenceSeparator => {
            "is its end missing? inside, a text that has brackets or commas itself wants quotes: \"10.77.0.[11-19]\""
        }
        ErrorKind::MappingValueNotAllowed | ErrorKind::SimpleKeyExpected | ErrorKind::InvalidSimpleKey => {
            "a key wants `: ` with a space after it, and a text with `: ` in it wants quotes"
        }
        ErrorKind::RecursionLimitExceeded => "a cluster file is not nested this deeply",
        _ => "look at the indentation of this line and of the one above it",
    };
    let problem = Diagnostic::error("yaml-syntax", "this is not YAML").at(Span::new(start, end), error.info());
    let bracket = opened.filter(|span| text.get(span.start..).is_some_and(|rest| rest.starts_with(['{', '['])));
    match bracket {
        Some(span) => problem.at(Span::new(span.start, span.start + 1), "inside what was opened here"),
        None => problem,
    }
    .help(help)
}
