//! A problem in the cluster file, with the places it is about.

use std::ops::Range;

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The file works, but probably not as meant.
    Warning,
    /// The file cannot be applied.
    Error,
}

/// One problem.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// How bad.
    pub severity: Severity,
    /// Stable short name, `duplicate-mac`.
    pub code: &'static str,
    /// What is wrong, one sentence without a full stop.
    pub message: String,
    /// The places; the first is the main one.
    pub labels: Vec<Label>,
    /// What to do.
    pub help: Option<String>,
}

/// A place in the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Label {
    /// Byte range in the text.
    pub span: Range<usize>,
    /// What is to be said about it.
    pub text: String,
}
