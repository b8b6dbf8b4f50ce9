//! Mappings with known keys: read key by key, unknown and repeated ones told.

use super::diagnostic::Diagnostic;
use super::problems::Problems;
use super::read::{SectionInfo, key_text};
use super::span::Span;
use super::suggest::did_you_mean;
use super::tree::{Kind, Value};

/// Repeated keys are looked for among so many; a section with more has mostly unknown ones, which are told anyway.
const KEYS: usize = 256;

/// A mapping with known keys; made by [`declare_section!`].
pub(super) trait Section: Default {
    /// What it is.
    fn info() -> SectionInfo;
    /// Notes where it stands.
    fn place(&mut self, span: Span);
    /// Takes the value of a key if the key belongs here.
    fn take(&mut self, key: &str, value: &Value<'_>, problems: &mut Problems) -> bool;
    /// Adds all its keys.
    fn keys(into: &mut Vec<&'static str>);
}

/// Reads a section: every key for itself, unknown and repeated ones told.
pub(super) fn section<S: Section>(value: &Value<'_>, problems: &mut Problems) -> Option<S> {
    let mut section = S::default();
    section.place(value.head());
    let pairs = match &value.kind {
        Kind::Map(pairs) => pairs,
        _ if value.is_null() => return Some(section),
        _ => {
            let mut keys = Vec::new();
            S::keys(&mut keys);
            keys.truncate(4);
            let problem = Diagnostic::error(
                "wrong-type",
                format!("`{}` takes a mapping, not {}", problems.key, value.noun()),
            )
            .at(value.head(), "expected keys, each with a value")
            .help(format!("its keys are `{}` …", keys.join("`, `")));
            problems.push(problem);
            return None;
        }
    };
    let mut seen: Vec<(&str, Span)> = Vec::with_capacity(pairs.len());
    for (key, value) in pairs {
        let Some(name) = key_text(key, problems) else { continue };
        if let Some((_, first)) = seen.iter().find(|(known, _)| *known == name) {
            problems.push(
                Diagnostic::error("duplicate-key", format!("the key `{name}` stands here twice"))
                    .at(key.span, "again here")
                    .at(*first, "first here")
                    .help("YAML would silently keep one of them: merge the two"),
            );
            continue;
        }
        if seen.len() < KEYS {
            seen.push((name, key.span));
        }
        problems.key = name.to_string();
        if !section.take(name, value, problems) {
            problems.push(unknown_key::<S>(name, key.span));
        }
    }
    Some(section)
}

fn unknown_key<S: Section>(name: &str, span: Span) -> Diagnostic {
    let mut keys = Vec::new();
    S::keys(&mut keys);
    let help = match name {
        "<<" => "YAML's merge key is not used here: say shared settings once, in a profile or a group".to_string(),
        "password" if keys.contains(&"password_hash") => {
            "a password does not belong into this file: `password_hash`, as `mkpasswd -m yescrypt` makes it".to_string()
        }
        "password" => "passwords do not belong into this file: `password_from: env:NAME`, `file:/path` or `store:NAME`"
            .to_string(),
        _ => did_you_mean(name, keys.iter().copied())
            .unwrap_or_else(|| format!("the keys here are `{}`", keys.join("`, `"))),
    };
    Diagnostic::error("unknown-key", format!("unknown key `{name}`"))
        .at(span, format!("not a key of {}", S::info().name))
        .help(help)
}

/// Declares a section of the cluster file: the struct, its reader, its part of the schema and of the manual.
///
/// The doc comments are the reference manual. `= required` marks a key that must be there (the check itself is in
/// `lower`, where its message knows what it is about); `with settings: Settings` takes the keys of another section too.
macro_rules! declare_section {
    (
        $(#[doc = $doc:literal])*
        struct $name:ident as $shown:literal {
            $( $(#[doc = $field_doc:literal])* $field:ident : $ty:ty $(= $required:ident)? ),* $(,)?
        }
        $(with $rest:ident : $rest_ty:ty)?
    ) => {
        $(#[doc = $doc])*
        #[derive(Debug, Clone, Default)]
        pub(in crate::config) struct $name {
            /// Where it stands.
            pub span: $crate::config::span::Span,
            /// Keys that were written, but whose values could not be read: they are told of and not missing.
            pub faulty: Vec<&'static str>,
            $( $(#[doc = $field_doc])* pub $field: $ty, )*
            $( /// The settings that stand among its keys.
               pub $rest: $rest_ty, )?
        }

        impl $crate::config::section::Section for $name {
            fn info() -> $crate::config::read::SectionInfo {
                use $crate::config::read::{FieldInfo, Read, SectionInfo};
                #[allow(unused_mut, unused_assignments)]
                let mut with = None;
                $( with = Some(Box::new(<$rest_ty as $crate::config::section::Section>::info())); )?
                SectionInfo {
                    name: $shown,
                    doc: &[$($doc),*],
                    fields: vec![$( FieldInfo {
                        key: stringify!($field),
                        doc: &[$($field_doc),*],
                        required: declare_section!(@required $($required)?),
                        shape: <$ty as Read>::shape(),
                    } ),*],
                    with,
                }
            }

            fn place(&mut self, span: $crate::config::span::Span) {
                self.span = span;
                $( self.$rest.place(span); )?
            }

            fn take(
                &mut self,
                key: &str,
                value: &$crate::config::tree::Value<'_>,
                problems: &mut $crate::config::problems::Problems,
            ) -> bool {
                match key {
                    $( stringify!($field) => {
                        match $crate::config::read::Read::read(value, problems) {
                            Some(read) => self.$field = read,
                            None => self.faulty.push(stringify!($field)),
                        }
                    } )*
                    _ => {
                        $( return self.$rest.take(key, value, problems); )?
                        #[allow(unreachable_code)]
                        return false;
                    }
                }
                true
            }

            fn keys(into: &mut Vec<&'static str>) {
                into.extend([$(stringify!($field)),*]);
                $( <$rest_ty as $crate::config::section::Section>::keys(into); )?
            }
        }

        impl $crate::config::read::Read for $name {
            fn read(
                value: &$crate::config::tree::Value<'_>,
                problems: &mut $crate::config::problems::Problems,
            ) -> Option<Self> {
                $crate::config::section::section(value, problems)
            }

            fn shape() -> $crate::config::read::Shape {
                $crate::config::read::Shape::Section(<Self as $crate::config::section::Section>::info())
            }
        }
    };
    (@required) => { false };
    (@required required) => { true };
}
pub(super) use declare_section;
