//! Answers in the form in which Pelagos' clients know them: JSON with its keys in order, failures as a small HTML page whose
//! words are looked for.

use axum::response::{IntoResponse, Response};
use http::{StatusCode, header};
use serde_json::Value;

/// A JSON value, written so that a person can read it.
pub fn json(value: &Value) -> Response {
    let text = serde_json::to_string_pretty(value).unwrap_or_default() + "\n";
    ([(header::CONTENT_TYPE, "application/json")], text).into_response()
}

/// A failure: its status and what a client looks for in its text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The status.
    pub status: StatusCode,
    /// What is wrong.
    pub message: String,
}

impl Refusal {
    /// A failure of that status.
    pub fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self {
            status,
            message: message.into(),
        }
    }

    /// 404: there is no such node.
    pub fn no_node(name: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, format!("No node [{name}] found"))
    }

    /// 400: the form is not one, or lacks something.
    pub fn form(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, message)
    }

    /// The page.
    pub fn page(&self) -> String {
        let (code, reason) = (self.status.as_u16(), self.status.canonical_reason().unwrap_or("Error"));
        format!(
            "<!DOCTYPE HTML PUBLIC \"-//W3C//DTD HTML 3.2 Final//EN\">\n<title>{code} {reason}</title>\n<h1>{reason}</h1>\n<p>{}</p>\n",
            escaped(&self.message)
        )
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let kind = [(header::CONTENT_TYPE, "text/html; charset=utf-8")];
        (self.status, kind, self.page()).into_response()
    }
}

fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&#34;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_shows_what_was_asked_for_and_runs_nothing_of_it() {
        let page = Refusal::no_node("<script>\"'&").page();
        assert!(
            page.contains("<title>404 Not Found</title>\n<h1>Not Found</h1>\n"),
            "{page}"
        );
        assert!(
            page.contains("<p>No node [&lt;script&gt;&#34;&#39;&amp;] found</p>\n"),
            "{page}"
        );
    }
}
