//! Collecting problems: nothing stops at the first one.

use super::diagnostic::{Diagnostic, Label, Severity};
use super::span::{Lines, Span};

/// The problems found so far, and what is needed to word the next one.
#[derive(Debug, Default)]
pub(super) struct Problems {
    list: Vec<Diagnostic>,
    /// The key whose value is being read, for messages.
    pub key: String,
    pub lines: Lines,
}

impl Problems {
    pub fn new(text: &str) -> Self {
        Self {
            lines: Lines::of(text),
            ..Self::default()
        }
    }

    pub fn push(&mut self, problem: Diagnostic) {
        self.list.push(problem);
    }

    pub fn has_errors(&self) -> bool {
        self.list.iter().any(|d| d.severity == Severity::Error)
    }

    /// All problems in the order of the file; the same thing said twice is said once.
    pub fn finish(mut self) -> Vec<Diagnostic> {
        self.list.sort_by_key(|d| d.labels.first().map_or(0, |l| l.span.start));
        self.list.dedup();
        self.list
    }
}

impl Diagnostic {
    pub(super) fn error(code: &'static str, message: impl Into<String>) -> Self {
        Self {
            severity: Severity::Error,
            code,
            message: message.into(),
            labels: Vec::new(),
            help: None,
        }
    }

    pub(super) fn warning(code: &'static str, message: impl Into<String>) -> Self {
        Self {
            severity: Severity::Warning,
            ..Self::error(code, message)
        }
    }

    pub(super) fn at(mut self, span: Span, text: impl Into<String>) -> Self {
        self.labels.push(Label {
            span: span.into(),
            text: text.into(),
        });
        self
    }

    pub(super) fn help(mut self, text: impl Into<String>) -> Self {
        self.help = Some(text.into());
        self
    }

    pub(super) fn help_if(mut self, text: Option<String>) -> Self {
        self.help = text.or(self.help);
        self
    }
}
