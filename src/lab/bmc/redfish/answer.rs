//! Answers, and refusals in the words of the `Base` message registry (DSP8011).

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, header};
use http_body_util::Full;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

/// An answer.
#[derive(Debug)]
pub(super) struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: Body,
}

#[derive(Debug)]
enum Body {
    None,
    Json(Value),
    Xml(String),
}

/// The ETag of a resource: another one whenever anything in it changes.
pub(super) fn etag(resource: &Value) -> String {
    let hash = Sha256::digest(resource.to_string());
    let digits: String = hash[..8].iter().map(|byte| format!("{byte:02x}")).collect();
    format!("\"{digits}\"")
}

/// Where the schema of a type is: of `#Chassis.v1_17_0.Chassis`, or of `#ChassisCollection.ChassisCollection`.
fn schema(kind: &str) -> Option<String> {
    let (name, _) = kind.strip_prefix('#')?.rsplit_once('.')?;
    Some(format!("http://redfish.dmtf.org/schemas/v1/{name}.json"))
}

impl Answer {
    fn new(status: StatusCode, body: Body) -> Self {
        Self {
            status,
            headers: HeaderMap::new(),
            body,
        }
    }

    /// A resource as it is, and what may be done with it.
    pub(super) fn shown(mut resource: Value, allowed: &'static str) -> Self {
        let tag = etag(&resource);
        let schema = resource["@odata.type"].as_str().and_then(schema);
        if schema.is_some() {
            resource["@odata.etag"] = tag.as_str().into();
        }
        let mut answer = Self::new(StatusCode::OK, Body::Json(resource))
            .with(header::ETAG, &tag)
            .with(header::ALLOW, allowed);
        if let Some(schema) = schema {
            answer = answer.with(header::LINK, &format!("<{schema}>; rel=describedby"));
        }
        answer
    }

    /// A document that is no JSON.
    pub(super) fn document(xml: String) -> Self {
        Self::new(StatusCode::OK, Body::Xml(xml)).with(header::ALLOW, "GET, HEAD")
    }

    /// A session began.
    pub(super) fn began(resource: Value, place: &str, token: &str) -> Self {
        let mut answer = Self::new(StatusCode::CREATED, Body::Json(resource)).with(header::LOCATION, place);
        if let Ok(mut token) = HeaderValue::from_str(token) {
            token.set_sensitive(true);
            answer.headers.insert(HeaderName::from_static("x-auth-token"), token);
        }
        answer
    }

    /// It was done, and there is nothing to say.
    pub(super) fn done() -> Self {
        Self::new(StatusCode::NO_CONTENT, Body::None)
    }

    fn with(mut self, name: HeaderName, value: &str) -> Self {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.headers.insert(name, value);
        }
        self
    }

    /// As it goes over the wire; `HEAD` gets no body.
    pub(super) fn response(self, is_head: bool) -> Response<Full<Bytes>> {
        let (bytes, kind) = match &self.body {
            Body::None => (Bytes::new(), None),
            Body::Json(value) => (Bytes::from(value.to_string()), Some("application/json; charset=utf-8")),
            Body::Xml(text) => (Bytes::from(text.clone()), Some("application/xml; charset=utf-8")),
        };
        let mut response = Response::new(Full::new(if is_head { Bytes::new() } else { bytes }));
        *response.status_mut() = self.status;
        *response.headers_mut() = self.headers;
        let headers = response.headers_mut();
        headers.insert("odata-version", HeaderValue::from_static("4.0"));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        if let Some(kind) = kind {
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
        }
        response
    }
}

/// Why something is not done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Refusal {
    /// Nobody is logged in, or with a wrong password.
    NoLogin,
    /// Who is logged in may not.
    NotAllowed,
    /// There is no such resource.
    NotThere(String),
    /// That is not done with it; what may be.
    Method(&'static str),
    /// The body is no JSON object.
    NotJson,
    /// The body is too long, or takes too long.
    TooLong,
    /// Something has to be in the body.
    Missing(&'static str),
    /// There is no such property.
    Unknown(String),
    /// It is there to be read.
    ReadOnly(String),
    /// It is of another type.
    Type(String),
    /// It has no such value.
    Value(String, String),
    /// Not while the machine is off.
    Off,
    /// It is another one than was read before.
    Changed,
    /// A question that this service does not know (`$expand`).
    Query(String),
    /// Another version of OData than 4.0.
    Version,
    /// All places for sessions are taken.
    Full,
    /// Ask again in a second.
    Busy,
    /// The BMC has ended.
    Over,
}

impl Refusal {
    /// Status, key in the registry, what is said.
    fn parts(&self) -> (StatusCode, &'static str, String) {
        use StatusCode as S;
        match self {
            Self::NoLogin => (
                S::UNAUTHORIZED,
                "NoValidSession",
                "Name and password, or a session, are needed.".into(),
            ),
            Self::NotAllowed => (
                S::FORBIDDEN,
                "InsufficientPrivilege",
                "This user may not do that.".into(),
            ),
            Self::NotThere(path) => (
                S::NOT_FOUND,
                "ResourceMissingAtURI",
                format!("There is nothing at {path}."),
            ),
            Self::Method(allowed) => (
                S::METHOD_NOT_ALLOWED,
                "OperationNotAllowed",
                format!("Only {allowed} here."),
            ),
            Self::NotJson => (S::BAD_REQUEST, "MalformedJSON", "The body is no JSON object.".into()),
            Self::TooLong => (
                S::PAYLOAD_TOO_LARGE,
                "PayloadTooLarge",
                "The body is too long, or came too slowly.".into(),
            ),
            Self::Missing(name) => (S::BAD_REQUEST, "PropertyMissing", format!("{name} is missing.")),
            Self::Unknown(name) => (
                S::BAD_REQUEST,
                "PropertyUnknown",
                format!("There is no property {name}."),
            ),
            Self::ReadOnly(name) => (
                S::BAD_REQUEST,
                "PropertyNotWritable",
                format!("{name} can only be read."),
            ),
            Self::Type(name) => (
                S::BAD_REQUEST,
                "PropertyValueTypeError",
                format!("The value of {name} has another type."),
            ),
            Self::Value(name, value) => (
                S::BAD_REQUEST,
                "PropertyValueNotInList",
                format!("{value} is no value of {name} here."),
            ),
            Self::Off => (S::CONFLICT, "ResourceInStandby", "The machine is off.".into()),
            Self::Changed => (
                S::PRECONDITION_FAILED,
                "PreconditionFailed",
                "The resource has another ETag by now.".into(),
            ),
            Self::Query(name) => (
                S::NOT_IMPLEMENTED,
                "QueryNotSupported",
                format!("The query {name} is not supported."),
            ),
            Self::Version => (
                S::PRECONDITION_FAILED,
                "HeaderInvalid",
                "Only OData-Version 4.0 is spoken here.".into(),
            ),
            Self::Full => {
                let said = "All places for sessions are taken.";
                (S::SERVICE_UNAVAILABLE, "SessionLimitExceeded", said.into())
            }
            Self::Busy => {
                let said = "The service is busy: ask again in a second.";
                (S::SERVICE_UNAVAILABLE, "ServiceTemporarilyUnavailable", said.into())
            }
            Self::Over => (
                S::SERVICE_UNAVAILABLE,
                "ServiceShuttingDown",
                "The BMC has ended.".into(),
            ),
        }
    }

    /// The answer (DSP0266 section 8.6).
    pub(super) fn answer(&self) -> Answer {
        let (status, key, said) = self.parts();
        let id = format!("Base.1.18.{key}");
        let body = json!({ "error": {
            "code": id,
            "message": said,
            "@Message.ExtendedInfo": [{
                "@odata.type": "#Message.v1_1_1.Message",
                "MessageId": id,
                "Message": said,
                "Severity": "Critical",
                "Resolution": "None.",
            }],
        } });
        let answer = Answer::new(status, Body::Json(body));
        match self {
            Self::NoLogin => answer.with(header::WWW_AUTHENTICATE, "Basic realm=\"lab BMC\""),
            Self::Method(allowed) => answer.with(header::ALLOW, allowed),
            Self::Busy => answer.with(header::RETRY_AFTER, "1"),
            _ => answer,
        }
    }
}
