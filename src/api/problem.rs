//! Problems of the control API.

use axum::response::{IntoResponse, Response};
use http::{StatusCode, header};
use serde_json::json;

/// A request that cannot be done, and why (RFC 9457).
#[derive(Debug, Clone)]
pub struct ApiProblem {
    status: StatusCode,
    detail: String,
    diagnostics: Option<String>,
}

impl ApiProblem {
    /// What was named does not exist.
    pub fn not_found(detail: impl Into<String>) -> Self {
        Self {
            status: StatusCode::NOT_FOUND,
            detail: detail.into(),
            diagnostics: None,
        }
    }

    /// The request makes no sense.
    pub fn bad_request(detail: impl Into<String>) -> Self {
        Self {
            status: StatusCode::BAD_REQUEST,
            detail: detail.into(),
            diagnostics: None,
        }
    }

    /// The state of things does not allow it.
    pub fn conflict(detail: impl Into<String>) -> Self {
        Self {
            status: StatusCode::CONFLICT,
            detail: detail.into(),
            diagnostics: None,
        }
    }

    /// A cluster file with mistakes.
    pub fn invalid(detail: impl Into<String>, diagnostics: String) -> Self {
        Self {
            status: StatusCode::UNPROCESSABLE_ENTITY,
            detail: detail.into(),
            diagnostics: Some(diagnostics),
        }
    }

    /// The server cannot do it now.
    pub fn unavailable(error: &(dyn std::error::Error + 'static)) -> Self {
        Self {
            status: StatusCode::SERVICE_UNAVAILABLE,
            detail: crate::causes::chain(error),
            diagnostics: None,
        }
    }
}

impl IntoResponse for ApiProblem {
    fn into_response(self) -> Response {
        let body = json!({
            "type": "about:blank",
            "title": self.status.canonical_reason().unwrap_or("Error"),
            "status": self.status.as_u16(),
            "detail": self.detail,
            "diagnostics": self.diagnostics,
        });
        (
            self.status,
            [(header::CONTENT_TYPE, "application/problem+json")],
            body.to_string(),
        )
            .into_response()
    }
}
