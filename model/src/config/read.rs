//! From the tree to typed values, one reader per kind of value, each going on after a mistake.
//!
//! A type says three things of itself here: how it is read, what it looks like in the JSON Schema and what the manual
//! calls it. So the three cannot contradict each other.

use super::diagnostic::Diagnostic;
use super::problems::Problems;
use super::span::{At, Span};
use super::tree::{Kind, Value};

/// Something that can be read from a value of the tree.
pub(super) trait Read: Sized {
    /// Reads it; `None` after telling what is wrong.
    fn read(value: &Value<'_>, problems: &mut Problems) -> Option<Self>;
    /// What it looks like.
    fn shape() -> Shape;
}

/// What a value looks like, for the schema and the manual.
pub(super) enum Shape {
    /// One of these.
    Scalar {
        /// "an IPv4 address".
        noun: &'static str,
        /// JSON Schema of it.
        schema: serde_json::Value,
    },
    /// A list of these.
    List(Box<Shape>),
    /// One of these, or a list of them.
    Many(Box<Shape>),
    /// A mapping with known keys.
    Section(SectionInfo),
    /// A mapping from names to these.
    Map(Box<Shape>),
}

/// A mapping with known keys.
pub(super) struct SectionInfo {
    /// Its name in the schema and the manual.
    pub name: &'static str,
    /// Its documentation, a line each.
    pub doc: &'static [&'static str],
    /// Its keys in the order of the manual.
    pub fields: Vec<FieldInfo>,
    /// The section whose keys may stand here as well.
    pub with: Option<Box<SectionInfo>>,
}

/// A key of a section.
pub(super) struct FieldInfo {
    /// The key.
    pub key: &'static str,
    /// Its documentation, a line each.
    pub doc: &'static [&'static str],
    /// Whether it must be there.
    pub required: bool,
    /// What its value looks like.
    pub shape: Shape,
}

/// A single value that is written as one text.
pub(super) trait Scalar: Sized {
    /// "an IPv4 address", for messages and the manual.
    const NOUN: &'static str;
    /// One that is right.
    const EXAMPLE: &'static str;
    /// Code of the diagnostic.
    const CODE: &'static str = "wrong-value";
    /// Reads it; the error says what is wrong with it, empty where there is no more to say than that it is none.
    fn parse(text: &str) -> Result<Self, Wrong>;
    /// JSON Schema.
    fn schema() -> serde_json::Value {
        serde_json::json!({ "type": "string" })
    }
}

/// Why a text is not the value that it should be.
#[derive(Debug, Default)]
pub(super) struct Wrong {
    /// What is wrong with it, where there is more to say than that it is none.
    pub why: String,
    /// What to do.
    pub help: Option<String>,
    /// The part that is wrong.
    pub part: Option<std::ops::Range<usize>>,
}

impl Wrong {
    pub fn because(why: impl Into<String>) -> Self {
        Self {
            why: why.into(),
            ..Self::default()
        }
    }

    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

impl<T: Scalar> Read for At<T> {
    fn read(value: &Value<'_>, problems: &mut Problems) -> Option<Self> {
        let Some(text) = value.text() else {
            let key = &problems.key;
            let problem = Diagnostic::error("wrong-type", format!("`{key}` takes {}, not {}", T::NOUN, value.noun()))
                .at(value.head(), format!("expected {} such as `{}`", T::NOUN, T::EXAMPLE));
            problems.push(problem);
            return None;
        };
        match T::parse(text) {
            Ok(parsed) => Some(At::new(parsed, value.span)),
            Err(wrong) => {
                let label = match wrong.why.is_empty() {
                    true => format!("expected {} such as `{}`", T::NOUN, T::EXAMPLE),
                    false => wrong.why,
                };
                let span = wrong.part.map_or(value.span, |part| value.span.part(&part));
                let shown: String = text.chars().take(80).collect();
                problems.push(
                    Diagnostic::error(T::CODE, format!("`{shown}` is not {}", T::NOUN))
                        .at(span, label)
                        .help_if(wrong.help),
                );
                None
            }
        }
    }

    fn shape() -> Shape {
        Shape::Scalar {
            noun: T::NOUN,
            schema: T::schema(),
        }
    }
}

impl<T: Read> Read for Option<T> {
    fn read(value: &Value<'_>, problems: &mut Problems) -> Option<Self> {
        if value.is_null() {
            Some(None)
        } else {
            T::read(value, problems).map(Some)
        }
    }

    fn shape() -> Shape {
        T::shape()
    }
}

/// A list in which each item is read for itself.
impl<T: Read> Read for Vec<T> {
    fn read(value: &Value<'_>, problems: &mut Problems) -> Option<Self> {
        match &value.kind {
            Kind::List(items) => Some(items.iter().filter_map(|item| T::read(item, problems)).collect()),
            _ if value.is_null() => Some(Vec::new()),
            _ => {
                let problem = Diagnostic::error(
                    "wrong-type",
                    format!("`{}` takes a list, not {}", problems.key, value.noun()),
                )
                .at(value.head(), "expected a list")
                .help("begin each item with `- `");
                problems.push(problem);
                None
            }
        }
    }

    fn shape() -> Shape {
        Shape::List(Box::new(T::shape()))
    }
}

/// One value, or a list of such values.
#[derive(Debug, Clone)]
pub(super) struct Many<T> {
    pub items: Vec<T>,
    /// Whether a list was written.
    pub list: bool,
    /// Whether an item could not be read: it is missing from `items`.
    pub faulty: bool,
    pub span: Span,
}

impl<T> Default for Many<T> {
    fn default() -> Self {
        Self {
            items: Vec::new(),
            list: false,
            faulty: false,
            span: Span::default(),
        }
    }
}

impl<T: Read> Read for Many<T> {
    fn read(value: &Value<'_>, problems: &mut Problems) -> Option<Self> {
        let (items, written): (Vec<T>, usize) = match &value.kind {
            Kind::List(items) => (
                items.iter().filter_map(|item| T::read(item, problems)).collect(),
                items.len(),
            ),
            _ if value.is_null() => (Vec::new(), 0),
            _ => (T::read(value, problems).into_iter().collect(), 1),
        };
        Some(Self {
            faulty: items.len() < written,
            list: matches!(value.kind, Kind::List(_)),
            items,
            span: value.span,
        })
    }

    fn shape() -> Shape {
        Shape::Many(Box::new(T::shape()))
    }
}

/// A mapping from names to values, in the order of the file.
#[derive(Debug, Clone)]
pub(super) struct Named<T> {
    pub entries: Vec<(At<String>, T)>,
}

impl<T> Default for Named<T> {
    fn default() -> Self {
        Self { entries: Vec::new() }
    }
}

impl<T: Read> Read for Named<T> {
    fn read(value: &Value<'_>, problems: &mut Problems) -> Option<Self> {
        let Kind::Map(pairs) = &value.kind else {
            if value.is_null() {
                return Some(Self::default());
            }
            let problem = Diagnostic::error(
                "wrong-type",
                format!("`{}` takes a mapping, not {}", problems.key, value.noun()),
            )
            .at(value.head(), "expected names, each with a colon")
            .help("write `name:` and below it, indented, what belongs to it");
            problems.push(problem);
            return None;
        };
        let mut entries: Vec<(At<String>, T)> = Vec::with_capacity(pairs.len());
        let mut seen = std::collections::HashMap::new();
        for (key, value) in pairs {
            let Some(name) = key_text(key, problems) else { continue };
            if let Some(first) = seen.insert(name.to_string(), key.span) {
                problems.push(
                    Diagnostic::error("duplicate-name", format!("`{name}` is declared twice"))
                        .at(key.span, "declared again here")
                        .at(first, "first declared here")
                        .help("give one of them another name, or take it away"),
                );
                seen.insert(name.to_string(), first);
                continue;
            }
            problems.key = name.to_string();
            if let Some(item) = T::read(value, problems) {
                entries.push((At::new(name.to_string(), key.span), item));
            }
        }
        Some(Self { entries })
    }

    fn shape() -> Shape {
        Shape::Map(Box::new(T::shape()))
    }
}

/// The text of a key.
pub(super) fn key_text<'v>(key: &'v Value<'_>, problems: &mut Problems) -> Option<&'v str> {
    let text = key.text();
    if text.is_none() {
        problems.push(
            Diagnostic::error("wrong-type", format!("a key is a text, not {}", key.noun()))
                .at(key.head(), "expected a name")
                .help("quote a name that has brackets: \"nid[001-009]\":"),
        );
    }
    text
}
