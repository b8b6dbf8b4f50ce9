//! What a check found.

use serde::Serialize;

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Looked at, and good.
    Ok,
    /// Worth knowing; or could not be looked at.
    Notice,
    /// Will hurt some machines, or later.
    Warning,
    /// Machines will not boot like this.
    Problem,
}

impl Severity {
    /// The word that is shown.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Notice => "notice",
            Self::Warning => "warning",
            Self::Problem => "problem",
        }
    }
}

/// How to put it right.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Fix {
    /// A line for a shell.
    Command(String),
    /// A sentence.
    Advice(String),
}

/// What one check found about one thing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Name of the check, never reused: `ports.taken`.
    pub check: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// What is so, of what.
    pub message: String,
    /// How to put it right; none where nothing has to be.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fix: Option<Fix>,
}

impl Finding {
    fn new(check: &'static str, severity: Severity, message: impl Into<String>) -> Self {
        Self {
            check,
            severity,
            message: message.into(),
            fix: None,
        }
    }

    /// Good news.
    pub fn ok(check: &'static str, message: impl Into<String>) -> Self {
        Self::new(check, Severity::Ok, message)
    }

    /// Worth knowing.
    pub fn notice(check: &'static str, message: impl Into<String>) -> Self {
        Self::new(check, Severity::Notice, message)
    }

    /// Will hurt.
    pub fn warning(check: &'static str, message: impl Into<String>) -> Self {
        Self::new(check, Severity::Warning, message)
    }

    /// Hurts now.
    pub fn problem(check: &'static str, message: impl Into<String>) -> Self {
        Self::new(check, Severity::Problem, message)
    }

    /// With the command that puts it right.
    #[must_use]
    pub fn run(mut self, command: impl Into<String>) -> Self {
        self.fix = Some(Fix::Command(command.into()));
        self
    }

    /// With what to do.
    #[must_use]
    pub fn advise(mut self, advice: impl Into<String>) -> Self {
        self.fix = Some(Fix::Advice(advice.into()));
        self
    }
}
