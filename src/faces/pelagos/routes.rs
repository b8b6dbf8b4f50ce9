//! The table of contents of Pelagos' API, and its handlers.
//!
//! Where Pelagos' howto and its program call something differently both are understood.

use crate::secrets::Secrets;
use axum::Router;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{DefaultBodyLimit, Extension, Path, Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use jiff::Timestamp;
use serde_json::{Map, Value, json};
use std::collections::HashMap;

use super::answer::{Refusal, json};
use super::task::Task;
use super::visit::Place;
use super::{Pelagos, form, nodes, order, provision, records, reports};

/// The program and the version that it says that it is: clients were written for it.
const VERSION: &str = "0.0.5";
/// Most octets of a form.
const FORM: usize = 64 << 10;
/// Longest name of a node or a system, in octets.
const NAME: usize = 255;
/// Most states that one task applies.
const STATES: usize = 64;
/// How long a task that was told to stop may take.
const STOPS: std::time::Duration = std::time::Duration::from_secs(20);

/// Every path.
pub(super) fn router(pelagos: Pelagos, secrets: Secrets, token_from: Option<String>) -> Router {
    Router::new()
        .route("/", get(index))
        .route("/version", get(version))
        .route("/nodes", get(all_nodes))
        .route("/node/{name}", get(node))
        .route(
            "/node/provision",
            post(provision).get(async |s| called(s, "provision").await),
        )
        .route("/node/dismiss", post(dismiss).get(async |s| called(s, "dismiss").await))
        .route("/node/bootrecord/{name}/{os}", get(records::set))
        .route("/node/rmbootrecord/{name}", get(records::remove))
        .route("/check_image/{os}", get(check_image))
        .route("/tasks/status/{id}", get(status))
        .route("/tasks/statuses", get(statuses))
        .route("/tasks/log/{id}", get(reports::log))
        .route("/tasks/node/dismiss", post(dismiss))
        .fallback(async || Refusal::new(StatusCode::NOT_FOUND, "Nothing is at this URL."))
        .method_not_allowed_fallback(async || {
            Refusal::new(StatusCode::METHOD_NOT_ALLOWED, "This URL is not asked in this way.")
        })
        .layer(DefaultBodyLimit::max(FORM))
        .layer(from_fn_with_state((secrets, token_from), guarded))
        .with_state(pelagos)
}

/// Lets through who shows the token, where there is one.
async fn guarded(
    State((secrets, token_from)): State<(Secrets, Option<String>)>,
    request: Request,
    next: Next,
) -> Response {
    let Some(place) = token_from else {
        return next.run(request).await;
    };
    let wanted = match secrets.read(&place) {
        Ok(wanted) => wanted,
        Err(error) => {
            tracing::error!(%error, "the token of the face pelagos cannot be read: nobody is let in");
            return Refusal::new(StatusCode::SERVICE_UNAVAILABLE, "The server's token cannot be read.").into_response();
        }
    };
    let shown = request.headers().get(header::AUTHORIZATION);
    let shown = shown.and_then(|value| value.as_bytes().strip_prefix(b"Bearer "));
    let is_same = shown.is_some_and(|shown| {
        let differs = shown
            .iter()
            .zip(wanted.expose())
            .fold(0, |differs, (a, b)| differs | (a ^ b));
        shown.len() == wanted.expose().len() && differs == 0
    });
    match is_same {
        true => next.run(request).await,
        false => {
            let refusal = Refusal::new(StatusCode::UNAUTHORIZED, "A token is wanted: Authorization: Bearer");
            ([(header::WWW_AUTHENTICATE, "Bearer")], refusal).into_response()
        }
    }
}

/// `GET /`
async fn index() -> Response {
    let kind = [(header::CONTENT_TYPE, "text/html; charset=utf-8")];
    let text = "Network controller service\nuse http://<host>:<port>/pxe/api/tasks\nfor access to REST functionality\n";
    (kind, text).into_response()
}

/// `GET /version`
async fn version() -> Response {
    json(&json!({ "app": "pelagos", "version": VERSION }))
}

/// `GET /nodes`: every node, and what each boots.
async fn all_nodes(State(pelagos): State<Pelagos>) -> Response {
    let config = pelagos.config().await;
    let world = pelagos.world();
    let entries = nodes::all(&world, &config);
    let boots: Map<String, Value> = (entries.iter())
        .map(|entry| (entry.name().to_string(), entry.boots(&world)))
        .collect();
    let nodes: Vec<Map<String, Value>> = entries.into_iter().map(|entry| entry.shown).collect();
    json(&json!({ "nodes": nodes, "pxe": boots }))
}

/// `GET /node/{name}`: a node, and what it boots.
async fn node(State(pelagos): State<Pelagos>, Path(name): Path<String>) -> Result<Response, Refusal> {
    let entry = pelagos.entry(&name).await.ok_or_else(|| Refusal::no_node(&name))?;
    let boots = entry.boots(&pelagos.world());
    Ok(json(&json!({ "node": entry.shown, "pxe": boots })))
}

/// A node that is called like something that is posted.
async fn called(State(pelagos): State<Pelagos>, name: &str) -> Result<Response, Refusal> {
    node(State(pelagos), Path(name.to_string())).await
}

/// `GET /check_image/{os}`: which image a name means.
async fn check_image(State(pelagos): State<Pelagos>, Path(os): Path<String>) -> Result<Response, Refusal> {
    let resolved = order::resolve(&pelagos, &os).await?;
    Ok(json(&json!({ "os": resolved })))
}

/// `POST /node/provision`: a task begins; whether node and system are there is told by how it ends.
async fn provision(
    State(pelagos): State<Pelagos>,
    Extension(place): Extension<Place>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Refusal> {
    let fields = fields(&headers, body)?;
    let (node, os) = (wanted(&fields, "node")?, wanted(&fields, "os")?);
    // `extra_sls` is what the program reads, `add_sls` what the howto says.
    let states = ["extra_sls", "add_sls"].iter().filter_map(|key| fields.get(*key));
    let states: Vec<String> = states
        .flat_map(|text| text.split_whitespace())
        .map(str::to_string)
        .collect();
    if states.len() > STATES
        || states
            .iter()
            .any(|state| state.len() > NAME || !provision::is_state(state))
    {
        return Err(Refusal::form(
            "extra_sls: names of states with spaces between them are wanted",
        ));
    }
    let meant = pelagos.entry(node).await;
    let task = Task {
        id: new_id(),
        number: 0,
        node: node.to_string(),
        meant: meant.map_or_else(|| node.to_string(), |entry| entry.name().to_string()),
        os: os.to_string(),
        states,
        actor: place.actor(),
        started: Timestamp::now(),
        simulation: pelagos.0.simulation,
        shown: None,
        resolved: None,
        deployment: None,
        stopped: false,
        end: None,
        log: Vec::new(),
    };
    let (task, stopping) = pelagos.0.tasks.admit(task);
    for task in stopping {
        tokio::time::timeout(STOPS, task.ended.cancelled()).await.ok();
    }
    pelagos.0.tasks.change(&task.id, |_| {}).await;
    if pelagos.0.tasks.is_full() {
        pelagos.sweep().await;
    }
    tokio::spawn(provision::run(pelagos.clone(), task.id.clone()));
    let mut answer = StatusCode::ACCEPTED.into_response();
    let location = location(&headers, place, &task.id);
    say(&mut answer, "location", &location);
    say(&mut answer, "taskid", &task.id);
    Ok(answer)
}

/// `POST /tasks/node/dismiss`, and as the howto has it `POST /node/dismiss`: ends the task of a node; it has ended when this is
/// answered.
async fn dismiss(
    State(pelagos): State<Pelagos>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Refusal> {
    let fields = fields(&headers, body)?;
    let node = wanted(&fields, "node")?;
    let meant = pelagos.entry(node).await;
    let meant = meant.map_or_else(|| node.to_string(), |entry| entry.name().to_string());
    let Some(task) = pelagos.0.tasks.stop(&meant) else {
        let message = format!("Caught NoTaskException Cannot find task for \"{node}\" node");
        return Err(Refusal::new(StatusCode::NOT_FOUND, message));
    };
    match tokio::time::timeout(STOPS, task.ended.cancelled()).await {
        Ok(()) => Ok(json(&json!({ "stopped_task": task.id, "node": node }))),
        Err(_) => {
            let message = format!("Caught CannotDismissNode {} has not ended yet", task.id);
            Err(Refusal::new(StatusCode::SERVICE_UNAVAILABLE, message))
        }
    }
}

/// `GET /tasks/status/{id}`: 202 while it is under way, then what it ended with.
async fn status(
    State(pelagos): State<Pelagos>,
    Extension(place): Extension<Place>,
    headers: HeaderMap,
    Path(id): Path<String>,
) -> Result<Response, Refusal> {
    let task = pelagos.0.tasks.get(&id).ok_or_else(|| reports::no_task(&id))?;
    if let Some((outcome, _)) = &task.end {
        return match outcome.code {
            200 => Ok(json(&task.answer())),
            code => {
                let status = StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
                Err(Refusal::new(status, &*outcome.message))
            }
        };
    }
    let mut answer = StatusCode::ACCEPTED.into_response();
    say(&mut answer, "location", &location(&headers, place, &id));
    say(&mut answer, "starttime", &task.started.as_second().to_string());
    say(&mut answer, "endtime", "-1");
    say(&mut answer, "taskid", &id);
    say(&mut answer, "node", &task.node);
    say(&mut answer, "os", &task.os);
    say(&mut answer, "stopped", if task.stopped { "True" } else { "False" });
    // teuthology goes on asking as long as it reads this.
    say(&mut answer, "status", "not completed");
    Ok(answer)
}

/// `GET /tasks/statuses`: all tasks by their ids.
async fn statuses(State(pelagos): State<Pelagos>) -> Response {
    let tasks = pelagos.0.tasks.all();
    let entries: Map<String, Value> = tasks.iter().map(|task| (task.id.clone(), task.entry())).collect();
    json(&Value::Object(entries))
}

fn fields(headers: &HeaderMap, body: Result<Bytes, BytesRejection>) -> Result<HashMap<String, String>, Refusal> {
    let body = body.map_err(|rejected| Refusal::new(rejected.status(), "The form cannot be read, or is too long."))?;
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    form::fields(kind, &body).map_err(Refusal::form)
}

fn wanted<'a>(fields: &'a HashMap<String, String>, key: &str) -> Result<&'a str, Refusal> {
    match fields.get(key).map(String::as_str) {
        Some(value) if value.len() <= NAME => Ok(value),
        Some(_) => Err(Refusal::form(format!("{key}: at most {NAME} characters are wanted"))),
        None => Err(Refusal::form(format!("The form has no field {key}"))),
    }
}

/// The URL of a task, whole: teuthology asks for it as it stands.
fn location(headers: &HeaderMap, place: Place, id: &str) -> String {
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let host = host.filter(|host| !host.is_empty());
    let host = host.map_or_else(|| place.local.to_string(), str::to_string);
    format!("http://{host}/tasks/status/{id}")
}

/// Adds a header, unless its value cannot be one.
fn say(answer: &mut Response, name: &'static str, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        answer.headers_mut().insert(HeaderName::from_static(name), value);
    }
}

/// 32 hexadecimal digits: a random UUID of version 4 (RFC 9562 section 5.4).
fn new_id() -> String {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).expect("the system has random numbers");
    let id = uuid::Builder::from_random_bytes(bytes).into_uuid();
    id.simple().to_string()
}
